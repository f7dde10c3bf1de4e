/*
 * What the commands share that read a dump twice, `strings` and `collections`.
 *
 * Owns the copy of what comes from standard input, which can be read only once and how holders stand in
 * tables. Must not know what a command asks.
 */
#ifndef HD_CLI_TWICE_H
#define HD_CLI_TWICE_H

#include "cli/open.h"
#include "cli/table.h"
#include "view/shown.h"

enum { HD_TWICE_PATH = 64 };

struct hd_twice {
    struct hd_open open; /* for HD_INDEX_SUMS */
    char path[HD_TWICE_PATH]; /* of the copy; "" if there is none */
    int copy; /* its descriptor; the file has no name any more */
};

/* Keeps all of standard input in a file without a name that goes with its descriptor; `path` is where it can be read. */
bool hd_twice_copy(int *copy, char path[HD_TWICE_PATH], struct hd_error *err);

/* Closes the copy, if `copy` is not -1, and makes an error name what people know it by. */
void hd_twice_close_copy(int copy, const char *path, struct hd_error *err);

/* False and *err set if the dump cannot be read; then there is nothing to close. */
bool hd_twice_open(struct hd_twice *twice, const char *path, struct hd_error *err);
void hd_twice_close(struct hd_twice *twice);

/* Adds a cell of `count` ways that something is held by: "way" or "way, 3 other ways". */
void hd_twice_add_way(struct hd_table *table, const struct hd_shown_way *first, uint64_t count);

#endif
