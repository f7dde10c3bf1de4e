/*
 * What grew from one dump to the next, what holds it, and what of it stayed: what `diff` shows.
 *
 * Owns the rows, the words for dumps and ways, and their JSON. Must not know how they are laid out for people.
 */
#ifndef HD_VIEW_DIFF_H
#define HD_VIEW_DIFF_H

#include "view/open.h"
#include "graph/diff.h"

struct hd_diff_request {
    const char *path[HD_DIFF_DUMPS];
    unsigned count;
    int sort; /* of sorts */
    unsigned long limit;
    bool guarded; /* `fail_above` counts */
    uint64_t fail_above;
};

struct hd_diff_row {
    uint32_t number;
    struct hd_retained_group dump[HD_DIFF_DUMPS];
    int64_t count, size, retained, grown; /* from the first to the last */
    uint64_t sample;                      /* an object of it in the last dump; 0: there is none */
    int64_t key;
};

struct hd_diff_rows {
    struct hd_diff_row *row; /* sorted */
    uint32_t count, shown;
};

struct hd_diff_result {
    struct hd_open open[HD_DIFF_DUMPS]; /* closed, or not opened at all: names and warnings alone */
    bool held[HD_DIFF_DUMPS]; /* while they are read */
    struct hd_diff diff;
    int64_t *grown; /* of each way */
    struct hd_diff_rows classes, ways, surviving_classes, surviving_ways;
    int64_t growth;
    bool same_names, failed;
};

extern const char *const hd_diff_sort_names[4];             /* retained, size, count, NULL */
extern const char *const hd_diff_dump_names[HD_DIFF_DUMPS]; /* before, after, final */

/* Both live as long as the result: the class of that number, and "Shop::Store → ivs.@orders → Array". */
struct hd_graph_text hd_diff_class_title(const struct hd_diff_result *result, uint32_t title);
void hd_diff_append_way(struct hd_buffer *out, const struct hd_diff_result *result, uint32_t way);

/*
 * Opens the dumps one after the other; of those that something is kept of (view/diff_kept.h) little is read. To be freed whether it succeeds or not. HD_ERROR_BAD_DUMP if it is guarded and one
 * of them is truncated.
 */
bool hd_view_diff_read(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_error *err);

/* The same of dumps that are open; `path` of the request is not looked at but for errors. */
bool hd_view_diff_make(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_open *const *opens,
                       struct hd_error *err);
void hd_view_diff_free(struct hd_diff_result *result);

/* One object, and a line's end. */
void hd_view_diff_json(FILE *file, const struct hd_diff_request *request, const struct hd_diff_result *result);

#endif
