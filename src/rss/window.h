/*
 * Reading memory from one end to the other without keeping it.
 *
 * struct hd_memory keeps what it has read once, for those who come back; whoever walks through gigabytes of malloc's memory does not, and
 * would make us as big as the process. Owns one block. What hd_window_at returned is valid until the next call.
 */
#ifndef HD_RSS_WINDOW_H
#define HD_RSS_WINDOW_H

#include "memory/memory.h"

enum { HD_WINDOW_MAX = 1 << 16 }; /* bytes of one read at most */

struct hd_window {
    struct hd_memory *memory;
    uint8_t *block; /* the bytes of [start, end) */
    uint64_t start, end;
    size_t range; /* that the block is from */
};

bool hd_window_open(struct hd_window *window, struct hd_memory *memory, struct hd_error *err);
void hd_window_close(struct hd_window *window);

const uint8_t *hd_window_fill(struct hd_window *window, uint64_t addr, uint64_t length);

/* The `length` bytes at `addr`, NULL where they cannot be read. */
static inline const uint8_t *hd_window_at(struct hd_window *window, uint64_t addr, uint64_t length)
{
    if (addr >= window->start && addr < window->end && length <= window->end - addr)
        return window->block + (addr - window->start);
    return hd_window_fill(window, addr, length);
}

/* 0 where it cannot be read. */
static inline uint64_t hd_window_u64(struct hd_window *window, uint64_t addr)
{
    const uint8_t *bytes = hd_window_at(window, addr, 8);
    uint64_t value = 0;
    if (bytes)
        memcpy(&value, bytes, 8);
    return value;
}

#endif
