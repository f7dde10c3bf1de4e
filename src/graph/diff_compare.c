/* See diff_compare.h. */
#include "graph/diff_compare.h"

#include "base/bits.h"
#include "base/crew.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PIECE = 1 << 16 }; /* objects; stretches begin there (graph/diff_steps.h) */

_Static_assert(PIECE % HD_DIFF_STRETCH == 0 && PIECE % HD_BITS_WORD == 0, "");

/* A kind with numbers of all dumps. */
struct kind {
    uint32_t title, label;
    uint8_t type, bits;
};

struct work {
    const struct hd_diff_side *from, *to;
    struct kind *from_kind, *to_kind;
    uint32_t *from_same, *to_same; /* of each kind; where they are equal nothing tells two objects apart, and neither is left out */
    uint32_t *from_start, *to_start; /* [pieces + 1] */
    uint32_t pieces;
    uint8_t skip;
    bool best_wanted;
    _Atomic uint32_t next;
    atomic_bool damaged;
};

struct hand {
    struct work *work;
    struct hd_diff_change change;
    struct hd_diff_best *best;
    struct hd_diff_look look;
};

/* ---- kinds ---- */

static uint32_t of(const uint32_t *numbers, uint32_t number)
{
    return number == HD_NAMES_NONE ? number : numbers[number];
}

static struct kind *kinds_of(const struct hd_diff_side *side)
{
    const struct hd_diff_part *part = &side->part;
    struct kind *kinds = calloc((size_t)part->kind_count + 1, sizeof *kinds);
    for (uint32_t i = 0; kinds && i < part->kind_count; i++) {
        const struct hd_diff_kind *kind = &part->kind[i];
        kinds[i] = (struct kind){.title = of(side->title, kind->title), .label = of(side->title, kind->label), .type = kind->type,
                                 .bits = kind->bits};
    }
    return kinds;
}

/* Garbage or not is no difference. */
static bool alike(const struct kind *a, const struct kind *b)
{
    return a->title == b->title && a->label == b->label && a->type == b->type && !((a->bits ^ b->bits) & ~HD_DIFF_GARBAGE);
}

/* Those that are alike get the place in the table of the first one of them. What is left out is like nothing. */
static void number(uint32_t *same, const struct kind *kinds, uint32_t count, uint32_t unlike, uint8_t skip, const struct kind **slot,
                   uint32_t slots)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct kind *kind = &kinds[i];
        uint64_t hash = ((uint64_t)kind->title << 32 | kind->label) * 0x9E3779B97F4A7C15u;
        hash = (hash ^ hash >> 31 ^ kind->type) * 0xD6E8FEB86659FD93u;
        uint32_t at = (uint32_t)(hash >> 32) & (slots - 1);
        while (slot[at] && !alike(slot[at], kind))
            at = (at + 1) & (slots - 1);
        if (!slot[at])
            slot[at] = kind;
        same[i] = kind->bits & skip ? unlike : at;
    }
}

static bool number_alike(struct work *work)
{
    uint32_t from = work->from->part.kind_count, to = work->to->part.kind_count, slots = 1024;
    while (slots / 2 < (uint64_t)from + to && slots < UINT32_MAX / 2)
        slots *= 2;
    const struct kind **slot = calloc(slots, sizeof *slot);
    work->from_same = malloc(((size_t)from + 1) * sizeof *work->from_same);
    work->to_same = malloc(((size_t)to + 1) * sizeof *work->to_same);
    bool done = slot && work->from_same && work->to_same;
    if (done) {
        number(work->from_same, work->from_kind, from, UINT32_MAX, work->skip, slot, slots);
        number(work->to_same, work->to_kind, to, UINT32_MAX - 1, work->skip, slot, slots);
    }
    free(slot);
    return done;
}

/* A singleton class does not make another object of it, nor does a name that a class was given later. */
static bool same_object(const struct kind *from, const struct kind *to)
{
    if (from->type != to->type || (from->bits & ~to->bits & HD_DIFF_FROZEN))
        return false;
    if (from->label != to->label && from->label != HD_NAMES_NONE)
        return false;
    return from->title == to->title || (from->bits | to->bits) & HD_DIFF_CLASS_UNKNOWN;
}

/* ---- a piece ---- */

/* Pieces begin where words of the sets do: no two hands write the same. */
static void came(struct hand *hand, uint32_t k, uint32_t kind)
{
    struct work *work = hand->work;
    if (work->to->came)
        hd_bits_add(work->to->came, k);
    if (!hand->best)
        return;
    if (hd_diff_part_look(&work->to->part, HD_DIFF_RETAINED, k, &hand->look))
        hd_diff_best_take(&hand->best[kind], (struct hd_diff_best){work->to->part.retained[k], k});
    else
        atomic_store(&work->damaged, true);
}

