/*
 * Ruby's table types, walked entry by entry.
 *
 * st.c: an st_table keeps its entries in an array of (hash, key, record) in insertion order; a deleted entry
 * has the reserved hash value ~0. set.c (4.0): a set_table is the same without records. id_table.c: an rb_id_table is an
 * open-addressed array of items; a free item has key 0 (a key is the ID's serial number).
 */
#include "ruby/vm.h"

static const uint64_t ENTRIES_MAX = 1ull << 36;

/* The entries that are in use or deleted, `*count` of them; NULL where there are none, or they are not readable. */
static const uint8_t *st_entries(struct hd_vm *vm, uint64_t table, uint64_t *count)
{
    const struct hd_layout *l = vm->layout;
    *count = 0;
    if (!table)
        return NULL;
    uint64_t from = hd_memory_u64(vm->memory, table + l->st_entries_start);
    uint64_t to = hd_memory_u64(vm->memory, table + l->st_entries_bound);
    uint64_t entries = hd_memory_u64(vm->memory, table + l->st_entries);
    if (to <= from || to > ENTRIES_MAX)
        return NULL;
    const uint8_t *first = hd_memory_at(vm->memory, entries + from * l->st_entry_size, (to - from) * l->st_entry_size);
    *count = first ? to - from : 0;
    return first;
}

uint64_t hd_st_most(struct hd_vm *vm, uint64_t table)
{
    uint64_t count;
    st_entries(vm, table, &count);
    return count;
}

bool hd_st_each(struct hd_vm *vm, uint64_t table, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t count;
    const uint8_t *entry = st_entries(vm, table, &count);
    for (uint64_t i = 0; i < count && !hd_memory_exhausted(vm->memory); i++, entry += l->st_entry_size) {
        if (hd_word(entry, l->st_entry_hash) == ~0ull)
            continue;
        if (!each(data, hd_word(entry, l->st_entry_key), hd_word(entry, l->st_entry_record)))
            return false;
    }
    return true;
}

bool hd_set_each(struct hd_vm *vm, uint64_t table, hd_set_key_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t from = hd_memory_u64(vm->memory, table + (uint64_t)l->set_entries_start);
    uint64_t to = hd_memory_u64(vm->memory, table + (uint64_t)l->set_entries_bound);
    uint64_t entries = hd_memory_u64(vm->memory, table + (uint64_t)l->set_entries), size = (uint64_t)l->set_entry_size;
    if (!entries || to <= from || to > ENTRIES_MAX)
        return true;
    const uint8_t *entry = hd_memory_at(vm->memory, entries + from * size, (to - from) * size);
    for (uint64_t i = from; entry && i < to && !hd_memory_exhausted(vm->memory); i++, entry += size)
        if (hd_word(entry, l->set_entry_hash) != ~0ull && !each(data, hd_word(entry, l->set_entry_key)))
            return false;
    return true;
}

bool hd_table_by_identity(struct hd_vm *vm, uint64_t table, int64_t type)
{
    uint64_t compare = hd_layout_has(type) ? hd_memory_u64(vm->memory, table + (uint64_t)type) : 0;
    return compare && vm->number_compare && hd_memory_u64(vm->memory, compare) == vm->number_compare;
}

/* --- hashes: up to eight entries in an ar_table, else an st_table (internal/hash.h); both in the slot since 3.3 --- */

uint64_t hd_hash_table(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    if (!hd_flag(hd_word(object, 0), l->k_RHASH_ST_TABLE_FLAG))
        return 0;
    if (hd_layout_has(l->hash_st))
        return hd_word(object, l->hash_st);
    return hd_vm_room(vm, addr, l->hash_size) >= (uint64_t)l->st_size ? addr + (uint64_t)l->hash_size : 0;
}

const uint8_t *hd_hash_pairs(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *count)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0), bound = (flags & (uint64_t)l->k_RHASH_AR_TABLE_BOUND_MASK) >> l->k_RHASH_AR_TABLE_BOUND_SHIFT;
    bool outside = hd_layout_has(l->hash_ar);
    uint64_t table = outside ? hd_word(object, l->hash_ar) : addr + (uint64_t)l->hash_size, bytes = (uint64_t)l->ar_table_pairs + 16 * bound;
    bool possible = bound && table && !hd_flag(flags, l->k_RHASH_ST_TABLE_FLAG) && (outside || bytes <= hd_vm_room(vm, addr, l->hash_size));
    const uint8_t *pairs = possible ? hd_memory_at(vm->memory, table + (uint64_t)l->ar_table_pairs, 16 * bound) : NULL;
    *count = pairs ? bound : 0;
    return pairs;
}

/*
 * id_table.c, index_for_key: is this where a look-up of the key ends? A damaged table has keys where they cannot be, and the same
 * key twice, which no map may have.
 */
static bool id_at_home(struct hd_vm *vm, const uint8_t *items, uint32_t capacity, uint32_t place, uint32_t key)
{
    enum { STEPS_MAX = 512 };
    const struct hd_layout *l = vm->layout;
    uint32_t mask = capacity - 1, at = key & mask;
    for (uint32_t step = 1; at != place; step++) {
        hd_memory_worked(vm->memory, (uint64_t)l->id_item_size);
        if (step > STEPS_MAX || hd_half(items + (uint64_t)at * (uint64_t)l->id_item_size, l->id_item_key) == key)
            return false;
        at = (at + step) & mask;
    }
    return true;
}

bool hd_id_table_each(struct hd_vm *vm, uint64_t table, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    if (!table)
        return true;
    uint32_t capacity = hd_memory_u32(vm->memory, table + l->id_table_capa);
    uint64_t items = hd_memory_u64(vm->memory, table + l->id_table_items);
    if (!capacity || capacity > 1u << 28 || capacity & (capacity - 1))
        return true;
    const uint8_t *item = hd_memory_at(vm->memory, items, (uint64_t)capacity * l->id_item_size);
    if (!item)
        return true;
    const uint8_t *first = item;
    for (uint32_t i = 0; i < capacity && !hd_memory_exhausted(vm->memory); i++, item += l->id_item_size) {
        uint32_t key = hd_half(item, l->id_item_key);
        if (key && id_at_home(vm, first, capacity, i, key) && !each(data, key, hd_word(item, l->id_item_val)))
            return false;
    }
    return true;
}
