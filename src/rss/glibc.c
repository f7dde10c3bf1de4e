/*
 * Arenas, heaps and chunks of glibc 2.27 to 2.41 on x86-64 (malloc/malloc.c, malloc/arena.c).
 *
 * struct malloc_state has in these releases: at 4 flags, at 16 fastbinsY[10], at 96 top, at 112 bins[254], at 2160 next, at 2184
 * system_mem; 2200 bytes. main_arena is a static variable in libc's .data that no symbol leads to. It is recognised by its bins: each of
 * the 127 is a circle of chunks through a place in the struct itself, an empty one points to itself; nothing else looks like that.
 * The other arenas hang on `next`, in a circle. Each begins in a heap of 64 MiB at most (HEAP_MAX_SIZE), aligned to that: struct heap_info
 * {ar_ptr, prev, size, mprotect_size, …} stands at its start (32 bytes, 48 since 2.35), and `prev` leads to the heaps before.
 *
 * A chunk is {prev_size, size, …}: the low bits of size say that the chunk before is in use (1), that the chunk has a mapping of its own (2),
 * that it is not the main arena's (4). The size of a fence post, which ends a heap that is not the last, is 0 or 16.
 */
#define _GNU_SOURCE
#include "rss/glibc.h"

#include <stdlib.h>

enum {
    STATE_BYTES = 2200, TOP = 96, BINS = 112, BIN_COUNT = 127, NEXT = 2160, SYSTEM = 2184,
    ARENAS_MAX = 1 << 16, HEAPS_MAX = 1 << 20, IMAGES_MAX = 4096, PAGE = 4096
};
static const uint64_t HEAP_BYTES = 64ull << 20, DATA_MAX = 16ull << 20;
enum { BIT_PREVIOUS_USED = 1, BIT_MAPPED = 2, BITS = 7 };

/* --- finding the arenas --- */

static uint64_t u64(struct hd_memory *memory, uint64_t addr)
{
    return hd_memory_u64(memory, addr);
}

/* A bin is a circle: empty, or the first and the last chunk point back to it. */
static bool bin_fits(struct hd_memory *memory, uint64_t arena, int number)
{
    uint64_t bin = arena + BINS + 16ull * (uint64_t)number - 16, first = u64(memory, bin + 16), last = u64(memory, bin + 24);
    if (first == bin || last == bin)
        return first == last;
    return first && last && !(first & 15) && !(last & 15) && u64(memory, first + 24) == bin && u64(memory, last + 16) == bin;
}

static bool arena_fits(struct hd_memory *memory, uint64_t arena)
{
    uint64_t top = u64(memory, arena + TOP), system = u64(memory, arena + SYSTEM);
    if (!hd_memory_at(memory, arena, STATE_BYTES) || !top || (top & 15) || !system || system > 1ull << 47)
        return false;
    for (int i = 0; i < BIN_COUNT; i++)
        if (!bin_fits(memory, arena, i))
            return false;
    return true;
}

static bool is_libc(const struct hd_image *image, struct hd_memory *memory)
{
    return hd_image_symbol(image, memory, "gnu_get_libc_version") && hd_image_symbol(image, memory, "malloc_info");
}

/*
 * mp_ (struct malloc_par): …, n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold (int), mmapped_mem, max_mmapped_mem, sbrk_base,
 * tcache_bins, tcache_max_bytes. Between the ints and what follows there are 4 bytes of padding since 2.35. `base` is where sbrk_base
 * may be; what it is known by are the defaults of n_mmaps_max and of tcache_max_bytes. Where somebody called sbrk before malloc did, as
 * the dynamic linker of 2.31 does to keep GLIBC_TUNABLES, sbrk_base is any number, and the first chunk is aligned.
 */
