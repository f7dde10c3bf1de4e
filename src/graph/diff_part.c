/* See diff_part.h. */
#define _GNU_SOURCE
#include "graph/diff_part.h"

#include "dump/json_reader.h"
#include "graph/groups.h"
#include "graph/index_point.h"

#include <stdlib.h>

/* In part->made. */
enum { CLASS_SUMS, WAY_SUMS, CLASS_SAMPLE, WAY_SAMPLE, KINDS, CLASSES, KIND_OF, STEP, STRETCH, JUMP };

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

void hd_diff_part_free(struct hd_diff_part *part)
{
    for (unsigned i = 0; i < sizeof part->made / sizeof *part->made; i++)
        free(part->made[i]);
    hd_path_keys_deinit(&part->keys);
    hd_buffer_deinit(&part->text);
    *part = (struct hd_diff_part){0};
}

/* ---- columns ---- */

bool hd_diff_part_columns(struct hd_diff_part *part)
{
    struct hd_index_amounts amounts;
    if (part->index && !part->retained && hd_index_amounts(part->index, &amounts)) {
        part->size = amounts.size;
        part->retained = amounts.retained;
        part->dominator = amounts.dominator;
    }
    return part->retained && part->size && part->dominator;
}

bool hd_diff_part_look_at(const struct hd_diff_part *part, enum hd_diff_columns which, uint32_t node, struct hd_diff_look *look)
{
    *look = (struct hd_diff_look){0, part->node_count};
    return !part->index || hd_index_amounts_hold(part->index, node, which == HD_DIFF_TREE, &look->from, &look->to);
}

bool hd_diff_part_dominator(const struct hd_diff_part *part, uint32_t node, uint32_t *dominator)
{
    if (part->index)
        return hd_index_dominator(part->index, node, dominator);
    *dominator = part->dominator[node];
    return true;
}

/* ---- names ---- */

static bool titles_fill(struct hd_names *names, const struct hd_graph *graph, uint32_t *title, struct hd_error *err)
{
    struct hd_groups groups;
    if (!hd_groups_by_class(&groups, graph, err))
        return false;
    uint32_t *known = malloc(((size_t)groups.count + 1) * sizeof *known);
    for (uint32_t i = 0; known && i < groups.count; i++)
        known[i] = hd_path_keys_name(names, groups.name[i]);
    title[HD_NODE_ROOT] = HD_NAMES_NONE;
    for (uint32_t node = 1; known && node < graph->node_count; node++)
        title[node] = known[groups.number[node]];
    bool done = known && !names->failed;
    free(known);
    hd_groups_destroy(&groups);
    return done || out_of_memory(err);
}

static bool labels_fill(struct hd_names *names, const struct hd_graph *graph, uint32_t *label, struct hd_error *err)
{
    size_t bytes = ((size_t)graph->name_count + 1) * sizeof(uint32_t);
    uint32_t *known = malloc(bytes);
    if (!known)
        return out_of_memory(err);
    memset(known, 0xff, bytes);
    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint32_t name = graph->node_label[node];
        label[node] = HD_NAMES_NONE;
        if (node == HD_NODE_ROOT || name >= graph->name_count)
            continue;
        if (known[name] == HD_NAMES_NONE)
            known[name] = hd_path_keys_name(names, hd_graph_name(graph, name));
        label[node] = known[name];
    }
    free(known);
    return !names->failed || out_of_memory(err);
}

/* ---- what the first line says ---- */

