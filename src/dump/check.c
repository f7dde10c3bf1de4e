/* The rules of a whole dump, as a client of the line reader. See check.h. */
#include "dump/check.h"

#include "dump/address_set.h"
#include "dump/input.h"
#include "dump/json_reader.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PART_ELEMENTS 65536 /* more elements go on in a continuation line */
#define FIELDS 64           /* fields of one object that may go on; it has fewer */

/* What the set knows about an address. */
enum { DEFINED = 1, REFERENCED = 2, INLINED = 4, STRING = 8 };

/* How many elements of a field were written so far. */
struct extent {
    char name[32];
    size_t name_length;
    uint64_t elements;
};

struct check {
    struct hd_json_reader *reader;
    struct hd_check_result *result;
    struct hd_address_set set;
    struct hd_json_line line; /* the line at hand */
    bool foreign; /* the file is no dump of this format at all */
    bool saw_dump, saw_roots, saw_end, closed;

    /* the fields of the object that a continuation may continue */
    struct extent extents[FIELDS];
    unsigned extent_count;
    unsigned containers; /* on the line at hand */

    uint64_t heap[2];
    bool format_ok, saw_version, saw_objects, saw_references;
    double version;
    int64_t end_objects, end_references;
};

static unsigned long long ull(uint64_t value)
{
    return value;
}

static bool bad(struct hd_error *err, const char *sentence)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%s", sentence);
}

/* ---- fields ---- */

static void dump_field(struct check *check, const struct hd_json_field *field)
{
    if (hd_json_text_is(field->name, "format"))
        check->format_ok = field->type == HD_JSON_TEXT && hd_json_text_is(field->text, "heap_dump");
    else if (hd_json_text_is(field->name, "version")) {
        check->saw_version = field->type == HD_JSON_INTEGER;
        check->version = (double)field->integer;
    } else if (hd_json_text_is(field->name, "ruby") && field->type == HD_JSON_TEXT)
        hd_json_text_format(field->text, check->result->ruby, sizeof check->result->ruby);
    else if (hd_json_text_is(field->name, "redacted"))
        check->result->redacted = field->type == HD_JSON_BOOL && field->integer;
}

static void end_field(struct check *check, const struct hd_json_field *field)
{
    if (field->type != HD_JSON_INTEGER || field->integer < 0)
        return;
    if (hd_json_text_is(field->name, "objects")) {
        check->saw_objects = true;
        check->end_objects = field->integer;
    } else if (hd_json_text_is(field->name, "references")) {
        check->saw_references = true;
        check->end_references = field->integer;
    } else if (hd_json_text_is(field->name, "unreadable"))
        check->result->unreadable = (uint64_t)field->integer;
}

static struct extent *find_extent(struct check *check, struct hd_json_text name)
{
    for (unsigned i = 0; i < check->extent_count; i++) {
        struct extent *extent = &check->extents[i];
        if (extent->name_length == name.length && !memcmp(extent->name, name.data, name.length))
            return extent;
    }
    return NULL;
}

/* An array or map of a line: remembers its size, or checks that it goes on where it stopped. */
static bool container_field(struct check *check, const struct hd_json_field *field, struct hd_error *err)
{
    char name[32];
    hd_json_text_format(field->name, name, sizeof name);
    if (field->elements > PART_ELEMENTS)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "`%s` has %llu elements; more than %d must go on in further lines",
                            name, ull(field->elements), PART_ELEMENTS);
    check->containers++;
    if (check->line.kind != HD_JSON_LINE_CONTINUATION) {
        if (check->extent_count == FIELDS || field->name.length > sizeof check->extents[0].name)
            return true;
        struct extent *extent = &check->extents[check->extent_count++];
        memcpy(extent->name, field->name.data, field->name.length);
        extent->name_length = field->name.length;
        extent->elements = field->elements;
        return true;
    }
    struct extent *extent = find_extent(check, field->name);
    if (!extent)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "it goes on with `%s`, which the object does not have", name);
    if (extent->elements != check->line.offset)
        return hd_error_set(err, HD_ERROR_BAD_DUMP,
                            "its offset is %llu, but %llu elements of `%s` were written before it",
                            ull(check->line.offset), ull(extent->elements), name);
    extent->elements += field->elements;
    return true;
}

