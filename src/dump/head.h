/* The first line of a dump, the same for every writer. See head.c and docs/format.md, "The file". */
#ifndef HD_DUMP_HEAD_H
#define HD_DUMP_HEAD_H

#include "dump/dump.h"

/* Slots of one size. */
struct hd_size_pool {
    uint64_t slot_size, pages, slots;
    uint64_t used;        /* slots that hold something, objects that were not collected yet among them */
    uint64_t empty_pages; /* pages none of whose slots does */
    uint64_t bytes;       /* of all pages, heads and padding included */
};

struct hd_head {
    uint64_t low, high;  /* every id lies between them, both included */
    const char *layout;  /* release whose layout was used; NULL: references are unnamed, and the line says so */
    const struct hd_size_pool *pools;
    uint64_t pool_count;
};

/* `[{"id":"_DUMP_",…}` and a newline. */
void hd_head_write(struct hd_buffer *out, const struct hd_dump_options *options, const struct hd_head *head);

#endif
