/* See open.h. */
#include "view/open.h"

#include "dump/json_reader.h"
#include "graph/groups.h"
#include "view/json.h"
#include "view/redact.h"

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

bool hd_open_without_index;

/* The paths take longest and nothing waits for them; the rest is likely to be made by the command meanwhile. */
static void *save(void *data)
{
    struct hd_open *open = data;
    struct hd_index_key now;
    struct hd_index_derived derived = {.paths = hd_derived_paths(&open->derived, NULL),
                                       .classes = hd_derived_classes(&open->derived, NULL),
                                       .class_sums = hd_derived_class_sums(&open->derived, NULL),
                                       .type_sums = hd_derived_type_sums(&open->derived, NULL),
                                       .marks = hd_derived_marks(&open->derived)};
    /* Changed while it was read: the graph may be of neither state. */
    if (derived.paths && derived.classes && derived.class_sums && derived.type_sums
        && hd_index_identify(&now, open->path) && hd_index_same(&open->key, &now))
        hd_index_save(&open->key, &open->graph, &open->dominators, &derived, NULL);
    return NULL;
}

static bool build(struct hd_open *open, const char *path, struct hd_error *err)
{
    if (!hd_builder_read(path, &open->graph, &open->storage, err))
        return false;
    if (hd_dominators_create(&open->dominators, &open->graph, err))
        return true;
    hd_graph_storage_destroy(open->storage);
    return false;
}

bool hd_open_read_for(struct hd_open *open, const char *path, enum hd_index_need need, struct hd_error *err)
{
    *open = (struct hd_open){.path = path, .dump = path};
    bool indexed = !hd_open_without_index && hd_index_identify(&open->key, path);
    if (indexed)
        open->index = hd_index_map_for(&open->key, need, &open->graph, &open->dominators, NULL);
    if (!open->index && !build(open, path, err))
        return false;
    hd_derived_init(&open->derived, &open->graph, &open->dominators, open->index);
    if (!open->index)
        open->saving = indexed && !pthread_create(&open->saver, NULL, save, open);
    warnings_collect(open);
    return true;
}

/* In place of an index that is damaged. */
static bool build_instead(struct hd_open *open, struct hd_error *err)
{
    struct hd_index_key now;
    const struct hd_graph counts = open->graph;
    if (!build(open, open->path, err))
        return false;
    if (open->graph.node_count == counts.node_count && hd_index_identify(&now, open->path) && hd_index_same(&open->key, &now))
        return true;
    hd_dominators_destroy(&open->dominators);
    hd_graph_storage_destroy(open->storage);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", open->path);
}

bool hd_open_whole(struct hd_open *open, enum hd_index_need need, struct hd_error *err)
{
    const struct hd_graph counts = open->graph;
    const struct hd_dominators sums = open->dominators;
    if (open->graph.node_address && (need != HD_INDEX_TREE || open->dominators.child_start))
        return true;
    if (open->index && hd_index_whole(open->index, need, &open->graph, &open->dominators, NULL))
        return true;
    if (open->index) {
        hd_index_discard(open->index);
        open->discarded = open->index;
        open->index = NULL;
        hd_derived_deinit(&open->derived);
        hd_derived_init(&open->derived, &open->graph, &open->dominators, NULL);
    }
    if (!build_instead(open, err)) {
        open->graph = counts;
        open->dominators = sums;
        open->storage = NULL;
        return false;
    }
    open->saving = !pthread_create(&open->saver, NULL, save, open);
    return true;
}

bool hd_open_read(struct hd_open *open, const char *path, struct hd_error *err)
{
    return hd_open_read_for(open, path, HD_INDEX_TREE, err);
}

void hd_open_close(struct hd_open *open)
{
    if (open->saving) {
        fflush(stdout);
        pthread_join(open->saver, NULL);
    }
    hd_derived_deinit(&open->derived);
    hd_redact_close(open);
    hd_index_unmap(open->discarded);
    if (open->index) {
        hd_index_unmap(open->index);
        return;
    }
    hd_dominators_destroy(&open->dominators);
    hd_graph_storage_destroy(open->storage);
}

void hd_open_json_head(FILE *file, const struct hd_open *open)
{
    fputs("\"file\":", file);
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

bool hd_open_node(const struct hd_open *open, const char *text, uint32_t *node, struct hd_error *err)
{
    uint64_t id;
    if (!parse_snapshot_id(text, &open->graph, node)) {
        if (!hd_open_parse_id(text, &id))
            return hd_error_set(err, HD_ERROR_USAGE, "%.100s is not an id (a decimal number, or 0x and hexadecimal digits): "
                                "`heap_dump find --class CLASS FILE` lists those of a class's objects", text);
        *node = hd_graph_find(&open->graph, id);
    }
    if (*node == HD_NODE_NONE || *node == HD_NODE_ROOT)
        return hd_error_set(err, HD_ERROR_USAGE, "%.200s has no object with the id %.40s", open->path, text);
    return true;
}

char *hd_open_title(char title[HD_OPEN_TITLE], const struct hd_open *open, uint32_t node)
{
    return hd_groups_title(title, &open->graph, node);
}

void hd_open_json_node(FILE *file, const struct hd_open *open, uint32_t node)
{
    const struct hd_graph *graph = &open->graph;
    if (node == HD_NODE_ROOT) {
        fputs("\"root\":true", file);
        return;
    }
    unsigned long long id = graph->node_address[node];
    fprintf(file, "\"id\":%llu,\"hex\":\"0x%llx\",\"class\":", id, id);
    hd_json_text(file, hd_groups_class_name(graph, node));
    if (hd_groups_names_itself(graph, node)) {
        fputs(",\"label\":", file);
        hd_json_text(file, hd_graph_name(graph, graph->node_label[node]));
    }
    fprintf(file, ",\"type\":\"%s\",\"size\":%llu,\"retained\":%llu", hd_bt_name(graph->node_type[node]),
            (unsigned long long)graph->node_size[node], (unsigned long long)open->dominators.retained[node]);
}
