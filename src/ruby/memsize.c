/*
 * Sizes as rb_obj_memsize_of (gc.c) counts them, read off the memory.
 *
 * Buffers of strings, arrays, hashes, objects, structs and classes are counted as Ruby does. What only C code knows (T_DATA,
 * regular expressions, the parts of an iseq) is the sum of the malloc chunks that hold it, which is what it really takes;
 * where malloc's chunks cannot be read (see struct hd_vm, chunks), those count nothing.
 */
#include "ruby/memsize.h"

#include "ruby/references.h"
#include "ruby/typed_data.h"

enum { WORD = 8 };

static uint64_t word_at(struct hd_vm *vm, uint64_t base, int64_t offset)
{
    return base && hd_layout_has(offset) ? hd_memory_u64(vm->memory, base + (uint64_t)offset) : 0;
}

static uint64_t chunk_at(struct hd_vm *vm, uint64_t base, int64_t offset)
{
    return hd_chunk_size(vm, word_at(vm, base, offset));
}

/* st.c, st_memsize; features[] tells the size of a bin by the table's power */
static uint64_t st_size(struct hd_vm *vm, uint64_t table)
{
    const struct hd_layout *l = vm->layout;
    const uint8_t *st = table ? hd_memory_at(vm->memory, table, (uint64_t)l->st_size) : NULL;
    if (!st || st[l->st_entry_power] > 40)
        return 0;
    uint64_t entries = 1ull << st[l->st_entry_power], power = st[l->st_bin_power];
    uint64_t bin = entries <= 1ull << 7 ? 1 : entries <= 1ull << 15 ? 2 : entries <= 1ull << 31 ? 4 : 8;
    uint64_t bins = hd_word(st, l->st_bins) && power <= 42 ? bin << power : 0;
    return (uint64_t)l->st_size + bins + entries * (uint64_t)l->st_entry_size;
}

/* id_table.c, rb_id_table_memsize */
static uint64_t id_table_size(struct hd_vm *vm, uint64_t table)
{
    const struct hd_layout *l = vm->layout;
    enum { HEAD = 24 }; /* sizeof(struct rb_id_table): capa, num, used, items */
    return table ? HEAD + (uint64_t)hd_memory_u32(vm->memory, table + (uint64_t)l->id_table_capa) * (uint64_t)l->id_item_size : 0;
}

struct sum {
    struct hd_vm *vm;
    uint64_t bytes;
};

static uint64_t hash_size(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    bool in_slot = !hd_layout_has(l->hash_st);
    if (hd_flag(hd_word(object, 0), l->k_RHASH_ST_TABLE_FLAG)) {
        uint64_t bytes = st_size(vm, hd_hash_table(vm, object, addr));
        return in_slot && bytes ? bytes - (uint64_t)l->st_size : bytes;
    }
    return !in_slot && hd_word(object, l->hash_ar) ? (uint64_t)l->ar_table_size : 0;
}

/* Of a T_OBJECT, and since 4.0 of the fields of other objects, which are laid out the same. */
static uint64_t object_size(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    int64_t shape = hd_shape_of(vm, object);
    uint64_t flags = hd_word(object, 0);
    if (hd_flag(flags, l->k_ROBJECT_EMBED) || (hd_layout_has(l->k_ROBJECT_HEAP) && !hd_flag(flags, l->k_ROBJECT_HEAP)))
        return 0;
    if (shape >= 0 && hd_shape_too_complex(vm, shape)) {
        uint64_t table = hd_word(object, l->object_ivptr);
        return hd_too_complex_id_table(vm) ? id_table_size(vm, table) : st_size(vm, table);
    }
    return (uint64_t)WORD * (shape < 0 ? hd_half(object, l->object_numiv) : hd_shape_capacity(vm, shape));
}

static bool caches_add(void *data, uint64_t serial, uint64_t caches)
{
    struct sum *sum = data;
    const struct hd_layout *l = sum->vm->layout;
    enum { HEAD = 24 }; /* struct rb_class_cc_entries: capa, len, cme, entries */
    (void)serial;
    sum->bytes += HEAD + (uint64_t)hd_memory_u32(sum->vm->memory, caches + (uint64_t)l->ccs_capa) * (uint64_t)l->ccs_entry_size;
    return true;
}

