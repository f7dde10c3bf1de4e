/*
 * T_CLASS, T_MODULE and T_ICLASS: the name, the tables of methods, constants and variables.
 *
 * internal/class.h, constant.h. A prepended class keeps its methods in its origin iclass; an iclass made by
 * `include` shares the module's method table and does not own it.
 */
#include "ruby/decode.h"
#include "ruby/written.h"

struct table {
    struct hd_line *line;
    struct hd_series series;
    const char *name;
    bool class_variables; /* which half of the variable table */
};

static void entry_begin(struct table *table)
{
    if (!table->series.name)
        hd_series_open(table->line, &table->series, table->name, '{');
    hd_series_next(table->line, &table->series);
}

static void serial_name(struct hd_line *line, uint64_t serial)
{
    struct hd_text name = hd_written_method_serial(line->vm, serial);
    if (name.data) {
        hd_line_name(line, name);
        return;
    }
    hd_line_literal(line, "\"#<id ");
    hd_text_uint(line->out, serial);
    hd_line_literal(line, ">\":");
}

static bool method_entry(void *data, uint64_t serial, uint64_t ment)
{
    struct table *table = data;
    struct hd_line *line = table->line;
    if (hd_vm_imemo_type(line->vm, ment) != line->vm->layout->k_imemo_ment)
        return true;
    entry_begin(table);
    serial_name(line, serial);
    struct hd_method method = hd_method_of(line, ment);
    if (method.target && hd_line_live(line, method.target)) {
        hd_line_ref(line, method.target);
    } else {
        hd_line_literal(line, "\"(");
        hd_buffer_append(line->out, method.kind, strlen(method.kind));
        hd_line_literal(line, ")\"");
    }
    return true;
}

static bool constant_entry(void *data, uint64_t serial, uint64_t entry)
{
    struct table *table = data;
    struct hd_line *line = table->line;
    uint64_t value;
    if (!hd_memory_load_u64(line->vm->memory, entry + (uint64_t)line->vm->layout->const_entry_value, &value))
        return true;
    entry_begin(table);
    serial_name(line, serial);
    hd_line_value(line, value);
    return true;
}

static bool variable_entry(void *data, uint64_t id, uint64_t value)
{
    struct table *table = data;
    struct hd_text name = hd_symbol_name(table->line->vm, id);
    bool class_variable = name.length > 2 && !memcmp(name.data, "@@", 2);
    if (class_variable != table->class_variables)
        return true;
    entry_begin(table);
    hd_line_id_name(table->line, id);
    hd_line_value(table->line, value);
    return true;
}

static void table_end(struct table *table)
{
    if (table->series.name)
        hd_series_close(table->line, &table->series);
}

/* The tables of one of the class's extensions; of an iclass the others are the module's. */
static void tables_write(struct hd_line *line, const uint8_t *object, uint64_t addr, uint64_t ext, bool own)
{
    struct table methods = {.line = line, .name = "methods"};
    hd_id_table_each(line->vm, hd_class_methods(line->vm, object, ext), method_entry, &methods);
    table_end(&methods);
    if (hd_flags_type(hd_word(object, 0)) == HD_T_ICLASS)
        return;
    for (int half = 0; half < 2; half++) {
        struct table variables = {.line = line, .name = half ? "cvars" : "ivs", .class_variables = half};
        if (own)
            hd_ivars_each(line->vm, object, addr, variable_entry, &variables);
        else
            hd_class_ivars_each(line->vm, object, ext, variable_entry, &variables);
        table_end(&variables);
    }
    struct table constants = {.line = line, .name = "consts"};
    hd_id_table_each(line->vm, hd_class_constants(line->vm, ext), constant_entry, &constants);
    table_end(&constants);
}

static void ext_ref(struct hd_line *line, const char *name, uint64_t ext, int64_t offset)
{
    uint64_t value = hd_layout_has(offset) ? hd_memory_u64(line->vm->memory, ext + (uint64_t)offset) : 0;
    if (!hd_line_live(line, value))
        return;
    hd_line_literal(line, ",\"");
    hd_buffer_append(line->out, name, strlen(name));
    hd_line_literal(line, "\":");
    hd_line_ref(line, value);
}

/* Since 4.0 these are objects, too; an iclass has its module's, but for the call caches. */
static void parts_write(struct hd_line *line, const uint8_t *object, uint64_t ext)
{
    const struct hd_layout *l = line->vm->layout;
    if (!hd_layout_has(l->classext_fields_obj))
        return;
    ext_ref(line, "call_caches", ext, l->classext_cc);
    if (hd_flags_type(hd_word(object, 0)) == HD_T_ICLASS)
        return;
    ext_ref(line, "fields", ext, l->classext_fields_obj);
    ext_ref(line, "class_variable_caches", ext, l->classext_cvc);
}

struct boxes {
    struct hd_line *line;
    const uint8_t *object;
    uint64_t addr, count;
};

/* What the class is in a box that has changed it. */
static bool box_write(void *data, uint64_t box, uint64_t ext)
{
    struct boxes *boxes = data;
    struct hd_line *line = boxes->line;
    if (!box)
        return true;
    if (boxes->count++)
        hd_line_literal(line, ",{\"box\":");
    else
        hd_line_literal(line, ",\"boxes\":[{\"box\":");
    hd_line_plain_value(line, box);
    ext_ref(line, "super", ext, line->vm->layout->classext_super);
    parts_write(line, boxes->object, ext);
    ext_ref(line, "name_string", ext, line->vm->layout->classext_classpath);
    tables_write(line, boxes->object, boxes->addr, ext, false);
    hd_line_literal(line, "}");
    return true;
}

void hd_class_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0), ext = hd_class_ext(line->vm, object, addr), name_id = 0;
    struct hd_text name;
    hd_line_track(line);
    hd_line_seen(line, hd_word(object, 8)); /* already written as "class" */
    if (hd_flags_type(flags) != HD_T_ICLASS && hd_class_path(line->vm, object, addr, &name, &name_id)) {
        hd_line_key(line, "name");
        hd_line_string(line, name);
    }
    if (hd_flags_type(flags) == HD_T_CLASS && hd_flag(flags, l->k_FL_SINGLETON)) {
        hd_line_literal(line, ",\"singleton\":true");
        hd_line_key_ref(line, "attached", hd_class_attached(line->vm, object, addr));
    }
    hd_line_key_ref(line, "super", hd_word(object, l->class_super));
    if (!ext)
        return;
    uint64_t origin = hd_memory_u64(line->vm->memory, ext + (uint64_t)l->classext_origin);
    if (origin != addr)
        hd_line_key_ref(line, "origin", origin);
    if (hd_flags_type(flags) == HD_T_ICLASS)
        hd_line_key_ref(line, "includer", hd_memory_u64(line->vm->memory, ext + (uint64_t)l->classext_includer));
    hd_line_key_ref(line, "refined_class", hd_memory_u64(line->vm->memory, ext + (uint64_t)l->classext_refined));
    hd_line_key_ref(line, "name_string", name_id);
    if (hd_layout_has(l->classext_box))
        hd_line_key_ref(line, "box", hd_box_object(line->vm, hd_memory_u64(line->vm->memory, ext + (uint64_t)l->classext_box)));
    parts_write(line, object, ext);
    tables_write(line, object, addr, ext, true);
    struct boxes boxes = {line, object, addr, 0};
    hd_class_exts_each(line->vm, object, addr, box_write, &boxes);
    if (boxes.count)
        hd_line_literal(line, "]");
    hd_line_unnamed_refs(line, addr);
}