static bool options_fit(struct hd_glibc *glibc, struct hd_memory *memory, uint64_t base)
{
    enum { MOST_MAPPED = 65536 };
    uint64_t bytes = u64(memory, base - 16), most = u64(memory, base - 8), start = u64(memory, base), bins = u64(memory, base + 8);
    uint64_t limit = hd_memory_u32(memory, base - 32) == MOST_MAPPED ? base - 32 : base - 28;
    uint32_t count = hd_memory_u32(memory, limit - 4);
    if (!bins || bins > HD_GLIBC_TCACHE_BINS || u64(memory, base + 16) != bins * 16 + 8 || most < bytes || (bytes & (PAGE - 1))
        || start >> 47 || !bytes != !count || hd_memory_u32(memory, limit) != MOST_MAPPED)
        return false;
    glibc->options_found = true;
    glibc->mapped_bytes = bytes;
    glibc->mapped_count = count;
    glibc->brk_start = (start + 15) & ~15ull;
    return true;
}

static uint64_t main_find(struct hd_glibc *glibc, struct hd_memory *memory, const struct hd_image_segment *data, int count)
{
    uint64_t found = 0;
    for (int i = 0; i < count; i++) {
        uint64_t start = data[i].start, end = data[i].end;
        if (end <= start || end - start > DATA_MAX)
            continue;
        for (uint64_t at = (start + 7) & ~7ull; at + 8 <= end; at += 8) {
            if (!found && at + STATE_BYTES <= end && u64(memory, at + BINS + 16) && arena_fits(memory, at))
                found = at;
            if (!glibc->options_found && at >= start + 96)
                options_fit(glibc, memory, at);
        }
    }
    return found;
}

/* --- heaps --- */

static bool heap_add(struct hd_glibc *glibc, uint64_t base, uint64_t start, uint64_t end, uint32_t arena)
{
    if (glibc->heap_count == HEAPS_MAX || end <= start)
        return true;
    if (glibc->heap_count % 64 == 0) {
        struct hd_glibc_heap *grown = realloc(glibc->heaps, (glibc->heap_count + 64) * sizeof *grown);
        if (!grown)
            return false;
        glibc->heaps = grown;
    }
    glibc->heaps[glibc->heap_count++] = (struct hd_glibc_heap){.base = base, .start = start, .end = end, .arena = arena};
    return true;
}

static uint64_t chunk_bytes(struct hd_memory *memory, uint64_t chunk)
{
    return u64(memory, chunk + 8) & ~(uint64_t)BITS;
}

/* What brk has made, from its start to the end of the top chunk. Beyond that the main arena has mappings only where brk has failed. */
static bool main_heaps(struct hd_glibc *glibc, struct hd_memory *memory)
{
    struct hd_glibc_arena *arena = &glibc->arenas[0];
    uint64_t end = arena->top + chunk_bytes(memory, arena->top), start = glibc->options_found ? glibc->brk_start : 0;
    if (!start)
        for (size_t i = 0; i < memory->mapping_count; i++) {
            const struct hd_mapping *mapping = &memory->mappings[i];
            if (mapping->path_length == 6 && !memcmp(mapping->path, "[heap]", 6) && mapping->start <= arena->top && arena->top < mapping->end)
                start = mapping->start;
        }
    arena->damaged = !start || start > arena->top || end < arena->top || end - start > arena->system;
    return arena->damaged || heap_add(glibc, start, start, end, 0);
}

/* The heaps of a thread arena: from the one its top is in to the one it began in. */
static bool thread_heaps(struct hd_glibc *glibc, struct hd_memory *memory, uint32_t number)
{
    struct hd_glibc_arena *arena = &glibc->arenas[number];
    uint64_t first = arena->addr & ~(HEAP_BYTES - 1), info = arena->addr - first, heap = arena->top & ~(HEAP_BYTES - 1), sum = 0;
    arena->damaged = info != 32 && info != 48;
    while (!arena->damaged && heap) {
        uint64_t size = u64(memory, heap + 16), start = heap + info;
        if (heap == first)
            start = (arena->addr + STATE_BYTES + 15) & ~15ull;
        arena->damaged = u64(memory, heap) != arena->addr || size > HEAP_BYTES || size < start - heap || (size & (PAGE - 1));
        sum += size;
        arena->damaged |= glibc->heap_count >= HEAPS_MAX; /* what it has may be made up, too */
        if (arena->damaged || sum > arena->system) /* a circle would come to more than it has */
            break;
        if (!heap_add(glibc, heap, start, heap + size, number))
            return false;
        heap = heap == first ? 0 : u64(memory, heap + 8);
        arena->damaged = heap & (HEAP_BYTES - 1);
    }
    arena->damaged |= sum != arena->system;
    return true;
}

