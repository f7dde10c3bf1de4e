/* Memory that is fetched when it is asked for: what is there is there, what is not is NULL, and following it has an end. */
#define _GNU_SOURCE
#include "memory/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { BASE = 0x10000, CHUNKS = 40, TOTAL = CHUNKS * HD_CHUNK_BYTES + 4096 };

struct fixture {
    struct hd_arena arena;
    struct hd_memory memory;
    struct hd_range ranges[2];
    struct hd_mapping mapping;
    int source;
};

/* A range of which the source has `there` bytes: the first half zeros, the second not. */
static void open_fixture(struct fixture *fixture, uint64_t there)
{
    static char block[4096];
    memset(fixture, 0, sizeof *fixture);
    fixture->source = memfd_create("memory_test", MFD_CLOEXEC);
    assert_true(fixture->source >= 0);
    memset(block, 'x', sizeof block);
    assert_int_equal(ftruncate(fixture->source, (off_t)there), 0);
    for (uint64_t at = TOTAL / 2 / 4096 * 4096; at + sizeof block <= there; at += sizeof block)
        assert_int_equal(pwrite(fixture->source, block, sizeof block, (off_t)at), sizeof block);
    fixture->ranges[0] = (struct hd_range){.start = BASE, .end = BASE + TOTAL};
    hd_memory_reserve(&fixture->ranges[0], &fixture->arena, fixture->source, 0);
    assert_non_null(fixture->ranges[0].data);
    fixture->mapping = (struct hd_mapping){.start = BASE, .end = BASE + TOTAL, .writable = true};
    fixture->memory = (struct hd_memory){.ranges = fixture->ranges, .range_count = 1, .mappings = &fixture->mapping, .mapping_count = 1};
}

static void close_fixture(struct fixture *fixture)
{
    hd_memory_close(&fixture->memory);
    hd_arena_deinit(&fixture->arena);
    close(fixture->source);
}

static size_t resident(const struct fixture *fixture)
{
    static unsigned char pages[TOTAL / 4096 + 1];
    size_t count = 0;
    assert_int_equal(mincore((void *)(uintptr_t)fixture->ranges[0].data, TOTAL, pages), 0);
    for (size_t i = 0; i < TOTAL / 4096; i++)
        count += pages[i] & 1;
    return count;
}

static void test_bytes_and_bounds(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f, TOTAL);
    for (uint64_t at = 0; at + 64 < TOTAL; at += 4093) { /* over the edges of chunks, too */
        const uint8_t *bytes = hd_memory_at(&f.memory, BASE + at, 64);
        assert_non_null(bytes);
        assert_int_equal(bytes[0], at < TOTAL / 2 / 4096 * 4096 ? 0 : 'x');
    }
    assert_null(hd_memory_at(&f.memory, BASE + TOTAL - 8, 16));
    assert_null(hd_memory_at(&f.memory, BASE - 8, 16));
    assert_null(hd_memory_at(&f.memory, BASE, UINT64_MAX));
    assert_null(hd_memory_at(&f.memory, UINT64_MAX - 4, 8));
    assert_int_equal(f.memory.unreadable, 4);
    assert_true(f.memory.looked < 2 * TOTAL); /* a length that is nonsense is not work */
    close_fixture(&f);
}

static void test_zeros_take_no_memory(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f, TOTAL);
    hd_memory_fetch_writable(&f.memory);
    assert_true(resident(&f) <= TOTAL / 2 / 4096 + HD_CHUNK_BYTES / 4096 + 1);
    assert_true(resident(&f) >= TOTAL / 2 / 4096 - HD_CHUNK_BYTES / 4096);
    close(f.source); /* all is here: the source is not asked again */
    f.source = memfd_create("memory_test", MFD_CLOEXEC);
    for (uint64_t at = 0; at < TOTAL; at += 4096)
        assert_non_null(hd_memory_at(&f.memory, BASE + at, 8));
    assert_int_equal(f.memory.unreadable, 0);
    close_fixture(&f);
}

static void test_what_is_not_there(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f, TOTAL / 2);
    assert_non_null(hd_memory_at(&f.memory, BASE, 8));
    assert_null(hd_memory_at(&f.memory, BASE + TOTAL - 4096, 8));
    assert_null(hd_memory_at(&f.memory, BASE, TOTAL));
    assert_non_null(hd_memory_at(&f.memory, BASE + TOTAL / 4, 8)); /* what was asked for together with it is */
    close_fixture(&f);
}

static void test_limit(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f, TOTAL);
    hd_memory_limit(&f.memory);
    assert_true(f.memory.limit >= 64ull * TOTAL);
    assert_false(hd_memory_exhausted(&f.memory));
    for (int i = 0; i < 1 << 20 && !hd_memory_exhausted(&f.memory); i++)
        hd_memory_at(&f.memory, BASE, TOTAL);
    assert_true(hd_memory_exhausted(&f.memory));
    f.memory.limit = 0;
    assert_false(hd_memory_exhausted(&f.memory));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_bounds),
        cmocka_unit_test(test_zeros_take_no_memory),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
