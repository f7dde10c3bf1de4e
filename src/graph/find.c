/* See find.h. */
#define _GNU_SOURCE
#include "graph/find.h"

#include "base/arena.h"
#include "base/crew.h"
#include "dump/json_reader.h"
#include "graph/groups.h"
#include "graph/second_pass.h"
#include "graph/values_search.h"

#include <fnmatch.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- what the columns answer --- */

static bool is_type(enum hd_bt bt, const char *type)
{
    const char *name = bt == HD_BT_NONE || bt >= HD_BT_COUNT ? "" : hd_bt_name(bt);
    return !strcasecmp(name, type) || (*name && !strcasecmp(name + 2, type));
}

/* A type as it is asked for: builtin ones, and what Ruby calls a T_DATA or T_IMEMO within. */
struct wish {
    bool bt[HD_BT_COUNT];
    uint32_t label; /* HD_NAME_MASK: nothing of the dump is called so */
};

static struct wish type_wish(const struct hd_graph *graph, const char *type)
{
    struct wish wish = {.label = HD_NAME_MASK};
    for (int bt = HD_BT_NONE; bt < HD_BT_COUNT; bt++)
        wish.bt[bt] = is_type(bt, type);
    for (uint32_t name = 0; name < graph->name_count && wish.label == HD_NAME_MASK; name++) {
        struct hd_graph_text text = hd_graph_name(graph, name);
        if (text.length == strlen(type) && !memcmp(text.data, type, text.length))
            wish.label = name; /* each name is there once */
    }
    return wish;
}

static bool type_fits(const struct wish *wish, const struct hd_graph *graph, uint32_t node)
{
    uint8_t bt = graph->node_type[node];
    return wish->bt[bt]
           || (wish->label != HD_NAME_MASK && graph->node_label[node] == wish->label && (bt == HD_BT_T_DATA || bt == HD_BT_T_IMEMO));
}

