/*
 * From an address to its place among all addresses in order, in one look-up and without sorting them.
 *
 * Addresses are put into blocks of 64 units (a unit is the biggest power of two that divides them all; 8 bytes in a
 * Ruby heap): a word of bits and the rank of the first. Only the blocks are sorted, a tenth or so of the addresses.
 * Invariant: after hd_ranks_finish the rank of an address is the number of smaller addresses that were added.
 */
#ifndef HD_GRAPH_RANKS_H
#define HD_GRAPH_RANKS_H

#include <stdbool.h>
#include <stdint.h>

struct hd_ranks_block {
    uint64_t number; /* of the block, plus 1; 0 for a free slot */
    uint64_t bits;
    uint32_t base;
};

struct hd_ranks {
    struct hd_ranks_block *blocks;
    uint64_t mask; /* slots - 1; slots are a power of two */
    uint64_t used;
    unsigned unit; /* log2 */
    uint32_t count;
};

enum hd_ranks_added { HD_RANKS_NEW, HD_RANKS_TWICE, HD_RANKS_FAILED };

/* `unit`: log2 of what every address is a multiple of; `expected`: how many addresses about. */
bool hd_ranks_init(struct hd_ranks *ranks, unsigned unit, uint64_t expected);
void hd_ranks_deinit(struct hd_ranks *ranks);

enum hd_ranks_added hd_ranks_add(struct hd_ranks *ranks, uint64_t address);

/* Computes the ranks; nothing can be added after. False if memory ran out. */
bool hd_ranks_finish(struct hd_ranks *ranks);

/* Neighbouring blocks lie in one group of 16 slots, so that objects of one page share cache lines. */
static inline struct hd_ranks_block *hd_ranks_slot(const struct hd_ranks *ranks, uint64_t number)
{
    uint64_t group = (number >> 4) * 0x9E3779B97F4A7C15u;
    uint64_t slot = ((group >> 32) << 4 | (number & 15)) & ranks->mask;
    while (ranks->blocks[slot].number && ranks->blocks[slot].number != number + 1)
        slot = (slot + 16 < ranks->mask + 1 ? slot + 16 : (slot + 1) & 15) & ranks->mask;
    return &ranks->blocks[slot];
}

/* UINT32_MAX if the address was not added. */
static inline uint32_t hd_ranks_get(const struct hd_ranks *ranks, uint64_t address)
{
    uint64_t unit = address >> ranks->unit;
    const struct hd_ranks_block *block = hd_ranks_slot(ranks, unit >> 6);
    uint64_t bit = (uint64_t)1 << (unit & 63);
    if (!(block->bits & bit) || unit << ranks->unit != address)
        return UINT32_MAX;
    return block->base + (uint32_t)__builtin_popcountll(block->bits & (bit - 1));
}

#endif
