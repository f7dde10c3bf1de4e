/*
 * The extension's entry: constants, exceptions, and the private methods that lib/heap_dump.rb builds on.
 * Owns the one place where an error becomes a Ruby exception.
 */
#include "ext.h"

#include <errno.h>
#include <string.h>

VALUE hd_ext_module;
static VALUE error_class, unsupported_class;

/* Ruby puts the text of errno in front itself; the sentence must not say it twice. */
static VALUE errno_exception(const struct hd_error *err)
{
    const char *reason = strerror(err->errno_value);
    size_t length = strlen(err->text), tail = strlen(reason) + 2;
    if (length > tail && !strcmp(err->text + length - tail + 2, reason) && !memcmp(err->text + length - tail, ": ", 2))
        length -= tail;
    return rb_syserr_new_str(err->errno_value, rb_utf8_str_new(err->text, (long)length));
}

_Noreturn void hd_ext_raise(const struct hd_error *err)
{
    const char *name = hd_error_exception(err->code);
    VALUE text = rb_utf8_str_new_cstr(err->text), klass = error_class;
    if (!strcmp(name, "SystemCallError") && err->errno_value)
        rb_exc_raise(errno_exception(err));
    if (!strcmp(name, "ArgumentError"))
        klass = rb_eArgError;
    else if (!strcmp(name, "NoMemoryError"))
        klass = rb_eNoMemError;
    else if (!strcmp(name, "HeapDump::UnsupportedError"))
        klass = unsupported_class;
    rb_exc_raise(rb_exc_new_str(klass, text));
}

/* (path, gc, fork, redact, string_limit, all) -> an Array for HeapDump::Result */
static VALUE method_dump(VALUE self, VALUE path, VALUE gc, VALUE fork, VALUE redact, VALUE limit, VALUE all)
{
    struct hd_ext_request request = {
        .path = path,
        .gc = RTEST(gc),
        .fork = RTEST(fork),
        .redact = RTEST(redact),
        .all = RTEST(all),
        .string_limit = NUM2ULL(limit),
    };
    struct hd_ext_result result;
    hd_ext_dump(&request, &result);
    if (result.error.code != HD_OK)
        hd_ext_raise(&result.error);
    (void)self;
    return rb_ary_new_from_args(9, ULL2NUM(result.objects), ULL2NUM(result.references), ULL2NUM(result.unreadable),
                                ULL2NUM(result.bytes), ULL2NUM(result.plain_bytes), DBL2NUM(result.seconds),
                                DBL2NUM(result.pause), DBL2NUM(result.gc_seconds), result.unnamed ? Qtrue : Qfalse);
}

static VALUE method_count_objects(VALUE self, VALUE names)
{
    (void)self;
    return hd_ext_count_objects(names);
}

void Init_heap_dump(void)
{
    hd_ext_module = rb_define_module("HeapDump");
    error_class = rb_define_class_under(hd_ext_module, "Error", rb_eStandardError);
    unsupported_class = rb_define_class_under(hd_ext_module, "UnsupportedError", error_class);
    rb_gc_register_mark_object(hd_ext_module);
    rb_gc_register_mark_object(error_class);
    rb_gc_register_mark_object(unsupported_class);
    rb_define_singleton_method(hd_ext_module, "native_dump", method_dump, 6);
    rb_define_singleton_method(hd_ext_module, "native_count_objects", method_count_objects, 1);
    rb_funcall(hd_ext_module, rb_intern("private_class_method"), 2, ID2SYM(rb_intern("native_dump")),
               ID2SYM(rb_intern("native_count_objects")));
}
