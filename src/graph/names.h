/*
 * Names, each once: edge names, class names, type names, and what stands in the first line.
 *
 * Owns the bytes and a hash table over them. Must not know what a name means. Not for several threads at once: each
 * reader of a file has its own, and they are merged when all have finished.
 * Invariant: a name's number never changes; numbers are handed out from 0 without a gap.
 */
#ifndef HD_GRAPH_NAMES_H
#define HD_GRAPH_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_NAMES_NONE UINT32_MAX

struct hd_names {
    char *bytes;
    uint64_t *start; /* [count + 1] */
    uint32_t count, start_capacity;
    uint64_t byte_capacity;
    uint64_t *slots; /* number + 1 in the lower half, 0 for a free one; the hash's upper half above */
    uint32_t mask;
    bool failed; /* sticky: memory ran out, or names did */
};

/* A zeroed struct is ready for use. */
void hd_names_deinit(struct hd_names *names);

/* The number of a name, HD_NAMES_NONE if memory ran out (and sets failed). */
uint32_t hd_names_intern(struct hd_names *names, const char *data, size_t length);

/* As hd_names_intern, but gives HD_NAMES_NONE for a new name once there are `limit`; that is no failure. */
uint32_t hd_names_intern_bounded(struct hd_names *names, const char *data, size_t length, uint32_t limit);

#endif
