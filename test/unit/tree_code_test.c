/* src/graph/tree_code.c and tree_part.c: what comes out of the bytes of a tree shows the same as the tree itself. */
#include "graph/tree_code.h"
#include "store/tree_walk.h"
#include "view/tree_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GROUPS = 300, NAMES = 9, TREES = 400, QUESTIONS = 60, ALL = 1 << 20 };

static uint32_t number; /* the same in each run */

static uint32_t below(uint32_t limit)
{
    number = number * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)number * limit >> 32);
}

/* ---- trees ---- */

static struct hd_tree tree;
static uint32_t nodes;

/* Behind those that retain as much. */
static void link_child(uint32_t child)
{
    struct hd_tree_group *groups = tree.group;
    uint32_t *at = &groups[groups[child].parent].child;
    while (*at != HD_NODE_NONE && groups[*at].retained >= groups[child].retained)
        at = &groups[*at].next;
    groups[child].next = *at;
    *at = child;
}

/* Many groups are of the same size, some of none. `deep`: one below the other, mostly. */
static void make_tree(bool deep)
{
    static struct hd_tree_group groups[GROUPS];
    tree = (struct hd_tree){.group = groups, .count = 1 + below(GROUPS)};
    nodes = 1;
    for (uint32_t i = 0; i < tree.count; i++) {
        struct hd_tree_group *group = &groups[i];
        *group = (struct hd_tree_group){.parent = HD_NODE_NONE, .child = HD_NODE_NONE, .next = HD_NODE_NONE, .via = HD_NODE_NONE,
                                        .name = HD_NAME_MASK, .count = 1};
        if (i == 0)
            continue;
        group->parent = deep && below(9) ? i - 1 : below(i);
        group->depth = groups[group->parent].depth + 1;
        group->count = below(2) ? 1 : 1 + below(9);
        group->self = group->retained = 8ull * below(below(2) ? 3 : 300);
        group->name = below(3) ? below(NAMES) : below(2) ? HD_TREE_ENTRY : HD_NAME_MASK;
        group->leaves = group->count > 1 && below(2);
        group->sample = nodes + below(group->count);
        nodes += group->count;
        group->via = below(4) ? HD_NODE_NONE : below(nodes);
    }
    for (uint32_t i = tree.count; i-- > 1;)
        groups[groups[i].parent].retained += groups[i].retained;
    for (uint32_t i = 1; i < tree.count; i++)
        link_child(i);
}

/* ---- what a tree shows ---- */

static void log_group(FILE *file, const struct hd_tree *shown, uint32_t at)
{
    const struct hd_tree_group *group = &shown->group[at];
    fprintf(file, "%u %u name %u via %u count %u self %llu retained %llu deeper %u %llu", group->depth, group->sample, group->name,
            group->via, group->count, (unsigned long long)group->self, (unsigned long long)group->retained, group->deeper_count,
            (unsigned long long)group->deeper);
}

struct walk {
    FILE *file;
    const struct hd_tree *tree;
};

static bool enter(void *data, uint32_t group, uint32_t depth, struct hd_error *err)
{
    struct walk *walk = data;
    (void)err;
    fprintf(walk->file, "frame %u: ", depth);
    log_group(walk->file, walk->tree, group);
    fprintf(walk->file, "\n");
    return true;
}

static bool weigh(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight, struct hd_error *err)
{
    struct walk *walk = data;
    (void)err;
    fprintf(walk->file, "%u %d: %llu %llu\n", depth, (int)part, (unsigned long long)weight.objects, (unsigned long long)weight.bytes);
    return true;
}

/* What `tree` has and, without a limit, `flame`. */
static char *show(const struct hd_tree *shown, const struct hd_tree_asked *asked)
{
    const struct hd_tree_view view = {.tree = *shown};
    const uint64_t least = hd_tree_least_bytes(&asked->least, shown);
    const struct hd_tree_rows_request request = {.depth = UINT32_MAX, .least = least, .limit = asked->limit};
    struct hd_tree_rows rows;
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    assert_true(hd_tree_rows_make(&rows, &view, &request, NULL));
    fprintf(file, "%u rows%s\n", rows.shown_count, rows.limited ? ", limited" : "");
    if (asked->total)
        fprintf(file, "of %u\n", shown->count + shown->left_out);
    for (uint32_t at = 0; at != HD_NODE_NONE; at = hd_tree_next(shown, at, !hd_tree_rows_has(&rows, at))) {
        if (!hd_tree_rows_has(&rows, at))
            continue;
        struct hd_tree_folded folded = hd_tree_rows_folded(&rows, at);
        log_group(file, shown, at);
        fprintf(file, " folded %u %llu %llu\n", folded.groups, (unsigned long long)folded.objects, (unsigned long long)folded.bytes);
    }
    hd_tree_rows_free(&rows);
    struct walk walk = {file, shown};
    const struct hd_tree_walker walker = {.data = &walk, .enter = enter, .weigh = weigh};
    if (asked->limit == 0)
        assert_true(hd_tree_walk(shown, least, &walker, NULL));
    assert_int_equal(fclose(file), 0);
    return text;
}

