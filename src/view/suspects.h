/*
 * What probably leaks: what `suspects` shows.
 *
 * Owns how the suspects are found for an open dump, their JSON, and what of them is kept in the index: those of all shares from
 * HD_VIEW_SUSPECTS_FROM on, among which any share is chosen later without the graph or the dump. The sentences are suspects_words.h's.
 */
#ifndef HD_VIEW_SUSPECTS_H
#define HD_VIEW_SUSPECTS_H

#include "graph/suspects.h"
#include "view/shown.h"

#define HD_VIEW_SUSPECTS_FROM 0.00001 /* 0.001 % of the data, or as little as they are not too many for */
enum { HD_VIEW_SUSPECTS_PARTS = 8 };

/* A group below the holders: what these are made of. */
struct hd_view_suspect_part {
    uint64_t retained, count;
    uint32_t depth; /* 0: the holders */
    struct hd_graph_text name; /* of the reference to it; empty if there is none */
    struct hd_shown object;    /* the biggest of them */
};

struct hd_view_suspect {
    uint32_t group, found; /* struct hd_suspects_point */
    uint32_t kind, anchor; /* enum hd_suspect_kind and hd_suspect_anchor */
    struct hd_graph_text place, guess;
    uint64_t retained, data, objects; /* struct hd_suspect */
    struct hd_shown holder, content;  /* the biggest of each */
    uint64_t holders, contents;
    uint32_t has_contents; /* 0: there are none */
    uint32_t step_count; /* of the path to the holder: hd_view_suspects_step */
    struct hd_shown_step *steps;
    const struct hd_path *path;
    uint32_t part_count, class_count, sample_count;
    struct hd_view_suspect_part part[HD_VIEW_SUSPECTS_PARTS];
    struct {
        struct hd_graph_text name;
        uint64_t count, size;
    } class[HD_SUSPECT_CLASSES];
    struct {
        struct hd_shown object;
        struct hd_graph_text contents; /* data NULL if they are not known */
    } sample[HD_SUSPECT_SAMPLES];
    uint64_t duplicates, duplicate_size;
};

struct hd_view_suspects_made;

struct hd_view_suspects {
    const struct hd_open *open;
    uint64_t total; /* bytes of data that are reachable */
    uint32_t read;  /* 1: contents and duplicates are known */
    uint32_t count; /* shown */
    const struct hd_view_suspect *shown[HD_SUSPECTS_MAX];
    /* those of all shares that are known */
    struct hd_view_suspect *rows;
    uint32_t row_count;
    struct hd_suspects_search search;
    struct hd_buffer kept; /* their texts, as they were kept */
    struct hd_view_suspects_made *made; /* what they are made of; NULL: all of it was kept */
};

/*
 * Those that retain `share` (0.05: 5 %) of the data or more, at most `limit` of them (0: HD_SUSPECTS_MAX), with what reading the
 * dump again tells of them. An index mapped for HD_INDEX_SUMS is enough: if that share is not kept, hd_open_whole gets the rest. To be
 * freed whether it succeeds or not. HD_ERROR_BAD_DUMP for a dump without roots.
 */
bool hd_view_suspects_make(struct hd_view_suspects *view, struct hd_open *open, double share, unsigned long limit,
                           struct hd_error *err);
void hd_view_suspects_free(struct hd_view_suspects *view);

struct hd_shown_step hd_view_suspects_step(const struct hd_view_suspects *view, const struct hd_view_suspect *suspect, uint32_t number);

/* One object, and a line's end; at most `most` steps of each path (view/shown.h), 0: all. */
void hd_view_suspects_json(FILE *file, const struct hd_view_suspects *view, uint32_t most);

#endif
