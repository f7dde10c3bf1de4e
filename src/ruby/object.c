/*
 * Objects by builtin type: the common fields and the types that are data.
 *
 * One function per type, called through one table. Where things are is the layout's business; which release
 * kept what where is said at each function (the named headers are Ruby's).
 */
#include "dump/contents.h"
#include "ruby/decode.h"
#include "ruby/memsize.h"

static const char *const type_names[HD_T_MASK + 1] = {
    [HD_T_OBJECT] = "T_OBJECT", [HD_T_CLASS] = "T_CLASS", [HD_T_MODULE] = "T_MODULE", [HD_T_FLOAT] = "T_FLOAT",
    [HD_T_STRING] = "T_STRING", [HD_T_REGEXP] = "T_REGEXP", [HD_T_ARRAY] = "T_ARRAY", [HD_T_HASH] = "T_HASH",
    [HD_T_STRUCT] = "T_STRUCT", [HD_T_BIGNUM] = "T_BIGNUM", [HD_T_FILE] = "T_FILE", [HD_T_DATA] = "T_DATA",
    [HD_T_MATCH] = "T_MATCH", [HD_T_COMPLEX] = "T_COMPLEX", [HD_T_RATIONAL] = "T_RATIONAL",
    [HD_T_SYMBOL] = "T_SYMBOL", [HD_T_IMEMO] = "T_IMEMO", [HD_T_NODE] = "T_NODE", [HD_T_ICLASS] = "T_ICLASS",
    [HD_T_ZOMBIE] = "T_ZOMBIE",
};

const char *hd_object_type_name(unsigned type)
{
    return type_names[type & HD_T_MASK] ? type_names[type & HD_T_MASK] : "T_UNKNOWN";
}

struct hd_text hd_line_text_at(struct hd_line *line, uint64_t addr)
{
    struct hd_text text = {0};
    const uint8_t *string = hd_vm_object_of(line->vm, addr, HD_T_STRING);
    if (string && !hd_string_text(line->vm, string, addr, &text))
        text.data = NULL;
    return text;
}

/* --- one function per type --- */

static void array_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0), count = 0;
    bool embedded = hd_flag(flags, l->k_RARRAY_EMBED_FLAG);
    const uint8_t *elements = hd_array_elements(line->vm, object, addr, &count);
    /* 3.4 uses another flag for ELTS_SHARED, which an embedded array may have for another purpose */
    if (!embedded && hd_flag(flags, l->k_ELTS_SHARED))
        hd_line_key_ref(line, "shared", hd_word(object, l->array_shared));
    else if (!embedded && !hd_flag(flags, l->k_RARRAY_SHARED_ROOT_FLAG)) {
        hd_line_key(line, "capacity");
        hd_line_count(line, hd_word(object, l->array_capa));
    }
    if (!elements && (embedded || hd_word(object, l->array_len))) {
        hd_line_literal(line, ",\"unreadable\":true");
        line->unreadable++;
    }
    struct hd_series series;
    hd_series_open(line, &series, "val", '[');
    for (uint64_t i = 0; i < count; i++) {
        hd_series_next(line, &series);
        hd_line_value(line, hd_word(elements, 8 * (int64_t)i));
    }
    hd_series_close(line, &series);
}

struct map {
    struct hd_line *line;
    struct hd_series series;
    const char *name;
    bool by_identity;
    uint64_t string_class;
};

static bool hash_entry(void *data, uint64_t key, uint64_t value)
{
    struct map *map = data;
    /* no key may appear twice in one line; two lines may have the same */
    if (hd_line_hash_key_seen(map->line, key, map->by_identity, map->string_class))
        hd_series_break(map->line, &map->series);
    hd_series_next(map->line, &map->series);
    if (map->series.in_line == 1) {
        hd_line_forget(map->line);
        hd_line_hash_key_seen(map->line, key, map->by_identity, map->string_class);
    }
    hd_line_hash_key(map->line, key, map->by_identity, map->string_class);
    hd_line_value(map->line, value);
    return true;
}

