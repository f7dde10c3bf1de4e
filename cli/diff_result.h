/*
 * What `heap_dump diff` found, between the file that computes it and those that print it.
 *
 * Owns the rows and the words for dumps and ways. Must not know how they are laid out.
 */
#ifndef HD_CLI_DIFF_RESULT_H
#define HD_CLI_DIFF_RESULT_H

#include "cli/open.h"
#include "graph/diff.h"

struct hd_diff_request {
    const char *path[HD_DIFF_DUMPS];
    unsigned count;
    int sort; /* of sorts */
    unsigned long limit;
    bool guarded, json;
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
    struct hd_open open[HD_DIFF_DUMPS]; /* closed: names and warnings are left */
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

void hd_diff_print_json(const struct hd_diff_request *request, const struct hd_diff_result *result);
void hd_diff_print_text(const struct hd_diff_request *request, const struct hd_diff_result *result);

#endif
