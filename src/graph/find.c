/* See find.h. */
#define _GNU_SOURCE
#include "graph/find.h"

#include "base/arena.h"
#include "dump/json_reader.h"
#include "graph/fields.h"
#include "graph/groups.h"
#include "graph/second_pass.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- what the columns answer --- */

static bool is_word(struct hd_graph_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

static bool is_type(enum hd_bt bt, const char *type)
{
    const char *name = bt == HD_BT_NONE || bt >= HD_BT_COUNT ? "" : hd_bt_name(bt);
    return !strcasecmp(name, type) || (*name && !strcasecmp(name + 2, type));
}

static bool type_fits(const struct hd_graph *graph, uint32_t node, const char *type)
{
    uint8_t bt = graph->node_type[node];
    if (is_type(bt, type))
        return true;
    return (bt == HD_BT_T_DATA || bt == HD_BT_T_IMEMO) && is_word(hd_graph_name(graph, graph->node_label[node]), type);
}

bool hd_find_knows_type(const struct hd_graph *graph, const char *type)
{
    for (int bt = HD_BT_NONE + 1; bt < HD_BT_COUNT; bt++)
        if (is_type(bt, type))
            return true;
    for (uint32_t node = 1; node < graph->node_count; node++)
        if (type_fits(graph, node, type))
            return true;
    return false;
}

static bool text_fits(const char *glob, struct hd_graph_text text, struct hd_buffer *scratch)
{
    scratch->length = 0;
    hd_buffer_append(scratch, text.data, text.length);
    hd_buffer_append(scratch, "", 1);
    return !scratch->failed && !fnmatch(glob, scratch->data, 0);
}

/* Takes out of `wanted` what is not of a class that fits. */
static bool class_filter(const struct hd_graph *graph, const struct hd_groups *classes, const char *glob,
                         uint8_t *wanted, struct hd_error *err)
{
    struct hd_buffer scratch = {0};
    uint8_t *fits = calloc((size_t)classes->count + 1, 1);
    bool ok = fits || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; ok && i < classes->count; i++)
        fits[i] = text_fits(glob, classes->name[i], &scratch);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        wanted[node] = wanted[node] && fits[classes->number[node]];
    ok = ok && (!scratch.failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"));
    hd_buffer_deinit(&scratch);
    free(fits);
    return ok;
}

static bool has_own_name(uint8_t type)
{
    return type == HD_BT_T_CLASS || type == HD_BT_T_MODULE;
}

static bool can_have_value(uint8_t type)
{
    return type == HD_BT_T_STRING || type == HD_BT_T_SYMBOL || type == HD_BT_T_REGEXP;
}

/* True if something is left that only the lines can answer. */
static bool columns_filter(const struct hd_find_query *query, const struct hd_graph *graph,
                           const struct hd_dominators *dominators, uint8_t *wanted)
{
    bool again = false;
    struct hd_buffer scratch = {0};
    wanted[HD_NODE_ROOT] = 0;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        uint8_t type = graph->node_type[node];
        bool fits = graph->node_size[node] >= query->min_size && dominators->retained[node] >= query->min_retained &&
                    (!query->number || query->number[node] == query->group) &&
                    (!query->type || type_fits(graph, node, query->type)) && (!query->value || can_have_value(type));
        if (fits && query->name_glob && has_own_name(type)) {
            struct hd_graph_text name = hd_graph_name(graph, graph->node_label[node]);
            fits = name.data && text_fits(query->name_glob, name, &scratch);
        } else if (fits && query->name_glob) {
            again = true;
        }
        again = again || (fits && query->value);
        wanted[node] = fits;
    }
    hd_buffer_deinit(&scratch);
    return again;
}

/* --- what the lines answer --- */

struct lines_filter {
    const struct hd_find_query *query;
    const struct hd_graph *graph;
    uint8_t *wanted;
    struct hd_buffer scratch[HD_SECOND_PASS_WORKERS];
};

static bool value_fits(const regex_t *regex, struct hd_graph_text object, struct hd_buffer *scratch)
{
    struct hd_graph_text value = hd_fields_get(object, "val");
    scratch->length = 0;
    if (!value.data)
        value = hd_fields_get(object, "value"); /* ObjectSpace's */
    if (value.data && value.data[0] == '"')
        hd_fields_unescape(scratch, value);
    else if ((value = hd_fields_get(object, "val_base64")).data)
        hd_fields_base64(scratch, value);
    else
        return false;
    regmatch_t all = {0, (regoff_t)scratch->length};
    hd_buffer_append(scratch, "", 1);
    return !scratch->failed && !regexec(regex, scratch->data, 1, &all, REG_STARTEND);
}

