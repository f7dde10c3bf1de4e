/* src/graph/fields.c: how far the values of a line reach, whatever stands in lists */
#include "graph/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hd_graph_text text_of(const char *bytes)
{
    return (struct hd_graph_text){bytes, strlen(bytes)};
}

/* Of {"l":LIST,"z":7}. */
static void expect_list(const char *list)
{
    char line[2000];
    struct hd_graph_text value[2];
    static const char *const names[] = {"z", "l"};
    snprintf(line, sizeof line, "{\"l\":%s, \"z\":7}", list);
    hd_fields_pick(text_of(line), names, value, 2);
    assert_true(value[0].data && hd_fields_is(value[0], "7"));
    assert_int_equal(value[1].length, strlen(list));
    assert_memory_equal(value[1].data, list, value[1].length);
    assert_ptr_equal(hd_fields_get(text_of(line), "l").data, value[1].data);
    assert_ptr_equal(hd_fields_get(text_of(line), "z").data, value[0].data);
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const ends[] = {"[]", "[ ]", "[1]", "[\"]\"]", "[\"a]b\"]", "[\"\\\"]\"]", "[\"\\\\\"]", "[[1],[2]]", "[{\"a\":[\"}\"]}]",
                                       "[\"[\"]", "[\"{\"]", "[\"}\"]", "[\"\\\\\\\"]\"]"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        expect_list(ends[i]);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) /* every place in what is looked at at once */
        for (size_t before = 0; before < 150; before++) {
            char list[400] = "[";
            for (size_t k = 0; k < before; k++)
                strcat(list, k % 10 == 9 ? "," : "1");
            snprintf(list + 1 + before, sizeof list - 1 - before, ",%s]", ends[i]);
            expect_list(list);
        }
}

/* Cut anywhere, with nothing readable behind the cut that a sanitizer would not see. */
static void test_cut(void **state)
{
    (void)state;
    static const char line[] = "{\"references\":[\"0x7f0000000000\", \"0x7f0000000028\", \"0x7f0000000050\", \"0x7f0000000078\", \"a\\\"]\"], \"memsize\":40}";
    static const char *const names[] = {"references", "memsize"};
    for (size_t length = 0; length < sizeof line - 1; length++) {
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, line, length);
        struct hd_graph_text value[2], cut = {copy, length};
        hd_fields_pick(cut, names, value, 2);
        for (int i = 0; i < 2; i++)
            assert_true(!value[i].data || (value[i].data >= copy && value[i].data + value[i].length <= copy + length));
        free(copy);
    }
}

static void test_first_counts(void **state)
{
    (void)state;
    struct hd_graph_text value[3];
    static const char *const names[] = {"a", "none", "b"};
    hd_fields_pick(text_of("{\"a\":1,\"b\":{\"a\":2},\"a\":3}"), names, value, 3);
    assert_true(hd_fields_is(value[0], "1"));
    assert_null(value[1].data);
    assert_true(hd_fields_is(value[2], "{\"a\":2}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists), cmocka_unit_test(test_cut), cmocka_unit_test(test_first_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
