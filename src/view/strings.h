/*
 * Which strings are there several times, which are big, who holds them: what `strings` shows.
 *
 * Owns the answer and its JSON.
 */
#ifndef HD_VIEW_STRINGS_H
#define HD_VIEW_STRINGS_H

#include "graph/strings.h"
#include "view/ways.h"

struct hd_view_strings {
    struct hd_ways ways;
    struct hd_strings strings;
    struct hd_holders holders; /* of the groups shown */
    uint32_t *set;             /* [node_count] */
    uint32_t groups, biggest;  /* shown */
    struct hd_strings_text *texts; /* of the groups' strings that stay, then of the biggest */
    uint32_t text_count;
};

/* At most `rows` of each list; 0: all. Reads the dump again, twice. To be freed whether it succeeds or not. */
bool hd_view_strings_make(struct hd_view_strings *view, struct hd_open *open, unsigned long rows, struct hd_error *err);
void hd_view_strings_free(struct hd_view_strings *view);

/* One object, and a line's end. */
void hd_view_strings_json(FILE *file, const struct hd_view_strings *view);

#endif
