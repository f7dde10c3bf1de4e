/*
 * A dump through the functions Ruby itself offers, for a Ruby whose internals no layout describes: every
 * object with its type, class, size and references, but the references have no names ("refs" only) and there
 * is no code. `_DUMP_` says so: "unnamed":true. The format is the same, so every reader can read it.
 *
 * The pages are noted in the process itself (asking Ruby for them allocates); all the rest may run in a clone.
 * Invariant: a reference is written only if a line with that id is.
 */
#include "ext.h"

#include "dump/contents.h"
#include "dump/head.h"
#include "dump/text.h"

#include <ruby/encoding.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 20, LIST_MOST = 65536, CATEGORIES = 32, NAME_MOST = 4096 };

struct page {
    uint64_t start, end, stride;
};

struct writer {
    const struct hd_dump_options *options;
    const struct page *pages;
    size_t count;
    struct hd_buffer text;
    /* the list of references being written */
    VALUE object, klass;
    uint64_t listed, references;
};

static int page_note(void *start, void *end, size_t stride, void *data)
{
    struct page page = {(uint64_t)start, (uint64_t)end, stride};
    hd_buffer_append(data, &page, sizeof page);
    return 0;
}

static int page_compare(const void *a, const void *b)
{
    const struct page *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

void hd_ext_public_prepare(struct hd_ext_public *public)
{
    rb_objspace_each_objects(page_note, &public->pages);
    if (public->pages.failed)
        rb_raise(rb_eNoMemError, "no memory for the list of heap pages");
    qsort(public->pages.data, public->pages.length / sizeof(struct page), sizeof(struct page), page_compare);
}

void hd_ext_public_deinit(struct hd_ext_public *public)
{
    hd_buffer_deinit(&public->pages);
}

static bool slot_written(VALUE value)
{
    int type = RB_BUILTIN_TYPE(value);
    return type != RUBY_T_NONE && type != RUBY_T_MOVED && type != RUBY_T_ZOMBIE && hd_ext_type_name(type);
}

/* Is it an object that gets a line? Marking functions also hand out dead weak references. */
static bool object_known(const struct writer *writer, VALUE value)
{
    size_t low = 0, high = writer->count;
    if (RB_SPECIAL_CONST_P(value))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct page *page = &writer->pages[middle];
        if (value < page->start)
            high = middle;
        else if (value >= page->end)
            low = middle + 1;
        else
            return (value - page->start) % page->stride == 0 && slot_written(value);
    }
    return false;
}

static void text(struct writer *writer, const char *words)
{
    hd_buffer_append(&writer->text, words, strlen(words));
}