static int by_address(const void *left, const void *right)
{
    uint64_t a = ((const struct hd_glibc_heap *)left)->start, b = ((const struct hd_glibc_heap *)right)->start;
    return (a > b) - (a < b);
}

static bool arenas_read(struct hd_glibc *glibc, struct hd_memory *memory, struct hd_arena *arena, uint64_t first)
{
    size_t count = 0;
    uint64_t at = first;
    for (; count < ARENAS_MAX && at && (count == 0 || at != first); count++)
        at = u64(memory, at + NEXT);
    glibc->arenas = hd_arena_alloc(arena, count, sizeof *glibc->arenas);
    if (!glibc->arenas)
        return false;
    at = first;
    for (size_t i = 0; i < count; i++, at = u64(memory, at + NEXT)) {
        if (i && !arena_fits(memory, at))
            break;
        struct hd_glibc_arena *found = &glibc->arenas[glibc->arena_count++];
        *found = (struct hd_glibc_arena){.addr = at, .top = u64(memory, at + TOP), .system = u64(memory, at + SYSTEM)};
        found->top_bytes = chunk_bytes(memory, found->top);
        if (!(i ? thread_heaps(glibc, memory, (uint32_t)i) : main_heaps(glibc, memory)))
            return false;
    }
    if (glibc->heap_count)
        qsort(glibc->heaps, glibc->heap_count, sizeof *glibc->heaps, by_address);
    size_t kept = 0; /* heaps of damaged arenas may lie in one another */
    for (size_t i = 0; i < glibc->heap_count; i++)
        if (!kept || glibc->heaps[i].base >= glibc->heaps[kept - 1].end)
            glibc->heaps[kept++] = glibc->heaps[i];
    glibc->heap_count = kept;
    return true;
}

bool hd_glibc_find_in(struct hd_glibc *glibc, struct hd_memory *memory, struct hd_arena *arena, const struct hd_image_segment *data,
                      int count, struct hd_error *err)
{
    uint64_t unreadable = memory->unreadable;
    *glibc = (struct hd_glibc){0};
    uint64_t first = main_find(glibc, memory, data, count);
    glibc->found = first != 0;
    bool good = !first || arenas_read(glibc, memory, arena, first);
    memory->unreadable = unreadable; /* looking is not failing */
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of malloc's arenas");
}

bool hd_glibc_find(struct hd_glibc *glibc, struct hd_memory *memory, struct hd_arena *arena, struct hd_error *err)
{
    struct hd_image image;
    const char *path;
    uint32_t length;
    size_t at = 0;
    *glibc = (struct hd_glibc){0};
    for (int n = 0; n < IMAGES_MAX && hd_image_next(&image, memory, &at, &path, &length); n++)
        if (is_libc(&image, memory))
            return hd_glibc_find_in(glibc, memory, arena, image.data, image.data_count, err);
    return true;
}

void hd_glibc_close(struct hd_glibc *glibc)
{
    free(glibc->heaps);
    glibc->heaps = NULL;
    glibc->heap_count = 0;
}

/* --- chunks --- */

const struct hd_glibc_heap *hd_glibc_heap_at(const struct hd_glibc *glibc, uint64_t addr)
{
    size_t low = 0, high = glibc->heap_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr < glibc->heaps[middle].start)
            high = middle;
        else if (addr >= glibc->heaps[middle].end)
            low = middle + 1;
        else
            return &glibc->heaps[middle];
    }
    return NULL;
}