static void ar_table_each(struct hd_line *line, const uint8_t *object, uint64_t addr, struct map *map)
{
    uint64_t count;
    const uint8_t *pairs = hd_hash_pairs(line->vm, object, addr, &count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = hd_word(pairs, 16 * (int64_t)i);
        if (key != (uint64_t)line->vm->layout->k_Qundef) /* a deleted entry */
            hash_entry(map, key, hd_word(pairs, 16 * (int64_t)i + 8));
    }
}

static void hash_object_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0), fallback = hd_word(object, l->hash_ifnone);
    uint64_t table = hd_hash_table(line->vm, object, addr);
    struct map map = {.line = line, .string_class = line->vm->string_class};
    if (hd_flag(flags, l->k_RHASH_PROC_DEFAULT))
        hd_line_key_ref(line, "default_proc", fallback);
    else if (fallback != (uint64_t)l->k_Qnil && fallback != (uint64_t)l->k_Qundef)
        hd_line_key_value(line, "default", fallback);
    if (table) {
        map.by_identity = hd_table_by_identity(line->vm, table, l->st_type);
        if (map.by_identity)
            hd_line_literal(line, ",\"compare_by_identity\":true");
        hd_line_key(line, "capacity");
        const uint8_t *power = hd_memory_at(line->vm->memory, table + (uint64_t)l->st_entry_power, 1);
        hd_line_count(line, power && *power < 48 ? 1ull << *power : 0);
    }
    hd_series_open(line, &map.series, "val", '{');
    if (table)
        hd_st_each(line->vm, table, hash_entry, &map);
    else
        ar_table_each(line, object, addr, &map);
    hd_series_close(line, &map.series);
}

struct variables {
    struct map map;
    uint64_t seen[1024]; /* names that were written: where damage has made two the same, no key may come twice */
    uint32_t count;
};

static bool variable_again(struct variables *variables, uint64_t id)
{
    enum { MOST = sizeof variables->seen / sizeof *variables->seen };
    struct hd_text name = hd_symbol_name(variables->map.line->vm, id);
    uint64_t key = name.data ? (uint64_t)(uintptr_t)name.data : id;
    uint32_t known = variables->count < MOST ? variables->count : MOST;
    hd_memory_worked(variables->map.line->vm->memory, known);
    for (uint32_t i = 0; i < known; i++)
        if (variables->seen[i] == key)
            return true;
    variables->seen[variables->count++ % MOST] = key;
    return false;
}

static bool ivar_entry(void *data, uint64_t id, uint64_t value)
{
    struct variables *variables = data;
    struct map *map = &variables->map;
    if (variable_again(variables, id)) {
        map->line->unreadable++;
        return true;
    }
    if (!map->series.name)
        hd_series_open(map->line, &map->series, map->name, '{');
    hd_series_next(map->line, &map->series);
    hd_line_id_name(map->line, id);
    hd_line_value(map->line, value);
    return true;
}

void hd_ivars_write(struct hd_line *line, const char *name, const uint8_t *object, uint64_t addr)
{
    struct variables variables;
    variables.map = (struct map){.line = line, .name = name};
    variables.count = 0;
    hd_ivars_each(line->vm, object, addr, ivar_entry, &variables);
    if (variables.map.series.name)
        hd_series_close(line, &variables.map.series);
}

static void object_object_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    int64_t shape = hd_shape_of(line->vm, object);
    if (shape >= 0) {
        hd_line_key(line, "shape");
        hd_line_count(line, (uint64_t)shape);
        if (hd_shape_too_complex(line->vm, shape))
            hd_line_literal(line, ",\"too_complex\":true");
    }
    hd_ivars_write(line, "ivs", object, addr);
}

/* struct.c: the names are in the class's (or an ancestor's) hidden variable __members__ */
struct members_search {
    uint64_t id, value;
};

static bool members_entry(void *data, uint64_t id, uint64_t value)
{
    struct members_search *search = data;
    if (id >> 4 != search->id >> 4 && id != search->id)
        return true;
    search->value = value;
    return false;
}

