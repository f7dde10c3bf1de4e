/* See index_point.h. */
#include "graph/index_format.h"
#include "graph/index_point.h"

#include "base/bits.h"
#include "dump/json_reader.h"

#include <stdlib.h>

static bool number8(struct hd_index *index, enum hd_index_section which, uint64_t at, uint8_t *number)
{
    const uint8_t *found = hd_index_elements(index, which, at, 1);
    *number = found ? *found : 0;
    return found != NULL;
}

static bool number32(struct hd_index *index, enum hd_index_section which, uint64_t at, uint32_t *number)
{
    const uint32_t *found = hd_index_elements(index, which, at, 1);
    *number = found ? *found : 0;
    return found != NULL;
}

static bool number64(struct hd_index *index, enum hd_index_section which, uint64_t at, uint64_t *number)
{
    const uint64_t *found = hd_index_elements(index, which, at, 1);
    *number = found ? *found : 0;
    return found != NULL;
}

bool hd_index_find(struct hd_index *index, uint64_t address, uint32_t *node)
{
    uint32_t count = (uint32_t)hd_index_header_of(index)->node_count, low = 1, high = count;
    uint64_t found = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (!number64(index, HD_INDEX_ADDRESS, middle, &found))
            return false;
        if (found < address)
            low = middle + 1;
        else
            high = middle;
    }
    *node = HD_NODE_NONE;
    if (low < count && !number64(index, HD_INDEX_ADDRESS, low, &found))
        return false;
    if (low < count && found == address)
        *node = low;
    return true;
}

bool hd_index_node(struct hd_index *index, uint32_t node, struct hd_index_node *out)
{
    return number64(index, HD_INDEX_ADDRESS, node, &out->address) && number64(index, HD_INDEX_SIZE, node, &out->size)
           && number64(index, HD_INDEX_LINE, node, &out->line) && number64(index, HD_INDEX_RETAINED, node, &out->retained)
           && number32(index, HD_INDEX_CLASS, node, &out->class) && number32(index, HD_INDEX_LABEL, node, &out->label)
           && number32(index, HD_INDEX_PARENT, node, &out->dominator)
           && number32(index, HD_INDEX_CLASS_NUMBER, node, &out->class_number)
           && number8(index, HD_INDEX_TYPE, node, &out->type) && number8(index, HD_INDEX_FLAGS, node, &out->flags)
           && number64(index, HD_INDEX_EDGE_START, node, &out->first_edge)
           && number64(index, HD_INDEX_EDGE_START, (uint64_t)node + 1, &out->end_edge) && out->first_edge <= out->end_edge
           && out->end_edge <= hd_index_header_of(index)->edge_count;
}

bool hd_index_address(struct hd_index *index, uint32_t node, uint64_t *address)
{
    return number64(index, HD_INDEX_ADDRESS, node, address);
}

bool hd_index_class(struct hd_index *index, uint32_t node, uint32_t *class)
{
    return number32(index, HD_INDEX_CLASS, node, class);
}

bool hd_index_dominator(struct hd_index *index, uint32_t node, uint32_t *dominator)
{
    return number32(index, HD_INDEX_PARENT, node, dominator);
}

bool hd_index_path_step(struct hd_index *index, uint32_t node, uint32_t *parent, uint64_t *edge)
{
    return number32(index, HD_INDEX_PATH_PARENT, node, parent) && number64(index, HD_INDEX_PATH_EDGE, node, edge);
}

const uint32_t *hd_index_edge_ends(struct hd_index *index, uint64_t edge, uint64_t count)
{
    return hd_index_elements(index, HD_INDEX_EDGE_TO, edge, count);
}

bool hd_index_edge(struct hd_index *index, uint64_t edge, uint32_t *to, uint32_t *name)
{
    return number32(index, HD_INDEX_EDGE_TO, edge, to) && number32(index, HD_INDEX_EDGE_NAME, edge, name);
}

/* ---- columns ---- */

