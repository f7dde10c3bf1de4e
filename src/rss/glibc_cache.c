/*
 * Chunks that are free for the program, though malloc's own sums call them in use: those in fastbins and in threads' caches.
 *
 * glibc 2.27 to 2.41: struct tcache_perthread_struct {uint16_t counts[64]; tcache_entry *entries[64]} is a chunk like any other, which its
 * thread's arena has made; here every chunk of that size is a candidate, and only one whose 64 lists are right in every link is believed.
 * (Before 2.30 counts were bytes; then nothing is found here, and cached chunks count as in use.) Links are pointers XORed with
 * their own address shifted by 12 since 2.32 ("safe-linking"), plain before.
 */
#include "rss/glibc.h"

#include "rss/rows.h"

enum { LINKS_MAX = 1 << 16 };

/* Where a list goes on: the link read either way is a chunk of that size, or the end. False if it is neither. */
static bool follow(struct hd_glibc *glibc, struct hd_window *window, uint64_t place, uint64_t size, uint64_t to_user, uint64_t *next)
{
    uint64_t raw = hd_window_u64(window, place), open = place >> 12 ^ raw;
    const uint64_t ways[2] = {open, raw};
    if (!open || !raw) {
        *next = 0;
        return true;
    }
    for (int i = 0; i < 2; i++) {
        *next = ways[i];
        if (hd_glibc_heap_at(glibc, ways[i]) && hd_glibc_chunk_at(glibc, window, ways[i] + to_user) == size)
            return true;
    }
    return false;
}

/* One list of a cache, `count` long. */
static bool list_mark(struct hd_glibc *glibc, struct hd_window *window, uint64_t at, unsigned count, uint64_t size,
                      struct hd_marks *marks)
{
    for (unsigned i = 0; i < count; i++) {
        if (!at || !glibc->steps || !hd_glibc_heap_at(glibc, at) || hd_glibc_chunk_at(glibc, window, at) != size)
            return false;
        glibc->steps--;
        hd_marks_add(marks, at, size, HD_RSS_MALLOC_CACHED, HD_MARK_PLAIN, false);
        if (!follow(glibc, window, at, size, 0, &at))
            return false;
    }
    return at == 0;
}

/* A chunk that is no cache leaves no mark. */
static void cache_mark(struct hd_glibc *glibc, struct hd_window *window, uint64_t chunk, struct hd_marks *marks)
{
    enum { COUNTS = 2 * HD_GLIBC_TCACHE_BINS, BYTES = COUNTS + 8 * HD_GLIBC_TCACHE_BINS };
    uint16_t counts[HD_GLIBC_TCACHE_BINS];
    uint64_t entries[HD_GLIBC_TCACHE_BINS];
    size_t before = marks->count;
    const uint8_t *bytes = hd_window_at(window, chunk + 16, BYTES);
    bool fits = bytes != NULL;
    if (fits) {
        memcpy(counts, bytes, sizeof counts);
        memcpy(entries, bytes + COUNTS, sizeof entries);
    }
    for (int i = 0; fits && i < HD_GLIBC_TCACHE_BINS; i++)
        fits = !counts[i] == !entries[i] && !(entries[i] & 15);
    for (int i = 0; fits && i < HD_GLIBC_TCACHE_BINS; i++)
        fits = list_mark(glibc, window, entries[i], counts[i], HD_GLIBC_MIN_CHUNK + 16ull * (uint64_t)i, marks);
    if (fits || marks->buffer.failed)
        return;
    marks->count = before;
    marks->buffer.length = before * sizeof(struct hd_mark);
}

/* malloc.c: fastbinsY[i] is a list of chunks of 32 + 16 * i bytes. A list that makes no sense ends where it does. */
static void fastbins_mark(struct hd_glibc *glibc, struct hd_window *window, const struct hd_glibc_arena *arena, struct hd_marks *marks)
{
    for (int i = 0; i < HD_GLIBC_FASTBIN_COUNT; i++) {
        uint64_t size = HD_GLIBC_MIN_CHUNK + 16ull * (uint64_t)i;
        uint64_t at = hd_window_u64(window, arena->addr + HD_GLIBC_FASTBINS + 8ull * (uint64_t)i);
        while (at && glibc->steps && hd_glibc_heap_at(glibc, at) && hd_glibc_chunk_at(glibc, window, at + 16) == size) {
            glibc->steps--;
            hd_marks_add(marks, at + 16, size, HD_RSS_MALLOC_FAST, HD_MARK_PLAIN, false);
            if (!follow(glibc, window, at + 16, size, 16, &at))
                break;
        }
    }
}

bool hd_glibc_caches_mark(struct hd_glibc *glibc, struct hd_window *window, const struct hd_buffer *caches, struct hd_marks *marks,
                          struct hd_error *err)
{
    size_t before = marks->count;
    for (size_t i = 0; i < glibc->arena_count; i++)
        fastbins_mark(glibc, window, &glibc->arenas[i], marks);
    for (size_t i = 0; i < caches->length / sizeof(uint64_t); i++) {
        uint64_t chunk;
        memcpy(&chunk, caches->data + i * sizeof chunk, sizeof chunk);
        cache_mark(glibc, window, chunk, marks);
    }
    if (marks->buffer.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of free memory in malloc's caches");
    for (size_t i = before; i < marks->count; i++) { /* until here they counted as in use */
        const struct hd_mark *mark = &hd_marks_items(marks)[i];
        const struct hd_glibc_heap *heap = hd_glibc_heap_at(glibc, mark->addr - 16);
        struct hd_glibc_arena *arena = heap ? &glibc->arenas[heap->arena] : NULL;
        if (!arena || arena->used < mark->size || !arena->used_chunks)
            continue;
        arena->used -= mark->size;
        arena->used_chunks--;
        *(mark->row == HD_RSS_MALLOC_FAST ? &arena->fast : &arena->cached) += mark->size;
        ++*(mark->row == HD_RSS_MALLOC_FAST ? &arena->fast_chunks : &arena->cached_chunks);
    }
    return true;
}
