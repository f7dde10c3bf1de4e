/*
 * What is in a dump, by type: what `summary` shows.
 *
 * Owns the sums and their JSON.
 */
#ifndef HD_VIEW_SUMMARY_H
#define HD_VIEW_SUMMARY_H

#include "dump/json_reader.h"
#include "view/open.h"

struct hd_view_sum {
    uint64_t objects, bytes, reached, reached_bytes;
};

struct hd_view_summary {
    struct hd_view_sum all, by_type[HD_BT_COUNT];
    struct hd_index_marks marks;
    uint64_t references;
};

/* Nothing to free. An index mapped for HD_INDEX_SUMS is enough. */
bool hd_view_summary_make(struct hd_view_summary *view, struct hd_open *open, struct hd_error *err);

/* The types that occur, biggest first; returns how many. */
int hd_view_summary_types(const struct hd_view_summary *view, int types[HD_BT_COUNT]);

/* The _DUMP_ line as a JSON object; data NULL if the dump has none (ObjectSpace). */
struct hd_graph_text hd_view_head(const struct hd_graph *graph);

/* One object, and a line's end. */
void hd_view_summary_json(FILE *file, const struct hd_open *open, const struct hd_view_summary *view);

#endif
