/*
 * What the objects that stayed take and retain, by class and by way. See diff_compare.h.
 *
 * They are few of all, so the dominator tree is not walked: each looks for the next of them above it, and the forest they make is walked.
 * Three passes that all processors share: what each of them is, the next one above each, and down from each that has none above.
 * Must not trust that tree: of an index only its numbers have been looked at. A walk ends after as many steps as there are nodes, and
 * what is in a circle is on no way down from a topmost one.
 */
#include "graph/diff_compare.h"

#include "base/bits.h"
#include "base/crew.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { UNKNOWN, NOBODY, FIRST }; /* what is known to be at or above a node; FIRST + i: the i-th of them */
enum { WORDS_AT_ONCE = 256, MEMBERS_AT_ONCE = 4096 };

/* What is known of 64 nodes, a bit for each: so that little memory is written where millions are passed. */
struct marks {
    uint64_t stayed;
    _Atomic uint64_t nobody, passed;
    uint32_t rank; /* of the first that stayed */
};

/* One that stayed: half a line of the cache. */
struct member {
    uint64_t retained;
    uint32_t node, kind;
    uint32_t above; /* the next one above it; HD_NODE_NONE: it is a topmost one */
    _Atomic uint32_t first; /* of those below it; HD_NODE_NONE at the end, as `sibling` */
    uint32_t sibling;
};

/* Of a kind in all dumps' numbers; HD_NAMES_NONE, HD_NODE_NONE: it has none. */
struct numbers {
    uint32_t class, way;
};

struct forest {
    const struct hd_diff_side *side;
    struct marks *marks; /* [words] */
    struct member *member; /* [count] by node */
    _Atomic uint32_t *above; /* [node_count] the next one above a node that was passed and is below one; UNKNOWN: not yet */
    struct numbers *numbers; /* [kind_count] */
    uint32_t words, count, class_count, way_count;
    _Atomic uint32_t next; /* piece of the pass */
    atomic_bool damaged;
};

struct kind_sums {
    uint64_t count, bytes;
    struct hd_diff_best best;
};

struct hand {
    struct forest *forest;
    struct kind_sums *kind; /* [kind_count] */
    uint64_t *retained;     /* [class_count + way_count] */
    uint32_t *over;         /* the same: how many of each are on the way from the topmost one to here */
};

/* The next piece of `size` of so many; false: there is none. */
static bool take(struct forest *forest, uint32_t size, uint32_t all, uint32_t *from, uint32_t *to)
{
    uint64_t at = (uint64_t)atomic_fetch_add_explicit(&forest->next, 1, memory_order_relaxed) * size;
    if (at >= all || atomic_load_explicit(&forest->damaged, memory_order_relaxed))
        return false;
    *from = (uint32_t)at;
    *to = all - *from < size ? all : *from + size;
    return true;
}

/* ---- what each is ---- */

static void describe(struct hand *hand, uint32_t node, struct member *member, struct hd_diff_look *look)
{
    const struct hd_diff_part *part = &hand->forest->side->part;
    if (!hd_diff_part_look(part, HD_DIFF_TREE, node, look)) {
        atomic_store(&hand->forest->damaged, true);
        return;
    }
    *member = (struct member){.retained = part->retained[node], .node = node, .kind = hd_diff_part_kind(part, node),
                              .above = HD_NODE_NONE, .first = HD_NODE_NONE, .sibling = HD_NODE_NONE};
    struct kind_sums *sums = &hand->kind[member->kind];
    sums->count++;
    sums->bytes += part->size[node];
    hd_diff_best_take(&sums->best, (struct hd_diff_best){member->retained, node});
}

static void describe_run(void *data)
{
    struct hand *hand = data;
    struct forest *forest = hand->forest;
    struct hd_diff_look look = {0};
    for (uint32_t from, to; take(forest, WORDS_AT_ONCE, forest->words, &from, &to);)
        for (uint32_t word = from; word < to; word++) {
            uint32_t rank = forest->marks[word].rank;
            for (uint64_t left = forest->marks[word].stayed; left; rank++) {
                uint32_t node = word * HD_BITS_WORD + hd_bits_take(&left);
                describe(hand, node, &forest->member[rank], &look);
            }
        }
}

/* ---- the next one above ---- */

/* What other hands have learnt may not be seen yet: then it is found again. */
static uint32_t known(const struct forest *forest, uint32_t node)
{
    const struct marks *marks = &forest->marks[node / HD_BITS_WORD];
    uint64_t bit = (uint64_t)1 << node % HD_BITS_WORD;
    if (marks->stayed & bit)
        return FIRST + marks->rank + (uint32_t)__builtin_popcountll(marks->stayed & (bit - 1));
    if (atomic_load_explicit(&marks->nobody, memory_order_relaxed) & bit)
        return NOBODY;
    if (atomic_load_explicit(&marks->passed, memory_order_relaxed) & bit)
        return atomic_load_explicit(&forest->above[node], memory_order_relaxed);
    return UNKNOWN;
}

