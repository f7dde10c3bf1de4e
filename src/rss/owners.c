/*
 * Objects' buffers, by type. See owners.h.
 *
 * A string's or array's buffer is one allocation that the slot points to. An st_table is three (the struct, its bins, its entries). Classes,
 * methods and iseqs are trees of many small allocations whose members differ from release to release: there each word that is exactly the
 * address of an allocation counts as owning it, to a depth that reaches the leaves, and gives way to owners that are known.
 */
#include "rss/owners.h"

#include "rss/rows.h"
#include "ruby/references.h"
#include "ruby/typed_data.h"

enum {
    CLASS_DEPTH = 4, /* class extension -> table -> its items -> an entry -> what that has */
    ISEQ_DEPTH = 3,  /* body -> keywords, catch table, caches -> what these have */
    METHOD_DEPTH = 2,
    WORDS_BYTES_MAX = 1 << 16, ROUNDS_MAX = 8, WORD = 8
};

bool hd_owners_table(const struct hd_layout *l, const uint8_t *head, uint64_t *bins, uint64_t *entries)
{
    uint64_t entry_power = head[l->st_entry_power], bin_power = head[l->st_bin_power];
    if (entry_power > 40 || bin_power > 42)
        return false;
    /* st.c, features[]: the size of a bin by the number of entries */
    uint64_t count = 1ull << entry_power, bin = count <= 1ull << 7 ? 1 : count <= 1ull << 15 ? 2 : count <= 1ull << 31 ? 4 : 8;
    *bins = hd_word(head, l->st_bins) ? bin << bin_power : 0;
    *entries = count * (uint64_t)l->st_entry_size;
    return true;
}

struct owner {
    struct hd_vm *vm;
    struct hd_marks *marks;
};

static void mark(const struct owner *owner, uint64_t addr, uint64_t size, enum hd_rss_row row)
{
    hd_marks_add(owner->marks, addr, size, row, HD_MARK_PLAIN, false);
}

static void table_parts_mark(struct hd_marks *marks, const struct hd_layout *l, const uint8_t *head, unsigned row)
{
    uint64_t bins, entries;
    if (!hd_owners_table(l, head, &bins, &entries))
        return;
    hd_marks_add(marks, hd_word(head, l->st_entries), entries, row, HD_MARK_PLAIN, false);
    if (bins)
        hd_marks_add(marks, hd_word(head, l->st_bins), bins, row, HD_MARK_PLAIN, false);
}

static void table_mark(const struct owner *owner, uint64_t addr, enum hd_rss_row row)
{
    hd_marks_add(owner->marks, addr, (uint64_t)owner->vm->layout->st_size, row, HD_MARK_TABLE, false);
}

static void tree_mark(const struct owner *owner, uint64_t addr, unsigned depth, enum hd_rss_row row)
{
    hd_marks_add(owner->marks, addr, 0, row, HD_MARK_WORDS + depth - 1, false);
}

/* --- types --- */

static void string_mark(const struct owner *owner, const uint8_t *object, uint64_t flags)
{
    const struct hd_layout *l = owner->vm->layout;
    if (hd_flag(flags, l->k_RSTRING_NOEMBED) && !hd_flag(flags, l->k_STR_SHARED) && !hd_flag(flags, l->k_STR_NOFREE))
        mark(owner, hd_word(object, l->string_ptr), hd_word(object, l->string_capa) + 1, HD_RSS_STRINGS);
}

static void array_mark(const struct owner *owner, const uint8_t *object, uint64_t flags)
{
    const struct hd_layout *l = owner->vm->layout;
    if (hd_flag(flags, l->k_RARRAY_EMBED_FLAG) || hd_flag(flags, l->k_ELTS_SHARED))
        return;
    bool root = hd_flag(flags, l->k_RARRAY_SHARED_ROOT_FLAG); /* its capacity is its length */
    mark(owner, hd_word(object, l->array_ptr), WORD * hd_word(object, root ? l->array_len : l->array_capa), HD_RSS_ARRAYS);
}

