/* Open addressing over one run of bytes. See names.h. */
#include "graph/names.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024u
#define COUNT_LIMIT 0x7ffffff0u /* one bit of an edge's name says that it is weak */

static uint64_t hash_of(const char *data, size_t length)
{
    uint64_t hash = length * 0x9e3779b97f4a7c15u, word;
    for (; length >= 8; data += 8, length -= 8) {
        memcpy(&word, data, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, data, length);
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

void hd_names_deinit(struct hd_names *names)
{
    free(names->bytes);
    free(names->start);
    free(names->slots);
    *names = (struct hd_names){0};
}

static bool grow_slots(struct hd_names *names)
{
    uint32_t capacity = names->slots ? (names->mask + 1) * 2 : FIRST_SLOTS;
    uint64_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < names->count; i++) {
        uint64_t hash = hash_of(names->bytes + names->start[i], names->start[i + 1] - names->start[i]);
        uint32_t slot = (uint32_t)hash & (capacity - 1);
        while (slots[slot])
            slot = (slot + 1) & (capacity - 1);
        slots[slot] = (hash & 0xffffffff00000000u) | (i + 1);
    }
    free(names->slots);
    names->slots = slots;
    names->mask = capacity - 1;
    return true;
}

static bool reserve(struct hd_names *names, size_t length)
{
    if (names->count + 2 > names->start_capacity) {
        uint32_t capacity = names->start_capacity ? names->start_capacity * 2 : FIRST_SLOTS;
        uint64_t *start = realloc(names->start, capacity * sizeof *start);
        if (!start)
            return false;
        start[0] = 0;
        names->start = start;
        names->start_capacity = capacity;
    }
    uint64_t used = names->start[names->count];
    if (names->byte_capacity - used < length || !names->bytes) {
        uint64_t capacity = (used + length) * 2 + 4096;
        char *bytes = realloc(names->bytes, capacity);
        if (!bytes)
            return false;
        names->bytes = bytes;
        names->byte_capacity = capacity;
    }
    return (uint64_t)names->count * 2 < names->mask || grow_slots(names);
}

uint32_t hd_names_intern_bounded(struct hd_names *names, const char *data, size_t length, uint32_t limit)
{
    uint64_t hash = hash_of(data, length), tag = hash & 0xffffffff00000000u;
    if (!names->slots && !grow_slots(names))
        goto failed;
    for (uint32_t slot = (uint32_t)hash & names->mask; names->slots[slot]; slot = (slot + 1) & names->mask) {
        if ((names->slots[slot] & 0xffffffff00000000u) != tag)
            continue;
        uint32_t found = (uint32_t)names->slots[slot] - 1;
        uint64_t start = names->start[found];
        if (names->start[found + 1] - start == length && !memcmp(names->bytes + start, data, length))
            return found;
    }
    if (names->count >= limit)
        return HD_NAMES_NONE;
    if (names->count >= COUNT_LIMIT || !reserve(names, length))
        goto failed;
    uint32_t slot = (uint32_t)hash & names->mask; /* the table may have grown */
    while (names->slots[slot])
        slot = (slot + 1) & names->mask;
    names->slots[slot] = tag | (names->count + 1);
    uint64_t start = names->start[names->count];
    memcpy(names->bytes + start, data, length);
    names->start[names->count + 1] = start + length;
    return names->count++;
failed:
    names->failed = true;
    return HD_NAMES_NONE;
}

uint32_t hd_names_intern(struct hd_names *names, const char *data, size_t length)
{
    return hd_names_intern_bounded(names, data, length, UINT32_MAX);
}
