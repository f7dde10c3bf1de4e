/* src/graph/line_order.c and the ranks of graph/collections.c, against qsort. */
#include "graph/collections.h"
#include "graph/line_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 20000, PAGE = 1 << 14, SLOT = 40 };

static uint64_t address[NODES], line[NODES];
static const struct hd_graph graph = {.node_count = NODES, .node_address = address, .node_line = line};

static uint32_t number; /* the same in each run */

static uint32_t below(uint32_t limit)
{
    number = number * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)number * limit >> 32);
}

static void require_order(uint32_t *nodes, uint32_t count)
{
    static uint8_t seen[NODES];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < count; i++)
        seen[nodes[i]] = 1;
    assert_true(hd_line_order(&graph, nodes, count));
    for (uint32_t i = 0; i < count; i++) {
        assert_true(i == 0 || line[nodes[i - 1]] < line[nodes[i]]);
        assert_int_equal(seen[nodes[i]]++, 1);
    }
}

/* All nodes, and every third. */
static void require_orders(void)
{
    static uint32_t nodes[NODES];
    for (uint32_t step = 1; step <= 3; step += 2) {
        uint32_t count = 0;
        for (uint32_t node = 1; node < NODES; node += step)
            nodes[count++] = node;
        require_order(nodes, count);
        for (uint32_t i = count; i-- > 1;) { /* and from any order */
            uint32_t other = below(i + 1), kept = nodes[i];
            nodes[i] = nodes[other];
            nodes[other] = kept;
        }
        require_order(nodes, count);
    }
    require_order(nodes, 0);
    require_order(nodes, 1);
}

static void test_ascending(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NODES; i++) {
        address[i] = (uint64_t)i * SLOT;
        line[i] = (uint64_t)i * 100;
    }
    require_orders();
}

/* As ObjectSpace writes them: pages in any order, what is in one together. */
static void test_pages(void **state)
{
    (void)state;
    uint32_t pages = NODES * SLOT / PAGE + 1, place[NODES * SLOT / PAGE + 1];
    for (uint32_t i = 0; i < pages; i++)
        place[i] = i;
    for (uint32_t i = pages; i-- > 1;) {
        uint32_t other = below(i + 1), kept = place[i];
        place[i] = place[other];
        place[other] = kept;
    }
    for (uint32_t i = 0; i < NODES; i++)
        line[i] = (uint64_t)place[address[i] / PAGE] * PAGE * 10 + address[i] % PAGE;
    require_orders();
}

static void test_any_order(void **state)
{
    (void)state;
    for (uint32_t i = NODES; i-- > 1;) {
        uint32_t other = below(i + 1);
        uint64_t kept = line[i];
        line[i] = line[other];
        line[other] = kept;
    }
    require_orders();
}

static int by_elements(const void *left, const void *right)
{
    const struct hd_collection *a = left, *b = right;
    if (a->elements != b->elements)
        return a->elements < b->elements ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

static void test_ranks(void **state)
{
    (void)state;
    static struct hd_collection all[NODES], sorted[NODES];
    static const uint32_t firsts[] = {0, 1, 2, 10, NODES / 2, NODES - 1, NODES, NODES + 1};
    for (uint32_t most = 1; most <= 1000; most *= 10) /* all alike, and mostly different */
        for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
            struct hd_collections collections = {.list = all, .count = NODES};
            for (uint32_t k = 0; k < NODES; k++)
                all[k] = (struct hd_collection){.node = k, .elements = below(most), .unused = below(most)};
            memcpy(sorted, all, sizeof all);
            qsort(sorted, NODES, sizeof *sorted, by_elements);
            hd_collections_rank(&collections, false, firsts[i]);
            uint32_t first = firsts[i] < NODES ? firsts[i] : NODES;
            for (uint32_t k = 0; k < first; k++)
                assert_int_equal(all[k].node, sorted[k].node);
            hd_collections_rank(&collections, true, firsts[i]);
            for (uint32_t k = 1; k < first; k++)
                assert_true(all[k].unused <= all[k - 1].unused);
            for (uint32_t k = first; first && k < NODES; k++)
                assert_true(all[k].unused <= all[first - 1].unused);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ascending), cmocka_unit_test(test_pages),
                                       cmocka_unit_test(test_any_order), cmocka_unit_test(test_ranks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
