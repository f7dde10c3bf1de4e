/* See group_sets.h. */
#include "graph/group_sets.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN_BITS = 14, FIRST = 1024, SETS_MAX = 1 << 21 };
#define ELEMENTS_MAX ((uint64_t)1 << 22) /* 16 MB */

/* The last pair of numbers that came to this place, and what they make. */
struct hd_group_sets_known {
    uint32_t a, b, result;
};

static struct hd_group_sets_known *known(struct hd_group_sets_known *table, uint32_t a, uint32_t b)
{
    uint32_t hash = a * 0x9E3779B1u ^ (b * 0x85EBCA77u + 0x165667B1u);
    return &table[(hash ^ hash >> 15) * 0xC2B2AE3Du >> (32 - KNOWN_BITS)];
}

static struct hd_group_sets_known *table_create(void)
{
    struct hd_group_sets_known *table = malloc(sizeof *table << KNOWN_BITS);
    for (uint32_t i = 0; table && i < 1u << KNOWN_BITS; i++)
        table[i] = (struct hd_group_sets_known){UINT32_MAX, UINT32_MAX, HD_GROUP_SETS_FAILED};
    return table;
}

bool hd_group_sets_init(struct hd_group_sets *sets)
{
    *sets = (struct hd_group_sets){
        .set = malloc(FIRST * sizeof *sets->set), .capacity = FIRST, .slots = calloc(2 * FIRST, sizeof *sets->slots),
        .element = malloc(FIRST * sizeof *sets->element), .room = FIRST, .both = table_create(), .with = table_create()};
    if (!sets->set || !sets->slots || !sets->element || !sets->both || !sets->with)
        return false;
    sets->set[HD_GROUP_SETS_EMPTY] = (struct hd_group_set){0};
    sets->slots[0] = HD_GROUP_SETS_EMPTY + 1;
    sets->count = 1;
    return true;
}

void hd_group_sets_deinit(struct hd_group_sets *sets)
{
    free(sets->set);
    free(sets->slots);
    free(sets->element);
    free(sets->both);
    free(sets->with);
    *sets = (struct hd_group_sets){0};
}

/* Room behind all elements for the longest set that two can make. */
static bool elements_reserve(struct hd_group_sets *sets, uint64_t more)
{
    uint64_t room = sets->room;
    while (room - sets->used < more)
        room *= 2;
    if (room > 2 * ELEMENTS_MAX)
        return false;
    uint32_t *element = room == sets->room ? sets->element : realloc(sets->element, room * sizeof *element);
    if (!element)
        return false;
    sets->element = element;
    sets->room = room;
    return true;
}

static bool sets_reserve(struct hd_group_sets *sets)
{
    if (sets->count < sets->capacity)
        return true;
    uint32_t capacity = 2 * sets->capacity;
    struct hd_group_set *set = capacity <= SETS_MAX ? realloc(sets->set, capacity * sizeof *set) : NULL;
    if (set)
        sets->set = set;
    uint32_t *slots = set ? calloc(2 * (size_t)capacity, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(sets->slots);
    sets->slots = slots;
    sets->capacity = capacity;
    for (uint32_t i = 0; i < sets->count; i++) {
        uint32_t at = set[i].hash & (2 * capacity - 1);
        while (slots[at])
            at = (at + 1) & (2 * capacity - 1);
        slots[at] = i + 1;
    }
    return true;
}

/* The set of the `length` elements that lie behind all others. */
static uint32_t intern(struct hd_group_sets *sets, uint32_t length)
{
    const uint32_t *element = sets->element + sets->used;
    uint32_t hash = 0;
    for (uint32_t i = 0; i < length; i++) {
        hash = (hash ^ element[i]) * 0x9E3779B1u;
        hash ^= hash >> 15;
    }
    if (!sets_reserve(sets))
        return HD_GROUP_SETS_FAILED;
    uint32_t mask = 2 * sets->capacity - 1, at = hash & mask;
    for (; sets->slots[at]; at = (at + 1) & mask) {
        const struct hd_group_set *set = &sets->set[sets->slots[at] - 1];
        if (set->hash == hash && set->length == length
            && (length == 0 || !memcmp(sets->element + set->start, element, length * sizeof *element)))
            return sets->slots[at] - 1;
    }
    if (sets->used + length > ELEMENTS_MAX)
        return HD_GROUP_SETS_FAILED;
    sets->set[sets->count] = (struct hd_group_set){sets->used, length, hash};
    sets->used += length;
    sets->slots[at] = ++sets->count;
    return sets->count - 1;
}

static uint32_t remember(struct hd_group_sets *sets, struct hd_group_sets_known *place, uint32_t a, uint32_t b, uint32_t result)
{
    if (result == HD_GROUP_SETS_FAILED)
        sets->full = true;
    else
        *place = (struct hd_group_sets_known){a, b, result};
    return result;
}

static uint32_t both_make(struct hd_group_sets *sets, uint32_t a, uint32_t b)
{
    const struct hd_group_set one = sets->set[a], other = sets->set[b];
    if (!elements_reserve(sets, one.length < other.length ? one.length : other.length))
        return HD_GROUP_SETS_FAILED;
    const uint32_t *left = sets->element + one.start, *right = sets->element + other.start;
    const uint32_t *left_end = left + one.length, *right_end = right + other.length;
    uint32_t *out = sets->element + sets->used, length = 0;
    sets->work += one.length + other.length;
    while (left < left_end && right < right_end) {
        if (*left == *right)
            out[length++] = *left;
        uint32_t at = *left, by = *right;
        left += at <= by;
        right += by <= at;
    }
    return intern(sets, length);
}

uint32_t hd_group_sets_both(struct hd_group_sets *sets, uint32_t a, uint32_t b)
{
    if (a == b)
        return a;
    if (a > b) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    if (a == HD_GROUP_SETS_EMPTY)
        return a;
    struct hd_group_sets_known *place = known(sets->both, a, b);
    if (place->a == a && place->b == b)
        return place->result;
    return remember(sets, place, a, b, both_make(sets, a, b));
}

static uint32_t with_make(struct hd_group_sets *sets, uint32_t number, uint32_t group)
{
    const struct hd_group_set set = sets->set[number];
    if (!elements_reserve(sets, (uint64_t)set.length + 1))
        return HD_GROUP_SETS_FAILED;
    const uint32_t *element = sets->element + set.start;
    uint32_t *out = sets->element + sets->used, length = 0, i = 0;
    sets->work += set.length;
    for (; i < set.length && element[i] < group; i++)
        out[length++] = element[i];
    if (i < set.length && element[i] == group)
        return number;
    out[length++] = group;
    for (; i < set.length; i++)
        out[length++] = element[i];
    return intern(sets, length);
}

uint32_t hd_group_sets_with(struct hd_group_sets *sets, uint32_t set, uint32_t group)
{
    struct hd_group_sets_known *place = known(sets->with, set, group);
    if (place->a == set && place->b == group)
        return place->result;
    return remember(sets, place, set, group, with_make(sets, set, group));
}
