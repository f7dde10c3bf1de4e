/*
 * What the objects that stayed take and retain, by class and by way. See diff_compare.h.
 *
 * They are few of all, so the dominator tree is not walked: each looks for the next of them above it, and the forest they make is walked.
 * Must not trust that tree: of an index only its numbers have been looked at. A walk ends after as many steps as there are nodes, and
 * what is in a circle is on no way down from a topmost one.
 */
#include "graph/diff_compare.h"

#include "base/bits.h"

#include <stdlib.h>

enum { UNKNOWN, NOBODY, FIRST }; /* what is known to be at or above a node; FIRST + i: the i-th of them */

/* What is known of 64 nodes, a bit for each: so that little memory is written where millions are passed. */
struct marks {
    uint64_t stayed, nobody, passed;
    uint32_t rank; /* of the first that stayed */
};

struct forest {
    const struct hd_diff_side *side;
    uint32_t *node;  /* [count] those that stayed, ascending */
    struct marks *marks;
    uint32_t *above; /* [node_count] the next one above a node that was passed and is below one */
    uint32_t *next;  /* [count] the same of what dominates each of them */
    uint32_t *first, *sibling; /* [count] of their children; HD_NODE_NONE at the end */
    uint32_t count;
    bool damaged;
};

static uint32_t known(const struct forest *forest, uint32_t node)
{
    const struct marks *marks = &forest->marks[node / 64];
    uint64_t bit = (uint64_t)1 << node % 64;
    if (marks->stayed & bit)
        return FIRST + marks->rank + (uint32_t)__builtin_popcountll(marks->stayed & (bit - 1));
    return marks->nobody & bit ? (uint32_t)NOBODY : marks->passed & bit ? forest->above[node] : (uint32_t)UNKNOWN;
}

static void learn(struct forest *forest, uint32_t node, uint32_t found)
{
    struct marks *marks = &forest->marks[node / 64];
    uint64_t bit = (uint64_t)1 << node % 64;
    if (found == NOBODY) {
        marks->nobody |= bit;
    } else {
        marks->passed |= bit;
        forest->above[node] = found;
    }
}

/* The next one at or above; what was passed then knows it, too. */
static uint32_t climb(struct forest *forest, uint32_t node)
{
    const struct hd_diff_part *part = &forest->side->part;
    uint32_t at = node, steps = 0, found = UNKNOWN;
    while (at != HD_NODE_NONE && steps < part->node_count && (found = known(forest, at)) == UNKNOWN) {
        if (!hd_diff_part_dominator(part, at, &at)) {
            forest->damaged = true;
            return NOBODY;
        }
        steps++;
    }
    found = found == UNKNOWN ? (uint32_t)NOBODY : found;
    for (; steps > 0; steps--, node = part->dominator[node])
        learn(forest, node, found);
    return found;
}

static void mark_all(struct forest *forest)
{
    const uint64_t *stayed = forest->side->stayed;
    for (size_t word = 0; word < hd_bits_words(forest->side->part.node_count); word++) {
        forest->marks[word] = (struct marks){.stayed = stayed[word], .rank = forest->count};
        forest->count += (uint32_t)__builtin_popcountll(stayed[word]);
    }
}

static bool collect(struct forest *forest)
{
    const struct hd_diff_part *part = &forest->side->part;
    uint32_t words = (uint32_t)hd_bits_words(part->node_count), count = 0;
    struct hd_diff_look look = {0};
    forest->marks = malloc(words * sizeof *forest->marks);
    if (forest->marks)
        mark_all(forest);
    size_t room = (size_t)forest->count + 1;
    forest->node = malloc(room * sizeof *forest->node);
    forest->next = malloc(room * sizeof *forest->next);
    forest->first = malloc(room * sizeof *forest->first);
    forest->sibling = malloc(room * sizeof *forest->sibling);
    forest->above = calloc(part->node_count, sizeof *forest->above);
    if (!forest->marks || !forest->node || !forest->next || !forest->first || !forest->sibling || !forest->above)
        return false;
    for (uint32_t word = 0; word < words; word++)
        for (uint64_t left = forest->marks[word].stayed; left; left &= left - 1) {
            uint32_t node = word * 64 + (uint32_t)__builtin_ctzll(left);
            forest->node[count++] = node;
            forest->damaged = forest->damaged || !hd_diff_part_look(part, HD_DIFF_TREE, node, &look);
        }
    return true;
}

static void link_up(struct forest *forest)
{
    const uint32_t *dominator = forest->side->part.dominator;
    for (uint32_t i = 0; i < forest->count; i++)
        forest->first[i] = forest->sibling[i] = HD_NODE_NONE;
    for (uint32_t i = 0; i < forest->count && !forest->damaged; i++) {
        uint32_t over = dominator[forest->node[i]];
        forest->next[i] = over == HD_NODE_NONE ? (uint32_t)NOBODY : climb(forest, over);
        if (forest->next[i] >= FIRST) {
            forest->sibling[i] = forest->first[forest->next[i] - FIRST];
            forest->first[forest->next[i] - FIRST] = i;
        }
    }
}

