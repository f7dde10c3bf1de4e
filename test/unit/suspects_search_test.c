/*
 * Points of all shares (graph/suspects_search.h), on random trees: whatever number of bytes is asked for later, what is chosen is among
 * them. With little room, too: then only from the number of bytes on that it says.
 */
#include "graph/suspects_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

enum { TREES = 300, GROUPS = 400, ASKED = 200, ROOM = 128 };

static uint64_t state;

static uint64_t randomly(uint64_t below)
{
    state = state * 0x5851f42d4c957f2dU + 0x14057b7ef767814fU;
    return below ? (state >> 33) % below : 0;
}

/* Children share what their parent has, and a rule has none. */
static void grow(struct hd_suspects_search *search)
{
    struct hd_suspects_group root = {.data = 1000000};
    assert_true(hd_suspects_search_add(search, &root, NULL));
    for (uint32_t i = 0; i < search->count; i++) {
        uint64_t left = search->groups[i].data;
        search->groups[i].first = search->count;
        search->groups[i].apart = randomly(3) == 0;
        search->groups[i].rule = i ? (uint32_t)(randomly(3) ? HD_SUSPECTS_GO_ON : randomly(HD_SUSPECTS_RULES)) : HD_SUSPECTS_GO_ON;
        for (uint64_t k = randomly(9); k > 0 && left > 0 && search->count < GROUPS; k--) {
            struct hd_suspects_group child = {.group = search->count, .data = 1 + randomly(left)};
            left -= child.data;
            if (child.data > search->groups[i].heaviest) {
                search->groups[i].heaviest = child.data;
                search->groups[i].content = child.group;
            }
            if (search->groups[i].rule == HD_SUSPECTS_GO_ON) {
                assert_true(hd_suspects_search_add(search, &child, NULL));
                search->groups[i].count++;
            }
        }
        hd_suspects_search_order(search, i);
    }
}

static bool is_among(const struct hd_suspects_point *points, uint32_t count, const struct hd_suspects_point *point)
{
    for (uint32_t i = 0; i < count; i++)
        if (points[i].group == point->group && points[i].kind == point->kind && points[i].content == point->content
            && points[i].data == point->data)
            return true;
    return false;
}

static uint32_t try_out(uint32_t most)
{
    struct hd_suspects_search search = {.from = 1 + randomly(2000)};
    struct hd_suspects_point all[ROOM], some[HD_SUSPECTS_MAX];
    uint64_t from = search.from;
    grow(&search);
    uint32_t count = hd_suspects_choose_all(&search, all, most), raised = search.from > from;
    assert_true(count <= most && search.from >= from);
    for (uint32_t i = 1; i < count; i++)
        assert_true(all[i].group > all[i - 1].group || (all[i].group == all[i - 1].group && all[i].kind > all[i - 1].kind));
    for (int asked = 0; asked < ASKED && search.from < 1000000; asked++) {
        uint64_t least = asked ? search.from + randomly(asked % 2 ? 1000000 - search.from : 3000) : search.from;
        uint32_t found = hd_suspects_choose(&search, least, some);
        assert_true(found <= HD_SUSPECTS_MAX);
        for (uint32_t i = 0; i < found; i++) {
            assert_true(some[i].data >= least || some[i].group == 0);
            assert_true(is_among(all, count, &some[i]));
        }
    }
    free(search.groups);
    return raised;
}

static void test_whatever_is_asked_is_there(void **unused)
{
    (void)unused;
    state = 1;
    for (int i = 0; i < TREES; i++)
        try_out(ROOM);
}

static void test_little_room(void **unused)
{
    (void)unused;
    uint32_t raised = 0;
    state = 2;
    for (int i = 0; i < TREES; i++)
        raised += try_out(1 + (uint32_t)randomly(12));
    assert_true(raised > TREES / 4);
}

/* Of more points than there is room for those come that are first in order, wherever they were found: the loose ones last. */
static void test_too_many_points(void **unused)
{
    (void)unused;
    enum { CHILDREN = 5000, LOOSE = 20 };
    struct hd_suspects_search search = {.from = 1};
    struct hd_suspects_group root = {.data = 1000000000, .count = CHILDREN, .first = 1};
    struct hd_suspects_point some[HD_SUSPECTS_MAX], all[ROOM];
    assert_true(hd_suspects_search_add(&search, &root, NULL));
    for (uint32_t i = 0; i < CHILDREN; i++) {
        uint32_t weight = 1000 + i * 2741 % CHILDREN; /* each once */
        struct hd_suspects_group child = {.group = i + 1, .data = weight, .rule = weight % (CHILDREN / LOOSE) ? HD_SUSPECTS_IS_LIST : HD_SUSPECTS_IS_MANY};
        assert_true(hd_suspects_search_add(&search, &child, NULL));
    }
    hd_suspects_search_order(&search, 0);
    for (uint64_t least = 1; least < 6000; least += 500) {
        uint64_t weight = 1000 + CHILDREN - 1;
        assert_int_equal(hd_suspects_choose(&search, least, some), 1000 + CHILDREN - least < HD_SUSPECTS_MAX ? 1000 + CHILDREN - least : HD_SUSPECTS_MAX);
        for (uint32_t i = 0; i < HD_SUSPECTS_MAX; i++, weight--) {
            weight -= weight % (CHILDREN / LOOSE) == 0;
            assert_int_equal(some[i].data, weight);
            assert_int_equal(some[i].kind, HD_SUSPECT_LIST);
        }
    }
    assert_in_range(hd_suspects_choose_all(&search, all, ROOM), HD_SUSPECTS_MAX, ROOM); /* small ones that never come cost no room */
    assert_int_equal(search.from, 1);
    free(search.groups);
}

static void test_bytes_of_a_share(void **unused)
{
    (void)unused;
    assert_int_equal(hd_suspects_least(0.05, 1000), 50);
    assert_int_equal(hd_suspects_least(0.05, 0), 1);
    assert_true(hd_suspects_least(1, UINT64_MAX) == (uint64_t)1 << 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whatever_is_asked_is_there), cmocka_unit_test(test_little_room), cmocka_unit_test(test_too_many_points),
                                       cmocka_unit_test(test_bytes_of_a_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