static void learn(struct forest *forest, uint32_t node, uint32_t found)
{
    struct marks *marks = &forest->marks[node / HD_BITS_WORD];
    uint64_t bit = (uint64_t)1 << node % HD_BITS_WORD;
    if (found != NOBODY)
        atomic_store_explicit(&forest->above[node], found, memory_order_relaxed);
    atomic_fetch_or_explicit(found == NOBODY ? &marks->nobody : &marks->passed, bit, memory_order_relaxed);
}

/* The next one at or above; what was passed then knows it, too. */
static uint32_t climb(struct forest *forest, uint32_t node)
{
    const struct hd_diff_part *part = &forest->side->part;
    uint32_t at = node, steps = 0, found = UNKNOWN;
    while (at != HD_NODE_NONE && steps < part->node_count && (found = known(forest, at)) == UNKNOWN) {
        if (!hd_diff_part_dominator(part, at, &at)) {
            atomic_store(&forest->damaged, true);
            return NOBODY;
        }
        steps++;
    }
    found = found == UNKNOWN ? (uint32_t)NOBODY : found;
    for (; steps > 0; steps--, node = part->dominator[node])
        learn(forest, node, found);
    return found;
}

static void climb_run(void *data)
{
    struct forest *forest = ((struct hand *)data)->forest;
    const uint32_t *dominator = forest->side->part.dominator;
    for (uint32_t from, to; take(forest, MEMBERS_AT_ONCE, forest->count, &from, &to);)
        for (uint32_t i = from; i < to; i++) {
            struct member *member = &forest->member[i];
            uint32_t over = dominator[member->node], found = over == HD_NODE_NONE ? (uint32_t)NOBODY : climb(forest, over);
            if (found < FIRST)
                continue;
            member->above = found - FIRST;
            member->sibling = atomic_exchange_explicit(&forest->member[member->above].first, i, memory_order_relaxed);
        }
}

/* ---- down ---- */

static void enter_one(struct hand *hand, uint32_t number, uint64_t retained)
{
    if (hand->over[number]++ == 0)
        hand->retained[number] += retained;
}

static void enter(struct hand *hand, const struct member *member)
{
    const struct forest *forest = hand->forest;
    const struct numbers *numbers = &forest->numbers[member->kind];
    if (numbers->class < forest->class_count)
        enter_one(hand, numbers->class, member->retained);
    if (numbers->way < forest->way_count)
        enter_one(hand, forest->class_count + numbers->way, member->retained);
}

static void leave(struct hand *hand, const struct member *member)
{
    const struct forest *forest = hand->forest;
    const struct numbers *numbers = &forest->numbers[member->kind];
    if (numbers->class < forest->class_count)
        hand->over[numbers->class]--;
    if (numbers->way < forest->way_count)
        hand->over[forest->class_count + numbers->way]--;
}

static uint32_t first_of(const struct member *member)
{
    return atomic_load_explicit(&member->first, memory_order_relaxed);
}

/* Depth first. */
static void walk_down(struct hand *hand, struct member *top)
{
    struct member *all = hand->forest->member, *at = top;
    enter(hand, at);
    for (;;) {
        for (uint32_t first; (first = first_of(at)) != HD_NODE_NONE; enter(hand, at))
            at = &all[first];
        for (leave(hand, at); at != top && at->sibling == HD_NODE_NONE; leave(hand, at))
            at = &all[at->above];
        if (at == top)
            return;
        at = &all[at->sibling];
        enter(hand, at);
    }
}

static void walk_run(void *data)
{
    struct hand *hand = data;
    struct forest *forest = hand->forest;
    for (uint32_t from, to; take(forest, MEMBERS_AT_ONCE, forest->count, &from, &to);)
        for (uint32_t i = from; i < to; i++)
            if (forest->member[i].above == HD_NODE_NONE)
                walk_down(hand, &forest->member[i]);
}

/* ---- the whole ---- */