static void hash_mark(const struct owner *owner, const uint8_t *object, uint64_t flags)
{
    const struct hd_layout *l = owner->vm->layout;
    bool table = hd_flag(flags, l->k_RHASH_ST_TABLE_FLAG);
    if (!hd_layout_has(l->hash_st)) { /* 3.3: the table's head lies in the slot */
        if (table)
            table_parts_mark(owner->marks, l, object + l->hash_size, HD_RSS_HASHES);
    } else if (table) {
        table_mark(owner, hd_word(object, l->hash_st), HD_RSS_HASHES);
    } else {
        mark(owner, hd_word(object, l->hash_ar), (uint64_t)l->ar_table_size, HD_RSS_HASHES);
    }
}

static void object_mark(const struct owner *owner, const uint8_t *object, uint64_t flags)
{
    struct hd_vm *vm = owner->vm;
    const struct hd_layout *l = vm->layout;
    int64_t shape = hd_shape_of(vm, object);
    if (hd_flag(flags, l->k_ROBJECT_EMBED) || (hd_layout_has(l->k_ROBJECT_HEAP) && !hd_flag(flags, l->k_ROBJECT_HEAP)))
        return;
    if (shape >= 0 && hd_shape_too_complex(vm, shape) && hd_too_complex_id_table(vm))
        tree_mark(owner, hd_word(object, l->object_ivptr), 1, HD_RSS_INSTANCES);
    else if (shape >= 0 && hd_shape_too_complex(vm, shape))
        table_mark(owner, hd_word(object, l->object_ivptr), HD_RSS_INSTANCES);
    else if (shape < 0)
        mark(owner, hd_word(object, l->object_ivptr), (uint64_t)WORD * hd_half(object, l->object_numiv), HD_RSS_INSTANCES);
    else
        mark(owner, hd_word(object, l->object_ivptr), (uint64_t)WORD * hd_shape_capacity(vm, shape), HD_RSS_INSTANCES);
}

static void class_mark(const struct owner *owner, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = owner->vm->layout;
    uint64_t ext = hd_class_ext(owner->vm, object, addr);
    if (hd_layout_has(l->class_ext)) {
        tree_mark(owner, ext, CLASS_DEPTH, HD_RSS_CLASSES);
        if (hd_layout_has(l->class_m_tbl))
            hd_marks_add(owner->marks, hd_word(object, l->class_m_tbl), 0, HD_RSS_CLASSES, HD_MARK_WORDS + CLASS_DEPTH - 2, true);
        return;
    }
    struct hd_vm *vm = owner->vm; /* 3.3: the extension lies in the slot */
    const struct hd_page *page = hd_vm_page(vm, addr);
    for (uint64_t at = 16; page && at + WORD <= page->slot_size; at += WORD) {
        uint64_t value = hd_word(object, (int64_t)at);
        if (value && !(value & 15) && !hd_vm_page(vm, value))
            hd_marks_add(owner->marks, value, 0, HD_RSS_CLASSES, HD_MARK_WORDS + CLASS_DEPTH - 2, true);
    }
}

/* Tables that lie in the slot (4.0): a Set's entries, a class's caches. */
static void embedded_mark(const struct owner *owner, const struct hd_typed_data *data)
{
    const struct hd_layout *l = owner->vm->layout;
    struct hd_vm *vm = owner->vm;
    if (!hd_layout_has(l->set_object_table))
        return;
    if (hd_typed_data_named(vm, data, "set"))
        mark(owner, hd_memory_u64(vm->memory, data->addr + (uint64_t)l->set_object_table + (uint64_t)l->set_entries), 0, HD_RSS_DATA);
    else if (hd_typed_data_named(vm, data, "VM/cc_table") || hd_typed_data_named(vm, data, "VM/managed_id_table")
             || hd_typed_data_named(vm, data, "VM/marked_id_table"))
        tree_mark(owner, hd_memory_u64(vm->memory, data->addr + (uint64_t)l->id_table_items), 2, HD_RSS_CLASSES);
}

