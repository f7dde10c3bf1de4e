/* See suspects_search.h. */
#include "graph/suspects_search.h"

#include <stdlib.h>
#include <string.h>

#define LOOKS ((uint64_t)1 << 24) /* at groups, for all shares; a fraction of a second */

uint64_t hd_suspects_least(double share, uint64_t total)
{
    double bytes = share * (double)total;
    uint64_t least = bytes < 0x1p63 ? (uint64_t)bytes : (uint64_t)1 << 63; /* nobody has so many, but a file may say so */
    return least + (least == 0);
}

bool hd_suspects_search_add(struct hd_suspects_search *search, const struct hd_suspects_group *group, struct hd_error *err)
{
    if (search->count == search->capacity) {
        uint32_t capacity = search->capacity ? 2 * search->capacity : 256;
        struct hd_suspects_group *more = realloc(search->groups, capacity * sizeof *more);
        if (!more)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        search->groups = more;
        search->capacity = capacity;
    }
    search->groups[search->count++] = *group;
    return true;
}

/* The heaviest first. */
static int by_data(const void *left, const void *right)
{
    const struct hd_suspects_group *a = left, *b = right;
    if (a->data != b->data)
        return a->data < b->data ? 1 : -1;
    return (a->group > b->group) - (a->group < b->group);
}

void hd_suspects_search_order(struct hd_suspects_search *search, uint32_t number)
{
    const struct hd_suspects_group *group = &search->groups[number];
    if (group->count > 1)
        qsort(&search->groups[group->first], group->count, sizeof *group, by_data);
}

/* One group of weight: is it the point, or is that further down? True: *kind says of which kind it is. */
static bool is_point(const struct hd_suspects_search *search, const struct hd_suspects_group *group, uint64_t least,
                     enum hd_suspect_kind *kind)
{
    *kind = group->rule == HD_SUSPECTS_IS_LIST ? HD_SUSPECT_LIST : group->rule == HD_SUSPECTS_IS_MANY ? HD_SUSPECT_MANY : HD_SUSPECT_OBJECT;
    if (group->rule != HD_SUSPECTS_GO_ON && (group->rule != HD_SUSPECTS_ALIKE || group->heaviest >= least / 2))
        return true;
    uint32_t several = 0; /* two or more of weight: each is looked at for itself */
    for (uint32_t i = 0; i < group->count && i < 2 && group->apart; i++)
        several += search->groups[group->first + i].data >= least;
    *kind = HD_SUSPECT_ONE;
    return group->apart && several < 2;
}

/* A group whose contents are many, alone retained by it, comes before what is held in several places. */
static int first_of(const struct hd_suspects_point *a, const struct hd_suspects_point *b)
{
    bool loose_a = a->kind == HD_SUSPECT_MANY, loose_b = b->kind == HD_SUSPECT_MANY;
    if (loose_a != loose_b)
        return loose_a ? 1 : -1;
    if (a->data != b->data)
        return a->data < b->data ? 1 : -1;
    return (a->group > b->group) - (a->group < b->group);
}

/* Puts one where it belongs; of too many the last goes. */
static void rank(struct hd_suspects_point points[HD_SUSPECTS_MAX], uint32_t *count, const struct hd_suspects_point *point)
{
    uint32_t at = *count;
    while (at > 0 && first_of(point, &points[at - 1]) < 0)
        at--;
    if (at == HD_SUSPECTS_MAX)
        return;
    *count += *count < HD_SUSPECTS_MAX;
    memmove(&points[at + 1], &points[at], (*count - 1 - at) * sizeof *points);
    points[at] = *point;
}

/* None overlaps another. *looks: more by as many groups as were looked at. */
static uint32_t find(struct hd_suspects_search *search, uint64_t least, struct hd_suspects_point points[HD_SUSPECTS_MAX], uint64_t *looks)
{
    uint32_t count = 0, last = 0; /* those that are to be looked at are a row: one leads to the next */
    for (uint32_t at = 0; search->count > 0; at = search->groups[at].next) {
        const struct hd_suspects_group *group = &search->groups[at];
        enum hd_suspect_kind kind;
        ++*looks;
        if (is_point(search, group, least, &kind)) {
            bool itself = kind == HD_SUSPECT_LIST || kind == HD_SUSPECT_MANY;
            const struct hd_suspects_point point = {kind, group->group, itself ? group->group : group->content, group->data};
            rank(points, &count, &point);
        } else {
            for (uint32_t i = group->first; i < group->first + group->count && search->groups[i].data >= least; i++)
                last = search->groups[last].next = i;
        }
        if (at == last)
            break;
    }
    return count;
}

uint32_t hd_suspects_choose(struct hd_suspects_search *search, uint64_t least, struct hd_suspects_point points[HD_SUSPECTS_MAX])
{
    uint64_t looks = 0;
    return find(search, least, points, &looks);
}

/* --- for all shares --- */

static int upwards(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Puts a point where it belongs, unless it is there. False: there is no room for it. */
static bool put(struct hd_suspects_point *points, uint32_t *count, uint32_t most, const struct hd_suspects_point *point)
{
    uint32_t at = *count;
    while (at > 0 && (points[at - 1].group > point->group || (points[at - 1].group == point->group && points[at - 1].kind >= point->kind)))
        at--;
    if (at < *count && points[at].group == point->group && points[at].kind == point->kind)
        return true;
    if (*count == most)
        return false;
    memmove(&points[at + 1], &points[at], (*count - at) * sizeof *points);
    points[at] = *point;
    ++*count;
    return true;
}

/* What is chosen changes only where a group, or twice its contents (rounded: see is_point), is not enough any more. */
uint32_t hd_suspects_choose_all(struct hd_suspects_search *search, struct hd_suspects_point *points, uint32_t most)
{
    struct hd_suspects_point some[HD_SUSPECTS_MAX];
    uint64_t *turns = malloc((2 * (size_t)search->count + 1) * sizeof *turns), last = UINT64_MAX;
    uint64_t looks = 0;
    uint32_t turn = 0, count = 0;
    for (uint32_t i = 0; turns && i < search->count; i++) {
        turns[turn++] = search->groups[i].data;
        turns[turn++] = 2 * search->groups[i].heaviest + 1;
    }
    bool room = turns != NULL;
    if (turns)
        qsort(turns, turn, sizeof *turns, upwards);
    for (; room && turn > 0 && turns[turn - 1] >= search->from; turn--) {
        if (turns[turn - 1] == last)
            continue;
        uint32_t found = find(search, turns[turn - 1], some, &looks);
        room = looks <= LOOKS;
        for (uint32_t i = 0; room && i < found; i++)
            room = put(points, &count, most, &some[i]);
        last = turns[turn - 1];
    }
    if (!room)
        search->from = turns ? turns[turn] + 1 : UINT64_MAX; /* more than that for which there was no room */
    free(turns);
    return count;
}
