/*
 * transient_heap.c (2.6 to 3.2): one region of 32 MiB (TRANSIENT_HEAP_TOTAL_SIZE), aligned to a block of 32 KiB; its address is in a static
 * variable of libruby, with those of some of its blocks: it is the lowest word there that leads to such a region and that the elements of
 * all transient arrays and hashes lie behind. A block begins with four int16_t (its size, an index, …; -1 is the least of them) and next_block, all
 * 0 as long as it was never used. See transient.h.
 */
#include "rss/transient.h"

static const uint64_t REGION = 32ull << 20, BLOCK = 32ull << 10;

struct bounds {
    uint64_t low, high; /* of what lies there; low is UINT64_MAX if nothing does */
    uint64_t found;
};

static void note(struct bounds *bounds, uint64_t addr)
{
    bounds->low = addr < bounds->low ? addr : bounds->low;
    bounds->high = addr > bounds->high ? addr : bounds->high;
}

static void slot_note(const struct hd_layout *l, const uint8_t *object, struct bounds *bounds)
{
    uint64_t flags = hd_word(object, 0);
    unsigned type = hd_flags_type(flags);
    if (type == HD_T_ARRAY && hd_flag(flags, l->k_RARRAY_TRANSIENT_FLAG) && !hd_flag(flags, l->k_RARRAY_EMBED_FLAG)
        && !hd_flag(flags, l->k_ELTS_SHARED))
        note(bounds, hd_word(object, l->array_ptr));
    else if (type == HD_T_HASH && hd_flag(flags, l->k_RHASH_TRANSIENT_FLAG) && !hd_flag(flags, l->k_RHASH_ST_TABLE_FLAG)
             && hd_layout_has(l->hash_ar) && hd_word(object, l->hash_ar))
        note(bounds, hd_word(object, l->hash_ar));
}

/* Looks at the first blocks only: all of them would be read into our memory. */
static bool blocks_fit(struct hd_memory *memory, uint64_t start)
{
    enum { LOOKED_AT = 16 };
    for (uint64_t block = start; block < start + LOOKED_AT * BLOCK; block += BLOCK) {
        const uint8_t *head = hd_memory_at(memory, block, 16);
        int16_t numbers[4];
        if (!head)
            return false;
        memcpy(numbers, head, sizeof numbers);
        uint64_t next = hd_word(head, 8);
        if (numbers[0] < -1 || numbers[1] < -1 || numbers[2] < -1 || numbers[3] < -1
            || (next && (next % BLOCK || next < start || next >= start + REGION)))
            return false;
    }
    return true;
}

static bool anonymous(const struct hd_memory *memory, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < memory->mapping_count; i++) {
        const struct hd_mapping *mapping = &memory->mappings[i];
        if (start >= mapping->start && start < mapping->end)
            return end <= mapping->end && !mapping->path_length && mapping->writable;
    }
    return false;
}

static bool word_try(struct hd_vm *vm, uint64_t addr, void *data)
{
    struct bounds *bounds = data;
    uint64_t value = hd_memory_u64(vm->memory, addr);
    bool fits = value && value % BLOCK == 0 && value <= bounds->low && bounds->high < value + REGION
                && (!bounds->found || value < bounds->found) && anonymous(vm->memory, value, value + REGION)
                && blocks_fit(vm->memory, value);
    if (fits)
        bounds->found = value;
    return false;
}

bool hd_transient_find(struct hd_vm *vm, uint64_t *start, uint64_t *end)
{
    struct bounds bounds = {.low = UINT64_MAX};
    uint64_t unreadable = vm->memory->unreadable;
    if (!hd_layout_has(vm->layout->k_RARRAY_TRANSIENT_FLAG))
        return false;
    for (size_t i = 0; i < vm->page_count; i++)
        for (uint32_t k = 0; k < vm->pages[i].slot_count; k++)
            slot_note(vm->layout, vm->pages[i].slots + (uint64_t)k * vm->pages[i].slot_size, &bounds);
    hd_vm_scan_data(vm, word_try, &bounds);
    vm->memory->unreadable = unreadable;
    *start = bounds.found;
    *end = bounds.found + REGION;
    return bounds.found != 0;
}
