/* A client of the line reader. See dump_part.h. */
#include "graph/dump_part.h"

#include <string.h>

#define KEY_LIMIT 40 /* longer keys of hashes are content, not names */

/* A path under construction; what does not fit is left out. */
struct path {
    size_t length;
    char text[512];
};

bool hd_dump_part_init(struct hd_dump_part *lines, struct hd_part *part, struct hd_error *err)
{
    *lines = (struct hd_dump_part){.part = part, .reader = hd_json_reader_create(false)};
    return lines->reader || hd_error_set(err, HD_ERROR_MEMORY, "out of memory for reading a dump");
}

void hd_dump_part_deinit(struct hd_dump_part *lines)
{
    hd_json_reader_destroy(lines->reader);
    lines->reader = NULL;
}

/* ---- fields ---- */

static bool is_true(const struct hd_json_field *field)
{
    return field->type == HD_JSON_BOOL && field->integer;
}

static void object_field(struct hd_dump_part *lines, const struct hd_json_field *field)
{
    struct hd_part_record *record = lines->record;
    enum hd_bt bt = lines->line.bt;
    bool is_class = bt == HD_BT_T_CLASS || bt == HD_BT_T_MODULE;
    switch (field->name.length) {
    case 4:
        if (field->type == HD_JSON_INTEGER && field->integer > 0 && hd_json_text_is(field->name, "size"))
            record->size = (uint64_t)field->integer;
        else if (is_class && field->type == HD_JSON_TEXT && hd_json_text_is(field->name, "name"))
            record->label = hd_names_intern(&lines->part->names, field->text.data, field->text.length);
        break;
    case 6:
        if (is_true(field) && hd_json_text_is(field->name, "frozen"))
            record->flags |= HD_NODE_FROZEN;
        break;
    case 7:
        if (is_true(field) && hd_json_text_is(field->name, "garbage"))
            record->flags |= HD_NODE_GARBAGE;
        break;
    case 9:
        if (is_true(field) && hd_json_text_is(field->name, "singleton"))
            record->flags |= HD_NODE_SINGLETON;
        else if (is_true(field) && hd_json_text_is(field->name, "truncated"))
            record->flags |= HD_NODE_TRUNCATED;
        else if ((bt == HD_BT_T_DATA || bt == HD_BT_T_IMEMO) && field->type == HD_JSON_TEXT &&
                 hd_json_text_is(field->name, "type_name"))
            record->label = hd_names_intern(&lines->part->names, field->text.data, field->text.length);
        break;
    default:
        break;
    }
}

static bool on_field(void *data, const struct hd_json_field *field, struct hd_error *err)
{
    struct hd_dump_part *lines = data;
    (void)err;
    if (lines->line.kind == HD_JSON_LINE_OBJECT)
        object_field(lines, field);
    else if (lines->line.kind == HD_JSON_LINE_DUMP && is_true(field)) {
        if (hd_json_text_is(field->name, "redacted"))
            lines->part->redacted = true;
        else if (hd_json_text_is(field->name, "unnamed"))
            lines->part->unnamed = true;
    }
    return true;
}

/* ---- edges ---- */

static void append(struct path *path, const char *data, size_t length)
{
    if (length <= sizeof path->text - path->length) {
        memcpy(path->text + path->length, data, length);
        path->length += length;
    }
}

static bool ends_with_weak(struct hd_json_text name)
{
    return name.length > 5 && !memcmp(name.data + name.length - 5, "_weak", 5);
}

/* A key that tells where the value is. Numbers and objects are as many as there are elements; a text with an escape
 * could be taken for one of those, or for a Symbol. */
static bool is_telling_key(struct hd_json_text key)
{
    if (key.length == 0 || key.length > KEY_LIMIT)
        return false;
    return !strchr("#-\\0123456789", key.data[0]) && key.data[0] != 0;
}

/* True if the path has a key of a hash in it. */
static bool append_steps(const struct hd_dump_part *lines, const struct hd_json_reference *reference,
                         struct path *path, bool *weak)
{
    bool hash = lines->line.bt == HD_BT_T_HASH && hd_json_text_is(reference->steps[0].name, "val");
    for (size_t i = 0; i < reference->depth; i++) {
        struct hd_json_text name = reference->steps[i].name;
        if (!name.data)
            continue;
        if (i == 1 && hash && (reference->is_key || !is_telling_key(name))) {
            append(path, reference->is_key ? "{key}" : "{}", reference->is_key ? 5 : 2);
            return false;
        }
        if (path->length)
            append(path, ".", 1);
        else
            *weak = ends_with_weak(name);
        if (i > 0 && name.length > 1 && name.data[0] == '\\') {
            name.data++;
            name.length--;
        }
        append(path, name.data, name.length);
    }
    if (!reference->steps[reference->depth - 1].name.data && lines->line.id)
        append(path, "[]", 2);
    return hash;
}