static void only_new(struct hand *hand, uint32_t k)
{
    uint32_t kind = hd_diff_part_kind(&hand->work->to->part, k);
    if (hand->work->to_kind[kind].bits & hand->work->skip)
        return;
    hand->change.made++;
    came(hand, k, kind);
}

static void only_old(struct hand *hand, uint32_t i)
{
    const struct work *work = hand->work;
    hand->change.freed += !(work->from_kind[hd_diff_part_kind(&work->from->part, i)].bits & work->skip);
}

static void stays(struct hand *hand, uint32_t i, uint32_t k, uint32_t kind)
{
    const struct work *work = hand->work;
    hand->change.kept++;
    if (!work->from->came || !hd_bits_has(work->from->came, i))
        return;
    came(hand, k, kind);
    if (work->to->stayed)
        hd_bits_add(work->to->stayed, k);
}

/* At the same address, and not of kinds that are alike. */
static void unlike(struct hand *hand, uint32_t i, uint32_t k, uint32_t from_kind, uint32_t to_kind)
{
    const struct work *work = hand->work;
    const struct kind *from = &work->from_kind[from_kind], *to = &work->to_kind[to_kind];
    bool old = !(from->bits & work->skip), new = !(to->bits & work->skip);
    if (old && new && same_object(from, to)) {
        stays(hand, i, k, to_kind);
        return;
    }
    hand->change.made += new;
    hand->change.freed += old;
    hand->change.reused += old && new;
    if (new)
        came(hand, k, to_kind);
}

static inline void both(struct hand *hand, uint32_t i, uint32_t k)
{
    const struct work *work = hand->work;
    uint32_t from = hd_diff_part_kind(&work->from->part, i), to = hd_diff_part_kind(&work->to->part, k);
    if (work->from_same[from] == work->to_same[to])
        stays(hand, i, k, to);
    else
        unlike(hand, i, k, from, to);
}

/* ---- many objects at the same addresses: most of a heap ---- */

static inline bool kinds_differ(const struct work *work, uint32_t i, uint32_t k)
{
    return work->from_same[hd_diff_part_kind(&work->from->part, i)] != work->to_same[hd_diff_part_kind(&work->to->part, k)];
}

/* The same where both have numbers of 2 bytes, without asking for each. */
static inline bool any_differ_of_two(const struct work *work, uint32_t i, uint32_t k)
{
    uint16_t from[HD_DIFF_AT_ONCE], to[HD_DIFF_AT_ONCE];
    memcpy(from, (const char *)work->from->part.kind_of + (size_t)i * sizeof *from, sizeof from);
    memcpy(to, (const char *)work->to->part.kind_of + (size_t)k * sizeof *to, sizeof to);
    uint32_t differ = 0;
    for (unsigned j = 0; j < HD_DIFF_AT_ONCE; j++)
        differ |= work->from_same[from[j]] ^ work->to_same[to[j]];
    return differ != 0;
}

static inline bool any_differ(const struct work *work, uint32_t i, uint32_t k)
{
    if (work->from->part.width == 2 && work->to->part.width == 2)
        return any_differ_of_two(work, i, k);
    bool differ = false;
    for (uint32_t j = 0; j < HD_DIFF_AT_ONCE; j++)
        differ |= kinds_differ(work, i + j, k + j);
    return differ;
}

/* Whether one of the objects from i on is in the set. */
static inline bool any_came(const uint64_t *set, uint32_t i)
{
    uint32_t last = i + HD_DIFF_AT_ONCE - 1, over = i % HD_BITS_WORD;
    uint64_t bits = set[i / HD_BITS_WORD] >> over;
    if (last / HD_BITS_WORD != i / HD_BITS_WORD)
        bits |= set[last / HD_BITS_WORD] << (HD_BITS_WORD - over);
    return bits & UINT8_MAX;
}

/* As far as the objects of both, which lie at the same address, are followed by others that do, or nearly. */
static void together(struct hand *hand, struct hd_diff_walk *from, struct hd_diff_walk *to, uint32_t i_end, uint32_t k_end)
{
    const struct work *work = hand->work;
    const uint8_t *from_step = work->from->part.steps.step, *to_step = work->to->part.steps.step;
    const uint64_t *came = work->from->came;
    for (uint64_t steps; i_end - from->at > HD_DIFF_AT_ONCE && k_end - to->at > HD_DIFF_AT_ONCE
                         && hd_diff_walks_agree(from_step + from->at + 1, to_step + to->at + 1, &steps);) {
        if (any_differ(work, from->at, to->at) || (came && any_came(came, from->at)))
            for (uint32_t j = 0; j < HD_DIFF_AT_ONCE; j++)
                both(hand, from->at + j, to->at + j);
        else
            hand->change.kept += HD_DIFF_AT_ONCE;
        from->at += HD_DIFF_AT_ONCE;
        to->at += HD_DIFF_AT_ONCE;
        from->address += hd_diff_steps_sum(steps);
        to->address += hd_diff_steps_sum(steps);
    }
}

