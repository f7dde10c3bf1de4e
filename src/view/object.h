/*
 * Everything about one object: its line, what it refers to, what refers to it: what `show` shows.
 *
 * Owns what is gathered of it and its JSON.
 */
#ifndef HD_VIEW_OBJECT_H
#define HD_VIEW_OBJECT_H

#include "graph/referrers.h"
#include "view/open.h"

struct hd_view_object {
    const struct hd_open *open;
    uint32_t node;
    struct hd_referrer *referrers; /* the first ones, as many as are shown */
    uint64_t referrer_count;
    uint64_t reference_count;
    char *line; /* NULL if it cannot be read again: line_err says why */
    size_t line_length;
    struct hd_error line_err;
};

/* `limit` as below. False and *err if memory ran out or the dump cannot be opened whole; then there is nothing to free. */
bool hd_view_object_make(struct hd_view_object *view, struct hd_open *open, uint32_t node, unsigned long limit, struct hd_error *err);
void hd_view_object_free(struct hd_view_object *view);

/* How many of `count` a limit leaves; 0: all. */
uint64_t hd_view_object_shown(uint64_t count, unsigned long limit);

/* One object, and a line's end; `limit` references and referrers, 0: all. */
void hd_view_object_json(FILE *file, const struct hd_view_object *view, unsigned long limit);

#endif
