/* Writing the lines of a dump. See line.h and docs/format.md. */
#include "dump/line.h"

#include "ruby/references.h"
#include "ruby/written.h"

#include <math.h>

enum { SEEN_START = 1 << 12 };

bool hd_line_init(struct hd_line *line, struct hd_vm *vm, const struct hd_dump_options *options)
{
    memset(line, 0, sizeof *line);
    line->vm = vm;
    line->options = options;
    line->out = &line->head;
    line->inlined = &line->head_inlined;
    line->seen = hd_arena_alloc(vm->arena, SEEN_START, sizeof *line->seen);
    line->seen_marks = hd_arena_alloc(vm->arena, SEEN_START, sizeof *line->seen_marks);
    line->seen_mask = SEEN_START - 1;
    line->generation = 1; /* the marks are 0: with 0 every place would look taken, and looking for a free one never end */
    return line->seen && line->seen_marks;
}

void hd_line_deinit(struct hd_line *line)
{
    hd_buffer_deinit(&line->head);
    hd_buffer_deinit(&line->tail);
}

bool hd_line_failed(const struct hd_line *line)
{
    return line->head.failed || line->tail.failed;
}

/* --- references already written in this line --- */

static bool seen_grow(struct hd_line *line)
{
    size_t old_size = line->seen_mask + 1, size = old_size * 4;
    uint64_t *old = line->seen;
    uint32_t *old_marks = line->seen_marks;
    uint64_t *seen = hd_arena_alloc(line->vm->arena, size, sizeof *seen);
    uint32_t *marks = hd_arena_alloc(line->vm->arena, size, sizeof *marks);
    if (!seen || !marks) {
        line->head.failed = 1;
        return false;
    }
    for (size_t k = 0; k < old_size; k++) {
        if (old_marks[k] != line->generation)
            continue;
        size_t i = (old[k] * 0x9E3779B97F4A7C15ull) >> 20 & (size - 1);
        while (marks[i] == line->generation)
            i = (i + 1) & (size - 1);
        seen[i] = old[k];
        marks[i] = line->generation;
    }
    line->seen = seen;
    line->seen_marks = marks;
    line->seen_mask = size - 1;
    return true;
}

/* Adds addr; true if it was there already. */
bool hd_line_seen(struct hd_line *line, uint64_t addr)
{
    if (line->seen_count * 2ull > line->seen_mask && !seen_grow(line))
        return false;
    size_t i = (addr * 0x9E3779B97F4A7C15ull) >> 20 & line->seen_mask;
    while (line->seen_marks[i] == line->generation) {
        if (line->seen[i] == addr)
            return true;
        i = (i + 1) & line->seen_mask;
    }
    line->seen[i] = addr;
    line->seen_marks[i] = line->generation;
    line->seen_count++;
    return false;
}

void hd_line_forget(struct hd_line *line)
{
    line->seen_count = 0;
    if (++line->generation == 0) {
        memset(line->seen_marks, 0, (line->seen_mask + 1) * sizeof *line->seen_marks);
        line->generation = 1;
    }
}

void hd_line_track(struct hd_line *line)
{
    line->tracking = true;
    hd_line_forget(line);
}

/* --- lines --- */

static void inlined_write(struct hd_line *line)
{
    struct hd_ids *ids = line->inlined;
    if (!ids->count)
        return;
    hd_line_key(line, "inlined");
    for (size_t i = 0; i < ids->count; i++) {
        hd_buffer_append(line->out, i ? "," : "[", 1);
        hd_text_uint(line->out, ids->ids[i]);
    }
    line->references += ids->count;
    hd_line_literal(line, "]");
    ids->count = 0;
}

static void inlined_add(struct hd_line *line, uint64_t addr)
{
    struct hd_ids *ids = line->inlined;
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? ids->capacity * 2 : 1024;
        uint64_t *grown = hd_arena_alloc(line->vm->arena, capacity, sizeof *grown);
        if (!grown) {
            line->head.failed = 1;
            return;
        }
        if (ids->count)
            memcpy(grown, ids->ids, ids->count * sizeof *grown);
        ids->ids = grown;
        ids->capacity = capacity;
    }
    ids->ids[ids->count++] = addr;
    if (line->tracking)
        hd_line_seen(line, addr);
}