static uint64_t members_find(struct hd_line *line, uint64_t klass)
{
    struct members_search search = {.id = line->vm->serial_members << line->vm->layout->k_ID_SCOPE_SHIFT};
    for (int depth = 0; search.id && depth < 1000; depth++) {
        const uint8_t *object = hd_vm_object(line->vm, klass);
        if (!object)
            return 0;
        unsigned type = hd_flags_type(hd_word(object, 0));
        if (type == HD_T_CLASS)
            hd_ivars_each(line->vm, object, klass, members_entry, &search);
        if (search.value)
            return search.value;
        klass = hd_word(object, line->vm->layout->class_super);
    }
    return 0;
}

static void struct_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t count;
    const uint8_t *values = hd_struct_members(line->vm, object, addr, &count);
    uint64_t members = members_find(line, hd_word(object, 8)), names = 0;
    const uint8_t *list = members ? hd_vm_object_of(line->vm, members, HD_T_ARRAY) : NULL;
    const uint8_t *name = list ? hd_array_elements(line->vm, list, members, &names) : NULL;
    struct hd_series series;
    hd_series_open(line, &series, "members", '{');
    for (uint64_t i = 0; i < count; i++) {
        hd_series_next(line, &series);
        uint64_t symbol = i < names ? hd_word(name, 8 * (int64_t)i) : 0;
        const uint8_t *dynamic = symbol & 7 ? NULL : hd_vm_object_of(line->vm, symbol, HD_T_SYMBOL);
        struct hd_text text = {0};
        if (dynamic && !line->options->redact) /* as a Symbol made at run time it may be any content */
            text = hd_text_name(hd_line_text_at(line, hd_word(dynamic, l->symbol_fstr)));
        else if ((symbol & 0xff) == (uint64_t)l->k_RUBY_SYMBOL_FLAG)
            text = hd_symbol_name(line->vm, symbol >> l->k_RUBY_SPECIAL_SHIFT);
        if (text.data) {
            hd_line_name(line, text);
        } else {
            hd_line_literal(line, "\"#<member ");
            hd_line_count(line, i);
            hd_line_literal(line, ">\":");
        }
        hd_line_value(line, hd_word(values, 8 * (int64_t)i));
    }
    hd_series_close(line, &series);
}

static void match_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    hd_line_key_ref(line, "str", hd_word(object, line->vm->layout->match_str));
    hd_line_key_ref(line, "regexp", hd_word(object, line->vm->layout->match_regexp));
}

static void file_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t io = hd_word(object, l->file_fptr);
    if (!io)
        return;
    hd_line_key(line, "fd");
    hd_text_int(line->out, (int32_t)hd_memory_u32(line->vm->memory, io + (uint64_t)l->io_fd));
    hd_line_key(line, "mode");
    hd_line_count(line, hd_memory_u32(line->vm->memory, io + (uint64_t)l->io_mode));
    uint64_t path = hd_memory_u64(line->vm->memory, io + (uint64_t)l->io_pathv);
    struct hd_text text = hd_line_text_at(line, path);
    if (text.data && !line->options->redact) {
        hd_line_key(line, "path");
        hd_line_string(line, hd_text_name(text));
    } else if (text.data) {
        hd_contents_hide(line->out, line->options, text.data, text.length);
    }
    hd_line_track(line);
    hd_line_seen(line, hd_word(object, 8)); /* already written as "class" */
    hd_line_key_ref(line, "path_string", path);
    hd_line_key_ref(line, "tied_io_for_writing", hd_memory_u64(line->vm->memory, io + (uint64_t)l->io_tied));
    hd_line_key_ref(line, "write_lock", hd_memory_u64(line->vm->memory, io + (uint64_t)l->io_write_lock));
    hd_line_unnamed_refs(line, addr);
}

/* --- the table and the common fields --- */

static void (*const writers[HD_T_MASK + 1])(struct hd_line *, const uint8_t *, uint64_t) = {
    [HD_T_OBJECT] = object_object_write, [HD_T_CLASS] = hd_class_write, [HD_T_MODULE] = hd_class_write,
    [HD_T_ICLASS] = hd_class_write, [HD_T_FLOAT] = hd_float_write, [HD_T_STRING] = hd_string_write,
    [HD_T_REGEXP] = hd_regexp_write, [HD_T_ARRAY] = array_write, [HD_T_HASH] = hash_object_write,
    [HD_T_STRUCT] = struct_write, [HD_T_BIGNUM] = hd_bignum_write, [HD_T_FILE] = file_write, [HD_T_DATA] = hd_data_write,
    [HD_T_MATCH] = match_write, [HD_T_COMPLEX] = hd_complex_write, [HD_T_RATIONAL] = hd_rational_write,
    [HD_T_SYMBOL] = hd_symbol_write, [HD_T_IMEMO] = hd_imemo_write,
};