/* Contents that a redacted dump must not have. */
static bool is_secret(const struct check *check, const struct hd_json_field *field)
{
    switch (check->line.bt) {
    case HD_BT_T_STRING:
    case HD_BT_T_SYMBOL:
    case HD_BT_T_REGEXP:
    case HD_BT_T_BIGNUM:
        return hd_json_text_is(field->name, "val") || hd_json_text_is(field->name, "val_base64");
    case HD_BT_T_FILE:
        return hd_json_text_is(field->name, "path") && field->type == HD_JSON_TEXT;
    default:
        return false;
    }
}

static bool on_field(void *data, const struct hd_json_field *field, struct hd_error *err)
{
    struct check *check = data;
    if (check->line.kind == HD_JSON_LINE_DUMP)
        dump_field(check, field);
    else if (check->line.kind == HD_JSON_LINE_END)
        end_field(check, field);
    else if (check->result->redacted && is_secret(check, field))
        return bad(err, "the dump says it is redacted, but this line has contents");
    else if (field->type == HD_JSON_ARRAY || field->type == HD_JSON_MAP)
        return hd_json_text_is(field->name, "inlined") || container_field(check, field, err);
    return true;
}

/* ---- references ---- */

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the table of ids");
}

static bool on_reference(void *data, const struct hd_json_reference *reference, struct hd_error *err)
{
    struct check *check = data;
    struct hd_check_result *result = check->result;
    char path[200];
    result->references++;
    if (reference->id % HD_ADDRESS_SET_STEP)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%s refers to %llu, where no object can be",
                            hd_json_path_format(reference, path, sizeof path), ull(reference->id));
    bool inlined = reference->text.data;
    if (inlined && result->redacted)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "the dump says it is redacted, but %s is an inlined string",
                            hd_json_path_format(reference, path, sizeof path));
    unsigned before;
    if (!hd_address_set_add(&check->set, reference->id, inlined ? REFERENCED | INLINED : REFERENCED, &before))
        return out_of_memory(err);
    if (!(before & (DEFINED | REFERENCED)))
        result->missing_count++;
    if (inlined && (before & DEFINED) && !(before & STRING))
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%s is an inlined string, but its id %llu is not that of a T_STRING",
                            hd_json_path_format(reference, path, sizeof path), ull(reference->id));
    return true;
}

static struct hd_json_visitor visitor_of(struct check *check)
{
    return (struct hd_json_visitor){.data = check, .field = on_field, .reference = on_reference};
}

/* ---- lines ---- */

static bool define(struct check *check, struct hd_error *err)
{
    uint64_t id = check->line.id;
    if (id < check->heap[0] || id > check->heap[1])
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its id is outside the heap [%llu,%llu] that _DUMP_ names",
                            ull(check->heap[0]), ull(check->heap[1]));
    if (id % HD_ADDRESS_SET_STEP)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its id is not a multiple of %d, so no object can be there",
                            HD_ADDRESS_SET_STEP);
    bool string = check->line.bt == HD_BT_T_STRING;
    unsigned before;
    if (!hd_address_set_add(&check->set, id, string ? DEFINED | STRING : DEFINED, &before))
        return out_of_memory(err);
    if (before & DEFINED)
        return bad(err, "its id was already on an earlier line");
    if ((before & INLINED) && !string)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "it is a %s, but an earlier line inlined it as a string",
                            hd_bt_name(check->line.bt));
    if (before & REFERENCED)
        check->result->missing_count--;
    check->result->objects++;
    return true;
}

/* What a line may be at this place of the file. */
static bool in_order(struct check *check, struct hd_error *err)
{
    enum hd_json_line_kind kind = check->line.kind;
    if (!check->saw_dump && kind != HD_JSON_LINE_DUMP)
        return bad(err, "the first line is not _DUMP_");
    if (check->saw_dump && kind == HD_JSON_LINE_DUMP)
        return bad(err, "_DUMP_ appears twice");
    if (kind == HD_JSON_LINE_ROOTS && check->saw_roots)
        return bad(err, "_ROOTS_ appears twice");
    if (kind == HD_JSON_LINE_END && !check->saw_roots)
        return bad(err, "_END_ comes, but there was no _ROOTS_");
    return true;
}

