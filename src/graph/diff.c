/* See diff.h. */
#define _GNU_SOURCE
#include "graph/diff.h"

#include "dump/json_reader.h"
#include "graph/groups.h"

#include <stdlib.h>
#include <string.h>

/* In objects.state. MADE: since the dump before; LATER: since the first one. */
enum { MADE = 1, SAME_CLASS_UNKNOWN = 2, LATER = 4 };

/* What is kept of a dump, sorted by address; entry 0 is the root. */
struct hd_diff_objects {
    uint32_t count;
    uint64_t *address;
    uint32_t *title, *label;
    uint8_t *type, *flags, *state;
};

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static void objects_destroy(struct hd_diff_objects *objects)
{
    if (!objects)
        return;
    free(objects->address);
    free(objects->title);
    free(objects->label);
    free(objects->type);
    free(objects->flags);
    free(objects->state);
    free(objects);
}

static struct hd_diff_objects *objects_create(uint32_t count)
{
    struct hd_diff_objects *objects = calloc(1, sizeof *objects);
    if (!objects)
        return NULL;
    objects->count = count;
    objects->address = malloc(count * sizeof *objects->address);
    objects->title = malloc(count * sizeof *objects->title);
    objects->label = malloc(count * sizeof *objects->label);
    objects->type = malloc(count);
    objects->flags = malloc(count);
    objects->state = calloc(count, 1);
    if (objects->address && objects->title && objects->label && objects->type && objects->flags && objects->state)
        return objects;
    objects_destroy(objects);
    return NULL;
}

/* ---- what is kept of a graph ---- */

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

static struct hd_diff_objects *objects_of(struct hd_diff *diff, const struct hd_graph *graph, struct hd_error *err)
{
    struct hd_diff_objects *objects = objects_create(graph->node_count);
    if (!objects) {
        out_of_memory(err);
        return NULL;
    }
    memcpy(objects->address, graph->node_address, graph->node_count * sizeof *objects->address);
    memcpy(objects->type, graph->node_type, graph->node_count);
    memcpy(objects->flags, graph->node_flags, graph->node_count);
    for (uint32_t node = 1; node < graph->node_count; node++) {
        uint32_t class = graph->node_class[node];
        if (class == HD_NODE_NONE || graph->node_flags[class] & HD_NODE_SINGLETON)
            objects->state[node] |= SAME_CLASS_UNKNOWN;
    }
    if (titles_fill(&diff->keys.titles, graph, objects->title, err) &&
        labels_fill(&diff->keys.titles, graph, objects->label, err))
        return objects;
    objects_destroy(objects);
    return NULL;
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
    for (uint32_t node = 1; node < graph->node_count; node++)
        dump.bytes += graph->node_size[node];
    dump.live = dump.rooted ? dominators->reachable - 1 : dump.objects;
    dump.live_bytes = dump.rooted ? dominators->reachable_size : dump.bytes;
    return dump;
}

/* What is reached in one dump is never compared with all that is in another. */
static void agree_on_live(struct hd_diff *diff, unsigned count)
{
    bool rooted = true;
    for (unsigned i = 0; i < count; i++)
        rooted = rooted && diff->dump[i].rooted;
    for (unsigned i = 0; i < count && !rooted; i++) {
        diff->dump[i].live = diff->dump[i].objects;
        diff->dump[i].live_bytes = diff->dump[i].bytes;
    }
}

/* ---- by address ---- */

static bool is_named_class(const struct hd_diff_objects *objects, uint32_t i)
{
    bool class = objects->type[i] == HD_BT_T_CLASS || objects->type[i] == HD_BT_T_MODULE;
    return class && objects->label[i] != HD_NAMES_NONE;
}

/* Most classes of the earlier dump are where they were. */
static bool classes_agree(const struct hd_diff_objects *from, const struct hd_diff_objects *to)
{
    uint64_t classes = 0, there = 0;
    for (uint32_t i = 1, k = 1; i < from->count; i++) {
        if (!is_named_class(from, i))
            continue;
        classes++;
        while (k < to->count && to->address[k] < from->address[i])
            k++;
        there += k < to->count && to->address[k] == from->address[i] && to->type[k] == from->type[i] &&
                 to->label[k] == from->label[i];
    }
    return there * 2 >= classes;
}

static enum hd_diff_apart apart(const struct hd_diff *diff, unsigned i)
{
    const struct hd_diff_dump *from = &diff->dump[i], *to = &diff->dump[i + 1];
    if (from->pid && to->pid && from->pid != to->pid)
        return HD_DIFF_PIDS;
    if (from->heap_high && to->heap_high && (from->heap_high < to->heap_low || to->heap_high < from->heap_low))
        return HD_DIFF_HEAPS;
    if (from->compactions != UINT64_MAX && to->compactions != UINT64_MAX && from->compactions != to->compactions)
        return HD_DIFF_COMPACTED;
    return classes_agree(diff->objects[i], diff->objects[i + 1]) ? HD_DIFF_TOGETHER : HD_DIFF_CLASSES;
}

