/* What data refers to: objects, classes, tables. See references.h. Code is in references_code.c, T_DATA in references_data.c. */
#include "ruby/references.h"

enum { CACHES_MAX = 1 << 20 };

uint64_t hd_chunk_size(struct hd_vm *vm, uint64_t addr)
{
    enum { HEADER = 8, LEAST = 24 };
    static const uint64_t most = 1ull << 40, flags = 7;
    uint64_t unreadable = vm->memory->unreadable, head;
    bool good = vm->chunks && addr && !(addr & 15) && hd_memory_load_u64(vm->memory, addr - HEADER, &head);
    vm->memory->unreadable = unreadable; /* a guess */
    if (!good)
        return 0;
    const struct hd_range *range = &vm->memory->ranges[vm->memory->last];
    uint64_t size = head & ~flags, there = addr >= range->start && addr < range->end ? range->end - addr : 0;
    return size < LEAST + HEADER || size > most || (size & 15) || size - HEADER > there ? 0 : size - HEADER;
}

void hd_references_scan(struct hd_vm *vm, uint64_t from, uint64_t to, hd_reference_each *each, void *data)
{
    enum { STEP = 1 << 12 };
    uint64_t unreadable = vm->memory->unreadable;
    from = (from + 7) & ~7ull;
    while (from + 8 <= to && !hd_memory_exhausted(vm->memory)) {
        uint64_t end = (from / STEP + 1) * STEP < to ? (from / STEP + 1) * STEP : to;
        const uint8_t *words = hd_memory_at(vm->memory, from, end - from);
        for (uint64_t at = 0; words && at + 8 <= end - from; at += 8) {
            uint64_t value = hd_word(words, (int64_t)at);
            if (hd_vm_object(vm, value))
                each(data, value, true);
        }
        from = end;
    }
    vm->memory->unreadable = unreadable;
}

static bool entry_both(void *data, uint64_t key, uint64_t value)
{
    hd_reference(data, key);
    hd_reference(data, value);
    return true;
}

static bool entry_value(void *data, uint64_t key, uint64_t value)
{
    (void)key;
    hd_reference(data, value);
    return true;
}

/* --- classes --- */

static bool constant_entry(void *data, uint64_t serial, uint64_t entry)
{
    struct hd_references *r = data;
    (void)serial;
    hd_reference_at(r, entry, r->vm->layout->const_entry_value);
    hd_reference_at(r, entry, r->vm->layout->const_entry_file);
    return true;
}

/* gc.c, cc_table_mark; vm_method.c, mark_cc_entry_i: the method of a name's call caches, and each of the caches */
bool hd_references_of_call_caches(void *data, uint64_t serial, uint64_t caches)
{
    struct hd_references *r = data;
    const struct hd_layout *l = r->vm->layout;
    bool inside = hd_layout_has(l->classext_fields_obj); /* since 4.0 the entries lie in the list itself, and none has a call info */
    (void)serial;
    uint32_t count = hd_memory_u32(r->vm->memory, caches + (uint64_t)l->ccs_len);
    uint64_t entries = inside ? caches + (uint64_t)l->ccs_entries : hd_memory_u64(r->vm->memory, caches + (uint64_t)l->ccs_entries);
    hd_reference_at(r, caches, l->ccs_cme);
    for (uint32_t i = 0; entries && i < count && count < CACHES_MAX; i++) {
        hd_reference_at(r, entries + i * (uint64_t)l->ccs_entry_size, l->ccs_entry_ci);
        hd_reference_at(r, entries + i * (uint64_t)l->ccs_entry_size, l->ccs_entry_cc);
    }
    return true;
}

static bool class_variable_entry(void *data, uint64_t serial, uint64_t entry)
{
    struct hd_references *r = data;
    (void)serial;
    if (hd_layout_has(r->vm->layout->cvc_entry_cref))
        hd_reference_at(r, entry, r->vm->layout->cvc_entry_cref);
    return true;
}