void hd_line_begin(struct hd_line *line, uint64_t id)
{
    line->id = id;
    line->part = 0;
    line->tracking = false;
    line->started = line->head_started = line->head.length;
    hd_line_literal(line, ",{\"id\":");
    hd_text_uint(line->out, id);
}

void hd_line_begin_named(struct hd_line *line, const char *id)
{
    line->id = 0;
    line->part = 0;
    line->tracking = false;
    line->started = line->head_started = line->head.length;
    hd_line_literal(line, ",{\"id\":\"");
    hd_buffer_append(line->out, id, strlen(id));
    hd_line_literal(line, "\"");
}

void hd_line_end(struct hd_line *line)
{
    inlined_write(line);
    hd_line_literal(line, "}\n");
    if (line->tail.length) {
        hd_buffer_append(&line->head, line->tail.data, line->tail.length);
        line->tail.length = 0;
    }
}

/* --- long values --- */

void hd_series_open(struct hd_line *line, struct hd_series *series, const char *name, char bracket)
{
    *series = (struct hd_series){.name = name, .open = bracket, .close = bracket == '[' ? ']' : '}'};
    hd_line_literal(line, ",\"");
    hd_buffer_append(line->out, name, strlen(name));
    hd_line_literal(line, "\":");
    hd_buffer_append(line->out, &series->open, 1);
}

static void continuation_begin(struct hd_line *line, const struct hd_series *series)
{
    line->started = line->out->length;
    hd_line_literal(line, ",{\"id\":\"");
    if (line->id)
        hd_text_uint(line->out, line->id);
    else
        hd_line_literal(line, "_ROOTS_");
    hd_line_literal(line, "+");
    hd_text_uint(line->out, ++line->part);
    hd_line_literal(line, "\",\"continues\":");
    if (line->id)
        hd_text_uint(line->out, line->id);
    else
        hd_line_literal(line, "\"_ROOTS_\"");
    hd_line_literal(line, ",\"offset\":");
    hd_text_uint(line->out, series->count);
    hd_line_literal(line, ",\"");
    hd_buffer_append(line->out, series->name, strlen(series->name));
    hd_line_literal(line, "\":");
    hd_buffer_append(line->out, &series->open, 1);
}

/* An object's lines are kept until it is done. Ten million elements are honest; the same long name ten million times is not. */
static bool growth_good(struct hd_line *line)
{
    struct hd_memory *memory = line->vm->memory;
    if (!memory->limit_text || line->tail.length <= memory->limit_text)
        return true;
    hd_memory_worked(memory, memory->limit); /* enough of this */
    line->head.failed = line->tail.failed = 1;
    return false;
}

void hd_series_break(struct hd_line *line, struct hd_series *series)
{
    if (!series->in_line || !growth_good(line))
        return;
    hd_buffer_append(line->out, &series->close, 1);
    if (line->out == &line->tail) {
        inlined_write(line);
        hd_line_literal(line, "}\n");
    }
    line->out = &line->tail;
    line->inlined = &line->tail_inlined;
    continuation_begin(line, series);
    series->in_line = 0;
}

void hd_series_close(struct hd_line *line, struct hd_series *series)
{
    hd_buffer_append(line->out, &series->close, 1);
    if (line->out != &line->tail)
        return;
    inlined_write(line);
    hd_line_literal(line, "}\n");
    line->out = &line->head;
    line->inlined = &line->head_inlined;
    line->started = line->head_started; /* what the line holds already counts for the values that follow */
}

/* --- values --- */

void hd_line_string(struct hd_line *line, struct hd_text text)
{
    hd_line_literal(line, "\"");
    hd_text_escape_any(line->out, text.data, text.length);
    hd_line_literal(line, "\"");
}

void hd_line_ref(struct hd_line *line, uint64_t addr)
{
    hd_text_uint(line->out, addr);
    line->references++;
    if (line->tracking)
        hd_line_seen(line, addr);
}

