/*
 * What the kernel says of each mapping of a process: how much of it is in memory, and of which kind that is.
 *
 * Owns the parsing of /proc/PID/smaps. Must not know what a process keeps there. System calls only (no stdio, no malloc): a raw
 * clone of a multithreaded process reads its parent's, too.
 */
#ifndef HD_MEMORY_SMAPS_H
#define HD_MEMORY_SMAPS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hd_smaps_kind {
    HD_SMAPS_ANONYMOUS,
    HD_SMAPS_HEAP,    /* [heap], what brk has made */
    HD_SMAPS_STACK,   /* [stack], of the main thread */
    HD_SMAPS_CODE,    /* anonymous and executable */
    HD_SMAPS_FILE,
    HD_SMAPS_SHARED,  /* shared memory: memfd, /dev/shm, System V, MAP_SHARED|MAP_ANONYMOUS */
    HD_SMAPS_DEVICE,
    HD_SMAPS_KERNEL   /* [vdso] and its kin */
};

/* Bytes, all of them. */
struct hd_smaps_mapping {
    uint64_t start, end, offset;
    uint64_t rss;       /* in memory */
    uint64_t pss;       /* the same, divided by the number of processes that have it */
    uint64_t dirty;     /* Private_Dirty: in memory, this process's alone, and changed */
    uint64_t anonymous; /* in memory and not, or no longer, as in a file */
    uint64_t lazy_free; /* given back with MADV_FREE; counts as RSS until the kernel wants it */
    uint64_t swap;      /* not in memory */
    enum hd_smaps_kind kind;
    bool readable, writable, executable;
    const char *path;   /* not terminated; valid during the call */
    size_t path_length;
};

/* Returns false to stop. */
typedef bool hd_smaps_each(void *data, const struct hd_smaps_mapping *mapping);

/* `path` is that of a smaps file. HD_ERROR_TARGET if it cannot be read. */
bool hd_smaps_read(const char *path, hd_smaps_each *each, void *data, struct hd_error *err);

/* The same of its contents. False if they do not end with a whole line. */
bool hd_smaps_parse(const char *text, size_t length, hd_smaps_each *each, void *data);

/* The kind by the name and permissions that a list of mappings shows. */
enum hd_smaps_kind hd_smaps_kind_of(const char *path, size_t length, bool executable);

#endif