static void compare_piece(struct hand *hand, uint32_t piece)
{
    const struct work *work = hand->work;
    const struct hd_diff_steps *from = &work->from->part.steps, *to = &work->to->part.steps;
    struct hd_diff_walk i = hd_diff_walk_from(from, work->from_start[piece]), k = hd_diff_walk_from(to, work->to_start[piece]);
    uint32_t i_end = work->from_start[piece + 1], k_end = work->to_start[piece + 1];
    while (i.at < i_end && k.at < k_end) {
        bool old = i.address <= k.address, new = k.address <= i.address;
        if (old && new) {
            together(hand, &i, &k, i_end, k_end);
            both(hand, i.at, k.at);
        } else if (old) {
            only_old(hand, i.at);
        } else {
            only_new(hand, k.at);
        }
        if (old)
            hd_diff_walk_on(from, &i);
        if (new)
            hd_diff_walk_on(to, &k);
    }
    while (i.at < i_end)
        only_old(hand, i.at++);
    while (k.at < k_end)
        only_new(hand, k.at++);
}

static void run(void *data)
{
    struct hand *hand = data;
    struct work *work = hand->work;
    if (work->best_wanted && !hand->best) {
        hand->best = calloc((size_t)work->to->part.kind_count + 1, sizeof *hand->best);
        if (!hand->best)
            return; /* another hand does its share; that there is one is seen to */
    }
    struct hand mine = *hand; /* not next to the other's */
    for (uint32_t piece; (piece = atomic_fetch_add(&work->next, 1)) < work->pieces;)
        compare_piece(&mine, piece);
    *hand = mine;
}

/* ---- all pieces ---- */

/* Cut where the later dump has as many objects in each. */
static bool cut(struct work *work)
{
    const struct hd_diff_part *from = &work->from->part, *to = &work->to->part;
    work->pieces = to->node_count / PIECE + 1;
    work->from_start = malloc(((size_t)work->pieces + 1) * sizeof *work->from_start);
    work->to_start = malloc(((size_t)work->pieces + 1) * sizeof *work->to_start);
    if (!work->from_start || !work->to_start)
        return false;
    work->from_start[0] = work->to_start[0] = 1;
    for (uint32_t i = 1; i < work->pieces; i++) {
        work->to_start[i] = i * (uint32_t)PIECE;
        work->from_start[i] = hd_diff_steps_place(&from->steps, work->from_start[i - 1],
                                                  hd_diff_steps_address(&to->steps, work->to_start[i]));
    }
    work->from_start[work->pieces] = from->node_count;
    work->to_start[work->pieces] = to->node_count;
    return true;
}

static void add_up(struct hd_diff_change *change, struct hd_diff_best *best, uint32_t kind_count, const struct hand *hand)
{
    change->kept += hand->change.kept;
    change->made += hand->change.made;
    change->freed += hand->change.freed;
    change->reused += hand->change.reused;
    for (uint32_t i = 0; hand->best && hand->best != best && i < kind_count; i++)
        hd_diff_best_take(&best[i], hand->best[i]);
}

enum hd_diff_done hd_diff_compare(const struct hd_diff_side *from, const struct hd_diff_side *to, uint8_t skip,
                                  struct hd_diff_change *change, struct hd_diff_best *best)
{
    struct work work = {.from = from, .to = to, .from_kind = kinds_of(from), .to_kind = kinds_of(to), .skip = skip,
                        .best_wanted = best != NULL};
    struct hand hands[HD_CREW_MAX];
    bool done = work.from_kind && work.to_kind && number_alike(&work) && cut(&work);
    int count = done ? hd_crew_size() : 0;
    for (int i = 0; i < count; i++)
        hands[i] = (struct hand){.work = &work, .best = i == 0 ? best : NULL};
    if (done)
        hd_crew_run(run, hands, sizeof *hands, count);
    for (int i = 0; i < count; i++) {
        add_up(change, best, to->part.kind_count, &hands[i]);
        if (i > 0)
            free(hands[i].best);
    }
    free(work.from_kind);
    free(work.to_kind);
    free(work.from_same);
    free(work.to_same);
    free(work.from_start);
    free(work.to_start);
    return !done ? HD_DIFF_NO_MEMORY : atomic_load(&work.damaged) ? HD_DIFF_DAMAGED : HD_DIFF_DONE;
}
