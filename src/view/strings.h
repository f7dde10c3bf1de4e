/*
 * Which strings are there several times, which are big, who holds them: what `strings` shows.
 *
 * Owns the answer, its JSON, and what of it is kept in the index: the first rows of both lists, of which any number can be shown later
 * without the graph or the dump.
 */
#ifndef HD_VIEW_STRINGS_H
#define HD_VIEW_STRINGS_H

#include "graph/strings.h"
#include "view/keep.h"
#include "view/shown.h"

enum { HD_VIEW_STRINGS_WAYS = 5 };

/* Strings of the same contents, or one big one. */
struct hd_view_strings_row {
    struct hd_shown object; /* the one of them that stays */
    /* of several: graph/strings.h */
    uint64_t count, bytes, wasted, frozen, fstrings;
    uint32_t by_prefix;
    /* what is in each */
    uint32_t form, truncated; /* form: HD_STRINGS_TEXT, … */
    uint64_t bytesize, line;
    struct hd_graph_text beginning, file; /* file: where it was allocated; data NULL if the dump does not know */
    /* who holds them: most bytes first; of a big one "nothing" is a way, too */
    uint64_t ways;
    uint32_t way_count;
    struct hd_shown_way way[HD_VIEW_STRINGS_WAYS]; /* the first way_count of `ways` */
};

struct hd_view_strings_made;

/* Some of both lists. */
struct hd_view_strings_piece {
    struct hd_view_strings_row *groups, *biggest;
    struct hd_buffer kept; /* their texts */
};

struct hd_view_strings {
    const struct hd_open *open;
    struct hd_strings_sum all, unknown, copies, frozen_copies; /* graph/strings.h */
    uint64_t distinct, unreachable;
    uint32_t group_count;     /* in all */
    uint32_t groups, biggest; /* shown */
    /* as they were kept; NULL: they are made of `made` when they are asked for */
    struct hd_view_strings_piece piece[HD_KEEP_PIECES];
    struct hd_view_strings_made *made; /* NULL: all of it was kept */
};

/*
 * At most `rows` of each list; 0: all. An index mapped for HD_INDEX_SUMS is enough: if so many are not kept, hd_open_whole gets the rest,
 * the dump is read again, twice, and they are kept. To be freed whether it succeeds or not.
 */
bool hd_view_strings_make(struct hd_view_strings *view, struct hd_open *open, unsigned long rows, struct hd_error *err);
void hd_view_strings_free(struct hd_view_strings *view);

/* One of those shown: of the groups that waste most, and of the biggest. It is there until the next is asked for. */
const struct hd_view_strings_row *hd_view_strings_group(const struct hd_view_strings *view, uint32_t number);
const struct hd_view_strings_row *hd_view_strings_biggest(const struct hd_view_strings *view, uint32_t number);

/* One object, and a line's end. */
void hd_view_strings_json(FILE *file, const struct hd_view_strings *view);

#endif