void hd_glibc_walk(const struct hd_glibc *glibc, const struct hd_glibc_heap *heap, struct hd_window *window, hd_glibc_each *each,
                   void *data)
{
    uint64_t top = glibc->arenas[heap->arena].top, at = heap->start;
    uint64_t head = hd_window_u64(window, at + 8);
    if (heap->start > heap->base && !each(data, heap->base, heap->start - heap->base, HD_GLIBC_REST))
        return;
    while (at < heap->end) {
        uint64_t size = head & ~(uint64_t)BITS, left = heap->end - at;
        if (at == top) {
            each(data, at, left, HD_GLIBC_TOP);
            return;
        }
        if (size <= 16) {
            each(data, at, left, HD_GLIBC_REST);
            return;
        }
        if (size < HD_GLIBC_MIN_CHUNK || size % 16 || size > left) {
            each(data, at, left, HD_GLIBC_DAMAGED);
            return;
        }
        head = size + 16 <= left ? hd_window_u64(window, at + size + 8) : BIT_PREVIOUS_USED;
        if (!each(data, at, size, head & BIT_PREVIOUS_USED ? HD_GLIBC_USED : HD_GLIBC_FREE))
            return;
        at += size;
    }
}

struct counting {
    struct hd_glibc_arena *arena;
    struct hd_buffer caches; /* addresses of chunks that may be a thread's cache */
    uint64_t chunks;
};

static bool chunk_count(void *data, uint64_t addr, uint64_t size, enum hd_glibc_chunk kind)
{
    struct counting *counting = data;
    struct hd_glibc_arena *arena = counting->arena;
    counting->chunks++;
    if (kind == HD_GLIBC_USED) {
        arena->used += size;
        arena->used_chunks++;
        if (size == HD_GLIBC_TCACHE_CHUNK)
            hd_buffer_append(&counting->caches, &addr, sizeof addr);
    } else if (kind == HD_GLIBC_FREE) {
        arena->free += size;
        arena->free_chunks++;
    } else if (kind == HD_GLIBC_DAMAGED) {
        arena->damaged = true;
    }
    return true;
}

bool hd_glibc_count(struct hd_glibc *glibc, struct hd_window *window, struct hd_marks *marks, struct hd_error *err)
{
    struct counting counting = {0};
    for (size_t i = 0; i < glibc->heap_count; i++) {
        counting.arena = &glibc->arenas[glibc->heaps[i].arena];
        hd_glibc_walk(glibc, &glibc->heaps[i], window, chunk_count, &counting);
    }
    glibc->steps = 2 * counting.chunks + (1 << 16); /* a list has no more chunks than there are */
    bool good = !counting.caches.failed && hd_glibc_caches_mark(glibc, window, &counting.caches, marks, err);
    hd_buffer_deinit(&counting.caches);
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of free memory in malloc's caches");
}

bool hd_glibc_mapped_at(struct hd_window *window, uint64_t addr, uint64_t *start, uint64_t *end)
{
    uint64_t before = hd_window_u64(window, addr - 16), head = hd_window_u64(window, addr - 8), size = head & ~(uint64_t)BITS;
    *start = addr - 16 - before;
    *end = addr - 16 + size;
    return !(addr & 15) && (head & BITS) == BIT_MAPPED && before < addr - 16 && size >= HD_GLIBC_MIN_CHUNK && size < 1ull << 46
           && !(*start & (PAGE - 1)) && !((before + size) & (PAGE - 1));
}

uint64_t hd_glibc_chunk_at(const struct hd_glibc *glibc, struct hd_window *window, uint64_t addr)
{
    const struct hd_glibc_heap *heap = addr & 15 ? NULL : hd_glibc_heap_at(glibc, addr - 16);
    uint64_t start, end;
    if (heap) {
        uint64_t size = hd_window_u64(window, addr - 8) & ~(uint64_t)BITS;
        return size >= HD_GLIBC_MIN_CHUNK && size % 16 == 0 && size <= heap->end - (addr - 16) ? size : 0;
    }
    return hd_glibc_mapped_at(window, addr, &start, &end) ? end - start : 0;
}
