/*
 * What the commands share that read a dump twice, `strings` and `collections`.
 *
 * Owns the copy of what comes from standard input, which can be read only once, and the words for who holds an object. Must not
 * know what a command asks.
 */
#ifndef HD_CLI_TWICE_H
#define HD_CLI_TWICE_H

#include "cli/open.h"
#include "cli/table.h"
#include "graph/groups.h"
#include "graph/holders.h"

enum { HD_TWICE_PATH = 64 };

struct hd_twice {
    struct hd_open open;
    char path[HD_TWICE_PATH]; /* of the copy; "" if there is none */
    const char *dump;    /* what to read again */
    int copy;            /* its descriptor; the file has no name any more */
    struct hd_groups classes; /* both as graph/derived.h has them, and its property */
    struct hd_paths paths;
};

/* Keeps all of standard input in a file without a name that goes with its descriptor; `path` is where it can be read. */
bool hd_twice_copy(int *copy, char path[HD_TWICE_PATH], struct hd_error *err);

/* Closes the copy, if `copy` is not -1, and makes an error name what people know it by. */
void hd_twice_close_copy(int copy, const char *path, struct hd_error *err);

/* False and *err set if the dump cannot be read; then there is nothing to close. */
bool hd_twice_open(struct hd_twice *twice, const char *path, struct hd_error *err);
void hd_twice_close(struct hd_twice *twice);

/* "Shop::Order ivs.@tags → Array val[]": the holder and the names of the references. */
void hd_twice_way(struct hd_buffer *out, const struct hd_twice *twice, uint32_t from, uint64_t edge);

/* The same of what is next to a node on the shortest path to it; "nothing" if no root leads to it. */
void hd_twice_way_to(struct hd_buffer *out, const struct hd_twice *twice, uint32_t node);

/* Adds a cell of the first N holders of a set: "way" or "way, 3 other ways". */
void hd_twice_add_holder(struct hd_table *table, const struct hd_twice *twice, const struct hd_holders *holders,
                         uint32_t set);

/* `[{"references":N,"bytes":N,"way":"…"},…]`, the first `limit` holders of a set. */
void hd_twice_json_holders(FILE *file, const struct hd_twice *twice, const struct hd_holders *holders, uint32_t set,
                           uint64_t limit);

/* A table of them: references, bytes, way. */
void hd_twice_print_holders(const struct hd_twice *twice, const struct hd_holders *holders, uint32_t set,
                            uint64_t limit);

#endif
