/*
 * glibc's malloc, seen from outside: its arenas, the heaps they consist of, and every chunk in them.
 *
 * Owns how these are found and proved right, in a process whose libc has no symbols for them and may be under anybody's control: each
 * pointer is checked and each walk ends. Must not know what the chunks hold. A malloc that is not glibc's, or one of a layout that is not
 * known, is not found: `found` is false then, and that is no error.
 */
#ifndef HD_RSS_GLIBC_H
#define HD_RSS_GLIBC_H

#include "memory/image.h"
#include "rss/marks.h"
#include "rss/window.h"

enum hd_glibc_chunk {
    HD_GLIBC_USED,
    HD_GLIBC_FREE,   /* in a bin */
    HD_GLIBC_TOP,    /* the end of an arena, that nothing was taken from yet */
    HD_GLIBC_REST,   /* malloc's own: arena headers, fence posts */
    HD_GLIBC_DAMAGED /* from here on the chunks of a heap make no sense */
};

/* Bytes and chunks as malloc counts them; what is cached (tcache, fastbins) is free to the program, in use to malloc's own sums. */
struct hd_glibc_arena {
    uint64_t addr, top;
    uint64_t system;               /* bytes it has from the kernel: system_mem */
    uint64_t used, used_chunks;    /* by the program, cached ones not counted */
    uint64_t free, free_chunks;    /* in bins */
    uint64_t fast, fast_chunks;    /* in fastbins */
    uint64_t cached, cached_chunks; /* in the caches of threads */
    uint64_t top_bytes;
    uint64_t resident_free;        /* bytes of free, fast, cached and top that are in memory; filled by whoever knows */
    bool damaged;                  /* part of it could not be walked */
};

/* Memory that an arena's chunks lie in, one after the other. */
struct hd_glibc_heap {
    uint64_t start, end; /* of the chunks */
    uint64_t base;       /* where the heap itself begins; [base, start) is malloc's own */
    uint32_t arena;
};

struct hd_glibc {
    bool found;
    struct hd_glibc_arena *arenas; /* the main one first */
    size_t arena_count;
    struct hd_glibc_heap *heaps;   /* in the order of their addresses */
    size_t heap_count;
    bool options_found;            /* mp_, malloc's own variables; the next three are known then */
    uint64_t mapped_bytes, mapped_count; /* chunks that have a mapping of their own */
    uint64_t brk_start;
    uint64_t steps;                /* what following free lists may still cost */
};

/* False only if memory ran out. */
bool hd_glibc_find(struct hd_glibc *glibc, struct hd_memory *memory, struct hd_arena *arena, struct hd_error *err);

/* The same where libc's writable data are known: `count` segments. */
bool hd_glibc_find_in(struct hd_glibc *glibc, struct hd_memory *memory, struct hd_arena *arena, const struct hd_image_segment *data,
                      int count, struct hd_error *err);
void hd_glibc_close(struct hd_glibc *glibc);

/* Returns false to stop. `size` counts the chunk's header; its user's address is addr + 16. */
typedef bool hd_glibc_each(void *data, uint64_t addr, uint64_t size, enum hd_glibc_chunk kind);
void hd_glibc_walk(const struct hd_glibc *glibc, const struct hd_glibc_heap *heap, struct hd_window *window, hd_glibc_each *each,
                   void *data);

/*
 * Walks all heaps once, fills the sums of the arenas, and adds a mark for each chunk that waits in a cache. False if memory ran out.
 */
bool hd_glibc_count(struct hd_glibc *glibc, struct hd_window *window, struct hd_marks *marks, struct hd_error *err);

/* The heap that an address of a chunk lies in, NULL if it is in none. */
const struct hd_glibc_heap *hd_glibc_heap_at(const struct hd_glibc *glibc, uint64_t addr);

/* The bytes of the chunk whose user's address is `addr`, in a heap or in a mapping of its own; 0 if it does not look like one. */
uint64_t hd_glibc_chunk_at(const struct hd_glibc *glibc, struct hd_window *window, uint64_t addr);

/* The mapping [*start, *end) that is one chunk, whose user's address is `addr`; false if it is none. */
bool hd_glibc_mapped_at(struct hd_window *window, uint64_t addr, uint64_t *start, uint64_t *end);

/* glibc_cache.c: marks what waits in the threads' caches and the fastbins. `caches` are addresses of chunks that may be such caches. */
bool hd_glibc_caches_mark(struct hd_glibc *glibc, struct hd_window *window, const struct hd_buffer *caches, struct hd_marks *marks,
                          struct hd_error *err);

/* struct malloc_state and its kin; see glibc.c. */
enum {
    HD_GLIBC_FASTBINS = 16, HD_GLIBC_FASTBIN_COUNT = 10, HD_GLIBC_MIN_CHUNK = 32, HD_GLIBC_TCACHE_CHUNK = 0x290,
    HD_GLIBC_TCACHE_BINS = 64
};

#endif
