/*
 * The memory of this very process: the ranges of /proc/self/maps, read where they are.
 *
 * Uses system calls only (no stdio, no malloc): it runs in a raw clone of a multithreaded process.
 */
#include "memory/maps.h"

bool hd_memory_open_self(struct hd_memory *memory, struct hd_arena *arena, struct hd_error *err)
{
    memset(memory, 0, sizeof *memory);
    if (!hd_maps_read(memory, arena, "/proc/self/maps", err))
        return false;
    hd_maps_merge(memory);
    for (size_t i = 0; i < memory->range_count; i++)
        memory->ranges[i].data = (const uint8_t *)(uintptr_t)memory->ranges[i].start;
    return true;
}
