/* src/dump/line.c: which references a line has had already. */
#include "dump/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static struct hd_arena arena;
static struct hd_vm vm = {.arena = &arena};
static struct hd_dump_options options;

/* The first question of a line that never forgot anything: no looking for a free place without end. */
static void test_seen_at_once(void **state)
{
    struct hd_line line;
    (void)state;
    assert_true(hd_line_init(&line, &vm, &options));
    alarm(20);
    assert_false(hd_line_seen(&line, 4096));
    assert_true(hd_line_seen(&line, 4096));
    alarm(0);
    hd_line_deinit(&line);
}

static void test_forget(void **state)
{
    struct hd_line line;
    (void)state;
    assert_true(hd_line_init(&line, &vm, &options));
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 1; i < 20000; i++) /* more than there is room for at first */
            assert_false(hd_line_seen(&line, 8 * i));
        for (uint64_t i = 1; i < 20000; i++)
            assert_true(hd_line_seen(&line, 8 * i));
        hd_line_forget(&line);
    }
    line.generation = UINT32_MAX; /* it begins anew, and what was marked long ago is not taken for new */
    hd_line_forget(&line);
    assert_false(hd_line_seen(&line, 8));
    hd_line_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seen_at_once), cmocka_unit_test(test_forget)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hd_arena_deinit(&arena);
    return failed;
}