bool hd_find_knows_type(const struct hd_graph *graph, const char *type)
{
    struct wish wish = type_wish(graph, type);
    for (int bt = HD_BT_NONE + 1; bt < HD_BT_COUNT; bt++)
        if (wish.bt[bt])
            return true;
    for (uint32_t node = 1; wish.label != HD_NAME_MASK && node < graph->node_count; node++)
        if (type_fits(&wish, graph, node))
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

static bool has_own_name(uint8_t type)
{
    return type == HD_BT_T_CLASS || type == HD_BT_T_MODULE;
}

/* Whether its value and its name fit: HD_VALUES_ASK if only its line can say. What has a name of its own fits, as far as this goes. */
static inline uint8_t what_is_known(const struct hd_find_query *query, uint32_t node, uint8_t type)
{
    uint8_t value = HD_VALUES_FITS, name = HD_VALUES_FITS;
    if (query->value)
        value = !hd_values_has_contents(type) ? HD_VALUES_NONE : query->value_looked ? query->value_looked[node] : HD_VALUES_ASK;
    if (query->name_glob && !has_own_name(type))
        name = !hd_values_has_name(type) ? HD_VALUES_NONE : query->name_looked ? query->name_looked[node] : HD_VALUES_ASK;
    if (value == HD_VALUES_NONE || name == HD_VALUES_NONE)
        return HD_VALUES_NONE;
    return value == HD_VALUES_ASK ? value : name;
}

/* The columns are gone through in pieces, by as many hands as there are processors. */
struct columns {
    const struct hd_find_query *query;
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
    const uint32_t *class_number;
    uint8_t *class_fits; /* by number; NULL: all do */
    struct wish type;
    uint8_t *wanted;
    _Atomic uint32_t next;
    atomic_bool again, failed; /* again: something is left that only the lines can answer */
};

struct columns_hand {
    struct columns *columns;
    struct hd_buffer scratch;
};

static bool column_fits(struct columns_hand *hand, uint32_t node, bool *again)
{
    const struct columns *columns = hand->columns;
    const struct hd_find_query *query = columns->query;
    const struct hd_graph *graph = columns->graph;
    const bool contents = query->value || query->name_glob;
    const uint8_t known = contents ? what_is_known(query, node, graph->node_type[node]) : HD_VALUES_FITS;
    if (known == HD_VALUES_NONE || (columns->class_fits && !columns->class_fits[columns->class_number[node]]))
        return false;
    if ((query->min_size && graph->node_size[node] < query->min_size)
        || (query->min_retained && columns->dominators->retained[node] < query->min_retained)
        || (query->number && query->number[node] != query->group) || (query->type && !type_fits(&columns->type, graph, node)))
        return false;
    if (query->name_glob && has_own_name(graph->node_type[node])) {
        struct hd_graph_text name = hd_graph_name(graph, graph->node_label[node]);
        if (!name.data || !text_fits(query->name_glob, name, &hand->scratch))
            return false;
    }
    *again = *again || known == HD_VALUES_ASK;
    return true;
}

static void columns_run(void *data)
{
    struct columns_hand *hand = data;
    struct columns *columns = hand->columns;
    uint32_t count = columns->graph->node_count, from;
    bool again = false;
    while ((from = atomic_fetch_add(&columns->next, HD_FOUND_PIECE)) < count) {
        uint32_t to = count - from < HD_FOUND_PIECE ? count : from + HD_FOUND_PIECE;
        for (uint32_t node = from; node < to; node++)
            columns->wanted[node] = node != HD_NODE_ROOT && column_fits(hand, node, &again);
    }
    if (again)
        atomic_store(&columns->again, true);
    if (hand->scratch.failed)
        atomic_store(&columns->failed, true);
}

/* Which groups by class are called so. */
static uint8_t *classes_called(const struct hd_groups *classes, const char *glob)
{
    struct hd_buffer scratch = {0};
    uint8_t *fits = calloc((size_t)classes->count + 1, 1);
    for (uint32_t i = 0; fits && i < classes->count; i++)
        fits[i] = text_fits(glob, classes->name[i], &scratch);
    if (scratch.failed) {
        free(fits);
        fits = NULL;
    }
    hd_buffer_deinit(&scratch);
    return fits;
}

/* Fills `wanted`. *again: something is left that only the lines can answer. */
static bool columns_filter(const struct hd_find_query *query, const struct hd_graph *graph, const struct hd_dominators *dominators,
                           const struct hd_groups *classes, uint8_t *wanted, bool *again, struct hd_error *err)
{
    struct columns columns = {.query = query, .graph = graph, .dominators = dominators, .wanted = wanted};
    struct columns_hand hands[HD_CREW_MAX] = {0};
    int count = hd_crew_size();
    if (query->class_glob) {
        columns.class_number = classes->number;
        columns.class_fits = classes_called(classes, query->class_glob);
        if (!columns.class_fits)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    if (query->type)
        columns.type = type_wish(graph, query->type);
    for (int i = 0; i < count; i++)
        hands[i].columns = &columns;
    hd_crew_run(columns_run, hands, sizeof *hands, count);
    for (int i = 0; i < count; i++)
        hd_buffer_deinit(&hands[i].scratch);
    free(columns.class_fits);
    *again = atomic_load(&columns.again);
    return !atomic_load(&columns.failed) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* --- what the lines answer --- */

struct lines_filter {
    const struct hd_find_query *query;
    const struct hd_graph *graph;
    uint8_t *wanted;
    struct hd_buffer scratch[HD_SECOND_PASS_WORKERS];
};

static bool value_fits(const regex_t *regex, const struct hd_values_line *line, struct hd_buffer *scratch)
{
    if (!hd_values_line_contents(line, scratch))
        return false;
    regmatch_t all = {0, (regoff_t)scratch->length};
    hd_buffer_append(scratch, "", 1);
    return !scratch->failed && !regexec(regex, scratch->data, 1, &all, REG_STARTEND);
}

static bool name_fits(const char *glob, uint8_t type, const struct hd_values_line *line, struct hd_buffer *scratch)
{
    for (unsigned i = 0; i < HD_VALUES_LINE_NAMES; i++) {
        if (!hd_values_line_name(line, type, i, scratch))
            continue;
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
    struct hd_values_line line;
    hd_values_line_read(&line, object);
    bool fits = (!query->value || value_fits(query->value, &line, scratch))
                && (!query->name_glob || has_own_name(type) || name_fits(query->name_glob, type, &line, scratch));
    if (scratch->failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (!fits)
        filter->wanted[node] = 0; /* a byte of its own: no two workers write the same */
    return true;
}

/* Of those that are left, the ones of which not all is known. NULL if memory ran out. */
static uint8_t *unknown_of(const struct hd_find_query *query, const struct hd_graph *graph, const uint8_t *wanted)
{
    uint8_t *unknown = malloc((size_t)graph->node_count + 1);
    for (uint32_t node = 0; unknown && node < graph->node_count; node++)
        unknown[node] = wanted[node] && what_is_known(query, node, graph->node_type[node]) == HD_VALUES_ASK;
    return unknown;
}

static bool lines_check(const struct hd_find_query *query, const char *path, const struct hd_graph *graph,
                        uint8_t *wanted, struct hd_error *err)
{
    struct lines_filter filter = {.query = query, .graph = graph, .wanted = wanted};
    uint8_t *unknown = unknown_of(query, graph, wanted);
    if (!unknown)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    bool ok = hd_second_pass(path, graph, unknown, line_filter, &filter, err);
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        hd_buffer_deinit(&filter.scratch[i]);
    free(unknown);
    return ok;
}

/* --- all together --- */

/* Exactly all objects of a class, or of a builtin type: what those retain is known. NULL: it is not. */
static const uint64_t *known_retained(const struct hd_find_query *query, const struct hd_graph *graph, const struct hd_groups *classes)
{
    bool more = query->name_glob || query->min_size || query->min_retained || query->number || query->value;
    if (more || !query->class_glob == !query->type)
        return NULL;
    if (query->class_glob && query->class_sums && !strpbrk(query->class_glob, "*?[\\")) {
        uint32_t group = hd_groups_find(classes, query->class_glob, strlen(query->class_glob));
        return group == HD_NODE_NONE ? NULL : &query->class_sums[group].retained;
    }
    if (!query->type || !query->type_sums)
        return NULL;
    struct wish wish = type_wish(graph, query->type);
    int types = 0, type = 0;
    for (int bt = 0; bt < HD_BT_COUNT; bt++)
        if (wish.bt[bt]) {
            types++;
            type = bt;
        }
    return types == 1 && wish.label == HD_NAME_MASK ? &query->type_sums[type].retained : NULL;
}

bool hd_find(const struct hd_find_query *query, uint64_t first, const char *path, const struct hd_graph *graph,
             const struct hd_dominators *dominators, const struct hd_groups *classes, struct hd_found *found,
             struct hd_error *err)
{
    uint8_t *wanted = malloc((size_t)graph->node_count + 1);
    bool again = false;
    *found = (struct hd_found){0};
    if (!wanted)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    bool ok = columns_filter(query, graph, dominators, classes, wanted, &again, err)
              && (!again || lines_check(query, path, graph, wanted, err))
              && hd_found_make(found, wanted, first, known_retained(query, graph, classes), graph, dominators, err);
    free(wanted);
    return ok;
}
