/* The table of blocks. See ranks.h. */
#include "graph/ranks.h"

#include <stdlib.h>

bool hd_ranks_init(struct hd_ranks *ranks, unsigned unit, uint64_t expected)
{
    uint64_t slots = 1024;
    while (slots < expected / 8)
        slots *= 2;
    *ranks = (struct hd_ranks){.unit = unit, .mask = slots - 1};
    ranks->blocks = calloc(slots, sizeof *ranks->blocks);
    return ranks->blocks != NULL;
}

void hd_ranks_deinit(struct hd_ranks *ranks)
{
    free(ranks->blocks);
    ranks->blocks = NULL;
}

static bool grow(struct hd_ranks *ranks)
{
    struct hd_ranks bigger = *ranks;
    bigger.mask = ranks->mask * 2 + 1;
    bigger.blocks = calloc(bigger.mask + 1, sizeof *bigger.blocks);
    if (!bigger.blocks)
        return false;
    for (uint64_t i = 0; i <= ranks->mask; i++)
        if (ranks->blocks[i].number)
            *hd_ranks_slot(&bigger, ranks->blocks[i].number - 1) = ranks->blocks[i];
    free(ranks->blocks);
    *ranks = bigger;
    return true;
}

enum hd_ranks_added hd_ranks_add(struct hd_ranks *ranks, uint64_t address)
{
    uint64_t unit = address >> ranks->unit, bit = (uint64_t)1 << (unit & 63);
    struct hd_ranks_block *block = hd_ranks_slot(ranks, unit >> 6);
    if (!block->number) {
        if (ranks->used * 2 > ranks->mask) {
            if (!grow(ranks))
                return HD_RANKS_FAILED;
            block = hd_ranks_slot(ranks, unit >> 6);
        }
        block->number = (unit >> 6) + 1;
        ranks->used++;
    }
    if (block->bits & bit)
        return HD_RANKS_TWICE;
    block->bits |= bit;
    ranks->count++;
    return HD_RANKS_NEW;
}

static int by_number(const void *a, const void *b)
{
    const struct hd_ranks_block *x = *(struct hd_ranks_block *const *)a, *y = *(struct hd_ranks_block *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

bool hd_ranks_finish(struct hd_ranks *ranks)
{
    struct hd_ranks_block **order = malloc((ranks->used + 1) * sizeof(struct hd_ranks_block *));
    if (!order)
        return false;
    uint64_t count = 0;
    for (uint64_t i = 0; i <= ranks->mask; i++)
        if (ranks->blocks[i].number)
            order[count++] = &ranks->blocks[i];
    qsort(order, count, sizeof *order, by_number);
    uint32_t base = 0;
    for (uint64_t i = 0; i < count; i++) {
        order[i]->base = base;
        base += (uint32_t)__builtin_popcountll(order[i]->bits);
    }
    free(order);
    return true;
}
