/*
 * What keeps an object, or the objects of a class, alive: what `path` shows.
 *
 * Owns which paths are looked for and their JSON.
 */
#ifndef HD_VIEW_PATH_H
#define HD_VIEW_PATH_H

#include "graph/groups.h"
#include "graph/paths.h"
#include "view/open.h"

/*
 * Up to `all` paths to a node, the shortest first, each step with its best name; by weak references only where there are no
 * others. *list is freed with hd_paths_free. `open` may be an excerpt (hd_excerpt_path); where that does not tell,
 * another one, or the whole, takes its place, in which the node has another number.
 */
bool hd_view_path_find(struct hd_open *open, uint32_t *node, bool exclude_weak, unsigned long all, struct hd_path **list,
                       uint32_t *count, struct hd_error *err);

/* One object, and a line's end; `most` steps of each path as below. */
void hd_view_path_json(FILE *file, const struct hd_open *open, uint32_t node, const struct hd_path *list, uint32_t count,
                       uint32_t most);

/* The steps of one path, at most `most` of them, as hd_shown_steps_json. */
void hd_view_path_json_steps(FILE *file, const struct hd_open *open, const struct hd_path *path, uint32_t most);

/* The paths to all objects of a class, merged. */
struct hd_view_class_path {
    struct hd_merged_paths merged;
    struct hd_graph_text class;
    uint64_t objects;
    bool weak; /* by weak references alone */
    bool kept; /* it was made before */
};

/* Of a class with so many objects they are kept in the index: merging them takes a while. */
enum { HD_VIEW_PATH_MANY = 20000 };

/* After hd_open_read_for HD_INDEX_SUMS or more. False and *err if there is no such class (HD_ERROR_USAGE) or memory ran out; else `merged` is freed with hd_paths_merged_free. */
bool hd_view_class_path_make(struct hd_view_class_path *tree, struct hd_open *open, const char *class, bool exclude_weak,
                             struct hd_error *err);

/* One object, and a line's end; at most `limit` steps, 0: all. */
void hd_view_class_path_json(FILE *file, const struct hd_open *open, const struct hd_view_class_path *tree,
                             unsigned long limit);

#endif