/* A singleton class does not make another object of it, nor does a name that a class was given later. */
static bool same_object(const struct hd_diff_objects *from, uint32_t i, const struct hd_diff_objects *to, uint32_t k)
{
    if (from->type[i] != to->type[k] || (from->flags[i] & ~to->flags[k] & HD_NODE_FROZEN))
        return false;
    if (from->label[i] != to->label[k] && from->label[i] != HD_NAMES_NONE)
        return false;
    return from->title[i] == to->title[k] || ((from->state[i] | to->state[k]) & SAME_CLASS_UNKNOWN);
}

/* Marks what was made; `survivor`, if there is one, gets what was made before and is still there. */
static void compare(const struct hd_diff_objects *from, struct hd_diff_objects *to, struct hd_diff_change *change,
                    uint8_t *survivor)
{
    uint32_t i = 1, k = 1;
    while (i < from->count || k < to->count) {
        bool old = i < from->count && (k == to->count || from->address[i] <= to->address[k]);
        bool new = k < to->count && (i == from->count || to->address[k] <= from->address[i]);
        bool same = old && new && same_object(from, i, to, k);
        if (same && survivor)
            survivor[k] = from->state[i] & MADE;
        if (new)
            to->state[k] |= same ? from->state[i] & LATER : MADE | LATER;
        change->kept += same;
        change->made += new && !same;
        change->freed += old && !same;
        change->reused += old && new && !same;
        i += old;
        k += new;
    }
}

/* ---- sums ---- */

static bool sums_fill(struct hd_diff_sums *sums, uint32_t count, const struct hd_graph *graph,
                      const struct hd_dominators *dominators, const uint32_t *number, struct hd_error *err)
{
    sums->group = calloc((size_t)count + 1, sizeof *sums->group);
    sums->count = count;
    return sums->group ? hd_retained_by_group(dominators, graph, number, sums->group, count, err)
                       : out_of_memory(err);
}

struct hd_retained_group hd_diff_group(const struct hd_diff_sums *sums, uint32_t number)
{
    return sums->group && number < sums->count ? sums->group[number] : (struct hd_retained_group){0};
}

static bool samples_fill(struct hd_diff_sums *sums, const struct hd_graph *graph, const struct hd_dominators *dominators,
                         const struct hd_diff_objects *objects, const uint32_t *number, struct hd_error *err)
{
    uint32_t *best = calloc((size_t)sums->count + 1, sizeof *best); /* 0, the root, is none */
    free(sums->sample);
    sums->sample = calloc((size_t)sums->count + 1, sizeof *sums->sample);
    for (uint32_t node = 1; best && sums->sample && node < graph->node_count; node++) {
        if (number[node] >= sums->count)
            continue;
        uint32_t than = best[number[node]];
        bool new = objects->state[node] & LATER, was_new = than && objects->state[than] & LATER;
        if (!than || new > was_new || (new == was_new && dominators->retained[node] > dominators->retained[than])) {
            best[number[node]] = node;
            sums->sample[number[node]] = graph->node_address[node];
        }
    }
    bool done = best && sums->sample;
    free(best);
    return done || out_of_memory(err);
}

uint64_t hd_diff_sample(const struct hd_diff_sums *sums, uint32_t number)
{
    return sums->sample && number < sums->count ? sums->sample[number] : 0;
}

/* Takes all others out of `title` and `number`. */
static bool survivors_sum(struct hd_diff *diff, const struct hd_graph *graph, const struct hd_dominators *dominators,
                          const uint8_t *survivor, uint32_t *number, struct hd_error *err)
{
    struct hd_diff_objects *objects = diff->objects[diff->count];
    for (uint32_t node = 0; node < graph->node_count; node++) {
        if (survivor[node]) {
            diff->survivors++;
            diff->survivor_bytes += graph->node_size[node];
        } else {
            objects->title[node] = number[node] = HD_NODE_NONE;
        }
    }
    diff->has_survivors = true;
    return sums_fill(&diff->surviving_class, diff->keys.titles.count, graph, dominators, objects->title, err) &&
           sums_fill(&diff->surviving_way, diff->keys.count, graph, dominators, number, err) &&
           samples_fill(&diff->surviving_class, graph, dominators, objects, objects->title, err) &&
           samples_fill(&diff->surviving_way, graph, dominators, objects, number, err);
}

static void sums_free(struct hd_diff_sums *sums)
{
    free(sums->group);
    free(sums->sample);
}

