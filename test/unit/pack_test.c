/*
 * Numbers and texts as they are kept (view/pack.h): they come out as they went in, and of what is cut or damaged nothing comes out but
 * zeros, nor is more memory taken than what is there is worth.
 */
#include "view/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const uint64_t numbers[] = {0, 1, 127, 128, 255, 16383, 16384, UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct hd_pack reading(const void *data, size_t length)
{
    const struct hd_buffer in = {.data = (char *)(uintptr_t)data, .length = length};
    return hd_pack_reading(&in);
}

static void test_numbers(void **unused)
{
    (void)unused;
    struct hd_buffer out = {0};
    struct hd_pack pack = hd_pack_writing(&out);
    for (int i = 0; i < NUMBERS; i++) {
        uint64_t number = numbers[i];
        size_t before = out.length, bytes = 1;
        for (uint64_t left = number; left >>= 7;)
            bytes++;
        hd_pack_number(&pack, &number);
        assert_int_equal(out.length - before, bytes);
    }
    for (size_t length = 0; length <= out.length; length++) { /* whole, and cut anywhere */
        pack = reading(out.data, length);
        for (int i = 0; i < NUMBERS; i++) {
            uint64_t number = 1;
            hd_pack_number(&pack, &number);
            assert_true(number == (pack.failed ? 0 : numbers[i]));
        }
        assert_true(hd_pack_ended(&pack) == (length == out.length));
    }
    hd_buffer_deinit(&out);
}

/* More than 64 bits: in a tenth byte that is too big, or in an eleventh. */
static void test_numbers_that_are_too_long(void **unused)
{
    (void)unused;
    for (int last = 0; last < 256; last++) {
        unsigned char bytes[12] = {[9] = (unsigned char)last};
        memset(bytes, 0xff, 9);
        struct hd_pack pack = reading(bytes, sizeof bytes);
        uint64_t number = 1;
        hd_pack_number(&pack, &number);
        assert_true(pack.failed == (last > 1));
        assert_true(number == (last > 1 ? 0 : last ? UINT64_MAX : UINT64_MAX >> 1));
    }
}

static void test_bounds(void **unused)
{
    (void)unused;
    const unsigned char five[] = {5, 5};
    struct hd_pack pack = reading(five, 2);
    uint32_t number = 9;
    hd_pack_below(&pack, &number, 5);
    assert_true(number == 5 && !pack.failed);
    hd_pack_below(&pack, &number, 4);
    assert_true(number == 0 && pack.failed);
}

static void test_texts(void **unused)
{
    (void)unused;
    struct hd_buffer out = {0};
    struct hd_pack pack = hd_pack_writing(&out);
    struct hd_graph_text texts[] = {{"abc", 3}, {NULL, 0}, {"", 0}}, text;
    for (int i = 0; i < 3; i++)
        hd_pack_text(&pack, &texts[i]);
    pack = reading(out.data, out.length);
    for (int i = 0; i < 3; i++) {
        hd_pack_text(&pack, &text);
        assert_true(text.length == texts[i].length && !text.data == !texts[i].data && !memcmp(text.data ? text.data : "", i ? "" : "abc", text.length));
    }
    assert_true(hd_pack_ended(&pack));
    pack = reading(out.data, 3); /* shorter than it says */
    hd_pack_text(&pack, &text);
    assert_true(pack.failed && !text.data && !text.length);
    hd_buffer_deinit(&out);
}

/* A list of which there cannot be so many elements is none. */
static void test_lists(void **unused)
{
    (void)unused;
    enum { SIZE = 200, MANY = 25 }; /* four numbers or more each */
    struct hd_buffer out = {0};
    struct hd_pack pack = hd_pack_writing(&out);
    uint32_t count = MANY;
    char elements[4 * MANY] = {0};
    hd_pack_list(&pack, NULL, &count, SIZE);
    hd_buffer_append(&out, elements, sizeof elements);
    for (size_t length = out.length - 1; length <= out.length; length++) {
        pack = reading(out.data, length);
        char *list = hd_pack_list(&pack, NULL, &count, SIZE);
        assert_true(!list == (length < out.length) && pack.failed == (length < out.length) && count == (list ? MANY : 0));
        for (size_t i = 0; list && i < (size_t)SIZE * MANY; i++)
            assert_int_equal(list[i], 0);
        free(list);
    }
    hd_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_numbers_that_are_too_long), cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_texts), cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