/* numeric.c, flonum: the two low bits are the tag, the exponent's top bits were rotated to bits 2.. */
static double flonum_decode(uint64_t value)
{
    if (value == 0x8000000000000002ull)
        return 0.0;
    uint64_t bits = (2 - (value >> 63)) | (value & ~3ull), word = bits >> 3 | bits << 61;
    double number;
    memcpy(&number, &word, 8);
    return number;
}

void hd_line_double(struct hd_line *line, double number)
{
    if (isnan(number))
        hd_line_literal(line, "{\"float\":\"NaN\"}");
    else if (isinf(number) && number > 0)
        hd_line_literal(line, "{\"float\":\"Infinity\"}");
    else if (isinf(number))
        hd_line_literal(line, "{\"float\":\"-Infinity\"}");
    else
        hd_text_double(line->out, number);
}

static void fixnum_write(struct hd_line *line, int64_t number)
{
    bool looks_like_reference = number >= (int64_t)line->vm->heap_low && number <= (int64_t)line->vm->heap_high;
    if (looks_like_reference)
        hd_line_literal(line, "{\"fix\":");
    hd_text_int(line->out, number);
    if (looks_like_reference)
        hd_line_literal(line, "}");
}

static void symbol_write(struct hd_line *line, uint64_t id)
{
    struct hd_text name = hd_symbol_name(line->vm, id);
    hd_line_literal(line, "\":");
    if (name.data && !hd_written_hides_id(line->vm, id)) {
        hd_text_escape_any(line->out, name.data, name.length);
    } else {
        hd_line_literal(line, "<id ");
        hd_text_uint(line->out, id);
        hd_line_literal(line, ">");
    }
    hd_line_literal(line, "\"");
}

/* Everything that is no object. */
static void immediate_write(struct hd_line *line, uint64_t value)
{
    const struct hd_layout *l = line->vm->layout;
    if (value & 1)
        fixnum_write(line, (int64_t)value >> 1);
    else if (value == (uint64_t)l->k_Qnil)
        hd_line_literal(line, "null");
    else if (value == (uint64_t)l->k_Qfalse)
        hd_line_literal(line, "false");
    else if (value == (uint64_t)l->k_Qtrue)
        hd_line_literal(line, "true");
    else if (value == (uint64_t)l->k_Qundef)
        hd_line_literal(line, "{\"undef\":true}");
    else if ((value & 3) == 2)
        hd_line_double(line, flonum_decode(value));
    else if ((value & 0xff) == (uint64_t)l->k_RUBY_SYMBOL_FLAG)
        symbol_write(line, value >> l->k_RUBY_SPECIAL_SHIFT);
    else { /* no object, though it should be one: say so instead of writing a dangling reference */
        hd_line_literal(line, "{\"unreadable\":\"");
        hd_text_uint(line->out, value);
        hd_line_literal(line, "\"}");
        line->unreadable++;
    }
}

/* encindex.h: the first indexes are the same in every release */
enum { ENCODING_BINARY, ENCODING_UTF_8, ENCODING_US_ASCII };

/* May this T_STRING be written out in place? */
static bool inlinable(const struct hd_line *line, const uint8_t *object, uint64_t addr, struct hd_text *text)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0);
    if (line->options->redact || hd_flag(flags, l->k_RSTRING_NOEMBED)
        || !hd_string_text(line->vm, object, addr, text) || text->length > HD_INLINE_MAX)
        return false;
    uint64_t encoding = (flags & (uint64_t)l->k_ENCODING_MASK) >> l->k_ENCODING_SHIFT;
    if (encoding > ENCODING_US_ASCII)
        return false;
    return hd_text_is_ascii(text->data, text->length)
           || (encoding == ENCODING_UTF_8 && hd_text_is_utf8(text->data, text->length));
}

