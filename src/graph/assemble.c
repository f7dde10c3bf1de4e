/*
 * Node numbers come from graph/ranks.h, so nothing as long as the heap is sorted. Each step is one pass over the
 * parts, in parallel where it writes to places of its own. See assemble.h.
 */
#include "graph/assemble.h"

#include "graph/ranks.h"
#include "graph/singletons.h"
#include "dump/json_reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RELEASE_EVERY 65536u /* records; about 3 MB */

struct columns {
    uint64_t *address, *size, *line, *edge_start;
    uint32_t *class_node, *label, *edge_to, *edge_name;
    uint8_t *type, *flags;
};

struct assembly {
    struct hd_part *parts;
    unsigned part_count;
    bool lenient;
    struct hd_ranks ranks;
    struct hd_names names;
    uint32_t **renamed; /* [part_count] from the part's names to all; NULL for the first part's, which stay */
    struct columns columns;
    struct hd_graph *graph;
    struct hd_graph_storage *storage;
};

/* What one thread does. */
struct job {
    struct assembly *assembly;
    void (*run)(struct assembly *assembly, unsigned part, uint64_t *counted);
    unsigned part;
    uint64_t counted;
};

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the graph");
}

static void *run_job(void *data)
{
    struct job *job = data;
    job->run(job->assembly, job->part, &job->counted);
    return NULL;
}

/* One thread per part; what no thread can be had for is done here. The sum of what they counted. */
static uint64_t for_each_part(struct assembly *a, void (*run)(struct assembly *, unsigned, uint64_t *))
{
    struct job jobs[HD_PARTS_MAX];
    pthread_t threads[HD_PARTS_MAX];
    bool started[HD_PARTS_MAX];
    uint64_t counted = 0;
    for (unsigned i = 0; i < a->part_count; i++) {
        jobs[i] = (struct job){a, run, i, 0};
        started[i] = i + 1 < a->part_count && !pthread_create(&threads[i], NULL, run_job, &jobs[i]);
        if (!started[i])
            run_job(&jobs[i]);
    }
    for (unsigned i = 0; i < a->part_count; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        counted += jobs[i].counted;
    }
    return counted;
}

/* ---- numbers for addresses ---- */

static bool number_addresses(struct assembly *a, struct hd_error *err)
{
    uint64_t all = 0, count = 0;
    for (unsigned p = 0; p < a->part_count; p++) {
        count += a->parts[p].record_count;
        for (uint64_t i = 0; i < a->parts[p].record_count; i++)
            all |= a->parts[p].records[i].address;
    }
    if (count >= HD_NODE_NONE - 1)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the dump has more than 4,294,967,293 objects");
    if (!hd_ranks_init(&a->ranks, all ? (unsigned)__builtin_ctzll(all) : 0, count))
        return no_memory(err);
    for (unsigned p = 0; p < a->part_count; p++)
        for (uint64_t i = 0; i < a->parts[p].record_count; i++) {
            struct hd_part_record *record = &a->parts[p].records[i];
            enum hd_ranks_added added = record->address ? hd_ranks_add(&a->ranks, record->address) : HD_RANKS_NEW;
            if (added == HD_RANKS_FAILED)
                return no_memory(err);
            if (added == HD_RANKS_NEW)
                continue;
            if (!a->lenient)
                return hd_error_set(err, HD_ERROR_BAD_DUMP, "the object %llu comes twice (the second time at byte %llu)",
                                    (unsigned long long)record->address, (unsigned long long)record->line);
            record->node = HD_NODE_NONE;
            a->graph->bad_lines++;
        }
    return hd_ranks_finish(&a->ranks) || no_memory(err);
}

static uint32_t node_at(const struct assembly *a, uint64_t address)
{
    uint32_t rank = address ? hd_ranks_get(&a->ranks, address) : UINT32_MAX;
    return rank == UINT32_MAX ? HD_NODE_NONE : rank + 1;
}

/* ---- names ---- */

static bool merge_names(struct assembly *a, struct hd_error *err)
{
    a->names = a->parts[0].names;
    a->parts[0].names = (struct hd_names){0};
    for (unsigned p = 1; p < a->part_count; p++) {
        struct hd_names *mine = &a->parts[p].names;
        a->renamed[p] = malloc((mine->count + 1) * sizeof *a->renamed[p]);
        if (!a->renamed[p])
            return no_memory(err);
        for (uint32_t i = 0; i < mine->count; i++)
            a->renamed[p][i] = hd_names_intern(&a->names, mine->bytes + mine->start[i],
                                               mine->start[i + 1] - mine->start[i]);
        if (a->names.failed)
            return no_memory(err);
        hd_names_deinit(mine);
    }
    return true;
}

