/*
 * The mappings of a process, as /proc/PID/maps lists them.
 *
 * Owns the parsing and which mappings are worth reading. System calls only (no stdio, no malloc): it runs in a raw clone
 * of a multithreaded process, too.
 */
#ifndef HD_MEMORY_MAPS_H
#define HD_MEMORY_MAPS_H

#include "memory/memory.h"

/* Fills memory->mappings. `path` is /proc/self/maps or that of another process. */
bool hd_maps_read(struct hd_memory *memory, struct hd_arena *arena, const char *path, struct hd_error *err);

/* Makes ranges of the mappings, neighbours merged; their data is NULL. */
void hd_maps_merge(struct hd_memory *memory);

#endif
