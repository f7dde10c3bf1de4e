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

/* What only sanitizers and other runtimes reserve, nearly all of it never touched. */
static const uint64_t RESERVED_MOST = 1ull << 40;

bool hd_memory_open_process(struct hd_memory *memory, struct hd_arena *arena, int pid, int mem, struct hd_error *err)
{
    char path[64];
    memset(memory, 0, sizeof *memory);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    if (!hd_maps_read(memory, arena, path, err))
        return false;
    hd_maps_merge(memory);
    uint64_t all = 0;
    bool good = true;
    for (size_t i = 0; i < memory->range_count; i++) {
        struct hd_range *range = &memory->ranges[i];
        uint64_t bytes = range->end - range->start;
        hd_memory_reserve(range, arena, mem, range->start);
        if (bytes > RESERVED_MOST)
            continue;
        all += bytes;
        good &= range->end > range->start;
    }
    if (!good) {
        hd_memory_close(memory);
        return hd_error_set(err, HD_ERROR_MEMORY, "there is no room here for the memory that the process has (%llu MB): raise `ulimit -v` if it "
                            "is set; where vm.overcommit_memory is 2, take a core (`gcore`) and dump that elsewhere", (unsigned long long)(all >> 20));
    }
    return true;
}