static bool name_fits(const char *glob, uint8_t type, struct hd_graph_text object, struct hd_buffer *scratch)
{
    static const char *const fields[] = {"name", "called_id", "path"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields + 1; i++) {
        const char *field = i < sizeof fields / sizeof *fields ? fields[i] : type == HD_BT_T_SYMBOL ? "val" : "";
        struct hd_graph_text value = *field ? hd_fields_get(object, field) : (struct hd_graph_text){NULL, 0};
        if (!value.data && type == HD_BT_T_SYMBOL && *field == 'v')
            value = hd_fields_get(object, "value");
        if (!value.data || value.data[0] != '"')
            continue;
        scratch->length = 0;
        hd_fields_unescape(scratch, value);
        hd_buffer_append(scratch, "", 1);
        if (!scratch->failed && !fnmatch(glob, scratch->data, 0))
            return true;
    }
    return false;
}

static bool line_filter(void *data, unsigned worker, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct lines_filter *filter = data;
    const struct hd_find_query *query = filter->query;
    struct hd_buffer *scratch = &filter->scratch[worker];
    uint8_t type = filter->graph->node_type[node];
    bool fits = (!query->value || value_fits(query->value, object, scratch))
                && (!query->name_glob || has_own_name(type) || name_fits(query->name_glob, type, object, scratch));
    if (scratch->failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (!fits)
        filter->wanted[node] = 0; /* a byte of its own: no two workers write the same */
    return true;
}

static bool lines_check(const struct hd_find_query *query, const char *path, const struct hd_graph *graph,
                        uint8_t *wanted, struct hd_error *err)
{
    struct lines_filter filter = {.query = query, .graph = graph, .wanted = wanted};
    bool ok = hd_second_pass(path, graph, wanted, line_filter, &filter, err);
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        hd_buffer_deinit(&filter.scratch[i]);
    return ok;
}

/* --- all together --- */

struct order {
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
};

static int compare(const void *left, const void *right, void *data)
{
    const struct order *order = data;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const uint64_t *retained = order->dominators->retained, *size = order->graph->node_size;
    if (retained[a] != retained[b])
        return retained[a] < retained[b] ? 1 : -1;
    if (size[a] != size[b])
        return size[a] < size[b] ? 1 : -1;
    return (a > b) - (a < b);
}

/* Places that the heap's top, the last of the first ones, has to give way from. */
static void sift_down(uint32_t *heap, uint32_t count, uint32_t at, struct order *order)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&heap[child + 1], &heap[child], order) > 0)
            child++;
        if (compare(&heap[child], &heap[at], order) <= 0)
            return;
        uint32_t kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
    }
}

/* The first ones in front, in order: a heap of them has the last on top, and most others only are compared with that. */
static void sort_first(uint32_t *nodes, uint32_t count, uint64_t first, struct order *order)
{
    uint32_t have = first == 0 || first > count ? count : (uint32_t)first;
    for (uint32_t i = have / 2; have < count && i-- > 0;)
        sift_down(nodes, have, i, order);
    for (uint32_t i = have; i < count; i++) {
        uint32_t node = nodes[i];
        if (compare(&node, &nodes[0], order) >= 0)
            continue;
        nodes[i] = nodes[0];
        nodes[0] = node;
        sift_down(nodes, have, 0, order);
    }
    qsort_r(nodes, have, sizeof *nodes, compare, order);
}

static bool found_fill(struct hd_found *found, struct order *order, uint64_t first, const uint8_t *wanted, struct hd_error *err)
{
    const struct hd_graph *graph = order->graph;
    for (uint32_t node = 1; node < graph->node_count; node++)
        found->count += wanted[node];
    found->node = malloc((found->count + 1) * sizeof *found->node);
    if (!found->node)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t node = 1, at = 0; node < graph->node_count; node++) {
        if (!wanted[node])
            continue;
        found->node[at++] = node;
        found->size += graph->node_size[node];
    }
    sort_first(found->node, found->count, first, order);
    found->retained = hd_dominators_retained_by_set(order->dominators, graph, wanted, false, err);
    return found->retained != UINT64_MAX;
}

bool hd_find(const struct hd_find_query *query, uint64_t first, const char *path, const struct hd_graph *graph,
             const struct hd_dominators *dominators, const struct hd_groups *classes, struct hd_found *found,
             struct hd_error *err)
{
    struct order order = {graph, dominators};
    uint8_t *wanted = calloc(graph->node_count + 1, 1);
    *found = (struct hd_found){0};
    if (!wanted)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(wanted, 1, graph->node_count);
    bool again = columns_filter(query, graph, dominators, wanted);
    bool ok = (!query->class_glob || class_filter(graph, classes, query->class_glob, wanted, err))
              && (!again || lines_check(query, path, graph, wanted, err)) && found_fill(found, &order, first, wanted, err);
    free(wanted);
    if (!ok) {
        free(found->node);
        *found = (struct hd_found){0};
    }
    return ok;
}
