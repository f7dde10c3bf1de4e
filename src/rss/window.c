/* See window.h. Who reads on gets big blocks, who jumps small ones. */
#define _GNU_SOURCE
#include "rss/window.h"

#include <stdlib.h>
#include <unistd.h>

enum { JUMP = 1 << 13, STRIDE = 1 << 18, PAGE = 4096 };

bool hd_window_open(struct hd_window *window, struct hd_memory *memory, struct hd_error *err)
{
    *window = (struct hd_window){.memory = memory, .block = malloc(STRIDE + PAGE)};
    return window->block || hd_error_set(err, HD_ERROR_MEMORY, "no memory to read the process with");
}

void hd_window_close(struct hd_window *window)
{
    free(window->block);
    window->block = NULL;
}

static const struct hd_range *range_find(struct hd_window *window, uint64_t addr)
{
    const struct hd_memory *memory = window->memory;
    size_t low = 0, high = memory->range_count;
    if (window->range < high && addr >= memory->ranges[window->range].start && addr < memory->ranges[window->range].end)
        return &memory->ranges[window->range];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr < memory->ranges[middle].start)
            high = middle;
        else if (addr >= memory->ranges[middle].end)
            low = middle + 1;
        else
            return &memory->ranges[window->range = middle];
    }
    return NULL;
}

const uint8_t *hd_window_fill(struct hd_window *window, uint64_t addr, uint64_t length)
{
    const struct hd_range *range = range_find(window, addr);
    if (!range || length > HD_WINDOW_MAX || length > range->end - addr)
        return NULL;
    if (!range->chunks)
        return range->data + (addr - range->start);
    bool on = addr >= window->start && addr < window->end + PAGE;
    uint64_t start = addr & ~(uint64_t)(PAGE - 1), most = on ? STRIDE : JUMP;
    if (start < range->start)
        start = range->start;
    if (most < addr + length - start)
        most = addr + length - start;
    if (most > range->end - start)
        most = range->end - start;
    ssize_t got = pread(range->source, window->block, most, (off_t)(range->offset + (start - range->start)));
    window->start = start;
    window->end = got > 0 ? start + (uint64_t)got : start;
    return addr < window->end && length <= window->end - addr ? window->block + (addr - start) : NULL;
}