/* The number behind `"name":`; in a text of JSON the quotes would have backslashes. UINT64_MAX if there is none. */
static uint64_t head_number(struct hd_graph_text head, const char *name)
{
    const char *at = head.data ? memmem(head.data, head.length, name, strlen(name)) : NULL;
    if (!at)
        return UINT64_MAX;
    const char *end = head.data + head.length;
    uint64_t number = 0;
    at += strlen(name);
    if (at == end || *at < '0' || *at > '9')
        return UINT64_MAX;
    for (; at < end && *at >= '0' && *at <= '9' && number < UINT64_MAX / 100; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

/* The text behind `"name":"`, "" if there is none or it is too long. */
static void head_text(struct hd_graph_text head, const char *name, char text[HD_DIFF_TIME])
{
    const char *at = head.data ? memmem(head.data, head.length, name, strlen(name)) : NULL;
    const char *end = at ? memchr(at + strlen(name), '"', (size_t)(head.data + head.length - at) - strlen(name)) : NULL;
    size_t length = end ? (size_t)(end - at) - strlen(name) : 0;
    text[0] = '\0';
    if (length == 0 || length >= HD_DIFF_TIME)
        return;
    memcpy(text, at + strlen(name), length);
    text[length] = '\0';
}

static struct hd_diff_dump describe(const struct hd_graph *graph, const struct hd_dominators *dominators)
{
    struct hd_graph_text head = hd_graph_name(graph, graph->head_name);
    uint64_t pid = head_number(head, "\"pid\":");
    struct hd_diff_dump dump = {.objects = graph->node_count ? graph->node_count - 1 : 0,
                                .pid = pid == UINT64_MAX ? 0 : pid,
                                .compactions = head_number(head, "\"compact_count\":"),
                                .heap_low = graph->heap_low,
                                .heap_high = graph->heap_high,
                                .rooted = dominators->reachable > 1,
                                .unnamed = graph->unnamed,
                                .truncated = graph->truncated,
                                .foreign = graph->head_name == HD_NAME_MASK};
    head_text(head, "\"time\":\"", dump.time);
    for (uint32_t node = 1; node < graph->node_count; node++)
        dump.bytes += graph->node_size[node];
    dump.live = dump.rooted ? dominators->reachable - 1 : dump.objects;
    dump.live_bytes = dump.rooted ? dominators->reachable_size : dump.bytes;
    return dump;
}

/* ---- kinds ---- */

struct kinds {
    struct hd_diff_kind *kind;
    uint32_t *slots; /* hash table: number + 1, 0 if free */
    uint32_t count, capacity;
};

static uint32_t *slot_of(const struct kinds *kinds, const struct hd_diff_kind *kind)
{
    uint32_t mask = kinds->capacity * 2 - 1;
    uint64_t hash = ((uint64_t)kind->way << 32 | kind->label) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 31 ^ kind->title ^ (uint64_t)kind->type << 32 ^ (uint64_t)kind->bits << 40) * 0xD6E8FEB86659FD93u;
    for (uint32_t at = (uint32_t)(hash >> 32) & mask;; at = (at + 1) & mask)
        if (!kinds->slots[at] || !memcmp(&kinds->kind[kinds->slots[at] - 1], kind, sizeof *kind))
            return &kinds->slots[at];
}

static bool kinds_grow(struct kinds *kinds)
{
    uint32_t capacity = kinds->capacity ? kinds->capacity * 2 : 1024;
    struct hd_diff_kind *kind = capacity > UINT32_MAX / 4 ? NULL : realloc(kinds->kind, capacity * sizeof *kind);
    if (!kind)
        return false;
    kinds->kind = kind;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (!slots)
        return false;
    free(kinds->slots);
    kinds->slots = slots;
    kinds->capacity = capacity;
    for (uint32_t i = 0; i < kinds->count; i++)
        *slot_of(kinds, &kind[i]) = i + 1;
    return true;
}

/* HD_NODE_NONE if memory ran out. */
static uint32_t intern(struct kinds *kinds, const struct hd_diff_kind *kind)
{
    uint32_t *slot = slot_of(kinds, kind);
    if (*slot)
        return *slot - 1;
    if (kinds->count + 1 >= kinds->capacity) {
        if (!kinds_grow(kinds))
            return HD_NODE_NONE;
        slot = slot_of(kinds, kind);
    }
    kinds->kind[kinds->count++] = *kind;
    *slot = kinds->count;
    return kinds->count - 1;
}

static struct hd_diff_kind kind_of(const struct hd_graph *graph, const struct hd_dominators *dominators, uint32_t node,
                                   uint32_t title, uint32_t label, uint32_t way)
{
    uint32_t class = graph->node_class[node];
    bool unknown = class == HD_NODE_NONE || graph->node_flags[class] & HD_NODE_SINGLETON;
    return (struct hd_diff_kind){
        .way = way, .title = title, .label = label, .type = graph->node_type[node],
        .bits = (uint8_t)((graph->node_flags[node] & HD_NODE_FROZEN ? HD_DIFF_FROZEN : 0)
                          | (unknown ? HD_DIFF_CLASS_UNKNOWN : 0)
                          | (node != HD_NODE_ROOT && dominators->parent[node] == HD_NODE_NONE ? HD_DIFF_GARBAGE : 0))};
}

/* The numbers of the kinds take the place of `label`, which is not needed any more. */
static bool kinds_fill(struct hd_diff_part *part, const struct hd_graph *graph, const struct hd_dominators *dominators,
                       const uint32_t *title, uint32_t *label, const uint32_t *way, struct hd_error *err)
{
    struct kinds kinds = {0};
    bool done = kinds_grow(&kinds);
    for (uint32_t node = 0; done && node < graph->node_count; node++) {
        struct hd_diff_kind kind = kind_of(graph, dominators, node, title[node], label[node], way[node]);
        label[node] = intern(&kinds, &kind);
        done = label[node] != HD_NODE_NONE;
    }
    free(kinds.slots);
    part->kind = part->made[KINDS] = kinds.kind;
    part->kind_count = kinds.count;
    return done || out_of_memory(err);
}

static bool is_named_class(const struct hd_diff_kind *kind)
{
    return (kind->type == HD_BT_T_CLASS || kind->type == HD_BT_T_MODULE) && kind->label != HD_NAMES_NONE;
}

static bool classes_fill(struct hd_diff_part *part, const struct hd_graph *graph, struct hd_error *err)
{
    uint32_t count = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        count += is_named_class(&part->kind[hd_diff_part_kind(part, node)]);
    struct hd_diff_class *class = calloc((size_t)count + 1, sizeof *class);
    part->class = part->made[CLASSES] = class;
    for (uint32_t node = 1; class && node < graph->node_count; node++) {
        uint32_t kind = hd_diff_part_kind(part, node);
        if (is_named_class(&part->kind[kind]))
            class[part->class_count++] = (struct hd_diff_class){.address = graph->node_address[node], .kind = kind};
    }
    return class || out_of_memory(err);
}

/* ---- sums ---- */

/* The address of the member of each that retains most; of equals the lowest. */
static uint64_t *choose(const struct hd_graph *graph, const struct hd_dominators *dominators, const uint32_t *number,
                        uint32_t count, struct hd_error *err)
{
    uint64_t *sample = calloc((size_t)count + 1, sizeof *sample);
    uint32_t *best = calloc((size_t)count + 1, sizeof *best); /* 0, the root, is none */
    bool rooted = dominators->reachable > 1;
    for (uint32_t node = 1; best && sample && node < graph->node_count; node++) {
        if (number[node] >= count || (rooted && dominators->parent[node] == HD_NODE_NONE))
            continue;
        uint32_t than = best[number[node]];
        if (!than || dominators->retained[node] > dominators->retained[than])
            best[number[node]] = node;
    }
    for (uint32_t i = 0; best && sample && i < count; i++)
        sample[i] = best[i] ? graph->node_address[best[i]] : 0;
    if (!best || !sample) {
        out_of_memory(err);
        free(sample);
        sample = NULL;
    }
    free(best);
    return sample;
}

static bool sums_fill(struct hd_diff_part *part, const struct hd_graph *graph, const struct hd_dominators *dominators,
                      const uint32_t *title, const uint32_t *way, struct hd_error *err)
{
    uint32_t titles = part->keys.titles.count, ways = part->keys.count;
    const struct hd_retained_grouping sums[] = {{title, calloc((size_t)titles + 1, sizeof *part->class_sums), titles},
                                                {way, calloc((size_t)ways + 1, sizeof *part->way_sums), ways}};
    part->class_sums = part->made[CLASS_SUMS] = sums[0].group;
    part->way_sums = part->made[WAY_SUMS] = sums[1].group;
    if (!sums[0].group || !sums[1].group)
        return out_of_memory(err);
    if (!hd_retained_by_groupings(dominators, graph, sums, 2, err))
        return false;
    part->class_sample = part->made[CLASS_SAMPLE] = choose(graph, dominators, title, titles, err);
    part->way_sample = part->class_sample ? part->made[WAY_SAMPLE] = choose(graph, dominators, way, ways, err) : NULL;
    return part->way_sample;
}

/* ---- the whole ---- */

static bool steps_fill(struct hd_diff_part *part, const struct hd_graph *graph, struct hd_error *err)
{
    struct hd_diff_steps_made made;
    bool done = hd_diff_steps_make(&part->steps, &made, graph->node_address, graph->node_count);
    part->made[STEP] = made.step;
    part->made[STRETCH] = made.stretch;
    part->made[JUMP] = made.jump;
    return done || out_of_memory(err);
}

/* Where the names and keys are when there will be no more of them. */
static void publish(struct hd_diff_part *part, const struct hd_graph *graph, const struct hd_dominators *dominators)
{
    static const uint64_t none[1];
    const struct hd_names *titles = &part->keys.titles, *edges = &part->keys.edges;
    part->titles = (struct hd_diff_texts){titles->count, titles->start ? titles->start : none, titles->bytes};
    part->edges = (struct hd_diff_texts){edges->count, edges->start ? edges->start : none, edges->bytes};
    part->key = part->keys.key;
    part->key_count = part->keys.count;
    part->node_count = graph->node_count;
    part->width = sizeof(uint32_t);
    part->size = graph->node_size;
    part->retained = dominators->retained;
    part->dominator = dominators->parent;
}

bool hd_diff_part_make(struct hd_diff_part *part, const struct hd_graph *graph, const struct hd_dominators *dominators,
                       struct hd_error *err)
{
    *part = (struct hd_diff_part){.dump = describe(graph, dominators)};
    size_t bytes = graph->node_count * sizeof(uint32_t);
    uint32_t *title = malloc(bytes), *label = malloc(bytes), *way = malloc(bytes);
    part->kind_of = part->made[KIND_OF] = label;
    bool done = (title && label && way) || out_of_memory(err);
    done = done && hd_path_keys_init(&part->keys, err) && titles_fill(&part->keys.titles, graph, title, err)
           && labels_fill(&part->keys.titles, graph, label, err)
           && hd_path_keys_assign(&part->keys, graph, dominators, title, label, way, err);
    if (done)
        publish(part, graph, dominators);
    done = done && sums_fill(part, graph, dominators, title, way, err)
           && kinds_fill(part, graph, dominators, title, label, way, err) && classes_fill(part, graph, err)
           && steps_fill(part, graph, err);
    free(title);
    free(way);
    return done;
}