static bool check_dump(struct check *check, struct hd_error *err)
{
    check->saw_dump = true;
    memcpy(check->heap, check->line.heap, sizeof check->heap);
    check->foreign = !check->format_ok || !check->saw_version || check->version != 1;
    if (!check->format_ok)
        return bad(err, "its format is not \"heap_dump\"");
    if (!check->saw_version || check->version != 1)
        return bad(err, "its version is not 1, the only one that this heap_dump knows");
    return true;
}

static bool check_end(struct check *check, struct hd_error *err)
{
    check->saw_end = true;
    if (!check->saw_objects || !check->saw_references)
        return bad(err, "_END_ does not say how many `objects` and `references` there are");
    if ((uint64_t)check->end_objects != check->result->objects)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "_END_ says %llu objects, but there are %llu",
                            ull((uint64_t)check->end_objects), ull(check->result->objects));
    if ((uint64_t)check->end_references != check->result->references)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "_END_ says %llu references, but there are %llu",
                            ull((uint64_t)check->end_references), ull(check->result->references));
    return true;
}

static bool check_object(struct check *check, const char *text, size_t length, struct hd_error *err)
{
    if (!hd_json_reader_parse(check->reader, text, length, &check->line, err))
        return false;
    check->result->id = check->line.id;
    if (!in_order(check, err))
        return false;
    check->containers = 0;
    if (check->line.kind != HD_JSON_LINE_CONTINUATION)
        check->extent_count = 0;
    if (check->line.kind == HD_JSON_LINE_OBJECT && !define(check, err))
        return false;
    struct hd_json_visitor visitor = visitor_of(check);
    if (!hd_json_reader_walk(check->reader, &visitor, err))
        return false;
    switch (check->line.kind) {
    case HD_JSON_LINE_DUMP:
        return check_dump(check, err);
    case HD_JSON_LINE_ROOTS:
        check->saw_roots = true;
        return true;
    case HD_JSON_LINE_CONTINUATION:
        return check->containers > 0 || bad(err, "a continuation with nothing that goes on");
    case HD_JSON_LINE_END:
        return check_end(check, err);
    case HD_JSON_LINE_OBJECT:
        break;
    }
    return true;
}

static bool check_line(struct check *check, const struct hd_input_line *line, struct hd_error *err)
{
    check->result->id = 0;
    if (check->closed)
        return bad(err, "something follows the closing ]");
    if (line->length == 1 && line->text[0] == ']' && check->saw_dump) {
        check->closed = true;
        return check->saw_end || bad(err, "the array is closed, but there was no _END_");
    }
    if (check->saw_end)
        return bad(err, "_END_ is not followed by a line with ] alone");
    char first = line->number == 1 ? '[' : ',';
    if (line->length == 0)
        return bad(err, "it is empty");
    check->foreign = line->number == 1 && line->text[0] != '[';
    if (line->number == 1 && line->text[0] == '{')
        return bad(err, "it begins with { as the output of ObjectSpace.dump_all does");
    if (line->text[0] != first)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "it does not begin with %c", first);
    return check_object(check, line->text + 1, line->length - 1, err);
}

/* ---- the file ---- */

static bool truncated(struct check *check, struct hd_error *err)
{
    check->result->truncated = true;
    check->result->id = 0;
    return hd_error_set(err, HD_ERROR_BAD_DUMP,
                        "it is truncated: it ends after line %llu and %llu objects without %s; its writer was stopped "
                        "or the copy is incomplete, so take or copy it again",
                        ull(check->result->lines), ull(check->result->objects),
                        check->saw_end ? "the closing ]" : "_END_");
}

/* Puts the place in front of the sentence about a line. */
static bool at_line(const struct check *check, const struct hd_error *inner, struct hd_error *err)
{
    char id[40] = "";
    if (check->result->id)
        snprintf(id, sizeof id, " (id %llu)", ull(check->result->id));
    if (inner->code != HD_ERROR_BAD_DUMP)
        return hd_error_set(err, inner->code, "line %llu%s: %s", ull(check->result->lines), id, inner->text);
    if (check->foreign)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "line %llu: %.340s, so this is no dump that this heap_dump can read; "
                            "HeapDump.dump in the Ruby process takes one", ull(check->result->lines), inner->text);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "line %llu%s: %.340s; the file is damaged or its writer has a bug: "
                        "take a new dump, and report it if that says the same",
                        ull(check->result->lines), id, inner->text);
}

