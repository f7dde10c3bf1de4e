/* Look-up in sorted ranges. See memory.h. */
#include "memory/memory.h"

const uint8_t *hd_memory_at_slow(struct hd_memory *memory, uint64_t addr, uint64_t length)
{
    size_t low = 0, high = memory->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hd_range *range = &memory->ranges[middle];
        if (addr < range->start) {
            high = middle;
        } else if (addr >= range->end) {
            low = middle + 1;
        } else {
            if (length > range->end - addr)
                break;
            memory->last = middle;
            return range->data + (addr - range->start);
        }
    }
    memory->unreadable++;
    return NULL;
}

int64_t hd_memory_cstring(struct hd_memory *memory, uint64_t addr, size_t limit, const char **text)
{
    const uint8_t *p = hd_memory_at(memory, addr, 1);
    if (!p)
        return -1;
    const struct hd_range *range = &memory->ranges[memory->last];
    uint64_t most = range->end - addr;
    if (most > limit)
        most = limit;
    const void *end = memchr(p, 0, most);
    if (!end)
        return -1;
    *text = (const char *)p;
    return (const uint8_t *)end - p;
}
