/* See lines.h. */
#include "graph/lines.h"

#include <stdlib.h>

static bool find(struct hd_lines *lines, unsigned facets, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                 struct hd_lines_values *values, struct hd_error *err)
{
    struct hd_replay_job jobs[4];
    struct hd_values_build *build = NULL;
    unsigned visitors = hd_replay_visitors(graph->node_count);
    bool ok = hd_facets_find(&lines->facets, facets, graph, visitors, &jobs[0], err)
              && hd_strings_find(&lines->strings, graph, dominator, NULL, visitors, &jobs[1], err)
              && hd_collections_find(&lines->collections, graph, dominator, visitors, &jobs[2], err);
    if (ok && values) /* without them the rest is worth as much */
        build = hd_values_build_create(graph, visitors, values->room, values->put, values->data, &jobs[3], NULL);
    ok = ok && (jobs[0].count == 0 || hd_replay_jobs(path, graph, jobs, build ? 4 : 3, visitors, err));
    if (ok && build)
        values->whole = hd_values_build_finish(build, &values->sum);
    hd_values_build_destroy(build);
    if (!ok)
        return false;
    hd_strings_found_all(&lines->strings);
    return hd_facets_found_all(&lines->facets, graph, err);
}

struct hd_lines *hd_lines_create(unsigned facets, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                                 struct hd_lines_values *values, struct hd_error *err)
{
    struct hd_lines *lines = calloc(1, sizeof *lines);
    if (!lines) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (find(lines, facets, path, graph, dominator, values, err))
        return lines;
    hd_lines_destroy(lines);
    return NULL;
}

void hd_lines_destroy(struct hd_lines *lines)
{
    if (!lines)
        return;
    hd_facets_found_free(&lines->facets);
    hd_strings_found_free(&lines->strings);
    hd_collections_found_free(&lines->collections);
    free(lines);
}