/* gc.c, cc_table_memsize */
static uint64_t caches_size(struct hd_vm *vm, uint64_t table)
{
    struct sum sum = {vm, id_table_size(vm, table)};
    hd_id_table_each(vm, table, caches_add, &sum);
    return sum.bytes;
}

/* gc.c, classext_memsize, since 4.0. Ruby counts the list of superclasses twice; so do we, to agree with it. */
static bool ext_add(void *data, uint64_t box, uint64_t ext)
{
    struct sum *sum = data;
    const struct hd_layout *l = sum->vm->layout;
    sum->bytes += id_table_size(sum->vm, word_at(sum->vm, ext, l->classext_m_tbl)) + id_table_size(sum->vm, word_at(sum->vm, ext, l->classext_const))
                  + 2 * hd_class_superclasses_size(sum->vm, ext) + (box ? (uint64_t)l->classext_size : 0);
    if (!hd_layout_has(l->k_imemo_cvar_entry)) /* an object of its own since 4.0.4 */
        sum->bytes += id_table_size(sum->vm, word_at(sum->vm, ext, l->classext_cvc));
    return true;
}

static uint64_t class_size(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0), ext = hd_class_ext(vm, object, addr);
    if (!ext)
        return 0;
    uint64_t methods = id_table_size(vm, hd_class_methods(vm, object, ext));
    if (hd_flags_type(flags) == HD_T_ICLASS) /* the rest is the module's */
        return methods;
    if (hd_layout_has(l->classext_box)) {
        struct sum sum = {vm, 0};
        hd_class_exts_each(vm, object, addr, ext_add, &sum);
        return sum.bytes;
    }
    uint64_t bytes = methods + id_table_size(vm, word_at(vm, ext, l->classext_cvc))
                     + id_table_size(vm, word_at(vm, ext, l->classext_const)) + st_size(vm, word_at(vm, ext, l->classext_iv_tbl))
                     + st_size(vm, word_at(vm, ext, l->classext_iv_index)) + chunk_at(vm, ext, l->classext_iv_ptr)
                     + caches_size(vm, word_at(vm, ext, l->classext_cc));
    return bytes + hd_class_superclasses_size(vm, ext) + (hd_layout_has(l->class_ext) ? (uint64_t)l->classext_size : 0);
}

static uint64_t iseq_size(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    const int64_t parts[] = {l->iseq_body_encoded, l->iseq_body_insn_info, l->iseq_body_succ_index, l->iseq_body_local_table,
                             l->iseq_body_catch, l->iseq_body_call_data, l->iseq_body_is_entries, l->iseq_body_param_keyword};
    uint64_t body = hd_word(object, l->iseq_body), bytes = hd_chunk_size(vm, body);
    for (size_t i = 0; body && i < sizeof parts / sizeof *parts; i++)
        bytes += chunk_at(vm, body, parts[i]);
    return bytes;
}

static uint64_t imemo_size(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    int64_t type = (int64_t)(hd_word(object, 0) >> l->k_FL_USHIFT & (uint64_t)l->k_IMEMO_MASK);
    if (type == l->k_imemo_iseq)
        return iseq_size(vm, object);
    if (type == l->k_imemo_env)
        return (uint64_t)WORD * hd_half(object, l->env_size);
    if (type == l->k_imemo_ment)
        return WORD; /* so Ruby says; several method entries may share a definition */
    if (type == l->k_imemo_fields)
        return object_size(vm, object);
    if (type == l->k_imemo_tmpbuf)
        return (uint64_t)WORD * hd_word(object, l->tmpbuf_cnt);
    return 0;
}