/* Compares with the dump before, if there is one. */
static bool add_change(struct hd_diff *diff, const struct hd_graph *graph, const struct hd_dominators *dominators,
                       uint32_t *number, struct hd_error *err)
{
    unsigned at = diff->count;
    struct hd_diff_objects *objects = diff->objects[at];
    uint8_t *survivor = at == 2 ? calloc(graph->node_count, 1) : NULL;
    bool done = at < 2 || survivor || out_of_memory(err), together = false;
    if (done && at > 0) {
        diff->change[at - 1].apart = apart(diff, at - 1);
        together = diff->change[at - 1].apart == HD_DIFF_TOGETHER;
        if (together)
            compare(diff->objects[at - 1], objects, &diff->change[at - 1], survivor);
    }
    done = done && samples_fill(&diff->class[at], graph, dominators, objects, objects->title, err) &&
           samples_fill(&diff->way[at], graph, dominators, objects, number, err);
    if (done && at == 2 && together && diff->change[0].apart == HD_DIFF_TOGETHER)
        done = survivors_sum(diff, graph, dominators, survivor, number, err);
    free(survivor);
    return done;
}

/* ---- the whole ---- */

bool hd_diff_init(struct hd_diff *diff, struct hd_error *err)
{
    *diff = (struct hd_diff){0};
    return hd_path_keys_init(&diff->keys, err);
}

void hd_diff_deinit(struct hd_diff *diff)
{
    for (unsigned i = 0; i < HD_DIFF_DUMPS; i++) {
        sums_free(&diff->class[i]);
        sums_free(&diff->way[i]);
        objects_destroy(diff->objects[i]);
    }
    sums_free(&diff->surviving_class);
    sums_free(&diff->surviving_way);
    hd_path_keys_deinit(&diff->keys);
}

bool hd_diff_add(struct hd_diff *diff, const struct hd_graph *graph, const struct hd_dominators *dominators,
                 struct hd_error *err)
{
    unsigned at = diff->count;
    struct hd_diff_objects *objects = at < HD_DIFF_DUMPS ? objects_of(diff, graph, err) : NULL;
    if (!objects)
        return at < HD_DIFF_DUMPS ? false : hd_error_set(err, HD_ERROR_INTERNAL, "too many dumps to compare");
    diff->objects[at] = objects;
    diff->dump[at] = describe(graph, dominators);
    uint32_t *number = malloc(graph->node_count * sizeof *number);
    bool done = number ? hd_path_keys_assign(&diff->keys, graph, dominators, objects->title, objects->label, number, err)
                       : out_of_memory(err);
    done = done &&
           sums_fill(&diff->class[at], diff->keys.titles.count, graph, dominators, objects->title, err) &&
           sums_fill(&diff->way[at], diff->keys.count, graph, dominators, number, err) &&
           add_change(diff, graph, dominators, number, err);
    free(number);
    if (at > 0) { /* was compared with its successor */
        objects_destroy(diff->objects[at - 1]);
        diff->objects[at - 1] = NULL;
    }
    agree_on_live(diff, at + 1);
    diff->count += done;
    return done;
}

/* ---- where growth began ---- */

struct counts {
    uint64_t before, after;
};

/* Whether the change of the bytes of a way is in proportion to that of its parent's number of objects. */
static bool came_with(struct counts parents, struct counts bytes)
{
    if (bytes.after < bytes.before) { /* went with: the same the other way round */
        struct counts swapped = {parents.after, parents.before};
        parents = swapped;
        bytes = (struct counts){bytes.after, bytes.before};
    }
    if (parents.after <= parents.before)
        return false;
    if (parents.before == 0)
        return true;
    return (double)bytes.after * (double)parents.before <= 1.25 * (double)bytes.before * (double)parents.after;
}

bool hd_diff_origins(const struct hd_diff *diff, int64_t **grown, struct hd_error *err)
{
    uint32_t count = diff->keys.count;
    uint32_t *origin = malloc((size_t)count * sizeof *origin);
    *grown = calloc(count, sizeof **grown);
    if (!origin || !*grown || diff->count < 2) {
        free(origin);
        free(*grown);
        *grown = NULL;
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hd_retained_group before = hd_diff_group(&diff->way[0], i);
        struct hd_retained_group after = hd_diff_group(&diff->way[diff->count - 1], i);
        uint32_t parent = diff->keys.key[i].parent;
        origin[i] = i;
        if (i > 0 && parent > 0) {
            struct counts parents = {hd_diff_group(&diff->way[0], parent).count,
                                     hd_diff_group(&diff->way[diff->count - 1], parent).count};
            if (came_with(parents, (struct counts){before.shallow, after.shallow}))
                origin[i] = origin[parent];
        }
        (*grown)[origin[i]] += (int64_t)(after.shallow - before.shallow);
    }
    free(origin);
    return true;
}
