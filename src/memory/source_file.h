/*
 * A program or library on disk as if it lay in memory: for looking at its code and constants without running it.
 *
 * Owns the file while it is open. Must not know what is looked for. What the dynamic linker would fill in is not there.
 */
#ifndef HD_MEMORY_SOURCE_FILE_H
#define HD_MEMORY_SOURCE_FILE_H

#include "memory/memory.h"

struct hd_memory_file {
    int fd; /* -1 if none is open */
    uint64_t start; /* where its first byte lies: for hd_image_open */
};

/* False with HD_ERROR_IO, or HD_ERROR_UNSUPPORTED where it is no 64-bit ELF file with something to load. */
bool hd_memory_open_file(struct hd_memory_file *file, struct hd_memory *memory, struct hd_arena *arena, const char *path,
                         struct hd_error *err);
void hd_memory_close_file(struct hd_memory_file *file, struct hd_memory *memory);

#endif