/* Tables that lie in the slot (4.0) and own what they point to. */
static uint64_t embedded_size(struct hd_vm *vm, const struct hd_typed_data *data)
{
    const struct hd_layout *l = vm->layout;
    struct sum sum = {vm, 0};
    if (!hd_layout_has(l->set_object_table))
        return 0;
    if (hd_typed_data_named(vm, data, "set"))
        return chunk_at(vm, data->addr + (uint64_t)l->set_object_table, l->set_entries);
    bool caches = hd_typed_data_named(vm, data, "VM/cc_table");
    if (!caches && !hd_typed_data_named(vm, data, "VM/managed_id_table") && !hd_typed_data_named(vm, data, "VM/marked_id_table"))
        return 0;
    if (caches)
        hd_id_table_each(vm, data->addr, caches_add, &sum);
    return sum.bytes + chunk_at(vm, data->addr, l->id_table_items);
}

static uint64_t data_size(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    struct hd_typed_data data = hd_typed_data_of(vm, object, addr);
    return data.embedded ? embedded_size(vm, &data) : hd_chunk_size(vm, data.addr);
}

static uint64_t string_size(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0);
    (void)vm;
    if (!hd_flag(flags, l->k_RSTRING_NOEMBED) || hd_flag(flags, l->k_STR_SHARED) || hd_flag(flags, l->k_STR_NOFREE))
        return 0;
    return hd_word(object, l->string_capa) + 1; /* and the terminator: one byte in all but the widest encodings */
}

static uint64_t array_size(const struct hd_layout *l, const uint8_t *object)
{
    uint64_t flags = hd_word(object, 0);
    bool owns = !hd_flag(flags, l->k_RARRAY_EMBED_FLAG) && !hd_flag(flags, l->k_ELTS_SHARED);
    if (!owns)
        return 0;
    bool root = hd_flag(flags, l->k_RARRAY_SHARED_ROOT_FLAG); /* its capacity is its length */
    return WORD * hd_word(object, root ? l->array_len : l->array_capa);
}

/* The buffers outside the slot. */
static uint64_t outside_size(struct hd_vm *vm, const uint8_t *object, uint64_t addr, unsigned type)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0);
    switch (type) {
    case HD_T_OBJECT: return object_size(vm, object);
    case HD_T_CLASS: case HD_T_MODULE: case HD_T_ICLASS: return class_size(vm, object, addr);
    case HD_T_STRING: return string_size(vm, object);
    case HD_T_ARRAY: return array_size(l, object);
    case HD_T_HASH: return hash_size(vm, object, addr);
    case HD_T_DATA: return data_size(vm, object, addr);
    case HD_T_IMEMO: return imemo_size(vm, object);
    case HD_T_FILE: return hd_chunk_size(vm, hd_word(object, l->file_fptr));
    case HD_T_REGEXP: return hd_chunk_size(vm, hd_word(object, l->regexp_ptr));
    case HD_T_MATCH: return hd_layout_has(l->match_rmatch) ? hd_chunk_size(vm, hd_word(object, l->match_rmatch)) : 0;
    case HD_T_BIGNUM: return hd_flag(flags, l->k_BIGNUM_EMBED_FLAG) ? 0 : WORD * hd_word(object, l->bignum_len);
    case HD_T_STRUCT:
        return flags & (uint64_t)l->k_RSTRUCT_EMBED_LEN_MASK ? 0 : WORD * hd_word(object, l->struct_len);
    default: return 0;
    }
}

uint64_t hd_memsize(struct hd_vm *vm, const struct hd_page *page, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    unsigned type = hd_flags_type(hd_word(object, 0));
    uint64_t bytes = page->slot_size + outside_size(vm, object, addr, type), table;
    bool own = hd_layout_has(l->classext_fields_obj); /* since 4.0 they are an object of their own */
    if (!own && hd_has_generic_ivars(vm, object) && hd_map_get(&vm->generic_ivars, addr, &table))
        bytes += vm->shape_list ? hd_chunk_size(vm, table)
                                : (uint64_t)l->gen_ivtbl_ivptr + WORD * hd_memory_u32(vm->memory, table + (uint64_t)l->gen_ivtbl_numiv);
    return bytes;
}
