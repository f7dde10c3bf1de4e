/*
 * Fuzz target: glibc's malloc in a process that somebody has changed. The bytes are changes to the sound memory of a small one (an arena,
 * its heap, a thread's cache, a second arena): each takes 16 of them, where (8) and what (8). Whatever the memory says then, every walk
 * ends, the chunks of a heap are its bytes and no more, and nothing outside is read.
 */
#include "fuzz/fuzz_target.h"

#include "fuzz/questions.h"
#include "rss/glibc.h"
#include "rss/ledger.h"

#include <stdlib.h>
#include <string.h>

/* libc's data with the main arena, what brk has made, and the heap of a second arena, one after the other. */
enum { DATA = 4096, HEAP = 1 << 16, SECOND = 1 << 15, ALL = DATA + HEAP + SECOND, CHANGE = 16, CHANGES_MAX = 64 };
enum { MAIN = 256, BINS = 112, NEXT = 2160, SYSTEM = 2184, TOP = 96, INFO = 48 };
static const uint64_t BASE = (1ull << 32) - DATA - HEAP; /* so that the second heap is where one must be */

static uint8_t sound[ALL], bytes[ALL];

static void put(uint64_t at, uint64_t value)
{
    memcpy(sound + at, &value, sizeof value);
}

static void arena_make(uint64_t at, uint64_t next, uint64_t top, uint64_t system)
{
    for (uint64_t i = 0; i < 127; i++) {
        put(at + BINS + 16 * i, BASE + at + BINS + 16 * i - 16);
        put(at + BINS + 16 * i + 8, BASE + at + BINS + 16 * i - 16);
    }
    put(at + NEXT, BASE + next);
    put(at + SYSTEM, system);
    put(at + TOP, BASE + top);
}

/* Chunks of `size` from `at` to `top`, every fourth free. */
static void chunks_make(uint64_t at, uint64_t size, uint64_t top, uint64_t end)
{
    for (uint64_t i = 0; at < top; at += size, i++)
        put(at + 8, size | (i % 4 != 2));
    put(top + 8, (end - top) | 1);
}

static void begin(void)
{
    uint64_t heap = DATA, second = DATA + HEAP, cache = heap + 16;
    arena_make(MAIN, second + INFO, heap + HEAP - 4096, HEAP);
    put(heap + 8, 0x290 | 1);
    chunks_make(heap + 0x290, 48, heap + 0x290 + 48 * 1000, heap + HEAP);
    put(heap + 0x290 + 48 * 1000 + 8, (HEAP - 4096 - 0x290 - 48 * 1000) | 1);
    put(heap + HEAP - 4096 + 8, 4096 | 1);
    sound[cache + 2] = 2; /* two chunks of 48 bytes wait */
    uint64_t one = heap + 0x290 + 16, two = one + 48 * 4;
    put(cache + 128 + 8, BASE + one);
    put(one, (BASE + one) >> 12 ^ (BASE + two));
    put(two, (BASE + two) >> 12);
    put(MAIN + 16 + 8, BASE + one + 48 * 8 - 16); /* and one in a fastbin */
    put(one + 48 * 8, (BASE + one + 48 * 8) >> 12);
    put(second, BASE + second + INFO); /* struct heap_info */
    put(second + 16, SECOND);
    put(second + 24, SECOND);
    uint64_t first = (second + INFO + 2200 + 15) & ~15ull;
    arena_make(second + INFO, MAIN, second + SECOND - 4096, SECOND);
    chunks_make(first, 64, first + 64 * 100, second + SECOND - 4096);
    put(second + SECOND - 4096 + 8, 4096 | 1);
    /* mp_: n_mmaps, n_mmaps_max, …, mmapped_mem, max_mmapped_mem, sbrk_base, tcache_bins, tcache_max_bytes */
    put(96 - 36, 0 | 65536ull << 32);
    put(96, BASE + heap);
    put(104, 64);
    put(112, 1032);
}

struct sum {
    uint64_t next, bytes, end;
};

static bool chunk_take(void *data, uint64_t addr, uint64_t size, enum hd_glibc_chunk kind)
{
    struct sum *sum = data;
    hd_question_require(addr == sum->next && size && size <= sum->end - addr && kind <= HD_GLIBC_DAMAGED, "a chunk is not where the last one ended");
    sum->next = addr + size;
    sum->bytes += size;
    return true;
}

static void look(bool changed)
{
    struct hd_range range = {.start = BASE, .end = BASE + ALL, .data = bytes};
    struct hd_memory memory = {.ranges = &range, .range_count = 1};
    const struct hd_image_segment data = {BASE, BASE + DATA};
    struct hd_arena arena = {0};
    struct hd_glibc glibc;
    struct hd_window window;
    struct hd_marks marks = {0};
    struct hd_error err = {0};
    hd_question_require(hd_glibc_find_in(&glibc, &memory, &arena, &data, 1, &err) && hd_window_open(&window, &memory, &err), "no memory");
    hd_question_require(hd_glibc_count(&glibc, &window, &marks, &err) && hd_marks_sort(&marks), "no memory");
    for (size_t i = 0; i < glibc.heap_count; i++) {
        const struct hd_glibc_heap *heap = &glibc.heaps[i];
        struct sum sum = {.next = heap->base, .end = heap->end};
        hd_glibc_walk(&glibc, heap, &window, chunk_take, &sum);
        hd_question_require(sum.bytes == heap->end - heap->base, "the chunks of a heap are not all of it");
        hd_question_require(!i || heap->base >= glibc.heaps[i - 1].end, "two heaps overlap");
    }
    for (size_t i = 0; i < marks.count; i++)
        hd_question_require(hd_glibc_chunk_at(&glibc, &window, hd_marks_items(&marks)[i].addr) != 0, "what is cached is no chunk");
    if (!changed)
        hd_question_require(glibc.found && glibc.options_found && glibc.heap_count == 2 && marks.count == 3 && !glibc.arenas[0].damaged
                                && !glibc.arenas[1].damaged && glibc.arenas[0].cached == 96 && glibc.arenas[0].fast == 48,
                            "sound memory is not understood");
    hd_marks_deinit(&marks);
    hd_window_close(&window);
    hd_glibc_close(&glibc);
    hd_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    if (!begun) {
        begin();
        memcpy(bytes, sound, ALL);
        look(false);
        begun = true;
    }
    memcpy(bytes, sound, ALL);
    for (size_t i = 0; i + CHANGE <= size && i / CHANGE < CHANGES_MAX; i += CHANGE) {
        uint64_t where, what;
        memcpy(&where, data + i, 8);
        memcpy(&what, data + i + 8, 8);
        memcpy(bytes + where % (ALL - 8), &what, 8);
    }
    look(true);
    return 0;
}
