/*
 * The memory of another process: a mirror of its mappings, filled when it is looked at.
 *
 * Each range has address space reserved here, so what is read once stays where it is, and only what is read takes
 * memory. /proc/PID/mem is read with pread, never process_vm_readv: that pins pages, which makes the kernel copy each
 * one of a frozen fork.
 */
#define _GNU_SOURCE
#include "memory/maps.h"

#include <stdio.h>

bool hd_memory_open_process(struct hd_memory *memory, struct hd_arena *arena, int pid, int mem, struct hd_error *err)
{
    char path[64];
    memset(memory, 0, sizeof *memory);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    if (!hd_maps_read(memory, arena, path, err))
        return false;
    hd_maps_merge(memory);
    for (size_t i = 0; i < memory->range_count; i++)
        hd_memory_reserve(&memory->ranges[i], arena, mem, memory->ranges[i].start);
    return true;
}
