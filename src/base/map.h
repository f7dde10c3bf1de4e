/* A fixed-capacity hash map from addresses to words, in an arena. Keys are never 0. */
#ifndef HD_BASE_MAP_H
#define HD_BASE_MAP_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct hd_map {
    uint64_t *keys, *values;
    uint64_t mask; /* capacity - 1; 0 while the map is empty and unusable for adding */
};

/* Room for `count` entries at half load; false if memory ran out. */
static inline bool hd_map_init(struct hd_map *map, struct hd_arena *arena, uint64_t count)
{
    uint64_t capacity = 16;
    while (capacity < count * 2)
        capacity *= 2;
    map->keys = hd_arena_alloc(arena, capacity, sizeof *map->keys);
    map->values = hd_arena_alloc(arena, capacity, sizeof *map->values);
    map->mask = map->keys && map->values ? capacity - 1 : 0;
    return map->mask != 0;
}

static inline uint64_t hd_map_slot(const struct hd_map *map, uint64_t key)
{
    uint64_t i = (key * 0x9E3779B97F4A7C15ull) >> 32 & map->mask;
    while (map->keys[i] && map->keys[i] != key)
        i = (i + 1) & map->mask;
    return i;
}

/* The caller never adds more than it asked room for. */
static inline void hd_map_set(struct hd_map *map, uint64_t key, uint64_t value)
{
    uint64_t i = hd_map_slot(map, key);
    map->keys[i] = key;
    map->values[i] = value;
}

static inline bool hd_map_get(const struct hd_map *map, uint64_t key, uint64_t *value)
{
    if (!map->mask)
        return false;
    uint64_t i = hd_map_slot(map, key);
    if (!map->keys[i])
        return false;
    *value = map->values[i];
    return true;
}

#endif
