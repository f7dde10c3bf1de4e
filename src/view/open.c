/* See open.h. */
#include "view/open.h"

#include "dump/json_reader.h"
#include "graph/groups.h"
#include "graph/index_point.h"
#include "view/json.h"
#include "view/redact.h"
#include "view/shown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void warnings_collect(struct hd_open *open)
{
    const struct hd_graph *graph = &open->graph;
    if (graph->truncated)
        open->warnings[open->warning_count++] =
            "the dump is truncated: its end is missing, so counts, sizes and paths are those of what is there";
    if (graph->bad_lines)
        open->warnings[open->warning_count++] =
            "the dump has damaged lines: what could not be read of them is missing in counts, sizes and paths";
    if (graph->redacted)
        open->warnings[open->warning_count++] = "the dump is redacted: contents of strings are not in it";
    if (graph->unnamed)
        open->warnings[open->warning_count++] =
            graph->head_name == HD_NAME_MASK
                ? "references have no names: ObjectSpace does not write them, `HeapDump.dump` does"
                : "references have no names in this dump: Ruby's internals were not known to its writer";
    if (open->dominators.reachable <= 1 && graph->node_count > 1)
        open->warnings[open->warning_count++] =
            "no object is reached from a root in this dump, so nothing retains anything";
}

/* What there is of it, in the names of who opened it. */
static void take(struct hd_open *open)
{
    open->graph = open->basis->graph;
    open->dominators = open->basis->dominators;
    open->index = open->basis->index;
}

bool hd_open_read_for(struct hd_open *open, const char *path, enum hd_index_need need, struct hd_error *err)
{
    *open = (struct hd_open){.path = path, .dump = path, .basis = hd_basis_open(path, need, err)};
    if (!open->basis)
        return false;
    take(open);
    open->key = open->basis->key;
    open->derived = &open->basis->derived;
    warnings_collect(open);
    return true;
}

bool hd_open_whole(struct hd_open *open, enum hd_index_need need, struct hd_error *err)
{
    bool done = hd_basis_whole(open->basis, need, err);
    take(open);
    return done;
}

bool hd_open_read(struct hd_open *open, const char *path, struct hd_error *err)
{
    return hd_open_read_for(open, path, HD_INDEX_TREE, err);
}

void hd_open_close(struct hd_open *open)
{
    if (open->basis->saving)
        fflush(stdout);
    hd_redact_close(open);
    hd_basis_close(open->basis);
}

bool hd_open_name_marks;

void hd_open_json_head(FILE *file, const struct hd_open *open)
{
    fputs("\"file\":", file);
    if (hd_open_name_marks)
        fputc(HD_OPEN_NAME_JSON, file);
    else
        hd_json_string(file, open->path);
    fputs(",\"warnings\":[", file);
    for (int i = 0; i < open->warning_count; i++) {
        fputs(i ? "," : "", file);
        hd_json_string(file, open->warnings[i]);
    }
    fputs("]", file);
}

bool hd_open_parse_id(const char *text, uint64_t *id)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    if (!*digits || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
        return false;
    errno = 0;
    *id = strtoull(digits, NULL, hex ? 16 : 10);
    return errno == 0;
}

/* "@2467": the id of the object in a heap snapshot (store/heapsnapshot.c), where the tools that read those show it so. */
static bool parse_snapshot_id(const char *text, const struct hd_graph *graph, uint32_t *node)
{
    uint64_t number;
    if (text[0] != '@' || text[1] == '0' || !hd_open_parse_id(text + 1, &number) || number % 2 == 0)
        return false;
    *node = number / 2 < graph->node_count ? (uint32_t)(number / 2) : HD_NODE_NONE;
    return true;
}

static bool no_object(const char *path, const char *text, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_USAGE, "%.200s has no object with the id %.40s", path, text);
}

static bool no_id(const char *text, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_USAGE, "%.100s is not an id (a decimal number, or 0x and hexadecimal digits): "
                        "`heap_dump find --class CLASS FILE` lists those of a class's objects", text);
}

