/* Long work ends when nobody waits for it any more: tree, suspects, strings and statements. */
#include "base/progress.h"
#include "graph/strings.h"
#include "graph/suspects.h"
#include "store/sql.h"
#include "view/open.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STRINGS = 200000, FIRST = 4096, STEP = 40 };

static char path[] = "/tmp/heap_dump-cancel-XXXXXX";
static struct hd_open opened;

/* One array that holds many strings, as ObjectSpace writes it. */
static int make(void **state)
{
    (void)state;
    struct hd_error err = {0};
    FILE *file = fdopen(mkstemp(path), "w");
    if (!file)
        return -1;
    fprintf(file, "{\"type\":\"ROOT\", \"root\":\"vm\", \"references\":[\"0x400\"]}\n");
    fprintf(file, "{\"address\":\"0x400\", \"type\":\"ARRAY\", \"length\":%d, \"memsize\":1600040, \"references\":[", STRINGS);
    for (int i = 0; i < STRINGS; i++)
        fprintf(file, "%s\"0x%x\"", i ? ", " : "", FIRST + i * STEP);
    fprintf(file, "]}\n");
    for (int i = 0; i < STRINGS; i++)
        fprintf(file, "{\"address\":\"0x%x\", \"type\":\"STRING\", \"bytesize\":5, \"value\":\"%05d\", \"memsize\":40}\n", FIRST + i * STEP, i % 1000);
    hd_open_without_index = true;
    return fclose(file) || !hd_open_read(&opened, path, &err);
}

static int unmake(void **state)
{
    (void)state;
    hd_open_close(&opened);
    return unlink(path);
}

static void is_ended(bool done, const struct hd_error *err)
{
    assert_false(done);
    assert_int_equal(err->code, HD_ERROR_INTERRUPTED);
}

static struct hd_progress given_up = {.cancelled = true};

static void test_tree(void **state)
{
    (void)state;
    struct hd_error err = {0};
    struct hd_tree tree;
    const struct hd_tree_shape shape = {.paths = hd_derived_paths(opened.derived, &err), .from = HD_NODE_ROOT, .depth = 5};
    const struct hd_groups *classes = hd_derived_classes(opened.derived, &err);
    assert_non_null(classes);
    hd_progress_begin(&given_up);
    is_ended(hd_tree_create(&tree, &opened.graph, &opened.dominators, classes, &shape, &err), &err);
    hd_progress_begin(NULL);
    assert_true(hd_tree_create(&tree, &opened.graph, &opened.dominators, classes, &shape, &err));
    hd_tree_destroy(&tree);
}

static void test_suspects(void **state)
{
    (void)state;
    struct hd_error err = {0};
    struct hd_suspects suspects;
    const struct hd_paths *paths = hd_derived_paths(opened.derived, &err);
    const struct hd_groups *classes = hd_derived_classes(opened.derived, &err);
    hd_progress_begin(&given_up);
    is_ended(hd_suspects_find(&suspects, &opened.graph, &opened.dominators, classes, paths, NULL, 0.05, 8, 0, &err), &err);
    hd_progress_begin(NULL);
    assert_true(hd_suspects_find(&suspects, &opened.graph, &opened.dominators, classes, paths, NULL, 0.05, 8, 0, &err));
    assert_int_equal(suspects.count, 1);
    hd_progress_begin(&given_up);
    is_ended(hd_suspects_read(&suspects, path, NULL, &err), &err);
    hd_progress_begin(NULL);
    assert_true(hd_suspects_read(&suspects, path, NULL, &err));
    assert_int_equal(suspects.list[0].duplicates, STRINGS - 1000);
    hd_suspects_destroy(&suspects);
}

static void test_strings(void **state)
{
    (void)state;
    struct hd_error err = {0};
    struct hd_strings strings;
    hd_progress_begin(&given_up);
    is_ended(hd_strings_create(&strings, path, &opened.graph, opened.dominators.parent, 10, NULL, &err), &err);
    hd_progress_begin(NULL);
    assert_true(hd_strings_create(&strings, path, &opened.graph, opened.dominators.parent, 10, NULL, &err));
    assert_int_equal(strings.member_count, STRINGS);
    assert_int_equal(strings.copies.count, STRINGS - 1000);
    hd_strings_destroy(&strings);
}

static atomic_bool interrupting, answered;

static void *interrupt(void *sql)
{
    while (!atomic_load(&answered)) {
        hd_sql_interrupt(sql);
        atomic_store(&interrupting, true);
    }
    return NULL;
}

/* HD_SQL_FAILED if it was interrupted; on a busy machine it may be done before the other thread has its turn. */
static enum hd_sql_step interrupted_step(struct hd_sql *sql, struct hd_error *err)
{
    pthread_t thread;
    atomic_store(&interrupting, false);
    atomic_store(&answered, false);
    struct hd_sql_query *query = hd_sql_prepare(sql, "SELECT sum(duplicates) FROM strings", NULL, err);
    assert_non_null(query);
    /* Not before: to prepare is to be interrupted, too. */
    assert_int_equal(pthread_create(&thread, NULL, interrupt, sql), 0);
    while (!atomic_load(&interrupting))
        sched_yield();
    enum hd_sql_step step = hd_sql_step(query, err);
    hd_sql_finish(query);
    atomic_store(&answered, true);
    pthread_join(thread, NULL);
    return step;
}

/* From within what a table makes when it is first asked; and the connection goes on. */
static void test_statement(void **state)
{
    (void)state;
    struct hd_error err = {0};
    const struct hd_sql_source source = {path, path, &opened.graph, &opened.dominators, opened.derived, NULL, NULL, NULL};
    if (!hd_sql_available(&err))
        skip();
    struct hd_sql *sql = NULL;
    enum hd_sql_step step = HD_SQL_ROW;
    for (int i = 0; i < 100 && step == HD_SQL_ROW; i++) {
        hd_sql_close(sql); /* what a table has made it keeps */
        sql = hd_sql_open(&source, NULL, &err);
        assert_non_null(sql);
        step = interrupted_step(sql, &err);
    }
    assert_int_equal(step, HD_SQL_FAILED);
    assert_int_equal(err.code, HD_ERROR_INTERRUPTED);
    assert_null(hd_progress_watcher());
    struct hd_sql_query *query = hd_sql_prepare(sql, "SELECT sum(duplicates) FROM strings", NULL, &err);
    assert_int_equal(hd_sql_step(query, &err), HD_SQL_ROW);
    hd_sql_finish(query);
    hd_sql_close(sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tree), cmocka_unit_test(test_suspects),
                                       cmocka_unit_test(test_strings), cmocka_unit_test(test_statement)};
    return cmocka_run_group_tests(tests, make, unmake);
}
