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
#include <sys/mman.h>

static void range_reserve(struct hd_range *range, struct hd_arena *arena)
{
    uint64_t bytes = range->end - range->start;
    void *mirror = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    range->chunks = hd_arena_alloc(arena, bytes / HD_CHUNK_BYTES + 1, 1);
    if (mirror != MAP_FAILED && range->chunks) {
        range->data = mirror;
        return;
    }
    if (mirror != MAP_FAILED)
        munmap(mirror, bytes);
    range->end = range->start; /* too much for us: nothing of it is readable */
}

bool hd_memory_open_process(struct hd_memory *memory, struct hd_arena *arena, int pid, int mem, struct hd_error *err)
{
    char path[64];
    memset(memory, 0, sizeof *memory);
    memory->source = mem;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    if (!hd_maps_read(memory, arena, path, err))
        return false;
    hd_maps_merge(memory);
    for (size_t i = 0; i < memory->range_count; i++)
        range_reserve(&memory->ranges[i], arena);
    return true;
}

void hd_memory_close(struct hd_memory *memory)
{
    for (size_t i = 0; i < memory->range_count; i++)
        if (memory->ranges[i].chunks && memory->ranges[i].data)
            munmap((void *)(uintptr_t)memory->ranges[i].data, memory->ranges[i].end - memory->ranges[i].start);
    memory->range_count = 0;
}
