/* Chunked bump allocation and growable buffers on mmap. See arena.h. */
#define _GNU_SOURCE
#include "base/arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 20, HEADER = 32 };

struct hd_arena_chunk {
    struct hd_arena_chunk *next;
    size_t size;
};

static void *pages_map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void hd_arena_deinit(struct hd_arena *arena)
{
    struct hd_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct hd_arena_chunk *next = chunk->next;
        munmap(chunk, chunk->size);
        chunk = next;
    }
    memset(arena, 0, sizeof *arena);
}

void *hd_arena_alloc(struct hd_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > arena->left) {
        size_t want = bytes + HEADER > CHUNK ? bytes + HEADER : CHUNK;
        struct hd_arena_chunk *chunk = pages_map(want);
        if (!chunk)
            return NULL;
        chunk->size = want;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        if (want - HEADER - bytes < arena->left) /* a big block of its own; keep filling the old chunk */
            return (char *)chunk + HEADER;
        arena->next = (char *)chunk + HEADER;
        arena->left = want - HEADER;
    }
    void *p = arena->next;
    arena->next += bytes;
    arena->left -= bytes;
    return p;
}

void hd_buffer_deinit(struct hd_buffer *buffer)
{
    if (buffer->data)
        munmap(buffer->data, buffer->capacity);
    memset(buffer, 0, sizeof *buffer);
}

int hd_buffer_reserve_slow(struct hd_buffer *buffer, size_t more)
{
    size_t want = buffer->capacity ? buffer->capacity : 1 << 16;
    if (buffer->failed || more > SIZE_MAX / 4 - buffer->length) {
        buffer->failed = 1;
        return 0;
    }
    while (want - buffer->length < more)
        want *= 2;
    void *p = buffer->data ? mremap(buffer->data, buffer->capacity, want, MREMAP_MAYMOVE) : pages_map(want);
    if (!p || p == MAP_FAILED) {
        buffer->failed = 1;
        return 0;
    }
    buffer->data = p;
    buffer->capacity = want;
    return 1;
}
