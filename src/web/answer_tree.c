/* Answers that list objects or groups: a part of the tree, what fits conditions, what a word may mean. See answer.h. */
#define _GNU_SOURCE
#include "base/regex_compile.h"
#include "dump/json_reader.h"
#include "view/find.h"
#include "view/json.h"
#include "view/tree_rows.h"
#include "web/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TREE_DEPTH = 8, TREE_ROWS = 1500, FIND_ROWS = 100, SEARCH_ROWS = 20 };

/* --- the tree --- */

/* The group to begin at; HD_NODE_NONE: the object is in none. */
static bool top_choose(struct hd_web_ask *ask, const struct hd_tree *tree, uint32_t *top, struct hd_error *err)
{
    uint64_t group;
    uint32_t node;
    if (hd_web_question_get(ask->question, "id")) {
        if (hd_web_question_get(ask->question, "group"))
            return hd_error_set(err, HD_ERROR_USAGE, "either group or id says where to begin");
        if (!hd_web_answer_node(ask, &node, err))
            return false;
        *top = tree->number[node];
        return *top != HD_NODE_NONE
               || hd_error_set(err, HD_ERROR_USAGE, "no root leads to this object, so it is not in the tree");
    }
    if (!hd_web_question_number(ask->question, "group", 0, 0, UINT32_MAX, &group, err))
        return false;
    *top = (uint32_t)group;
    if (group < tree->count)
        return true;
    ask->status = 404;
    return hd_error_set(err, HD_ERROR_USAGE, "there is no group %llu: they are counted from 0 to %u",
                        (unsigned long long)group, tree->count - 1);
}

bool hd_web_answer_tree(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_tree_rows rows;
    struct hd_tree_rows_request request = {0};
    uint64_t depth, limit;
    if (!hd_web_question_number(ask->question, "depth", TREE_DEPTH, 1, 1000, &depth, err)
        || !hd_web_question_number(ask->question, "limit", TREE_ROWS, 1, HD_WEB_ROWS, &limit, err))
        return false;
    const struct hd_tree_view *tree = hd_web_site_tree(ask->dump, err);
    if (!tree || !top_choose(ask, &tree->tree, &request.top, err))
        return false;
    request.depth = (uint32_t)depth;
    request.limit = limit;
    if (!hd_tree_rows_make(&rows, tree, &request, err))
        return false;
    hd_tree_rows_json_groups(out, &rows);
    hd_tree_rows_free(&rows);
    return true;
}

/* --- what fits conditions --- */

static bool conditions(struct hd_web_ask *ask, struct hd_find_query *query, struct hd_error *err)
{
    uint64_t group;
    query->class_glob = hd_web_question_get(ask->question, "class");
    query->name_glob = hd_web_question_get(ask->question, "name");
    query->type = hd_web_question_get(ask->question, "type");
    if (!hd_web_question_bytes(ask->question, "min_size", &query->min_size, err)
        || !hd_web_question_bytes(ask->question, "min_retained", &query->min_retained, err)
        || !hd_web_question_number(ask->question, "group", 0, 0, UINT32_MAX, &group, err))
        return false;
    if (hd_web_question_get(ask->question, "group")) {
        const struct hd_tree_view *tree = hd_web_site_tree(ask->dump, err);
        if (!tree)
            return false;
        query->number = tree->tree.number;
        query->group = (uint32_t)group;
    }
    return true;
}

static bool find(struct hd_web_ask *ask, const struct hd_find_query *query, FILE *out, struct hd_error *err)
{
    struct hd_view_find view;
    uint64_t offset, limit;
    if (!hd_web_question_number(ask->question, "offset", 0, 0, UINT32_MAX, &offset, err)
        || !hd_web_question_number(ask->question, "limit", FIND_ROWS, 1, HD_WEB_ROWS, &limit, err))
        return false;
    bool done = hd_view_find_make(&view, query, &ask->dump->open, offset, limit, err);
    if (done) {
        fputs("{", out);
        hd_open_json_head(out, view.open);
        fprintf(out, ",\"count\":%u,\"size\":%llu,\"retained\":%llu,\"offset\":%llu,\"objects\":", view.found.count,
                (unsigned long long)view.found.size, (unsigned long long)view.found.retained, (unsigned long long)offset);
        hd_view_find_json_objects(out, &view);
        fputs("}\n", out);
    }
    hd_view_find_free(&view);
    return done;
}

bool hd_web_answer_find(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_find_query query = {0};
    const char *value = hd_web_question_get(ask->question, "value");
    regex_t regex;
    bool ignore_case;
    if (!conditions(ask, &query, err) || !hd_web_question_flag(ask->question, "ignore_case", &ignore_case, err))
        return false;
    if (!value)
        return find(ask, &query, out, err);
    query.value_regex = value;
    query.value_flags = REG_EXTENDED | (ignore_case ? REG_ICASE : 0);
    char why[HD_REGEX_WHY];
    if (!hd_regex_compile(&regex, value, query.value_flags, why))
        return hd_error_set(err, HD_ERROR_USAGE, "value takes a regular expression, not %.100s: %s", value, why);
    query.value = &regex;
    bool done = find(ask, &query, out, err);
    regfree(&regex);
    return done;
}