enum { AT_ONCE = HD_INDEX_BLOCK / 8 }; /* nodes: of the widest columns a block */

static const enum hd_index_section of_nodes[] = {HD_INDEX_SIZE, HD_INDEX_TYPE, HD_INDEX_RETAINED, HD_INDEX_PATH_PARENT,
                                                 HD_INDEX_PATH_EDGE, HD_INDEX_CLASS_NUMBER};

/* Where a column begins; NULL: it is empty, or damaged there. */
static void *column(struct hd_index *index, enum hd_index_section which)
{
    return (void *)hd_index_elements(index, which, 0, 1);
}

bool hd_index_amounts(struct hd_index *index, struct hd_index_amounts *amounts)
{
    *amounts = (struct hd_index_amounts){column(index, HD_INDEX_SIZE), column(index, HD_INDEX_RETAINED), column(index, HD_INDEX_PARENT)};
    return amounts->size && amounts->retained && amounts->dominator;
}

bool hd_index_amounts_hold(struct hd_index *index, uint32_t node, bool all, uint32_t *from, uint32_t *to)
{
    const uint32_t count = (uint32_t)hd_index_header_of(index)->node_count;
    *from = node / AT_ONCE * AT_ONCE;
    *to = count - *from < AT_ONCE ? count : *from + AT_ONCE;
    return hd_index_elements(index, HD_INDEX_RETAINED, node, 1)
           && (!all || (hd_index_elements(index, HD_INDEX_SIZE, node, 1) && hd_index_elements(index, HD_INDEX_PARENT, node, 1)));
}

bool hd_index_columns_init(struct hd_index_columns *columns, struct hd_index *index, const struct hd_graph *graph)
{
    *columns = (struct hd_index_columns){.index = index, .graph = *graph,
                                         .held = hd_bits_create(graph->node_count / AT_ONCE + 1),
                                         .lists_held = hd_bits_create(graph->node_count / AT_ONCE + 1),
                                         .names_held = hd_bits_create(graph->edge_count / AT_ONCE + 1)};
    columns->graph.node_size = column(index, HD_INDEX_SIZE);
    columns->graph.node_type = column(index, HD_INDEX_TYPE);
    columns->graph.edge_start = column(index, HD_INDEX_EDGE_START);
    columns->graph.edge_name = column(index, HD_INDEX_EDGE_NAME);
    columns->dominators.node_count = graph->node_count;
    columns->dominators.retained = column(index, HD_INDEX_RETAINED);
    columns->dominators.child_start = column(index, HD_INDEX_CHILD_START);
    columns->dominators.child = column(index, HD_INDEX_CHILD);
    columns->paths.graph = &columns->graph;
    columns->paths.parent = column(index, HD_INDEX_PATH_PARENT);
    columns->paths.edge = column(index, HD_INDEX_PATH_EDGE);
    columns->class_number = column(index, HD_INDEX_CLASS_NUMBER);
    bool there = columns->held && columns->lists_held && columns->names_held && columns->graph.node_size
                 && columns->graph.node_type && columns->graph.edge_start && columns->dominators.retained && columns->dominators.child_start && columns->paths.parent
                 && columns->paths.edge && columns->class_number;
    if (!there)
        hd_index_columns_deinit(columns);
    return there;
}

void hd_index_columns_deinit(struct hd_index_columns *columns)
{
    free(columns->held);
    free(columns->lists_held);
    free(columns->names_held);
    columns->held = columns->lists_held = columns->names_held = NULL;
}

/* Whether the elements around one, and `more` behind them, hold in each of some sections; of `have` in all. */
static bool around_holds(struct hd_index_columns *columns, uint64_t *held, const enum hd_index_section *which, size_t sections, uint64_t at,
                         uint64_t have, unsigned more)
{
    const uint64_t chunk = at / AT_ONCE, from = chunk * AT_ONCE;
    if (at >= have)
        return false;
    if (hd_bits_has_shared(held, (uint32_t)chunk))
        return true;
    const uint64_t count = have - from < AT_ONCE ? have - from : AT_ONCE;
    for (size_t i = 0; i < sections; i++)
        if (!hd_index_elements(columns->index, which[i], from, count + more))
            return false;
    hd_bits_add_shared(held, (uint32_t)chunk);
    return true;
}

