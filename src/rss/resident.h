/*
 * Which pages of a process are in memory.
 *
 * Owns the list of mappings with the kernel's figures, and a bit per page of those that are not files. Must not know what is in them.
 * A core file has mappings, too: what it holds of them counts as being in memory.
 */
#ifndef HD_RSS_RESIDENT_H
#define HD_RSS_RESIDENT_H

#include "memory/core.h"
#include "memory/memory.h"
#include "memory/smaps.h"

enum { HD_RESIDENT_PAGE = 4096 };

struct hd_resident_mapping {
    struct hd_smaps_mapping facts; /* rss and the like as the kernel says, or as the core has it; the path lasts */
    uint64_t *bits;                /* a bit per page that is in memory; NULL: not looked at, as in files */
    uint64_t claimed;              /* bytes of it that are in rows; ledger.h */
    uint64_t zeros;                /* cores: bytes of pages that are there and hold nothing but zeros */
};

struct hd_resident {
    struct hd_resident_mapping *mappings; /* in the order of their addresses */
    size_t count, capacity;
    size_t last;                          /* the mapping of the last hit */
    struct hd_arena *arena;
    bool failed;                          /* memory ran out while the list was made */
};

/* `smaps` is what /proc/PID/smaps said while the process stood still. */
bool hd_resident_read(struct hd_resident *resident, struct hd_arena *arena, const char *smaps, size_t length, struct hd_error *err);

/*
 * Reads /proc/PID/pagemap of the mappings that are not files. `pid` is the process or its frozen copy, before its memory is read.
 * Pages of the kernel that hold nothing but zeros are not counted, as RSS does not count them, where the kernel tells them (root).
 */
bool hd_resident_look(struct hd_resident *resident, int pid, struct hd_error *err);

/* The mappings of a core, and which of their pages hold something. */
bool hd_resident_of_core(struct hd_resident *resident, struct hd_arena *arena, const struct hd_core *core, struct hd_memory *memory,
                         struct hd_error *err);

/* The mapping of an address, NULL if there is none. */
struct hd_resident_mapping *hd_resident_at(struct hd_resident *resident, uint64_t addr);

/* Bytes of [start, end) that are in memory, of one mapping. The range is cut to it. */
uint64_t hd_resident_bytes(const struct hd_resident_mapping *mapping, uint64_t start, uint64_t end);

#endif