static uint32_t renamed(const struct assembly *a, unsigned part, uint32_t name)
{
    if (!a->renamed[part])
        return name;
    return a->renamed[part][name & HD_NAME_MASK] | (name & HD_NAME_WEAK);
}

/* ---- columns ---- */

static bool make_node_columns(struct assembly *a, struct hd_error *err)
{
    struct columns *c = &a->columns;
    size_t n = (size_t)a->ranks.count + 1;
    a->graph->node_count = (uint32_t)n;
    c->address = hd_storage_column(a->storage, n, sizeof *c->address);
    c->size = hd_storage_column(a->storage, n, sizeof *c->size);
    c->line = hd_storage_column(a->storage, n, sizeof *c->line);
    c->class_node = hd_storage_column(a->storage, n, sizeof *c->class_node);
    c->label = hd_storage_column(a->storage, n, sizeof *c->label);
    c->type = hd_storage_column(a->storage, n, sizeof *c->type);
    c->flags = hd_storage_column(a->storage, n, sizeof *c->flags);
    c->edge_start = hd_storage_column(a->storage, n + 1, sizeof *c->edge_start);
    if (!c->address || !c->size || !c->line || !c->class_node || !c->label || !c->type || !c->flags || !c->edge_start)
        return no_memory(err);
    c->class_node[0] = HD_NODE_NONE;
    c->label[0] = HD_NAME_MASK;
    return true;
}

static void fill_node(struct assembly *a, unsigned part, struct hd_part_record *record)
{
    struct columns *c = &a->columns;
    uint32_t node = node_at(a, record->address);
    record->node = node;
    c->address[node] = record->address;
    c->size[node] = record->size;
    c->line[node] = record->line;
    c->class_node[node] = node_at(a, record->class_address);
    c->label[node] = record->label == HD_NAMES_NONE ? HD_NAME_MASK : renamed(a, part, record->label);
    c->type[node] = record->type;
    c->flags[node] = record->flags;
}

/* The edges of one record, from `from` on, by number to the place `to`. How many there are; counts those to nothing. */
static uint32_t resolve_edges(struct assembly *a, unsigned p, uint64_t from, uint32_t count, uint64_t to,
                              uint64_t *dangling)
{
    struct hd_part *part = &a->parts[p];
    uint64_t first = to;
    for (uint64_t end = from + count; from < end; from++) {
        uint32_t node = node_at(a, part->to[from]);
        if (node == HD_NODE_NONE) {
            ++*dangling;
            continue;
        }
        memcpy((char *)part->to + to * sizeof node, &node, sizeof node);
        part->name[to++] = renamed(a, p, part->name[from]);
    }
    return (uint32_t)(to - first);
}

/* Cuts off what the compacted vectors no longer need. */
static void shrink(struct hd_part *part)
{
    void *less = realloc(part->to, (part->edge_count + 1) * sizeof(uint32_t));
    part->to = less ? less : part->to;
    less = realloc(part->name, (part->edge_count + 1) * sizeof(uint32_t));
    part->name = less ? less : part->name;
    less = realloc(part->records, (part->record_count + 1) * sizeof(struct hd_part_link));
    part->records = less ? less : part->records;
}

/*
 * Nodes, and the part's edges by number. Edges and what is left of the records move together at the front of the same
 * memory, and the pages between there and what is still to be read go back to the kernel: that makes room for the
 * columns, which fill at the same pace. Counts references to nothing.
 */
static void fill_nodes(struct assembly *a, unsigned p, uint64_t *dangling)
{
    struct hd_part *part = &a->parts[p];
    uint64_t from = 0, to = 0;
    for (uint64_t i = 0; i < part->record_count; i++) {
        struct hd_part_record record = part->records[i];
        if (!record.address)
            record.node = HD_NODE_ROOT;
        else if (record.node != HD_NODE_NONE)
            fill_node(a, p, &record);
        struct hd_part_link link = {record.node, 0};
        if (record.node != HD_NODE_NONE)
            link.edge_count = resolve_edges(a, p, from, record.edge_count, to, dangling);
        from += record.edge_count;
        to += link.edge_count;
        memcpy((char *)part->records + i * sizeof link, &link, sizeof link);
        if (record.node == HD_NODE_ROOT)
            part->root_at += link.edge_count;
        else if (record.node != HD_NODE_NONE)
            a->columns.edge_start[record.node + 1] = link.edge_count;
        if (i % RELEASE_EVERY == RELEASE_EVERY - 1) {
            hd_part_release((char *)part->records + (i + 1) * sizeof link, &part->records[i + 1]);
            hd_part_release((char *)part->to + to * sizeof(uint32_t), &part->to[from]);
        }
    }
    part->edge_count = to;
    shrink(part);
}