bool hd_open_node(const struct hd_open *open, const char *text, uint32_t *node, struct hd_error *err)
{
    uint64_t id;
    if (!parse_snapshot_id(text, &open->graph, node)) {
        if (!hd_open_parse_id(text, &id))
            return no_id(text, err);
        *node = hd_graph_find(&open->graph, id);
    }
    return (*node != HD_NODE_NONE && *node != HD_NODE_ROOT) || no_object(open->path, text, err);
}

bool hd_open_find(const struct hd_open *open, const char *text, uint32_t *node)
{
    uint64_t id;
    if (open->graph.node_address)
        return hd_open_node(open, text, node, NULL);
    bool found = parse_snapshot_id(text, &open->graph, node)
                 || (hd_open_parse_id(text, &id) && hd_index_find(open->index, id, node));
    return found && *node != HD_NODE_NONE && *node != HD_NODE_ROOT;
}

bool hd_open_nodes(struct hd_open *open, uint32_t *nodes, uint32_t count, struct hd_error *err)
{
    if (open->graph.node_address)
        return true;
    if (!hd_basis_excerpt_several(open->basis, hd_excerpt_nodes, nodes, count))
        return hd_open_whole(open, HD_INDEX_NODES, err);
    take(open);
    return true;
}

bool hd_open_several(struct hd_open *open, hd_basis_cut_several *cut, uint32_t *nodes, uint32_t count)
{
    if (!hd_basis_excerpt_several(open->basis, cut, nodes, count))
        return false;
    take(open);
    return true;
}

bool hd_open_along(struct hd_open *open, struct hd_path *list, uint32_t count, uint32_t *node, struct hd_error *err)
{
    if (!hd_basis_excerpt_along(open->basis, list, count, node))
        return hd_open_whole(open, HD_INDEX_GRAPH, err);
    take(open);
    return true;
}

bool hd_open_tree(struct hd_open *open, struct hd_path_tree *tree, struct hd_error *err)
{
    if (!hd_basis_excerpt_tree(open->basis, tree))
        return hd_open_whole(open, HD_INDEX_GRAPH, err);
    take(open);
    return true;
}

bool hd_open_may_have(const struct hd_open *open, const char *text, struct hd_error *err)
{
    uint64_t id;
    uint32_t node = HD_NODE_NONE;
    if (!open->index || open->graph.node_address)
        return true;
    bool told = parse_snapshot_id(text, &open->graph, &node);
    if (!told && !hd_open_parse_id(text, &id))
        return no_id(text, err);
    told = told || hd_index_find(open->index, id, &node);
    return !told || (node != HD_NODE_NONE && node != HD_NODE_ROOT) || no_object(open->path, text, err);
}

bool hd_open_excerpt(struct hd_open *open, const char *id, hd_basis_cut *cut, enum hd_index_need need, uint32_t *node,
                     struct hd_error *err)
{
    if (!hd_open_may_have(open, id, err))
        return false;
    if (open->graph.node_address || !hd_open_find(open, id, node) || !hd_basis_excerpt(open->basis, cut, node))
        return hd_open_whole(open, need, err) && hd_open_node(open, id, node, err);
    take(open);
    return true;
}

bool hd_open_object(struct hd_open *open, const char *path, const char *id, hd_basis_cut *cut, enum hd_index_need need,
                    uint32_t *node, struct hd_error *err)
{
    if (!hd_open_read_for(open, path, HD_INDEX_SUMS, err))
        return false;
    bool done = hd_open_excerpt(open, id, cut, need, node, err);
    if (!done)
        hd_open_close(open);
    return done;
}

char *hd_open_title(char title[HD_OPEN_TITLE], const struct hd_open *open, uint32_t node)
{
    return hd_groups_title(title, &open->graph, node);
}

void hd_open_json_node(FILE *file, const struct hd_open *open, uint32_t node)
{
    const struct hd_shown shown = hd_shown_node(open, node);
    hd_shown_json(file, &shown);
}