static bool forest_init(struct forest *forest, const struct hd_diff_side *side, const struct hd_diff_stayed *stayed)
{
    const struct hd_diff_part *part = &side->part;
    *forest = (struct forest){.side = side, .words = (uint32_t)hd_bits_words(part->node_count), .class_count = stayed->class_count,
                              .way_count = stayed->way_count};
    forest->marks = calloc(forest->words, sizeof *forest->marks);
    for (uint32_t word = 0; forest->marks && word < forest->words; word++) {
        forest->marks[word].stayed = side->stayed[word];
        forest->marks[word].rank = forest->count;
        forest->count += (uint32_t)__builtin_popcountll(side->stayed[word]);
    }
    forest->member = malloc(((size_t)forest->count + 1) * sizeof *forest->member);
    forest->above = calloc((size_t)part->node_count + 1, sizeof *forest->above);
    forest->numbers = malloc(((size_t)part->kind_count + 1) * sizeof *forest->numbers);
    for (uint32_t i = 0; forest->numbers && i < part->kind_count; i++) {
        const struct hd_diff_kind *kind = &part->kind[i];
        forest->numbers[i].class = kind->title == HD_NAMES_NONE ? HD_NAMES_NONE : side->title[kind->title];
        forest->numbers[i].way = kind->way == HD_NODE_NONE ? HD_NODE_NONE : side->way[kind->way];
    }
    return forest->marks && forest->member && forest->above && forest->numbers;
}

static void forest_deinit(struct forest *forest)
{
    free(forest->marks);
    free(forest->member);
    free(forest->above);
    free(forest->numbers);
}

static bool hand_init(struct hand *hand, struct forest *forest)
{
    size_t kinds = (size_t)forest->side->part.kind_count + 1, numbers = (size_t)forest->class_count + forest->way_count + 1;
    *hand = (struct hand){forest, calloc(kinds, sizeof *hand->kind), calloc(numbers, sizeof *hand->retained),
                          calloc(numbers, sizeof *hand->over)};
    return hand->kind && hand->retained && hand->over;
}

static void hand_deinit(struct hand *hand)
{
    free(hand->kind);
    free(hand->retained);
    free(hand->over);
}

static void pass(struct forest *forest, void (*run)(void *), struct hand *hands, int count)
{
    atomic_store(&forest->next, 0);
    hd_crew_run(run, hands, sizeof *hands, count);
}

static void add(struct hd_retained_group *group, const struct kind_sums *sums, bool reached)
{
    group->count += sums->count;
    group->shallow += sums->bytes;
    group->unreachable += reached ? 0 : sums->count;
    group->unreachable_shallow += reached ? 0 : sums->bytes;
}

static void add_up(struct hd_diff_stayed *stayed, const struct hand *hand)
{
    const struct forest *forest = hand->forest;
    const struct hd_diff_part *part = &forest->side->part;
    for (uint32_t i = 0; i < part->kind_count; i++) {
        const struct numbers *numbers = &forest->numbers[i];
        const struct kind_sums *sums = &hand->kind[i];
        bool reached = !(part->kind[i].bits & HD_DIFF_GARBAGE);
        if (numbers->class < stayed->class_count)
            add(&stayed->class[numbers->class], sums, reached);
        if (numbers->way < stayed->way_count)
            add(&stayed->way[numbers->way], sums, reached);
        stayed->objects += sums->count;
        stayed->bytes += sums->bytes;
        hd_diff_best_take(&stayed->best[i], sums->best);
    }
    for (uint32_t i = 0; i < stayed->class_count; i++)
        stayed->class[i].retained += hand->retained[i];
    for (uint32_t i = 0; i < stayed->way_count; i++)
        stayed->way[i].retained += hand->retained[stayed->class_count + i];
}

enum hd_diff_done hd_diff_sum_stayed(const struct hd_diff_side *side, struct hd_diff_stayed *stayed)
{
    struct forest forest;
    struct hand hands[HD_CREW_MAX] = {0};
    int wanted = hd_crew_size(), count = 0;
    stayed->class = calloc((size_t)stayed->class_count + 1, sizeof *stayed->class);
    stayed->way = calloc((size_t)stayed->way_count + 1, sizeof *stayed->way);
    stayed->best = calloc((size_t)side->part.kind_count + 1, sizeof *stayed->best);
    if (forest_init(&forest, side, stayed) && stayed->class && stayed->way && stayed->best)
        while (count < wanted && hand_init(&hands[count], &forest))
            count++;
    if (count > 0) {
        pass(&forest, describe_run, hands, count);
        pass(&forest, climb_run, hands, count);
        pass(&forest, walk_run, hands, count);
    }
    for (int i = 0; i < count; i++)
        add_up(stayed, &hands[i]);
    for (int i = 0; i < wanted; i++)
        hand_deinit(&hands[i]);
    bool damaged = atomic_load(&forest.damaged);
    forest_deinit(&forest);
    return count == 0 ? HD_DIFF_NO_MEMORY : damaged ? HD_DIFF_DAMAGED : HD_DIFF_DONE;
}