static bool make_edge_columns(struct assembly *a, struct hd_error *err)
{
    struct columns *c = &a->columns;
    uint64_t roots = 0;
    for (unsigned p = 0; p < a->part_count; p++) {
        uint64_t mine = a->parts[p].root_at;
        a->parts[p].root_at = roots;
        roots += mine;
    }
    c->edge_start[1] = roots;
    for (uint32_t node = 1; node <= a->graph->node_count; node++)
        c->edge_start[node] += c->edge_start[node - 1];
    a->graph->edge_count = c->edge_start[a->graph->node_count];
    c->edge_to = hd_storage_column(a->storage, a->graph->edge_count, sizeof *c->edge_to);
    c->edge_name = hd_storage_column(a->storage, a->graph->edge_count, sizeof *c->edge_name);
    return (c->edge_to && c->edge_name) || no_memory(err);
}

static void fill_edges(struct assembly *a, unsigned p, uint64_t *counted)
{
    struct hd_part *part = &a->parts[p];
    uint64_t from = 0;
    for (uint64_t i = 0; i < part->record_count; i++) {
        struct hd_part_link link;
        memcpy(&link, (char *)part->records + i * sizeof link, sizeof link);
        if (link.node == HD_NODE_NONE)
            continue;
        uint64_t to = link.node == HD_NODE_ROOT ? part->root_at : a->columns.edge_start[link.node];
        size_t size = (size_t)link.edge_count * sizeof(uint32_t);
        if (size) {
            memcpy(a->columns.edge_to + to, (char *)part->to + from * sizeof(uint32_t), size);
            memcpy(a->columns.edge_name + to, part->name + from, size);
        }
        from += link.edge_count;
        if (link.node == HD_NODE_ROOT)
            part->root_at += link.edge_count;
    }
    *counted += from;
}

static void publish(struct assembly *a)
{
    struct hd_graph *graph = a->graph;
    struct columns *c = &a->columns;
    graph->node_address = c->address;
    graph->node_size = c->size;
    graph->node_line = c->line;
    graph->node_class = c->class_node;
    graph->node_label = c->label;
    graph->node_type = c->type;
    graph->node_flags = c->flags;
    graph->edge_start = c->edge_start;
    graph->edge_to = c->edge_to;
    graph->edge_name = c->edge_name;
}

/* The names' memory goes to the graph. */
static void publish_names(struct assembly *a)
{
    a->graph->name_count = a->names.count;
    a->graph->name_start = a->names.start;
    a->graph->name_bytes = a->names.bytes;
    hd_storage_adopt(a->storage, a->names.start);
    hd_storage_adopt(a->storage, a->names.bytes);
    free(a->names.slots);
    a->names = (struct hd_names){0};
}

static bool assemble(struct assembly *a, struct hd_error *err)
{
    if (!number_addresses(a, err) || !merge_names(a, err) || !make_node_columns(a, err))
        return false;
    a->graph->dangling = for_each_part(a, fill_nodes);
    if (!make_edge_columns(a, err))
        return false;
    for_each_part(a, fill_edges);
    uint32_t head = a->parts[0].head_name;
    a->graph->head_name = head == HD_NAMES_NONE ? HD_NAME_MASK : head; /* the first part's names kept their numbers */
    publish(a);
    if (!hd_singletons_name(a->graph, a->columns.label, &a->names))
        return no_memory(err);
    if (a->names.count == 0)
        hd_names_intern(&a->names, "", 0); /* no column is NULL */
    if (a->names.failed)
        return no_memory(err);
    publish_names(a);
    return true;
}

bool hd_assemble(struct hd_part *parts, unsigned part_count, bool lenient, struct hd_graph *graph,
                 struct hd_graph_storage *storage, struct hd_error *err)
{
    struct assembly a = {.parts = parts, .part_count = part_count, .lenient = lenient, .graph = graph,
                         .storage = storage};
    a.renamed = calloc(part_count, sizeof(uint32_t *));
    bool ok = a.renamed ? assemble(&a, err) : no_memory(err);
    for (unsigned p = 0; p < part_count; p++) {
        if (a.renamed)
            free(a.renamed[p]);
        hd_part_deinit(&parts[p]);
    }
    free(a.renamed);
    hd_names_deinit(&a.names);
    hd_ranks_deinit(&a.ranks);
    return ok;
}