/* ---- questions ---- */

static struct hd_tree_asked any_question(void)
{
    struct hd_tree_asked asked = {.depth = below(3) ? below(12) : 0, .limit = below(2) ? below(40) : 0, .total = below(2)};
    if (below(3))
        asked.least.share = below(50) / 100.0;
    else
        asked.least.bytes = below(3000);
    return asked;
}

/* An object that is a group of its own, or all. */
static uint32_t any_top(void)
{
    uint32_t top = below(2) ? below(tree.count) : 0;
    return tree.group[top].count == 1 && !tree.group[top].leaves ? top : 0;
}

static bool require_same(const struct hd_tree_code *code)
{
    const struct hd_tree_asked asked = any_question();
    const uint32_t top = any_top();
    struct hd_tree part, whole;
    if (!hd_tree_code_part(&part, code, tree.group[top].sample, &asked))
        return false;
    assert_true(hd_tree_part(&whole, &tree, top, hd_tree_asked_depth(&asked), NULL));
    char *expected = show(&whole, &asked), *found = show(&part, &asked);
    assert_string_equal(expected, found);
    free(expected);
    free(found);
    hd_tree_destroy(&part);
    hd_tree_destroy(&whole);
    return true;
}

/* How many questions are answered of trees that have room for so many bytes. */
static uint32_t count_answered(uint64_t bytes, bool *left_out)
{
    uint32_t answered = 0;
    for (uint32_t i = 0; i < TREES; i++) {
        struct hd_buffer out = {0};
        struct hd_tree_code code;
        make_tree(i % 2);
        assert_true(hd_tree_encode(&out, &tree, bytes));
        assert_true(hd_tree_decode(&code, out.data, out.length, nodes, NAMES));
        *left_out |= code.tree.left_out > 0;
        assert_int_equal(code.tree.count + code.tree.left_out, tree.count);
        for (uint32_t question = 0; question < QUESTIONS; question++)
            answered += require_same(&code);
        hd_tree_code_free(&code);
        hd_buffer_deinit(&out);
    }
    return answered;
}

static void test_all_groups(void **state)
{
    (void)state;
    bool left_out = false;
    assert_int_equal(count_answered(ALL, &left_out), TREES * QUESTIONS);
    assert_false(left_out);
}

/* Room for the head and some groups: few and big ones are answered, small ones are not. */
static void test_some_groups(void **state)
{
    (void)state;
    const uint64_t head = 10 * (2 * HD_TREE_CODE_LEVELS + 4);
    for (uint64_t room = 200; room <= 1000; room += 200) {
        bool left_out = false;
        uint32_t answered = count_answered(head + room, &left_out);
        assert_true(left_out);
        assert_in_range(answered, TREES * QUESTIONS / 10, TREES * QUESTIONS - 1);
    }
}

/* An object that is one of several, or out of which something is counted above it, is not what the tree begins at. */
static void test_no_group_of_its_own(void **state)
{
    (void)state;
    const struct hd_tree_asked asked = {.depth = 0};
    for (uint32_t i = 0; i < TREES; i++) {
        struct hd_buffer out = {0};
        struct hd_tree_code code;
        struct hd_tree part;
        make_tree(false);
        uint32_t at = below(tree.count);
        if (at > 0 && tree.group[at].count == 1)
            tree.group[at].leaves = true;
        assert_true(hd_tree_encode(&out, &tree, ALL));
        assert_true(hd_tree_decode(&code, out.data, out.length, nodes, NAMES));
        if (at > 0)
            assert_false(hd_tree_code_part(&part, &code, tree.group[at].sample, &asked));
        assert_false(hd_tree_code_part(&part, &code, nodes, &asked));
        hd_tree_code_free(&code);
        hd_buffer_deinit(&out);
    }
}

/* Bytes that are cut off or changed are refused, or are those of another tree that adds up. */
static void test_damaged(void **state)
{
    (void)state;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 20 * TREES; i++) {
        struct hd_buffer out = {0};
        struct hd_tree_code code;
        make_tree(i % 2);
        assert_true(hd_tree_encode(&out, &tree, ALL));
        size_t length = i % 3 ? out.length : below((uint32_t)out.length);
        if (i % 3)
            out.data[below((uint32_t)out.length)] ^= (char)(1 + below(255));
        if (!hd_tree_decode(&code, out.data, length, nodes, NAMES)) {
            refused++;
        } else {
            uint64_t bytes = 0;
            for (uint32_t at = 0; at < code.tree.count; at++)
                bytes += code.tree.group[at].self + code.tree.rest[at].bytes;
            assert_true(bytes == code.tree.group[0].retained);
            hd_tree_code_free(&code);
        }
        hd_buffer_deinit(&out);
    }
    assert_in_range(refused, 8 * TREES, 20 * TREES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_groups), cmocka_unit_test(test_some_groups),
                                       cmocka_unit_test(test_no_group_of_its_own), cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
