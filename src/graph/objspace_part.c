/* A client of dump/objspace_reader.h. See objspace_part.h. */
#include "graph/objspace_part.h"

#include "dump/objspace_reader.h"

#include <string.h>

/* The names every part begins with, so that they need not be looked up. */
enum { NAME_REF, NAME_CLASS, NAME_SUPER, NAMES };

static bool first_names(struct hd_part *part)
{
    static const char *const names[NAMES] = {"ref", "class", "super"};
    for (unsigned i = 0; i < NAMES; i++)
        hd_names_intern(&part->names, names[i], strlen(names[i]));
    return !part->names.failed;
}

static bool is_weak(const struct hd_objspace_line *line)
{
    return line->bt == HD_BT_T_DATA &&
           (hd_json_text_is(line->type_name, "weakmap") || hd_json_text_is(line->type_name, "weakkeymap"));
}

static void add_object(struct hd_part *part, struct hd_objspace_line *line, uint64_t offset)
{
    struct hd_part_record *record = hd_part_add_record(part);
    if (!record)
        return;
    struct hd_json_text label = line->name.data ? line->name : line->type_name;
    record->address = line->address;
    record->class_address = line->class_address;
    record->size = line->memsize;
    record->line = offset;
    record->type = (uint8_t)line->bt;
    record->flags = (uint8_t)((line->frozen ? HD_NODE_FROZEN : 0) | (line->singleton ? HD_NODE_SINGLETON : 0));
    if (label.data && line->bt != HD_BT_T_ICLASS)
        record->label = hd_names_intern(&part->names, label.data, label.length);
    if (line->class_address)
        hd_part_add_edge(part, line->class_address, NAME_CLASS);
    uint32_t weak = is_weak(line) ? HD_NAME_WEAK : 0;
    uint64_t to;
    while (hd_objspace_reader_next(line, &to)) {
        if (to == line->superclass && to) {
            hd_part_add_edge(part, to, NAME_SUPER);
            line->superclass = 0;
        } else
            hd_part_add_edge(part, to, NAME_REF | weak);
    }
}

static void add_root(struct hd_part *part, struct hd_objspace_line *line, uint64_t offset)
{
    struct hd_part_record *record = hd_part_add_record(part);
    if (!record)
        return;
    record->line = offset;
    uint32_t name = hd_names_intern(&part->names, line->root.data, line->root.length);
    uint64_t to;
    while (hd_objspace_reader_next(line, &to))
        hd_part_add_edge(part, to, name);
}

bool hd_objspace_part_line(struct hd_part *part, const char *text, size_t length, uint64_t offset)
{
    struct hd_objspace_line line;
    if (part->names.count == 0 && !first_names(part))
        return false;
    hd_objspace_reader_parse(text, length, &line);
    if (line.kind == HD_OBJSPACE_OBJECT)
        add_object(part, &line, offset);
    else if (line.kind == HD_OBJSPACE_ROOT)
        add_root(part, &line, offset);
    if (!line.broken)
        return true;
    part->bad_lines++;
    return false;
}
