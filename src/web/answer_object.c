/* Answers about one object, and about why it is there. See answer.h. */
#include "graph/groups.h"
#include "view/path.h"
#include "view/profile.h"
#include "web/answer.h"

enum { ROWS = 100, ROWS_MOST = 1000, PATHS_MOST = 100, PATH_ROWS = 500 };

/* Its group in the tree, if the tree is there or soon made. */
static bool group_of(struct hd_web_ask *ask, uint32_t node, uint32_t *group, struct hd_error *err)
{
    const struct hd_tree_view *tree = hd_web_site_tree(ask->dump, err);
    *group = tree ? tree->tree.number[node] : HD_NODE_NONE;
    return tree != NULL;
}

bool hd_web_answer_object(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_profile_request request = {.steps = HD_WEB_STEPS};
    struct hd_view_object view;
    uint32_t node;
    if (!hd_web_question_number(ask->question, "offset", 0, 0, UINT32_MAX, &request.offset, err)
        || !hd_web_question_number(ask->question, "limit", ROWS, 1, ROWS_MOST, &request.limit, err)
        || !hd_web_answer_node(ask, &node, err) || !group_of(ask, node, &request.group, err)
        || !hd_view_object_make(&view, &ask->dump->open, node, 0, err))
        return false;
    bool done = hd_profile_json(out, &ask->dump->open, &view, &request, err);
    hd_view_object_free(&view);
    return done;
}

bool hd_web_answer_referrers(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_object view = {.open = &ask->dump->open};
    uint64_t offset, limit;
    if (!hd_web_question_number(ask->question, "offset", 0, 0, UINT32_MAX, &offset, err)
        || !hd_web_question_number(ask->question, "limit", ROWS, 1, ROWS_MOST, &limit, err)
        || !hd_web_answer_node(ask, &view.node, err)
        || !hd_referrers_find(&view.open->graph, view.node, &view.referrers, &view.referrer_count, err))
        return false;
    fputs("{", out);
    hd_open_json_head(out, view.open);
    fputs(",", out);
    hd_profile_json_referrers(out, &view, offset, limit);
    fputs("}\n", out);
    hd_view_object_free(&view);
    return true;
}

static bool object_path(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_path *list = NULL;
    uint32_t node, count = 0;
    uint64_t all;
    if (!hd_web_question_number(ask->question, "all", 1, 1, PATHS_MOST, &all, err) || !hd_web_answer_node(ask, &node, err)
        || !hd_view_path_find(&ask->dump->open, &node, false, all, &list, &count, err))
        return false;
    hd_view_path_json(out, &ask->dump->open, node, list, count, HD_WEB_STEPS);
    hd_paths_free(list, count);
    return true;
}

static bool class_path(struct hd_web_ask *ask, const char *class, FILE *out, struct hd_error *err)
{
    struct hd_view_class_path tree;
    uint64_t limit;
    if (!hd_web_question_number(ask->question, "limit", PATH_ROWS, 1, HD_WEB_ROWS, &limit, err))
        return false;
    if (!hd_view_class_path_make(&tree, &ask->dump->open, class, false, err)) {
        ask->status = err->code == HD_ERROR_USAGE ? 404 : 0;
        return false;
    }
    hd_view_class_path_json(out, &ask->dump->open, &tree, limit);
    hd_paths_merged_free(&tree.merged);
    return true;
}

bool hd_web_answer_path(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    const char *class = hd_web_question_get(ask->question, "class");
    if (!class)
        return object_path(ask, out, err);
    if (hd_web_question_get(ask->question, "id"))
        return hd_error_set(err, HD_ERROR_USAGE, "either id or class says what the path leads to");
    return class_path(ask, class, out, err);
}