void hd_line_value(struct hd_line *line, uint64_t value)
{
    const uint8_t *object = hd_vm_object(line->vm, value);
    struct hd_text text;
    if (!object) {
        immediate_write(line, value);
    } else if ((*object & HD_T_MASK) == HD_T_STRING && inlinable(line, object, value, &text)) {
        bool escape = text.length && (*text.data == ':' || *text.data == '\\');
        hd_buffer_append(line->out, "\"\\\\", escape ? 3 : 1);
        hd_text_escape(line->out, text.data, text.length);
        hd_line_literal(line, "\"");
        inlined_add(line, value);
    } else {
        hd_line_ref(line, value);
    }
}

void hd_line_plain_value(struct hd_line *line, uint64_t value)
{
    if (hd_line_live(line, value))
        hd_line_ref(line, value);
    else
        immediate_write(line, value);
}

void hd_line_count(struct hd_line *line, uint64_t number)
{
    bool damaged = number >= line->vm->heap_low && number <= line->vm->heap_high;
    line->unreadable += damaged;
    hd_text_uint(line->out, damaged ? 0 : number);
}

/* --- keys --- */

void hd_line_name(struct hd_line *line, struct hd_text name)
{
    hd_buffer_append(line->out, "\"\\\\", hd_text_name_needs_backslash(name.data, name.length) ? 3 : 1);
    hd_text_escape_any(line->out, name.data, name.length);
    hd_line_literal(line, "\":");
}

void hd_line_id_name(struct hd_line *line, uint64_t id)
{
    struct hd_text name = hd_symbol_name(line->vm, id);
    if (name.data && !hd_written_hides_variable(line->vm, id)) {
        hd_line_name(line, name);
        return;
    }
    hd_line_literal(line, "\"#<id ");
    hd_text_uint(line->out, id);
    hd_line_literal(line, ">\":");
}

static bool key_needs_backslash(char c)
{
    return c == ':' || c == '\\' || c == '#' || c == '$' || c == '-' || (c >= '0' && c <= '9');
}

static void object_key_write(struct hd_line *line, uint64_t key)
{
    hd_line_literal(line, "\"#<");
    hd_line_ref(line, key);
    hd_line_literal(line, ">\":");
}

static void immediate_key_write(struct hd_line *line, uint64_t key)
{
    const struct hd_layout *l = line->vm->layout;
    if (key & 1) {
        hd_line_literal(line, "\"");
        hd_text_int(line->out, (int64_t)key >> 1);
        hd_line_literal(line, "\":");
    } else if ((key & 3) != 2 && (key & 0xff) == (uint64_t)l->k_RUBY_SYMBOL_FLAG) {
        symbol_write(line, key >> l->k_RUBY_SPECIAL_SHIFT);
        hd_line_literal(line, ":");
    } else if ((key & 3) == 2) {
        hd_line_literal(line, "\"#<");
        hd_text_double(line->out, flonum_decode(key)); /* a flonum is always finite */
        hd_line_literal(line, ">\":");
    } else if (key == (uint64_t)l->k_Qnil) {
        hd_line_literal(line, "\"#<nil>\":");
    } else if (key == (uint64_t)l->k_Qtrue) {
        hd_line_literal(line, "\"#<true>\":");
    } else if (key == (uint64_t)l->k_Qfalse) {
        hd_line_literal(line, "\"#<false>\":");
    } else {
        hd_line_literal(line, "\"#<unreadable ");
        hd_text_uint(line->out, key);
        hd_line_literal(line, ">\":");
        line->unreadable++;
    }
}

/* Only plain Strings: a subclass may define eql? so that two keys have the same text; and no key of a document database can hold a NUL. */
static bool inlinable_key(const struct hd_line *line, const uint8_t *object, uint64_t key, uint64_t string_class, struct hd_text *text)
{
    return (*object & HD_T_MASK) == HD_T_STRING && hd_word(object, 8) == string_class && inlinable(line, object, key, text)
           && !memchr(text->data, 0, text->length);
}