bool hd_index_columns_node(struct hd_index_columns *columns, uint32_t node)
{
    return around_holds(columns, columns->held, of_nodes, sizeof of_nodes / sizeof *of_nodes, node, columns->graph.node_count, 0);
}

bool hd_index_columns_children(struct hd_index_columns *columns, uint32_t node, uint32_t *first, uint32_t *end)
{
    const enum hd_index_section lists = HD_INDEX_CHILD_START;
    if (!around_holds(columns, columns->lists_held, &lists, 1, node, columns->graph.node_count, 1))
        return false;
    *first = columns->dominators.child_start[node];
    *end = columns->dominators.child_start[node + 1];
    return *first == *end || (*first < *end && hd_index_elements(columns->index, HD_INDEX_CHILD, *first, *end - *first));
}

bool hd_index_columns_edge(struct hd_index_columns *columns, uint32_t from, uint64_t edge)
{
    const enum hd_index_section names = HD_INDEX_EDGE_NAME;
    return hd_index_columns_node(columns, from)
           && around_holds(columns, columns->names_held, &names, 1, edge, columns->graph.edge_count, 0)
           && (columns->graph.node_type[from] != HD_BT_T_HASH || hd_index_elements(columns->index, HD_INDEX_EDGE_START, from, 2));
}

bool hd_index_ways_init(struct hd_index_ways *ways, struct hd_index *index, const struct hd_graph *graph)
{
    static const uint64_t whole = HD_INDEX_BIT(EDGE_START) | HD_INDEX_BIT(EDGE_TO) | HD_INDEX_BIT(PATH_ORDER) | HD_INDEX_BIT(PATH_FROM)
                                  | HD_INDEX_BIT(PARENT);
    if (!hd_index_hold(index, whole))
        return false;
    *ways = (struct hd_index_ways){.index = index, .graph = *graph, .dominator = column(index, HD_INDEX_PARENT)};
    ways->graph.node_class = column(index, HD_INDEX_CLASS);
    ways->graph.node_label = column(index, HD_INDEX_LABEL);
    ways->graph.node_type = column(index, HD_INDEX_TYPE);
    ways->graph.edge_start = column(index, HD_INDEX_EDGE_START);
    ways->graph.edge_to = column(index, HD_INDEX_EDGE_TO);
    ways->graph.edge_name = column(index, HD_INDEX_EDGE_NAME);
    ways->paths = (struct hd_paths){.graph = &ways->graph, .parent = column(index, HD_INDEX_PATH_PARENT),
                                    .edge = column(index, HD_INDEX_PATH_EDGE), .order = column(index, HD_INDEX_PATH_ORDER),
                                    .from = column(index, HD_INDEX_PATH_FROM),
                                    .reached = (uint32_t)hd_index_header_of(index)->reachable};
    return ways->dominator && ways->graph.node_class && ways->graph.node_label && ways->graph.node_type && ways->graph.edge_start
           && ways->graph.edge_to && ways->graph.edge_name && ways->paths.parent && ways->paths.edge && ways->paths.order && ways->paths.from;
}

bool hd_index_ways_all(const struct hd_index_ways *ways)
{
    return hd_index_hold(ways->index, HD_INDEX_BIT(CLASS) | HD_INDEX_BIT(LABEL) | HD_INDEX_BIT(TYPE) | HD_INDEX_BIT(EDGE_NAME)
                                          | HD_INDEX_BIT(PATH_PARENT) | HD_INDEX_BIT(PATH_EDGE));
}