static void data_mark(const struct owner *owner, const uint8_t *object, uint64_t addr)
{
    struct hd_typed_data data = hd_typed_data_of(owner->vm, object, addr);
    if (data.embedded)
        embedded_mark(owner, &data);
    else
        mark(owner, data.addr, 0, HD_RSS_DATA);
}

static void imemo_mark(const struct owner *owner, const uint8_t *object, uint64_t flags)
{
    const struct hd_layout *l = owner->vm->layout;
    int64_t type = (int64_t)(flags >> l->k_FL_USHIFT & (uint64_t)l->k_IMEMO_MASK);
    if (type == l->k_imemo_iseq)
        tree_mark(owner, hd_word(object, l->iseq_body), ISEQ_DEPTH, HD_RSS_ISEQS);
    else if (type == l->k_imemo_ment)
        tree_mark(owner, hd_word(object, l->ment_def), METHOD_DEPTH, HD_RSS_ISEQS);
    else if (type == l->k_imemo_fields)
        object_mark(owner, object, flags);
    else if (type == l->k_imemo_env)
        mark(owner, hd_word(object, l->env_env), (uint64_t)WORD * hd_half(object, l->env_size), HD_RSS_OTHERS);
    else if (type == l->k_imemo_tmpbuf)
        mark(owner, hd_word(object, l->tmpbuf_ptr), (uint64_t)WORD * hd_word(object, l->tmpbuf_cnt), HD_RSS_OTHERS);
}

static void slot_mark(const struct owner *owner, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = owner->vm->layout;
    uint64_t flags = hd_word(object, 0);
    switch (hd_flags_type(flags)) {
    case HD_T_STRING: string_mark(owner, object, flags); break;
    case HD_T_ARRAY: array_mark(owner, object, flags); break;
    case HD_T_HASH: hash_mark(owner, object, flags); break;
    case HD_T_OBJECT: object_mark(owner, object, flags); break;
    case HD_T_STRUCT:
        if (!(flags & (uint64_t)l->k_RSTRUCT_EMBED_LEN_MASK))
            mark(owner, hd_word(object, l->struct_ptr), WORD * hd_word(object, l->struct_len), HD_RSS_INSTANCES);
        break;
    case HD_T_CLASS: case HD_T_MODULE: case HD_T_ICLASS: class_mark(owner, object, addr); break;
    case HD_T_DATA: data_mark(owner, object, addr); break;
    case HD_T_IMEMO: imemo_mark(owner, object, flags); break;
    case HD_T_FILE: mark(owner, hd_word(object, l->file_fptr), 0, HD_RSS_OTHERS); break;
    case HD_T_REGEXP: tree_mark(owner, hd_word(object, l->regexp_ptr), 2, HD_RSS_OTHERS); break;
    case HD_T_MATCH:
        if (hd_layout_has(l->match_rmatch))
            tree_mark(owner, hd_word(object, l->match_rmatch), 2, HD_RSS_OTHERS);
        break;
    case HD_T_BIGNUM:
        if (!hd_flag(flags, l->k_BIGNUM_EMBED_FLAG))
            mark(owner, hd_word(object, l->bignum_digits), WORD * hd_word(object, l->bignum_len), HD_RSS_OTHERS);
        break;
    default: break;
    }
}

