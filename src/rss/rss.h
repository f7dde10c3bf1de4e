/*
 * Where a process's memory is: one table whose rows add up to what the kernel says it has in memory.
 *
 * Owns the order of the steps: the kernel's figures, Ruby's heap, malloc's arenas, what objects own there, stacks, files, and what is
 * left. Must not know whether a process or a core is looked at, nor how the result is shown.
 */
#ifndef HD_RSS_RSS_H
#define HD_RSS_RSS_H

#include "rss/glibc.h"
#include "rss/resident.h"
#include "rss/rows.h"
#include "ruby/vm.h"

enum { HD_RSS_POOLS = 16 };

/* Heap pages with slots of one size. */
struct hd_rss_pool {
    uint64_t slot_size, pages, slots;
    uint64_t used;        /* slots that hold something, unswept garbage included, as GC.stat counts */
    uint64_t empty_pages; /* pages none of whose slots does */
    uint64_t page_slots;  /* slots of a page of this pool, the most there are */
    uint64_t bytes;       /* of all pages */
    uint64_t resident;    /* of these, in memory */
    uint64_t resident_free; /* bytes of free slots that are in memory */
};

/* A file and what of it is in memory. */
struct hd_rss_file {
    const char *path; /* not terminated */
    size_t path_length;
    uint64_t resident, own; /* own: changed, and so this process's alone */
    bool library;
};

/* What is looked at. */
struct hd_rss_target {
    struct hd_memory *memory;
    struct hd_resident *resident;
    const struct hd_stack *stacks; /* of the threads of the system; NULL if not known */
    size_t stack_count;
    struct hd_vm *vm;              /* NULL: no Ruby, or one that cannot be read */
    const char *allocator;         /* "glibc", "jemalloc", …; which malloc the process has */
};

struct hd_rss {
    uint64_t total;                       /* sum of the rows */
    uint64_t rows[HD_RSS_ROWS];           /* bytes in memory */
    uint64_t pss, swap, lazy_free, dirty; /* of all mappings; 0 where a core does not say */
    struct hd_rss_pool pools[HD_RSS_POOLS];
    int pool_count;
    uint64_t spare_pages;        /* of Ruby's heap, without slots at present */
    struct hd_glibc glibc;
    uint64_t trimmable;          /* bytes of whole pages in memory that free chunks have: what malloc_trim gives back */
    uint64_t mapped_used;        /* bytes of chunks with a mapping of their own, as found */
    uint64_t mapped_chunks;
    uint64_t main_stack;         /* of the machine stacks, the main thread's */
    uint64_t threads, fibers, native_threads;
    uint64_t objects;            /* slots that hold something */
    struct hd_rss_file *files;   /* the biggest first */
    size_t file_count;
    bool divided;                /* Ruby's heap is among the rows */
};

/* Rows by group. */
enum hd_rss_group hd_rss_group_of(enum hd_rss_row row);
const char *hd_rss_row_key(enum hd_rss_row row);
uint64_t hd_rss_group_sum(const struct hd_rss *rss, enum hd_rss_group group);

/* Everything. Memory that lasts is taken from the arena. */
bool hd_rss_take(struct hd_rss *rss, const struct hd_rss_target *target, struct hd_arena *arena, struct hd_error *err);
void hd_rss_close(struct hd_rss *rss);

#endif