/* An iseq's line has a `line` of its own, that of the code: where it was allocated stands under "allocation_line". */
static void allocation_write(struct hd_line *line, uint64_t addr)
{
    const char *file = NULL, *method = NULL;
    uint64_t number = 0, generation = 0;
    const struct hd_live *live = line->vm->live;
    if (!live || !live->allocation || !live->allocation(addr, &file, &number, &method, &generation))
        return;
    if (file) {
        hd_line_key(line, "file");
        hd_line_string(line, (struct hd_text){file, strlen(file)});
    }
    if (hd_vm_imemo_type(line->vm, addr) == line->vm->layout->k_imemo_iseq)
        hd_line_key(line, "allocation_line");
    else
        hd_line_key(line, "line");
    hd_line_count(line, number);
    if (method) {
        hd_line_key(line, "method");
        hd_line_string(line, (struct hd_text){method, strlen(method)});
    }
    hd_line_key(line, "generation");
    hd_line_count(line, generation);
}

/* gc.c up to 3.2: an object's age is in two flag bits; 3 is old */
static void age_write(struct hd_line *line, uint64_t flags)
{
    const struct hd_layout *l = line->vm->layout;
    if (!hd_layout_has(l->k_FL_PROMOTED0) || !hd_layout_has(l->k_FL_PROMOTED1))
        return;
    unsigned age = (unsigned)hd_flag(flags, l->k_FL_PROMOTED0) + 2u * (unsigned)hd_flag(flags, l->k_FL_PROMOTED1);
    if (age == 3)
        return;
    hd_line_key(line, "age");
    hd_line_count(line, age);
}

static uint64_t size_of(struct hd_line *line, const struct hd_page *page, const uint8_t *object, uint64_t addr)
{
    if (hd_flags_type(hd_word(object, 0)) == HD_T_ZOMBIE)
        return page->slot_size;
    const struct hd_live *live = line->vm->live;
    return live && live->memsize ? live->memsize(addr) : hd_memsize(line->vm, page, object, addr);
}

void hd_object_write(struct hd_line *line, const struct hd_page *page, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0), id, fields;
    unsigned type = hd_flags_type(flags);
    hd_line_begin(line, addr);
    hd_line_literal(line, ",\"bt\":\"");
    hd_buffer_append(line->out, hd_object_type_name(type), strlen(hd_object_type_name(type)));
    hd_line_literal(line, "\"");
    if (type != HD_T_IMEMO && type != HD_T_ZOMBIE && type != HD_T_NODE) /* an imemo's second word is its own */
        hd_line_key_ref(line, "class", hd_word(object, 8));
    hd_line_key(line, "size");
    hd_line_count(line, size_of(line, page, object, addr));
    hd_line_key(line, "slot_size");
    hd_line_count(line, page->slot_size);
    if (hd_flag(flags, l->k_FL_FREEZE) && type != HD_T_IMEMO)
        hd_line_literal(line, ",\"frozen\":true");
    age_write(line, flags);
    if (page->traced && !hd_page_bit(page->traced, page, addr))
        hd_line_literal(line, ",\"garbage\":true");
    if (hd_object_id(line->vm, object, addr, &id)) {
        hd_line_key(line, "object_id");
        hd_line_plain_value(line, id);
    }
    allocation_write(line, addr);
    if (writers[type])
        writers[type](line, object, addr);
    if (hd_has_generic_ivars(line->vm, object)) {
        hd_ivars_write(line, "generic_ivs", object, addr);
        if (type != HD_T_DATA && (fields = hd_fields_object(line->vm, object, addr)))
            hd_line_key_ref(line, "fields", fields); /* a T_DATA has named it among its other references */
    }
    hd_line_end(line);
    line->objects++;
}