/* --- what a word may mean --- */

/* Where the word is in the text, no matter of case (of a to z); SIZE_MAX: nowhere. */
static size_t place_of(struct hd_graph_text text, const char *word, size_t length)
{
    if (!text.data || length > text.length)
        return SIZE_MAX;
    for (size_t i = 0; i + length <= text.length; i++)
        if (!strncasecmp(text.data + i, word, length))
            return i;
    return SIZE_MAX;
}

struct hit {
    uint32_t number; /* a class or a node */
    bool first;      /* the text begins with the word */
    uint64_t retained;
};

struct hits {
    struct hit hit[SEARCH_ROWS]; /* best first */
    uint32_t count, total;
};

static bool better(const struct hit *one, const struct hit *other)
{
    return one->first != other->first ? one->first : one->retained > other->retained;
}

static void hit_add(struct hits *hits, struct hit hit)
{
    hits->total++;
    uint32_t at = hits->count < SEARCH_ROWS ? hits->count++ : SEARCH_ROWS;
    for (; at > 0 && better(&hit, &hits->hit[at - 1]); at--)
        if (at < SEARCH_ROWS)
            hits->hit[at] = hits->hit[at - 1];
    if (at < SEARCH_ROWS)
        hits->hit[at] = hit;
}

static bool classes_json(struct hd_web_ask *ask, const char *word, FILE *out, struct hd_error *err)
{
    struct hd_derived *derived = ask->dump->open.derived;
    const struct hd_groups *classes = hd_derived_classes(derived, err);
    const struct hd_retained_group *sums = classes ? hd_derived_class_sums(derived, err) : NULL;
    struct hits hits = {0};
    if (!sums)
        return false;
    for (uint32_t i = 0; i < classes->count; i++) {
        size_t place = sums[i].count ? place_of(classes->name[i], word, strlen(word)) : SIZE_MAX;
        if (place != SIZE_MAX)
            hit_add(&hits, (struct hit){i, place == 0, sums[i].retained});
    }
    fprintf(out, ",\"classes\":{\"total\":%u,\"rows\":[", hits.total);
    for (uint32_t i = 0; i < hits.count; i++) {
        const struct hd_retained_group *sum = &sums[hits.hit[i].number];
        fputs(i ? ",{\"class\":" : "{\"class\":", out);
        hd_json_text(out, classes->name[hits.hit[i].number]);
        fprintf(out, ",\"count\":%llu,\"size\":%llu,\"retained\":%llu}", (unsigned long long)sum->count,
                (unsigned long long)sum->shallow, (unsigned long long)sum->retained);
    }
    fputs("]}", out);
    return true;
}

/* Classes and modules, not their singleton classes. */
static void named_json(struct hd_web_ask *ask, const char *word, FILE *out)
{
    const struct hd_open *open = &ask->dump->open;
    const struct hd_graph *graph = &open->graph;
    struct hits hits = {0};
    for (uint32_t node = 1; node < graph->node_count; node++) {
        bool named = graph->node_type[node] == HD_BT_T_CLASS || graph->node_type[node] == HD_BT_T_MODULE;
        if (!named || graph->node_flags[node] & HD_NODE_SINGLETON)
            continue;
        size_t place = place_of(hd_graph_name(graph, graph->node_label[node]), word, strlen(word));
        if (place != SIZE_MAX)
            hit_add(&hits, (struct hit){node, place == 0, open->dominators.retained[node]});
    }
    fprintf(out, ",\"named\":{\"total\":%u,\"rows\":[", hits.total);
    for (uint32_t i = 0; i < hits.count; i++) {
        fputs(i ? ",{" : "{", out);
        hd_open_json_node(out, open, hits.hit[i].number);
        fputs("}", out);
    }
    fputs("]}", out);
}

bool hd_web_answer_search(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    const char *word = hd_web_question_get(ask->question, "q");
    uint64_t id;
    if (!word || !*word)
        return hd_error_set(err, HD_ERROR_USAGE, "/api/search needs the parameter q");
    const struct hd_open *open = &ask->dump->open;
    uint32_t node = hd_open_parse_id(word, &id) ? hd_graph_find(&open->graph, id) : HD_NODE_NONE;
    fputs("{", out);
    hd_open_json_head(out, open);
    fputs(",\"q\":", out);
    hd_json_string(out, word);
    fputs(",\"object\":", out);
    if (node != HD_NODE_NONE && node != HD_NODE_ROOT) {
        fputs("{", out);
        hd_open_json_node(out, open, node);
        fputs("}", out);
    } else {
        fputs("null", out);
    }
    if (!classes_json(ask, word, out, err))
        return false;
    named_json(ask, word, out);
    fputs("}\n", out);
    return true;
}
