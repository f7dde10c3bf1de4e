/* See find.h. */
#define _GNU_SOURCE
#include "graph/find.h"

#include "base/arena.h"
#include "base/bits.h"
#include "base/crew.h"
#include "base/regex_table.h"
#include "dump/json_reader.h"
#include "graph/groups.h"
#include "graph/second_pass.h"

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

bool hd_find_needs_labels(const struct hd_find_query *query, const struct hd_graph *graph)
{
    return query->name_glob || (query->type && type_wish(graph, query->type).label != HD_NAME_MASK);
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

enum known { NONE, FITS, ASK }; /* ASK: only its line can say */

static enum known looked_at(const struct hd_values_looked *looked, uint32_t node)
{
    if (!looked || hd_bits_has(looked->ask, node))
        return ASK;
    return hd_bits_has(looked->fits, node) ? FITS : NONE;
}

/* Whether its value and its name fit. What has a name of its own fits, as far as this goes. */
static inline enum known what_is_known(const struct hd_find_query *query, uint32_t node, uint8_t type)
{
    enum known value = FITS, name = FITS;
    if (query->value)
        value = hd_values_has_contents(type) ? looked_at(query->value_looked, node) : NONE;
    if (query->name_glob && !has_own_name(type))
        name = hd_values_has_name(type) ? looked_at(query->name_looked, node) : NONE;
    if (value == NONE || name == NONE)
        return NONE;
    return value == ASK ? value : name;
}

/* The columns are gone through in pieces, by as many hands as there are processors. */
struct columns {
    const struct hd_find_query *query;
    const struct hd_graph *graph;
    const uint64_t *retained;
    const uint32_t *class_number;
    uint8_t *class_fits; /* by number; NULL: all do */
    struct wish type;
    uint64_t *wanted; /* a set */
    _Atomic uint32_t next;
    atomic_bool again, failed; /* again: something is left that only the lines can answer */
};

struct columns_hand {
    struct columns *columns;
    struct hd_buffer scratch;
    bool again;
};

/* Each of these says which of `count` nodes from `from` on, at most a word's, fit one condition: a loop that does nothing else. */

/* The root has no class. */
static uint64_t classes_fit(const struct columns *columns, uint32_t from, uint32_t count)
{
    const uint32_t *number = columns->class_number + from;
    uint64_t fit = 0;
    for (uint32_t i = from == HD_NODE_ROOT ? 1 : 0; i < count; i++)
        fit |= (uint64_t)columns->class_fits[number[i]] << i;
    return fit;
}

static uint64_t types_fit(const struct columns *columns, uint32_t from, uint32_t count)
{
    uint64_t fit = 0;
    for (uint32_t i = 0; i < count; i++)
        fit |= (uint64_t)type_fits(&columns->type, columns->graph, from + i) << i;
    return fit;
}

static uint64_t numbers_fit(const struct columns *columns, uint32_t from, uint32_t count)
{
    uint64_t fit = 0;
    for (uint32_t i = 0; i < count; i++)
        fit |= (uint64_t)(columns->query->number[from + i] == columns->query->group) << i;
    return fit;
}

static uint64_t at_least(const uint64_t *column, uint64_t least, uint32_t from, uint32_t count)
{
    uint64_t fit = 0;
    for (uint32_t i = 0; i < count; i++)
        fit |= (uint64_t)(column[from + i] >= least) << i;
    return fit;
}

/* The same of those that are in `word` only, as it takes longer. */
static uint64_t contents_fit(struct columns_hand *hand, uint32_t from, uint64_t word)
{
    const struct hd_find_query *query = hand->columns->query;
    const struct hd_graph *graph = hand->columns->graph;
    uint64_t fit = 0;
    for (uint64_t left = word; left;) {
        unsigned i = hd_bits_take(&left);
        uint8_t type = graph->node_type[from + i];
        enum known known = what_is_known(query, from + i, type);
        if (known == NONE)
            continue;
        if (query->name_glob && has_own_name(type)) {
            struct hd_graph_text name = hd_graph_name(graph, graph->node_label[from + i]);
            if (!name.data || !text_fits(query->name_glob, name, &hand->scratch))
                continue;
        }
        hand->again = hand->again || known == ASK;
        fit |= (uint64_t)1 << i;
    }
    return fit;
}

static uint64_t all_fit(struct columns_hand *hand, uint32_t from, uint32_t count)
{
    const struct columns *columns = hand->columns;
    const struct hd_find_query *query = columns->query;
    const struct hd_values_looked *value = query->value ? query->value_looked : NULL;
    uint64_t word = count == HD_BITS_WORD ? UINT64_MAX : ((uint64_t)1 << count) - 1;
    if (from == HD_NODE_ROOT)
        word &= ~(uint64_t)1;
    if (value)
        word &= value->fits[from / HD_BITS_WORD] | value->ask[from / HD_BITS_WORD];
    if (word && columns->class_fits)
        word &= classes_fit(columns, from, count);
    if (word && query->type)
        word &= types_fit(columns, from, count);
    if (word && query->number)
        word &= numbers_fit(columns, from, count);
    if (word && query->min_size)
        word &= at_least(columns->graph->node_size, query->min_size, from, count);
    if (word && query->min_retained)
        word &= at_least(columns->retained, query->min_retained, from, count);
    return word && (query->value || query->name_glob) ? contents_fit(hand, from, word) : word;
}

static void columns_run(void *data)
{
    struct columns_hand *hand = data;
    struct columns *columns = hand->columns;
    uint32_t count = columns->graph->node_count, from;
    while ((from = atomic_fetch_add(&columns->next, HD_FOUND_PIECE)) < count) {
        uint32_t to = count - from < HD_FOUND_PIECE ? count : from + HD_FOUND_PIECE;
        for (; from < to; from += HD_BITS_WORD)
            columns->wanted[from / HD_BITS_WORD] = all_fit(hand, from, to - from < HD_BITS_WORD ? to - from : HD_BITS_WORD);
    }
    if (hand->again)
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
                           const struct hd_groups *classes, uint64_t *wanted, bool *again, struct hd_error *err)
{
    struct columns columns = {.query = query, .graph = graph, .retained = dominators->retained, .wanted = wanted};
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
    uint64_t *wanted; /* a set */
    struct hd_buffer scratch[HD_SECOND_PASS_WORKERS];
    struct hd_regex_table *table[HD_SECOND_PASS_WORKERS]; /* NULL: regexec is asked, which lets in only one at a time */
};

static bool value_fits(const regex_t *regex, struct hd_regex_table *table, const struct hd_values_line *line, struct hd_buffer *scratch)
{
    if (!hd_values_line_contents(line, scratch))
        return false;
    if (table)
        return !scratch->failed && hd_regex_table_fits(table, scratch->data, scratch->length);
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
    bool fits = (!query->value || value_fits(query->value, filter->table[worker], &line, scratch))
                && (!query->name_glob || has_own_name(type) || name_fits(query->name_glob, type, &line, scratch));
    if (scratch->failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (!fits)
        hd_bits_remove_shared(filter->wanted, node);
    return true;
}

/* Of those that are left, the ones of which not all is known. NULL if memory ran out. */
static uint8_t *unknown_of(const struct hd_find_query *query, const struct hd_graph *graph, const uint64_t *wanted)
{
    uint8_t *unknown = calloc((size_t)graph->node_count + 1, 1);
    for (uint32_t node = 0; unknown && node < graph->node_count; node++)
        unknown[node] = hd_bits_has(wanted, node) && what_is_known(query, node, graph->node_type[node]) == ASK;
    return unknown;
}

static bool lines_check(const struct hd_find_query *query, const char *path, const struct hd_graph *graph,
                        uint64_t *wanted, struct hd_error *err)
{
    struct lines_filter filter = {.query = query, .graph = graph, .wanted = wanted};
    uint8_t *unknown = unknown_of(query, graph, wanted);
    if (!unknown)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (unsigned i = 0; query->value_regex && i < HD_SECOND_PASS_WORKERS; i++)
        filter.table[i] = hd_regex_table_create(query->value_regex, query->value_flags);
    bool ok = hd_second_pass(path, graph, unknown, line_filter, &filter, err);
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++) {
        hd_regex_table_destroy(filter.table[i]);
        hd_buffer_deinit(&filter.scratch[i]);
    }
    free(unknown);
    return ok;
}

/* --- all together --- */

const uint64_t *hd_find_retained(const struct hd_find_query *query, const struct hd_graph *graph, const struct hd_groups *classes,
                                 const struct hd_found *found)
{
    bool more = query->name_glob || query->min_size || query->min_retained || query->number || query->value;
    if (found->apart)
        return &found->retained;
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
             const struct hd_dominators *dominators, const struct hd_groups *classes, uint64_t **member, struct hd_found *found,
             struct hd_error *err)
{
    uint64_t *wanted = hd_bits_create(graph->node_count);
    bool again = false;
    *found = (struct hd_found){0};
    *member = wanted;
    if (!wanted)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (columns_filter(query, graph, dominators, classes, wanted, &again, err)
        && (!again || lines_check(query, path, graph, wanted, err))
        && hd_found_make(found, wanted, first, graph, dominators, err))
        return true;
    free(wanted);
    *member = NULL;
    return false;
}
