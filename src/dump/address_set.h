/*
 * A set of addresses, each with four flags: what is known about every id a dump mentions, in a few bytes each.
 *
 * Addresses near one another share a cache line of bits (objects lie side by side in heap pages), so five million
 * objects of 40 bytes need 64 MB at most, a look-up costs one cache miss, and a stray address about 170 bytes.
 * Must not know what the flags mean. Invariant: an address is a multiple of HD_ADDRESS_SET_STEP.
 */
#ifndef HD_DUMP_ADDRESS_SET_H
#define HD_DUMP_ADDRESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_ADDRESS_SET_STEP 4

struct hd_address_set_slot;

struct hd_address_set {
    struct hd_address_set_slot *slots; /* open addressing */
    size_t count;                      /* of slots, a power of two, or 0 */
    size_t used;
};

/* A zeroed struct is an empty set. */
void hd_address_set_deinit(struct hd_address_set *set);

/* Adds `flags` (0-15) to those of `address`; *before is what it had. False if memory ran out. */
bool hd_address_set_add(struct hd_address_set *set, uint64_t address, unsigned flags, unsigned *before);

/* The lowest address whose flags under `mask` are exactly `flags` (not 0); false if there is none. */
bool hd_address_set_find(const struct hd_address_set *set, unsigned mask, unsigned flags, uint64_t *address);

#endif