bool hd_index_ways_node(const struct hd_index_ways *ways, uint32_t node)
{
    return hd_index_elements(ways->index, HD_INDEX_TYPE, node, 1) && hd_index_elements(ways->index, HD_INDEX_CLASS, node, 1)
           && hd_index_elements(ways->index, HD_INDEX_LABEL, node, 1) && hd_index_elements(ways->index, HD_INDEX_PATH_EDGE, node, 1)
           && hd_index_elements(ways->index, HD_INDEX_PATH_PARENT, node, 1);
}

bool hd_index_ways_edges(const struct hd_index_ways *ways, uint64_t edge, uint64_t count)
{
    return count == 0 || hd_index_elements(ways->index, HD_INDEX_EDGE_NAME, edge, count);
}

/* ---- texts ---- */

/* The text from start[number] to start[number + 1]. */
static bool text_of(struct hd_index *index, enum hd_index_section starts, enum hd_index_section bytes, uint64_t number,
                    struct hd_graph_text *text)
{
    uint64_t from, to;
    *text = (struct hd_graph_text){"", 0};
    if (!number64(index, starts, number, &from) || !number64(index, starts, number + 1, &to) || from > to)
        return false;
    text->length = (size_t)(to - from);
    if (from < to)
        text->data = hd_index_elements(index, bytes, from, to - from);
    return text->data != NULL;
}

bool hd_index_name(struct hd_index *index, uint32_t name, struct hd_graph_text *text)
{
    *text = (struct hd_graph_text){NULL, 0};
    name &= HD_NAME_MASK;
    return name >= hd_index_header_of(index)->name_count || text_of(index, HD_INDEX_NAME_START, HD_INDEX_NAME_BYTES, name, text);
}

bool hd_index_class_name(struct hd_index *index, uint32_t number, struct hd_graph_text *text)
{
    return text_of(index, HD_INDEX_CLASS_NAME_START, HD_INDEX_CLASS_NAME_BYTES, number, text);
}

/* The node that an edge leaves: the last whose edges begin at or before it. */
static bool leaves(struct hd_index *index, uint64_t edge, uint32_t *node)
{
    uint32_t low = 0, high = (uint32_t)hd_index_header_of(index)->node_count - 1;
    while (low < high) {
        uint32_t middle = high - (high - low) / 2;
        uint64_t start;
        if (!number64(index, HD_INDEX_EDGE_START, middle, &start))
            return false;
        if (start <= edge)
            low = middle;
        else
            high = middle - 1;
    }
    *node = low;
    return true;
}

/* The nodes of which a column has that number. */
static bool nodes_with(struct hd_index *index, enum hd_index_section which, uint32_t number, uint32_t *list, uint64_t limit, uint64_t *count)
{
    const uint64_t nodes = hd_index_header_of(index)->node_count;
    if (limit > nodes)
        limit = nodes;
    uint64_t *node = malloc((limit + 1) * sizeof *node);
    bool found = node && hd_index_search(index, which, number, node, limit, count);
    for (uint64_t i = 0; found && *count <= limit && i < *count; i++)
        list[i] = (uint32_t)node[i];
    free(node);
    return found;
}

bool hd_index_members(struct hd_index *index, uint32_t class_number, uint32_t *list, uint64_t limit, uint64_t *count)
{
    return nodes_with(index, HD_INDEX_CLASS_NUMBER, class_number, list, limit, count);
}

bool hd_index_labelled(struct hd_index *index, uint32_t label, uint32_t *list, uint64_t limit, uint64_t *count)
{
    return nodes_with(index, HD_INDEX_LABEL, label, list, limit, count);
}

bool hd_index_referrers(struct hd_index *index, uint32_t node, struct hd_referrer *list, uint64_t limit, uint64_t *count)
{
    uint64_t *edge = malloc((limit + 1) * sizeof *edge);
    bool found = edge && hd_index_search(index, HD_INDEX_EDGE_TO, node, edge, limit, count);
    for (uint64_t i = 0; found && i < *count && i < limit; i++) {
        list[i].edge = edge[i];
        found = leaves(index, edge[i], &list[i].from);
    }
    free(edge);
    return found;
}
