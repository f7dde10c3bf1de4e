/* See diff_steps.h. */
#include "graph/diff_steps.h"

#include <stdlib.h>

/* 0: it fits in no byte. */
static uint8_t step_between(uint64_t from, uint64_t to)
{
    uint64_t step = (to - from) / 8;
    return (to - from) % 8 || step > UINT8_MAX ? 0 : (uint8_t)step;
}

bool hd_diff_steps_make(struct hd_diff_steps *steps, struct hd_diff_steps_made *made, const uint64_t *address, uint32_t count)
{
    uint32_t jumps = 0;
    for (uint32_t i = 1; i < count; i++)
        jumps += !step_between(address[i - 1], address[i]);
    *made = (struct hd_diff_steps_made){malloc((size_t)count + 1), malloc(((size_t)hd_diff_stretches(count) + 1) * sizeof *made->stretch),
                                        malloc(((size_t)jumps + 1) * sizeof *made->jump)};
    *steps = (struct hd_diff_steps){made->step, made->stretch, made->jump, count, jumps};
    if (!made->step || !made->stretch || !made->jump)
        return false;
    uint32_t jump = 0;
    for (uint32_t i = 0; i < count; i++) {
        made->step[i] = i ? step_between(address[i - 1], address[i]) : 0;
        if (i && !made->step[i])
            made->jump[jump++] = address[i];
        if (i % HD_DIFF_STRETCH == 0)
            made->stretch[i / HD_DIFF_STRETCH] = (struct hd_diff_stretch){address[i], jump};
    }
    return true;
}

struct hd_diff_walk hd_diff_walk_from(const struct hd_diff_steps *steps, uint32_t number)
{
    if (number >= steps->count)
        return (struct hd_diff_walk){UINT64_MAX, steps->jump_count, number};
    const struct hd_diff_stretch *stretch = &steps->stretch[number / HD_DIFF_STRETCH];
    struct hd_diff_walk walk = {stretch->address, stretch->jump, number / HD_DIFF_STRETCH * HD_DIFF_STRETCH};
    while (walk.at < number)
        hd_diff_walk_on(steps, &walk);
    return walk;
}

uint64_t hd_diff_steps_address(const struct hd_diff_steps *steps, uint32_t number)
{
    return hd_diff_walk_from(steps, number).address;
}

uint32_t hd_diff_steps_place(const struct hd_diff_steps *steps, uint32_t low, uint64_t address)
{
    /* the last stretch that begins below it, of those from that of `low` on */
    uint32_t first = low / HD_DIFF_STRETCH, last = hd_diff_stretches(steps->count);
    if (low >= steps->count)
        return steps->count;
    while (last - first > 1) {
        uint32_t middle = first + (last - first) / 2;
        if (steps->stretch[middle].address < address)
            first = middle;
        else
            last = middle;
    }
    uint32_t from = first * (uint32_t)HD_DIFF_STRETCH;
    uint32_t end = steps->count - from < HD_DIFF_STRETCH ? steps->count : from + HD_DIFF_STRETCH; /* the next one does not begin below */
    struct hd_diff_walk walk = hd_diff_walk_from(steps, from > low ? from : low);
    while (walk.at < end && walk.address < address)
        hd_diff_walk_on(steps, &walk);
    return walk.at;
}