static uint32_t name_of(struct hd_dump_part *lines, const struct hd_json_reference *reference)
{
    struct path path;
    path.length = 0;
    bool weak = false, keyed = append_steps(lines, reference, &path, &weak);
    if (path.length == lines->last_length && !memcmp(path.text, lines->last_path, path.length))
        return lines->last_name;
    struct hd_names *names = &lines->part->names;
    uint32_t name = hd_names_intern_bounded(names, path.text, path.length, HD_DUMP_PART_NAMES);
    if (name == HD_NAMES_NONE) {
        const char *other = keyed ? "val{}" : "(other)";
        return hd_names_intern(names, other, strlen(other)) | (weak ? HD_NAME_WEAK : 0);
    }
    if (weak)
        name |= HD_NAME_WEAK;
    if (path.length <= sizeof lines->last_path) {
        memcpy(lines->last_path, path.text, path.length);
        lines->last_length = (uint32_t)path.length;
        lines->last_name = name;
    }
    return name;
}

static bool on_reference(void *data, const struct hd_json_reference *reference, struct hd_error *err)
{
    struct hd_dump_part *lines = data;
    (void)err;
    if (!lines->record || reference->depth == 0)
        return true;
    if (reference->depth == 1 && reference->steps[0].name.data &&
        hd_json_text_is(reference->steps[0].name, "class") && lines->line.kind == HD_JSON_LINE_OBJECT)
        lines->record->class_address = reference->id;
    hd_part_add_edge(lines->part, reference->id, name_of(lines, reference));
    return true;
}

/* ---- lines ---- */

static bool is_weak_type(const struct hd_names *names, uint32_t label)
{
    static const char *const types[] = {"weakmap", "weakkeymap"};
    if (label == HD_NAMES_NONE)
        return false;
    struct hd_json_text name = {names->bytes + names->start[label], names->start[label + 1] - names->start[label]};
    return (name.length == strlen(types[0]) && !memcmp(name.data, types[0], name.length)) ||
           (name.length == strlen(types[1]) && !memcmp(name.data, types[1], name.length));
}

/* What a weak map holds it does not keep alive; its class, it does. */
static void weaken(struct hd_part *part, const struct hd_part_record *record)
{
    for (uint64_t i = part->edge_count - record->edge_count; i < part->edge_count; i++)
        if (part->to[i] != record->class_address)
            part->name[i] |= HD_NAME_WEAK;
}

static bool begin_line(struct hd_dump_part *lines, const char *text, size_t length, uint64_t offset)
{
    struct hd_part *part = lines->part;
    switch (lines->line.kind) {
    case HD_JSON_LINE_DUMP:
        part->low = lines->line.heap[0];
        part->high = lines->line.heap[1];
        part->head_name = hd_names_intern(&part->names, text, length);
        lines->record = NULL;
        break;
    case HD_JSON_LINE_END:
        part->saw_end = true;
        lines->record = NULL;
        break;
    case HD_JSON_LINE_CONTINUATION: /* directly follows what it continues: the record is still the last */
        break;
    default:
        lines->record = hd_part_add_record(part);
        if (!lines->record)
            return false;
        lines->record->address = lines->line.id;
        lines->record->type = (uint8_t)lines->line.bt;
        lines->record->line = offset;
    }
    return true;
}

bool hd_dump_part_line(struct hd_dump_part *lines, const char *text, size_t length, uint64_t offset,
                       struct hd_error *err)
{
    static const struct hd_json_visitor visitor = {.field = on_field, .reference = on_reference};
    struct hd_json_visitor mine = visitor;
    mine.data = lines;
    if (length == 0 || (*text == ']' && length == 1))
        return true;
    if (*text != '[' && *text != ',')
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "a line begins with neither [ nor a comma");
    if (!hd_json_reader_parse(lines->reader, text + 1, length - 1, &lines->line, err))
        return false;
    if (lines->line.kind == HD_JSON_LINE_OBJECT && lines->line.id == 0)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "an object has the id 0");
    if (!begin_line(lines, text + 1, length - 1, offset) || !hd_json_reader_walk(lines->reader, &mine, err)) {
        if (hd_part_failed(lines->part))
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the graph");
        if (lines->line.kind == HD_JSON_LINE_OBJECT)
            hd_part_drop_record(lines->part);
        lines->record = NULL;
        return false;
    }
    struct hd_part_record *record = lines->record;
    if (record && lines->line.bt == HD_BT_T_DATA && is_weak_type(&lines->part->names, record->label))
        weaken(lines->part, record);
    return !hd_part_failed(lines->part) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the graph");
}