static void class_table(struct hd_references *r, uint64_t ext, int64_t offset, hd_table_each *each)
{
    if (hd_layout_has(offset))
        hd_id_table_each(r->vm, hd_memory_u64(r->vm->memory, ext + (uint64_t)offset), each, r);
}

struct class_part {
    struct hd_references *r;
    const uint8_t *object;
    bool iclass;
};

/* Since 4.0 (gc.c, gc_mark_classext_module and _iclass): variables and tables of caches are objects. */
static bool class_ext_references(void *data, uint64_t box, uint64_t ext)
{
    const struct class_part *part = data;
    struct hd_references *r = part->r;
    const struct hd_layout *l = r->vm->layout;
    (void)box;
    hd_reference_at(r, ext, l->classext_super);
    hd_id_table_each(r->vm, hd_class_methods(r->vm, part->object, ext), entry_value, r);
    class_table(r, ext, l->classext_callable, entry_value);
    hd_reference_at(r, ext, l->classext_cc);
    if (part->iclass) {
        hd_reference_at(r, ext, l->classext_includer);
        return true;
    }
    hd_reference_at(r, ext, l->classext_fields_obj);
    if (hd_layout_has(l->k_imemo_cvar_entry)) /* an object since 4.0.4 */
        hd_reference_at(r, ext, l->classext_cvc);
    else
        class_table(r, ext, l->classext_cvc, class_variable_entry);
    hd_reference_at(r, ext, l->classext_classpath);
    hd_id_table_each(r->vm, hd_class_constants(r->vm, ext), constant_entry, r);
    return true;
}

static void class_with_boxes_references(struct hd_references *r, const uint8_t *object, uint64_t addr, uint64_t ext)
{
    struct class_part part = {r, object, hd_flags_type(hd_word(object, 0)) == HD_T_ICLASS};
    hd_class_exts_each(r->vm, object, addr, class_ext_references, &part);
    hd_reference(r, hd_class_attached(r->vm, object, addr));
    hd_reference(r, hd_box_object(r->vm, hd_memory_u64(r->vm->memory, ext + (uint64_t)r->vm->layout->classext_box)));
}

static void class_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t flags = hd_word(object, 0), ext = hd_class_ext(r->vm, object, addr), path_id;
    bool iclass = hd_flags_type(flags) == HD_T_ICLASS;
    struct hd_text path;
    if (ext && hd_layout_has(l->classext_box)) {
        class_with_boxes_references(r, object, addr, ext);
        return;
    }
    hd_reference(r, hd_word(object, l->class_super));
    if (!ext)
        return;
    hd_id_table_each(r->vm, hd_class_methods(r->vm, object, ext), entry_value, r);
    class_table(r, ext, l->classext_cc, hd_references_of_call_caches);
    if (iclass) {
        class_table(r, ext, l->classext_callable, entry_value);
        hd_reference_at(r, ext, l->classext_includer);
        return;
    }
    hd_ivars_each(r->vm, object, addr, entry_value, r);
    class_table(r, ext, l->classext_const, constant_entry);
    class_table(r, ext, l->classext_cvc, class_variable_entry);
    if (hd_class_path(r->vm, object, addr, &path, &path_id))
        hd_reference(r, path_id);
    hd_reference(r, hd_class_attached(r->vm, object, addr));
    uint64_t origin = hd_memory_u64(r->vm->memory, ext + (uint64_t)l->classext_origin);
    if (origin != addr)
        hd_reference(r, origin);
}

/* --- the other types --- */

static void array_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t flags = hd_word(object, 0), count;
    if (!hd_flag(flags, l->k_RARRAY_EMBED_FLAG) && hd_flag(flags, l->k_ELTS_SHARED)) {
        hd_reference(r, hd_word(object, l->array_shared)); /* which has the elements */
        return;
    }
    const uint8_t *elements = hd_array_elements(r->vm, object, addr, &count);
    for (uint64_t i = 0; elements && i < count; i++)
        hd_reference(r, hd_word(elements, 8 * (int64_t)i));
}

