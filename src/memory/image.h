/*
 * An ELF file as it lies in a process's memory: its exported symbols, its build-id, its writable data.
 *
 * Owns finding these by what the dynamic linker itself uses, so that the file need not be at hand. Must not know what
 * the symbols are for. Everything read is bounds-checked: the process may be anybody's.
 */
#ifndef HD_MEMORY_IMAGE_H
#define HD_MEMORY_IMAGE_H

#include "memory/memory.h"

enum { HD_IMAGE_SEGMENTS = 8, HD_BUILD_ID_TEXT = 2 * 64 + 1 };

struct hd_image {
    uint64_t base;                   /* what is added to the file's addresses */
    uint64_t symbols, strings, hash; /* addresses of the tables; hash is DT_GNU_HASH */
    uint64_t strings_size;
    uint64_t soname;                 /* address of its own name, 0 if it has none */
    struct hd_image_segment {
        uint64_t start, end;
    } data[HD_IMAGE_SEGMENTS];       /* writable ones */
    int data_count;
    char build_id[HD_BUILD_ID_TEXT]; /* hex, "" if it has none */
    uint16_t machine;                /* EM_X86_64, … */
    bool wide;                       /* ELF64 */
};

/* The image whose first byte is mapped at `start`; false if none of ours is there (no ELF64, not dynamic, damaged). */
bool hd_image_open(struct hd_image *image, struct hd_memory *memory, uint64_t start);

/* Address of an exported function or variable, 0 if it has none of that name. */
uint64_t hd_image_symbol(const struct hd_image *image, struct hd_memory *memory, const char *name);

/* Calls each() with every exported variable (STT_OBJECT) until it returns false. */
void hd_image_variables_each(const struct hd_image *image, struct hd_memory *memory,
                             bool (*each)(void *data, const char *name, uint64_t addr, uint64_t size), void *data);

/*
 * Goes through the images of a process in the order of their addresses: *at is 0 at first. The path of the file is
 * *path (not terminated, *length bytes). False after the last one.
 */
bool hd_image_next(struct hd_image *image, struct hd_memory *memory, size_t *at, const char **path, uint32_t *length);

#endif
