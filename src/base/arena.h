/*
 * Memory straight from the kernel (mmap), for code that must not call malloc: a copy of a multithreaded
 * process may hold a locked malloc for ever.
 *
 * Owns its chunks; everything is freed at once by hd_arena_deinit (or by the process ending). Memory is zeroed.
 */
#ifndef HD_BASE_ARENA_H
#define HD_BASE_ARENA_H

#include <stddef.h>
#include <string.h>

struct hd_arena_chunk;

struct hd_arena {
    struct hd_arena_chunk *chunks;
    char *next;
    size_t left;
};

/* A zeroed struct hd_arena is ready for use. */
void hd_arena_deinit(struct hd_arena *arena);

/* Zeroed memory, aligned to 16; NULL if the kernel has none. `count * size` is checked for overflow. */
void *hd_arena_alloc(struct hd_arena *arena, size_t count, size_t size);

/* A growable byte buffer, also malloc-free. A zeroed struct is empty and ready for use. */
struct hd_buffer {
    char *data;
    size_t length;
    size_t capacity;
    int failed; /* sticky: set when memory ran out; later appends do nothing */
};

void hd_buffer_deinit(struct hd_buffer *buffer);

/* Makes room for `more` further bytes; 0 on failure (and sets failed). */
int hd_buffer_reserve_slow(struct hd_buffer *buffer, size_t more);

static inline int hd_buffer_reserve(struct hd_buffer *buffer, size_t more)
{
    if (__builtin_expect(buffer->capacity - buffer->length >= more, 1))
        return 1;
    return hd_buffer_reserve_slow(buffer, more);
}

/* Inline, so that appending a literal becomes a few stores: a dump consists of them. */
static inline void hd_buffer_append(struct hd_buffer *buffer, const void *data, size_t length)
{
    if (length == 0 || !hd_buffer_reserve(buffer, length)) /* an empty buffer has no data to copy behind */
        return;
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

#endif