bool hd_owners_mark(struct hd_vm *vm, struct hd_marks *marks, struct hd_error *err)
{
    const struct owner owner = {vm, marks};
    for (size_t i = 0; i < vm->page_count; i++) {
        const struct hd_page *page = &vm->pages[i];
        hd_marks_add(marks, page->header, (uint64_t)vm->layout->page_size, HD_RSS_COLLECTOR, HD_MARK_PLAIN, false);
        for (uint32_t k = 0; k < page->slot_count; k++) {
            const uint8_t *object = page->slots + (uint64_t)k * page->slot_size;
            if (hd_type_is_object(*object & HD_T_MASK))
                slot_mark(&owner, object, page->start + (uint64_t)k * page->slot_size);
        }
    }
    for (size_t i = 0; i < vm->spare_count; i++) { /* the body begins with a pointer to its struct heap_page */
        uint64_t header = hd_memory_u64(vm->memory, vm->spare_pages[i] + (uint64_t)vm->layout->page_body_header_page);
        hd_marks_add(marks, header, (uint64_t)vm->layout->page_size, HD_RSS_COLLECTOR, HD_MARK_PLAIN, false);
    }
    for (uint64_t i = 0; vm->generic_ivars.mask && i <= vm->generic_ivars.mask; i++)
        if (vm->generic_ivars.keys[i])
            mark(&owner, vm->generic_ivars.values[i], 0, HD_RSS_INSTANCES);
    return !marks->buffer.failed || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of what objects own outside their slots");
}

/* --- following --- */

struct following {
    struct hd_vm *vm;
    const struct hd_glibc *glibc;
    struct hd_window *window;
    struct hd_marks *marks;
    uint64_t budget; /* bytes still to be looked at: no more than there are, however chunks claim to overlap */
};

/* What stands in an allocation of `size` bytes and may be the address of another one. */
static void words_follow(struct following *f, const struct hd_mark *from, uint64_t size)
{
    uint64_t words[WORDS_BYTES_MAX / WORD], bytes = size < sizeof words ? size : sizeof words;
    bytes = bytes > WORD ? bytes - WORD : 0; /* the chunk's head is counted in its size */
    const uint8_t *there = bytes <= f->budget ? hd_window_at(f->window, from->addr, bytes) : NULL;
    if (!there)
        return;
    f->budget -= bytes;
    memcpy(words, there, bytes); /* the window moves on */
    for (uint64_t i = 0; i < bytes / WORD; i++)
        if (words[i] && !(words[i] & 15) && hd_glibc_heap_at(f->glibc, words[i]))
            hd_marks_add(f->marks, words[i], 0, from->row, from->more == HD_MARK_WORDS ? HD_MARK_PLAIN : from->more - 1u, true);
}

static void mark_follow(struct following *f, const struct hd_mark *from)
{
    if (from->more == HD_MARK_TABLE) {
        const uint8_t *head = hd_window_at(f->window, from->addr, (uint64_t)f->vm->layout->st_size);
        if (head)
            table_parts_mark(f->marks, f->vm->layout, head, from->row);
        return;
    }
    uint64_t size = hd_glibc_chunk_at(f->glibc, f->window, from->addr);
    if (size)
        words_follow(f, from, size);
}

bool hd_owners_follow(struct hd_vm *vm, const struct hd_glibc *glibc, struct hd_window *window, struct hd_marks *marks,
                      struct hd_error *err)
{
    struct following f = {.vm = vm, .glibc = glibc, .window = window, .marks = marks};
    for (size_t i = 0; i < glibc->heap_count; i++)
        f.budget += glibc->heaps[i].end - glibc->heaps[i].start;
    bool good = hd_marks_sort(marks), more = true;
    for (int round = 0; good && more && round < ROUNDS_MAX; round++) {
        size_t count = marks->count;
        more = false;
        for (size_t i = 0; i < count; i++) {
            struct hd_mark from = hd_marks_items(marks)[i];
            if (from.more == HD_MARK_PLAIN || from.done)
                continue;
            hd_marks_items(marks)[i].done = 1;
            mark_follow(&f, &from);
            more = true;
        }
        good = hd_marks_sort(marks);
    }
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of what objects own outside their slots");
}
