/*
 * The C face of the extension (heap_dump.h), for debuggers and C hosts. Nothing raises here: every Ruby
 * exception ends in a sentence on stderr and an errno value.
 *
 * Loaded this way, through heap_dump.so alone, there is no lib/heap_dump.rb: nothing below may need it.
 */
#include "ext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Runs the exception's own methods, which may be anybody's. */
static VALUE exception_describe(VALUE exception)
{
    VALUE text = rb_check_funcall(exception, rb_intern("message"), 0, NULL);
    if (RB_TYPE_P(text, T_STRING))
        fprintf(stderr, "heap_dump: %.*s\n", (int)RSTRING_LEN(text), RSTRING_PTR(text));
    if (!RTEST(rb_obj_is_kind_of(exception, rb_eSystemCallError)))
        return INT2FIX(EIO);
    return rb_funcall(exception, rb_intern("errno"), 0);
}

static int exception_report(void)
{
    VALUE exception = rb_errinfo();
    int failed = 0;
    rb_set_errinfo(Qnil);
    VALUE number = rb_protect(exception_describe, exception, &failed);
    rb_set_errinfo(Qnil);
    return !failed && FIXNUM_P(number) ? FIX2INT(number) : EIO;
}

static bool callable_check(void)
{
    if (!rb_during_gc())
        return true;
    fprintf(stderr, "heap_dump: Ruby is collecting garbage at this moment; let the process go on and try again\n");
    return false;
}

struct dump_call {
    const char *path;
    struct hd_ext_result result;
};

static VALUE dump_run(VALUE arg)
{
    struct dump_call *call = (struct dump_call *)arg;
    struct hd_ext_request request = {
        .path = rb_str_new_cstr(call->path), .gc = true, .fork = true, .hold = true, .string_limit = 4096,
    };
    hd_ext_dump(&request, &call->result);
    return Qnil;
}

HD_EXPORTED int heapdump_dump(const char *path)
{
    struct dump_call call = {.path = path ? path : "dump.json"};
    int state = 0;
    if (!callable_check())
        return EAGAIN;
    rb_protect(dump_run, (VALUE)&call, &state);
    if (state)
        return exception_report();
    const struct hd_error *err = &call.result.error;
    if (err->code == HD_OK)
        return 0;
    fprintf(stderr, "heap_dump: %s\n", err->text);
    return err->errno_value ? err->errno_value : EIO;
}

struct count_call {
    const char *name;
    va_list *more;
};

static VALUE count_run(VALUE arg)
{
    struct count_call *call = (struct count_call *)arg;
    VALUE names = rb_ary_new();
    for (const char *name = call->name; name && *name; name = va_arg(*call->more, const char *))
        rb_ary_push(names, rb_utf8_str_new_cstr(name));
    return hd_ext_count_objects(names);
}

static VALUE count_protected(const char *name, va_list *more, int *number)
{
    struct count_call call = {name, more};
    int state = 0;
    if (!callable_check()) {
        *number = EAGAIN;
        return Qnil;
    }
    VALUE result = rb_protect(count_run, (VALUE)&call, &state);
    *number = state ? exception_report() : 0;
    return state ? Qnil : result;
}

HD_EXPORTED unsigned long heapdump_count_objects_return(const char *name, ...)
{
    va_list more;
    int number;
    va_start(more, name);
    VALUE result = count_protected(name, &more, &number);
    va_end(more);
    return result;
}

static int row_print(VALUE key, VALUE value, VALUE data)
{
    VALUE text = rb_sym2str(key);
    (void)data;
    if (RB_INTEGER_TYPE_P(value))
        printf("%12llu  %.*s\n", NUM2ULL(value), (int)RSTRING_LEN(text), RSTRING_PTR(text));
    return ST_CONTINUE;
}

static VALUE table_print(VALUE result)
{
    rb_hash_foreach(result, row_print, 0);
    rb_hash_foreach(rb_hash_lookup(result, ID2SYM(rb_intern("basic_types"))), row_print, 0);
    rb_hash_foreach(rb_hash_lookup(result, ID2SYM(rb_intern("user_types"))), row_print, 0);
    fflush(stdout);
    return Qnil;
}

HD_EXPORTED int heapdump_count_objects_print(const char *name, ...)
{
    va_list more;
    int number, state = 0;
    va_start(more, name);
    VALUE result = count_protected(name, &more, &number);
    va_end(more);
    if (number)
        return number;
    rb_protect(table_print, result, &state);
    return state ? exception_report() : 0;
}