void hd_line_hash_key(struct hd_line *line, uint64_t key, bool by_identity, uint64_t string_class)
{
    const uint8_t *object = hd_vm_object(line->vm, key);
    struct hd_text text;
    if (!object) {
        immediate_key_write(line, key);
    } else if (!by_identity && inlinable_key(line, object, key, string_class, &text)) {
        bool escape = text.length && key_needs_backslash(*text.data);
        hd_buffer_append(line->out, "\"\\\\", escape ? 3 : 1);
        hd_text_escape(line->out, text.data, text.length);
        hd_line_literal(line, "\":");
        inlined_add(line, key);
    } else {
        object_key_write(line, key);
    }
}

bool hd_line_hash_key_seen(struct hd_line *line, uint64_t key, bool by_identity, uint64_t string_class)
{
    const struct hd_layout *l = line->vm->layout;
    const uint8_t *object = hd_vm_object(line->vm, key);
    struct hd_text name;
    bool any = !line->vm->live; /* that cannot be twice may be so all the same */
    if (by_identity)
        return any && hd_line_seen(line, key);
    if (object) {
        unsigned type = *object & HD_T_MASK;
        bool constant = type == HD_T_FLOAT || type == HD_T_BIGNUM || type == HD_T_SYMBOL
                        || (type == HD_T_STRING && hd_word(object, 8) == string_class);
        if (any && inlinable_key(line, object, key, string_class, &name))
            key = hd_text_keyed_hash(line->vm->hash_key, name.data, name.length);
        return (any || !constant) && hd_line_seen(line, key);
    }
    if ((key & 3) || (key & 0xff) != (uint64_t)l->k_RUBY_SYMBOL_FLAG)
        return any && hd_line_seen(line, key);
    name = hd_symbol_name(line->vm, key >> l->k_RUBY_SPECIAL_SHIFT);
    if (!name.data || (hd_text_is_ascii(name.data, name.length) && !memchr(name.data, '\\', name.length)
                       && !memchr(name.data, 0, name.length)))
        return any && hd_line_seen(line, key);
    size_t before = line->out->length; /* what counts is how it is written, so write it and take it back */
    hd_text_escape_any(line->out, name.data, name.length);
    if (line->out->failed)
        return false;
    uint64_t hash = hd_text_keyed_hash(line->vm->hash_key, line->out->data + before, line->out->length - before);
    line->out->length = before;
    return hd_line_seen(line, hash);
}

/* --- what no field has named --- */

struct unnamed {
    struct hd_line *line;
    struct hd_series series;
    bool open, inferred; /* which of the two lists this is */
};

static void unnamed_each(uint64_t child, void *data)
{
    struct unnamed *unnamed = data;
    struct hd_line *line = unnamed->line;
    if (!hd_line_live(line, child) || hd_line_seen(line, child))
        return;
    if (!unnamed->open) {
        hd_series_open(line, &unnamed->series, unnamed->inferred ? "inferred" : "refs", '[');
        unnamed->open = true;
    }
    hd_series_next(line, &unnamed->series);
    hd_text_uint(line->out, child);
    line->references++;
}

static void unnamed_read(void *data, uint64_t child, bool inferred)
{
    struct unnamed *unnamed = data;
    if (inferred == unnamed->inferred)
        unnamed_each(child, unnamed);
}

/* No Ruby can be asked: the references are read off the object, first the certain ones, then those that only look so. */
static void unnamed_from_memory(struct hd_line *line, uint64_t addr)
{
    const uint8_t *object = hd_vm_object(line->vm, addr);
    for (int inferred = 0; object && inferred < 2; inferred++) {
        struct unnamed unnamed = {.line = line, .inferred = inferred};
        hd_references_each(line->vm, object, addr, unnamed_read, &unnamed);
        if (unnamed.open)
            hd_series_close(line, &unnamed.series);
    }
}

void hd_line_unnamed_refs(struct hd_line *line, uint64_t addr)
{
    struct unnamed unnamed = {.line = line};
    if (!line->vm->live || !line->vm->live->reachable) {
        unnamed_from_memory(line, addr);
        return;
    }
    line->vm->live->reachable(addr, unnamed_each, &unnamed);
    if (unnamed.open)
        hd_series_close(line, &unnamed.series);
}