static void forest_deinit(struct forest *forest)
{
    free(forest->node);
    free(forest->next);
    free(forest->first);
    free(forest->sibling);
    free(forest->marks);
    free(forest->above);
}

/* ---- sums ---- */

struct walk {
    const struct forest *forest;
    struct hd_diff_stayed *stayed;
    uint32_t *class_above, *way_above; /* how many of each are on the way from the topmost one to here */
};

static void numbers_of(const struct walk *walk, uint32_t i, uint32_t *class, uint32_t *way)
{
    const struct hd_diff_side *side = walk->forest->side;
    const struct hd_diff_kind *kind = &side->part.kind[hd_diff_part_kind(&side->part, walk->forest->node[i])];
    *class = kind->title == HD_NAMES_NONE ? HD_NAMES_NONE : side->title[kind->title];
    *way = kind->way == HD_NODE_NONE ? HD_NODE_NONE : side->way[kind->way];
}

static void add(struct hd_retained_group *groups, uint32_t count, uint32_t number, uint64_t size, bool reached)
{
    if (number >= count)
        return;
    groups[number].count++;
    groups[number].shallow += size;
    groups[number].unreachable += !reached;
    groups[number].unreachable_shallow += reached ? 0 : size;
}

static void count_all(struct walk *walk)
{
    const struct hd_diff_part *part = &walk->forest->side->part;
    struct hd_diff_stayed *sums = walk->stayed;
    for (uint32_t i = 0; i < walk->forest->count; i++) {
        uint32_t node = walk->forest->node[i], class, way;
        bool reached = part->dominator[node] != HD_NODE_NONE;
        numbers_of(walk, i, &class, &way);
        add(sums->class, sums->class_count, class, part->size[node], reached);
        add(sums->way, sums->way_count, way, part->size[node], reached);
        sums->objects++;
        sums->bytes += part->size[node];
        hd_diff_best_take(&sums->best[hd_diff_part_kind(part, node)], (struct hd_diff_best){part->retained[node], node});
    }
}

static void enter(struct walk *walk, uint32_t i)
{
    uint32_t class, way;
    uint64_t retained = walk->forest->side->part.retained[walk->forest->node[i]];
    numbers_of(walk, i, &class, &way);
    if (class < walk->stayed->class_count && walk->class_above[class]++ == 0)
        walk->stayed->class[class].retained += retained;
    if (way < walk->stayed->way_count && walk->way_above[way]++ == 0)
        walk->stayed->way[way].retained += retained;
}

static void leave(struct walk *walk, uint32_t i)
{
    uint32_t class, way;
    numbers_of(walk, i, &class, &way);
    if (class < walk->stayed->class_count)
        walk->class_above[class]--;
    if (way < walk->stayed->way_count)
        walk->way_above[way]--;
}

/* Depth first. */
static void walk_down(struct walk *walk, uint32_t top)
{
    const struct forest *forest = walk->forest;
    uint32_t at = top;
    enter(walk, at);
    for (;;) {
        while (forest->first[at] != HD_NODE_NONE) {
            at = forest->first[at];
            enter(walk, at);
        }
        for (leave(walk, at); at != top && forest->sibling[at] == HD_NODE_NONE; leave(walk, at))
            at = forest->next[at] - FIRST;
        if (at == top)
            return;
        at = forest->sibling[at];
        enter(walk, at);
    }
}

static bool sum_up(struct forest *forest, struct hd_diff_stayed *stayed)
{
    struct walk walk = {.forest = forest, .stayed = stayed};
    stayed->class = calloc((size_t)stayed->class_count + 1, sizeof *stayed->class);
    stayed->way = calloc((size_t)stayed->way_count + 1, sizeof *stayed->way);
    stayed->best = calloc((size_t)forest->side->part.kind_count + 1, sizeof *stayed->best);
    walk.class_above = calloc((size_t)stayed->class_count + 1, sizeof *walk.class_above);
    walk.way_above = calloc((size_t)stayed->way_count + 1, sizeof *walk.way_above);
    bool done = stayed->class && stayed->way && stayed->best && walk.class_above && walk.way_above;
    if (done) {
        count_all(&walk);
        for (uint32_t i = 0; i < forest->count; i++)
            if (forest->next[i] == NOBODY)
                walk_down(&walk, i);
    }
    free(walk.class_above);
    free(walk.way_above);
    return done;
}

enum hd_diff_done hd_diff_sum_stayed(const struct hd_diff_side *side, struct hd_diff_stayed *stayed)
{
    struct forest forest = {.side = side};
    bool done = collect(&forest);
    if (done)
        link_up(&forest);
    done = done && (forest.damaged || sum_up(&forest, stayed));
    forest_deinit(&forest);
    return !done ? HD_DIFF_NO_MEMORY : forest.damaged ? HD_DIFF_DAMAGED : HD_DIFF_DONE;
}
