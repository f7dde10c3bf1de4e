/* A hash table whose slots are cache lines: the number of a stretch of addresses, and its flags. See address_set.h. */
#include "dump/address_set.h"

#include <stdlib.h>
#include <string.h>

#define LINE 64
#define PLACES ((size_t)(LINE - sizeof(uint64_t)) * 2) /* two addresses to a byte */
#define STRETCH (PLACES * HD_ADDRESS_SET_STEP)
#define FIRST_COUNT ((size_t)1024)

struct hd_address_set_slot {
    uint64_t key; /* number of the stretch + 1; 0: empty */
    unsigned char flags[PLACES / 2];
};

_Static_assert(sizeof(struct hd_address_set_slot) == LINE, "a slot is a cache line");

void hd_address_set_deinit(struct hd_address_set *set)
{
    free(set->slots);
    memset(set, 0, sizeof *set);
}

static struct hd_address_set_slot *slot_of(struct hd_address_set_slot *slots, size_t count, uint64_t key)
{
    uint64_t hash = key * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: neighbours land far apart */
    size_t at = (size_t)(hash ^ hash >> 32) & (count - 1);
    while (slots[at].key && slots[at].key != key)
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static bool grow(struct hd_address_set *set)
{
    size_t count = set->count ? set->count * 2 : FIRST_COUNT;
    if (count > SIZE_MAX / LINE)
        return false;
    struct hd_address_set_slot *slots = aligned_alloc(LINE, count * LINE);
    if (!slots)
        return false;
    memset(slots, 0, count * LINE);
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].key)
            *slot_of(slots, count, set->slots[i].key) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->count = count;
    return true;
}

bool hd_address_set_add(struct hd_address_set *set, uint64_t address, unsigned flags, unsigned *before)
{
    if (set->used >= set->count / 4 * 3 && !grow(set))
        return false;
    uint64_t key = address / STRETCH + 1;
    struct hd_address_set_slot *slot = slot_of(set->slots, set->count, key);
    set->used += slot->key == 0;
    slot->key = key;
    size_t place = address % STRETCH / HD_ADDRESS_SET_STEP;
    unsigned char *byte = &slot->flags[place / 2];
    unsigned shift = place % 2 * 4;
    *before = (unsigned)*byte >> shift & 15;
    *byte |= (unsigned char)(flags << shift);
    return true;
}

bool hd_address_set_find(const struct hd_address_set *set, unsigned mask, unsigned flags, uint64_t *address)
{
    bool found = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct hd_address_set_slot *slot = &set->slots[i];
        for (size_t place = 0; slot->key && place < PLACES; place++) {
            uint64_t at = (slot->key - 1) * STRETCH + place * HD_ADDRESS_SET_STEP;
            if (((unsigned)slot->flags[place / 2] >> place % 2 * 4 & mask) != flags || (found && at >= *address))
                continue;
            *address = at;
            found = true;
        }
    }
    return found;
}
