/* src/graph/diff_steps.c: addresses as steps are the same addresses, wherever a walk begins and whatever lies between them. */
#include "graph/diff_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 5 * HD_DIFF_STRETCH, ROUNDS = 60 };

static uint32_t number; /* the same in each run */

static uint32_t below(uint32_t limit)
{
    number = number * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)number * limit >> 32);
}

/* Slots, holes between them, pages far from each other, and addresses no heap has. */
static uint64_t gap(void)
{
    switch (below(60)) {
    case 0:
        return 8ull * (1 + below(600));
    case 1:
        return 65536ull * (1 + below(1000));
    case 2:
        return 1 + below(3000);
    case 3:
        return 255 * 8 + 8 * below(2);
    default:
        return 40ull << below(2);
    }
}

static void fill(uint64_t *address, uint32_t count)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        address[i] = at;
        at += gap();
    }
    if (count > 1 && below(4) == 0)
        address[count - 1] = UINT64_MAX;
}

static uint32_t place_of(const uint64_t *address, uint32_t count, uint32_t low, uint64_t wanted)
{
    while (low < count && address[low] < wanted)
        low++;
    return low;
}

static void free_all(struct hd_diff_steps_made *made)
{
    free(made->step);
    free(made->stretch);
    free(made->jump);
}

static void test_addresses(void **state)
{
    static uint64_t address[MOST];
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t count = round < 4 ? (uint32_t)round : 1 + below(MOST);
        struct hd_diff_steps steps;
        struct hd_diff_steps_made made;
        fill(address, count);
        assert_true(hd_diff_steps_make(&steps, &made, address, count));
        struct hd_diff_walk walk = hd_diff_walk_from(&steps, 0);
        for (uint32_t i = 0; i < count; i++, hd_diff_walk_on(&steps, &walk)) {
            assert_true(walk.at == i && walk.address == address[i]);
            assert_true(i % 7 || hd_diff_steps_address(&steps, i) == address[i]);
        }
        for (int i = 0; count > 0 && i < 200; i++) {
            uint32_t low = below(count + 1);
            uint64_t wanted = address[below(count)] + below(3) - 1;
            assert_int_equal(hd_diff_steps_place(&steps, low, wanted), place_of(address, count, low, wanted));
        }
        free_all(&made);
    }
}

/* Eight at once: only where no step is a jump and all are the same, and then they lead where they lead one by one. */
static void test_eight(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t one[HD_DIFF_AT_ONCE], other[HD_DIFF_AT_ONCE];
        uint64_t steps, sum = 0;
        bool agree = true;
        for (int i = 0; i < HD_DIFF_AT_ONCE; i++) {
            one[i] = other[i] = (uint8_t)(below(40) ? 1 + below(255) : below(2) * 128);
            if (below(60) == 0)
                other[i] = (uint8_t)below(256);
            agree = agree && one[i] == other[i] && one[i];
            sum += 8ull * one[i];
        }
        assert_int_equal(hd_diff_walks_agree(one, other, &steps), agree);
        assert_true(!agree || hd_diff_steps_sum(steps) == sum);
    }
}

/* Numbers that nobody made: a walk stays within them. */
static void test_anything(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        uint32_t count = 1 + below(3 * HD_DIFF_STRETCH), jumps = below(5);
        uint8_t *step = malloc(count);
        struct hd_diff_stretch *stretch = malloc(hd_diff_stretches(count) * sizeof *stretch);
        uint64_t *jump = malloc((jumps + !jumps) * sizeof *jump);
        for (uint32_t i = 0; i < count; i++)
            step[i] = (uint8_t)(below(30) ? below(256) : 0);
        for (uint32_t i = 0; i < hd_diff_stretches(count); i++)
            stretch[i] = (struct hd_diff_stretch){below(UINT32_MAX), below(2) ? below(8) : UINT64_MAX - below(3)};
        for (uint32_t i = 0; i < jumps; i++)
            jump[i] = below(UINT32_MAX);
        const struct hd_diff_steps steps = {step, stretch, jump, count, jumps};
        uint32_t low = 0;
        for (int i = 0; i < 20; i++) {
            uint32_t place = hd_diff_steps_place(&steps, low, below(UINT32_MAX));
            assert_true(place >= low && place <= count);
            low = below(2) ? place : low;
        }
        struct hd_diff_walk walk = hd_diff_walk_from(&steps, below(count));
        while (walk.at < count)
            hd_diff_walk_on(&steps, &walk);
        free(step);
        free(stretch);
        free(jump);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses), cmocka_unit_test(test_eight), cmocka_unit_test(test_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