static __attribute__((format(printf, 2, 3))) void print(struct writer *writer, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hd_buffer_append(&writer->text, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

static void quoted(struct writer *writer, const char *bytes, size_t length)
{
    text(writer, "\"");
    hd_text_escape_any(&writer->text, bytes, length);
    text(writer, "\"");
}

/* Writes out what has gathered, whole lines only; with `all` set even little of it. */
static bool flush(struct writer *writer, struct hd_output *out, bool all, struct hd_error *err)
{
    if (writer->text.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the lines of the dump");
    if (!all && writer->text.length < BLOCK)
        return true;
    bool ok = hd_output_write(out, writer->text.data, writer->text.length, err);
    writer->text.length = 0;
    return ok;
}

/* Looking a Symbol up takes the lock that marking functions take; it hangs where another Ractor held that. */
static void public_probe(void *data)
{
    (void)data;
    rb_sym2str(ID2SYM(rb_intern("heap_dump")));
}

static void *public_create(struct hd_arena *arena, void *data, struct hd_error *err)
{
    const struct hd_ext_public *public = data;
    struct writer *writer = hd_arena_alloc(arena, 1, sizeof *writer);
    if (!writer) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory to write the dump");
        return NULL;
    }
    writer->options = public->options;
    writer->pages = (const struct page *)public->pages.data;
    writer->count = public->pages.length / sizeof(struct page);
    return writer;
}

static void reference_write(struct writer *writer, VALUE child)
{
    if (writer->listed && writer->listed % LIST_MOST == 0)
        print(writer, "]}\n,{\"id\":\"%lu+%lu\",\"continues\":%lu,\"offset\":%lu,\"refs\":[", writer->object,
              writer->listed / LIST_MOST, writer->object, writer->listed);
    else if (writer->listed)
        text(writer, ",");
    print(writer, "%lu", child);
    writer->listed++;
    writer->references++;
}

static void child_each(VALUE child, void *data)
{
    struct writer *writer = data;
    if (child == writer->klass || !object_known(writer, child)) /* the class has a field of its own */
        return;
    if (!writer->listed)
        text(writer, ",\"refs\":[");
    reference_write(writer, child);
}

struct root {
    const char *category;
    VALUE child;
};

struct roots {
    const struct writer *writer;
    struct hd_buffer list;
};

static void root_each(const char *category, VALUE child, void *data)
{
    struct roots *roots = data;
    struct root root = {category, child};
    if (object_known(roots->writer, child))
        hd_buffer_append(&roots->list, &root, sizeof root);
}

/* Ruby comes back to a category it had left, but a JSON object has each key once. */
static void roots_write(struct writer *writer)
{
    const char *seen[CATEGORIES];
    size_t n = 0;
    struct roots roots = {.writer = writer};
    rb_objspace_reachable_objects_from_root(root_each, &roots);
    const struct root *list = (const struct root *)roots.list.data;
    size_t count = roots.list.length / sizeof *list;
    text(writer, ",{\"id\":\"_ROOTS_\"");
    for (size_t i = 0; i < count && n < CATEGORIES; i++) {
        bool known = false;
        for (size_t j = 0; j < n; j++)
            known = known || !strcmp(seen[j], list[i].category);
        if (known)
            continue;
        seen[n++] = list[i].category;
        print(writer, ",\"%s\":[", list[i].category);
        const char *comma = "";
        for (size_t j = i; j < count; j++) {
            if (strcmp(list[j].category, list[i].category))
                continue;
            print(writer, "%s%lu", comma, list[j].child);
            writer->references++;
            comma = ",";
        }
        text(writer, "]");
    }
    text(writer, "}\n");
    if (roots.list.failed)
        writer->text.failed = 1;
    hd_buffer_deinit(&roots.list);
}

static bool public_head(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    struct writer *writer = state;
    const struct hd_dump_options *options = writer->options;
    uint64_t low = writer->count ? writer->pages[0].start : 0;
    uint64_t high = writer->count ? writer->pages[writer->count - 1].end : 0;
    struct hd_head head = {.low = low, .high = high};
    hd_head_write(&writer->text, options, &head);
    roots_write(writer);
    atomic_fetch_add(&progress->references, writer->references);
    writer->references = 0;
    return flush(writer, out, true, err);
}

static void name_write(struct writer *writer, const char *key, VALUE name)
{
    if (!RB_TYPE_P(name, T_STRING) || RSTRING_LEN(name) > NAME_MOST)
        return;
    print(writer, ",\"%s\":", key);
    quoted(writer, RSTRING_PTR(name), (size_t)RSTRING_LEN(name));
}

static void string_details_write(struct writer *writer, VALUE value)
{
    int encoding = rb_enc_get_index(value);
    const char *name = rb_enc_name(rb_enc_from_index(encoding)); /* any text: see Encoding#replicate */
    text(writer, ",\"encoding\":");
    quoted(writer, name, strlen(name));
    print(writer, ",\"bytesize\":%ld", RSTRING_LEN(value));
    hd_contents_write(&writer->text, writer->options, RSTRING_PTR(value), (uint64_t)RSTRING_LEN(value),
                      hd_contents_encoding_of((uint64_t)encoding));
}

/* What can be had of a type without calling methods or allocating. */
static void details_write(struct writer *writer, VALUE value, int type)
{
    if (type == RUBY_T_CLASS || type == RUBY_T_MODULE)
        name_write(writer, "name", rb_class_path_cached(value));
    else if (type == RUBY_T_STRING)
        string_details_write(writer, value);
    else if (type == RUBY_T_DATA && rb_objspace_data_type_name(value)) {
        const char *name = rb_objspace_data_type_name(value);
        text(writer, ",\"type_name\":");
        quoted(writer, name, strlen(name));
    }
}

static void object_write(struct writer *writer, VALUE value, uint64_t slot_size)
{
    int type = RB_BUILTIN_TYPE(value);
    bool classless = type == RUBY_T_IMEMO || type == RUBY_T_NODE;
    writer->object = value;
    writer->klass = classless ? 0 : RBASIC_CLASS(value);
    writer->listed = 0;
    print(writer, ",{\"id\":%lu,\"bt\":\"%s\"", value, hd_ext_type_name(type));
    if (object_known(writer, writer->klass)) {
        print(writer, ",\"class\":%lu", writer->klass);
        writer->references++;
    }
    print(writer, ",\"size\":%zu,\"slot_size\":%lu", rb_obj_memsize_of(value), slot_size);
    if (!classless && RB_OBJ_FROZEN(value))
        text(writer, ",\"frozen\":true");
    details_write(writer, value, type);
    rb_objspace_reachable_objects_from(value, child_each, writer);
    text(writer, writer->listed ? "]}\n" : "}\n");
}

static bool public_objects(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    struct writer *writer = state;
    uint64_t i;
    while ((i = atomic_fetch_add(&progress->next_page, 1)) < writer->count) {
        const struct page *page = &writer->pages[i];
        uint64_t objects = 0;
        for (VALUE value = page->start; value < page->end; value += page->stride) {
            if (!slot_written(value))
                continue;
            object_write(writer, value, page->stride);
            objects++;
        }
        atomic_fetch_add(&progress->objects, objects);
        atomic_fetch_add(&progress->heartbeat, 1);
        if (!flush(writer, out, false, err))
            return false;
    }
    atomic_fetch_add(&progress->references, writer->references);
    return flush(writer, out, true, err);
}

static bool public_end(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    struct writer *writer = state;
    print(writer, ",{\"id\":\"_END_\",\"objects\":%lu,\"references\":%lu,\"unreadable\":%lu}\n]\n",
          atomic_load(&progress->objects), atomic_load(&progress->references), atomic_load(&progress->unreadable));
    return flush(writer, out, true, err);
}

const struct hd_inside_writer hd_ext_public_writer = {public_probe, public_create, public_head, public_objects, public_end};