static void hash_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t table = hd_hash_table(r->vm, object, addr), count;
    hd_reference(r, hd_word(object, l->hash_ifnone));
    if (table)
        hd_st_each(r->vm, table, entry_both, r);
    const uint8_t *pairs = hd_hash_pairs(r->vm, object, addr, &count);
    for (uint64_t i = 0; i < count; i++)
        if (hd_word(pairs, 16 * (int64_t)i) != (uint64_t)l->k_Qundef) /* a deleted entry */
            entry_both(r, hd_word(pairs, 16 * (int64_t)i), hd_word(pairs, 16 * (int64_t)i + 8));
}

static void struct_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    uint64_t count;
    const uint8_t *values = hd_struct_members(r->vm, object, addr, &count);
    for (uint64_t i = 0; i < count; i++)
        hd_reference(r, hd_word(values, 8 * (int64_t)i));
}

static void file_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    const int64_t members[] = {l->io_self, l->io_pathv, l->io_tied, l->io_writeconv_asciicompat, l->io_writeconv_pre_ecopts,
                               l->io_ecopts, l->io_write_lock, l->io_timeout, l->io_wakeup_mutex};
    uint64_t io = hd_word(object, l->file_fptr);
    (void)addr;
    for (size_t i = 0; io && i < sizeof members / sizeof *members; i++)
        hd_reference_at(r, io, members[i]);
}

/* Members of the slot itself. */
static void members(struct hd_references *r, const uint8_t *object, int64_t first, int64_t second)
{
    if (hd_layout_has(first))
        hd_reference(r, hd_word(object, first));
    if (hd_layout_has(second))
        hd_reference(r, hd_word(object, second));
}

static void type_references(struct hd_references *r, const uint8_t *object, uint64_t addr, unsigned type)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t flags = hd_word(object, 0);
    switch (type) {
    case HD_T_CLASS: case HD_T_MODULE: case HD_T_ICLASS: class_references(r, object, addr); break;
    case HD_T_ARRAY: array_references(r, object, addr); break;
    case HD_T_HASH: hash_references(r, object, addr); break;
    case HD_T_STRUCT: struct_references(r, object, addr); break;
    case HD_T_OBJECT: hd_ivars_each(r->vm, object, addr, entry_value, r); break;
    case HD_T_FILE: file_references(r, object, addr); break;
    case HD_T_DATA: hd_references_of_data(r, object, addr); break;
    case HD_T_REGEXP: members(r, object, l->regexp_src, HD_ABSENT); break;
    case HD_T_MATCH: members(r, object, l->match_str, l->match_regexp); break;
    case HD_T_RATIONAL: members(r, object, l->rational_num, l->rational_den); break;
    case HD_T_COMPLEX: members(r, object, l->complex_real, l->complex_imag); break;
    case HD_T_SYMBOL: members(r, object, l->symbol_fstr, HD_ABSENT); break;
    case HD_T_STRING:
        if (hd_flag(flags, l->k_RSTRING_NOEMBED) && hd_flag(flags, l->k_STR_SHARED))
            members(r, object, l->string_shared, HD_ABSENT);
        break;
    default: break;
    }
}

void hd_references_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_reference_each *each, void *data)
{
    struct hd_references r = {vm, each, data};
    unsigned type = hd_flags_type(hd_word(object, 0));
    if (type == HD_T_IMEMO) { /* has no class: its second word is its own */
        hd_references_of_imemo(&r, object, addr);
        return;
    }
    if (type == HD_T_ZOMBIE || type == HD_T_NODE)
        return;
    hd_reference(&r, hd_word(object, 8));
    type_references(&r, object, addr, type);
    if (!hd_has_generic_ivars(vm, object))
        return;
    if (hd_layout_has(vm->layout->classext_fields_obj)) /* since 4.0 held by an object of their own */
        hd_reference(&r, hd_fields_object(vm, object, addr));
    else
        hd_ivars_each(vm, object, addr, entry_value, &r);
}