static bool check_lines(struct check *check, struct hd_input *input, struct hd_error *err)
{
    struct hd_error inner = {0};
    struct hd_input_line line;
    for (;;) {
        switch (hd_input_next(input, &line, &inner)) {
        case HD_INPUT_FAILED:
            if (hd_input_truncated(input))
                return truncated(check, err);
            if (inner.code == HD_ERROR_BAD_DUMP)
                return hd_error_set(err, inner.code, "after line %llu: %.340s; copy it again or take a new dump",
                                    ull(check->result->lines), inner.text);
            *err = inner;
            return false;
        case HD_INPUT_END:
            if (check->result->lines == 0)
                return bad(err, "it is empty");
            return check->closed || truncated(check, err);
        case HD_INPUT_LINE:
            break;
        }
        if (!check_line(check, &line, &inner)) {
            /* A last line that breaks off is no fault of its writer. */
            if (!line.newline && !check->saw_end && check->saw_dump && inner.code == HD_ERROR_BAD_DUMP)
                return truncated(check, err);
            check->result->lines = line.number;
            return at_line(check, &inner, err);
        }
        check->result->lines = line.number;
    }
}

bool hd_check_input(struct hd_input *input, struct hd_check_result *result, struct hd_error *err)
{
    struct hd_error ignored;
    if (!err)
        err = &ignored;
    memset(result, 0, sizeof *result);
    snprintf(result->compression, sizeof result->compression, "%s", hd_input_compression(input));
    struct check check = {.result = result, .reader = hd_json_reader_create(true)};
    if (!check.reader)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the JSON parser");
    bool valid = check_lines(&check, input, err);
    result->bytes = hd_input_bytes(input);
    if (valid && result->missing_count > 0 &&
        hd_address_set_find(&check.set, DEFINED | REFERENCED, REFERENCED, &result->missing)) {
        valid = hd_error_set(err, HD_ERROR_BAD_DUMP,
                             "%llu ids that are referred to are on no line, the first is %llu; the file is damaged or "
                             "its writer has a bug: take a new dump, and report it if that says the same",
                             ull(result->missing_count), ull(result->missing));
    }
    hd_json_reader_destroy(check.reader);
    hd_address_set_deinit(&check.set);
    return valid;
}

/* ---- where a missing id is referred to ---- */

struct search {
    uint64_t wanted;
    bool found;
    char path[200];
};

static bool search_reference(void *data, const struct hd_json_reference *reference, struct hd_error *err)
{
    struct search *search = data;
    (void)err;
    if (reference->id != search->wanted)
        return true;
    search->found = true;
    hd_json_path_format(reference, search->path, sizeof search->path);
    return false;
}

static void name_place(const char *path, struct hd_check_result *result, struct hd_error *err)
{
    struct search search = {.wanted = result->missing};
    struct hd_json_visitor visitor = {.data = &search, .reference = search_reference};
    struct hd_json_reader *reader = hd_json_reader_create(false);
    struct hd_input *input = hd_input_open(path, NULL);
    struct hd_input_line text;
    struct hd_json_line line;
    while (reader && input && !search.found && hd_input_next(input, &text, NULL) == HD_INPUT_LINE) {
        if (text.length < 2 || !hd_json_reader_parse(reader, text.text + 1, text.length - 1, &line, NULL))
            continue;
        hd_json_reader_walk(reader, &visitor, NULL);
        if (!search.found)
            continue;
        result->id = line.id;
        result->lines = text.number;
        hd_error_set(err, HD_ERROR_BAD_DUMP,
                     "line %llu (id %llu): %s refers to %llu, which is on no line (there are %llu such ids); the file is "
                     "damaged or its writer has a bug: take a new dump, and report it if that says the same",
                     ull(text.number), ull(line.id), search.path, ull(result->missing), ull(result->missing_count));
    }
    hd_input_close(input);
    hd_json_reader_destroy(reader);
}

bool hd_check_run(const char *path, struct hd_check_result *result, struct hd_error *err)
{
    struct stat status;
    memset(result, 0, sizeof *result);
    struct hd_input *input = hd_input_open(path, err);
    if (!input)
        return false;
    bool valid = hd_check_input(input, result, err);
    hd_input_close(input);
    /* A pipe cannot be read twice. */
    if (!valid && result->missing && strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode))
        name_place(path, result, err);
    return valid;
}
