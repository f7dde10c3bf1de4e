/* See diff.h. */
#include "graph/diff.h"

#include "base/bits.h"
#include "graph/diff_compare.h"

#include <stdlib.h>
#include <string.h>

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* ---- a dump's numbers among those of all ---- */

static void side_destroy(struct hd_diff_side *side)
{
    if (!side)
        return;
    hd_diff_part_free(&side->part);
    free(side->title);
    free(side->way);
    free(side->came);
    free(side->stayed);
    free(side);
}

/* The number of each text, which is free'd by the caller; NULL if memory ran out. */
static uint32_t *join_texts(struct hd_names *names, const struct hd_diff_texts *texts)
{
    uint32_t *number = malloc(((size_t)texts->count + 1) * sizeof *number);
    for (uint32_t i = 0; number && i < texts->count; i++)
        number[i] = hd_names_intern(names, texts->bytes + texts->start[i], texts->start[i + 1] - texts->start[i]);
    if (number && !names->failed)
        return number;
    free(number);
    return NULL;
}

static uint32_t *join_keys(struct hd_path_keys *keys, const struct hd_diff_part *part, const uint32_t *edge, const uint32_t *title)
{
    uint32_t *number = malloc(((size_t)part->key_count + 1) * sizeof *number);
    bool done = number;
    for (uint32_t i = 0; done && i < part->key_count; i++) {
        struct hd_path_key key = part->key[i];
        if (i > 0) {
            key.parent = number[key.parent];
            key.title = title[key.title];
            key.edge = key.edge < part->edges.count ? edge[key.edge] : key.edge;
        }
        number[i] = i > 0 ? hd_path_keys_add(keys, key) : 0;
        done = number[i] != HD_NODE_NONE;
    }
    if (done)
        return number;
    free(number);
    return NULL;
}

/* In the order the names and keys have in each dump, so that a number does not depend on where a part came from. */
static bool side_join(struct hd_diff *diff, struct hd_diff_side *side, struct hd_error *err)
{
    uint32_t *edge = join_texts(&diff->keys.edges, &side->part.edges);
    side->title = join_texts(&diff->keys.titles, &side->part.titles);
    side->way = edge && side->title ? join_keys(&diff->keys, &side->part, edge, side->title) : NULL;
    free(edge);
    return side->way || out_of_memory(err);
}

/* What dumps that were asked about later do not have is not there. */
static bool sums_join(struct hd_diff_sums *sums, uint32_t count, const struct hd_retained_group *group, const uint64_t *sample,
                      const uint32_t *number, uint32_t numbers, struct hd_error *err)
{
    sums->group = calloc((size_t)count + 1, sizeof *sums->group);
    sums->sample = calloc((size_t)count + 1, sizeof *sums->sample);
    sums->count = count;
    for (uint32_t i = 0; sums->group && sums->sample && i < numbers; i++) {
        sums->group[number[i]] = group[i];
        sums->sample[number[i]] = sample[i];
    }
    return (sums->group && sums->sample) || out_of_memory(err);
}

struct hd_retained_group hd_diff_group(const struct hd_diff_sums *sums, uint32_t number)
{
    struct hd_retained_group group = {0};
    if (!sums->group || number >= sums->count)
        return group;
    group = sums->group[number];
    if (sums->live) {
        group.count -= group.unreachable;
        group.shallow -= group.unreachable_shallow;
        group.unreachable = group.unreachable_shallow = 0;
    }
    return group;
}

uint64_t hd_diff_sample(const struct hd_diff_sums *sums, uint32_t number)
{
    return sums->sample && number < sums->count ? sums->sample[number] : 0;
}

/* What is reached in one dump is never compared with all that is in another. */
static void agree_on_live(struct hd_diff *diff, unsigned count)
{
    bool rooted = true;
    for (unsigned i = 0; i < count; i++)
        rooted = rooted && diff->dump[i].rooted;
    for (unsigned i = 0; i < count; i++)
        diff->class[i].live = diff->way[i].live = rooted;
    for (unsigned i = 0; i < count && !rooted; i++) {
        diff->dump[i].live = diff->dump[i].objects;
        diff->dump[i].live_bytes = diff->dump[i].bytes;
    }
}

/* ---- by address ---- */

/* Most classes of the earlier dump are where they were. */
static bool classes_agree(const struct hd_diff_side *from, const struct hd_diff_side *to)
{
    const struct hd_diff_class *old = from->part.class, *new = to->part.class;
    uint64_t there = 0;
    for (uint32_t i = 0, k = 0; i < from->part.class_count; i++) {
        const struct hd_diff_kind *kind = &from->part.kind[old[i].kind], *other;
        while (k < to->part.class_count && new[k].address < old[i].address)
            k++;
        if (k == to->part.class_count || new[k].address != old[i].address)
            continue;
        other = &to->part.kind[new[k].kind];
        there += kind->type == other->type && kind->label != HD_NAMES_NONE && other->label != HD_NAMES_NONE
                 && from->title[kind->label] == to->title[other->label];
    }
    return there * 2 >= from->part.class_count;
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
    return classes_agree(diff->side[i], diff->side[i + 1]) ? HD_DIFF_TOGETHER : HD_DIFF_CLASSES;
}

static bool went_well(struct hd_diff *diff, enum hd_diff_done done, struct hd_error *err)
{
    diff->damaged = done == HD_DIFF_DAMAGED;
    return done == HD_DIFF_DONE || (diff->damaged ? hd_error_set(err, HD_ERROR_BAD_DUMP, "the index of a dump is damaged")
                                                  : out_of_memory(err));
}

static bool has_columns(struct hd_diff *diff, struct hd_diff_part *part, struct hd_error *err)
{
    return went_well(diff, hd_diff_part_columns(part) ? HD_DIFF_DONE : HD_DIFF_DAMAGED, err);
}

/* The best of a kind are those of its class and way, too. Of numbers that have none the sample stays what it was. */
static bool choose(struct hd_diff_sums *sums, const struct hd_diff_side *side, bool way, const struct hd_diff_best *best,
                   struct hd_error *err)
{
    const struct hd_diff_part *part = &side->part;
    struct hd_diff_best *chosen = calloc((size_t)sums->count + 1, sizeof *chosen);
    for (uint32_t i = 0; chosen && i < part->kind_count; i++) {
        const struct hd_diff_kind *kind = &part->kind[i];
        uint32_t number = way ? kind->way : kind->title;
        if (best[i].node && number != HD_NODE_NONE && !(part->dump.rooted && kind->bits & HD_DIFF_GARBAGE))
            hd_diff_best_take(&chosen[way ? side->way[number] : side->title[number]], best[i]);
    }
    for (uint32_t i = 0; chosen && i < sums->count; i++)
        if (chosen[i].node)
            sums->sample[i] = hd_diff_steps_address(&part->steps, chosen[i].node);
    free(chosen);
    return chosen || out_of_memory(err);
}

static bool stayed_join(struct hd_diff *diff, const struct hd_diff_side *side, struct hd_error *err)
{
    struct hd_diff_sums *class = &diff->surviving_class, *way = &diff->surviving_way;
    struct hd_diff_stayed stayed = {.class_count = diff->keys.titles.count, .way_count = diff->keys.count};
    bool done = went_well(diff, hd_diff_sum_stayed(side, &stayed), err);
    *class = (struct hd_diff_sums){.group = stayed.class, .count = stayed.class_count};
    *way = (struct hd_diff_sums){.group = stayed.way, .count = stayed.way_count};
    class->sample = calloc((size_t)class->count + 1, sizeof *class->sample);
    way->sample = calloc((size_t)way->count + 1, sizeof *way->sample);
    done = done && ((class->sample && way->sample) || out_of_memory(err)) && choose(class, side, false, stayed.best, err)
           && choose(way, side, true, stayed.best, err);
    free(stayed.best);
    diff->survivors = stayed.objects;
    diff->survivor_bytes = stayed.bytes;
    diff->has_survivors = true;
    return done;
}

/* Object by object with the dump before, which is of the same process. What is chosen and counted is wanted of the last dump alone. */
static bool compare(struct hd_diff *diff, unsigned at, struct hd_error *err)
{
    struct hd_diff_side *from = diff->side[at - 1], *to = diff->side[at];
    bool last = at + 1 == diff->expected, stays = at == 2 && diff->change[0].apart == HD_DIFF_TOGETHER;
    struct hd_diff_best *best = last ? calloc((size_t)to->part.kind_count + 1, sizeof *best) : NULL;
    to->came = last ? NULL : hd_bits_create(to->part.node_count);
    to->stayed = stays ? hd_bits_create(to->part.node_count) : NULL;
    bool done = ((last ? best != NULL : to->came != NULL) && (to->stayed || !stays)) || out_of_memory(err);
    uint8_t skip = diff->dump[at - 1].rooted && diff->dump[at].rooted ? HD_DIFF_GARBAGE : 0;
    done = done && (!last || has_columns(diff, &to->part, err))
           && went_well(diff, hd_diff_compare(from, to, skip, &diff->change[at - 1], best), err)
           && (!last || (choose(&diff->class[at], to, false, best, err) && choose(&diff->way[at], to, true, best, err)))
           && (!stays || stayed_join(diff, to, err));
    free(best);
    return done;
}

/* ---- the whole ---- */

bool hd_diff_init(struct hd_diff *diff, unsigned expected, struct hd_error *err)
{
    *diff = (struct hd_diff){.expected = expected};
    return hd_path_keys_init(&diff->keys, err);
}

static void sums_free(struct hd_diff_sums *sums)
{
    free(sums->group);
    free(sums->sample);
}

void hd_diff_deinit(struct hd_diff *diff)
{
    for (unsigned i = 0; i < HD_DIFF_DUMPS; i++) {
        sums_free(&diff->class[i]);
        sums_free(&diff->way[i]);
        side_destroy(diff->side[i]);
    }
    sums_free(&diff->surviving_class);
    sums_free(&diff->surviving_way);
    hd_path_keys_deinit(&diff->keys);
}

bool hd_diff_add(struct hd_diff *diff, struct hd_diff_part *part, struct hd_error *err)
{
    unsigned at = diff->count;
    struct hd_diff_side *side = at < HD_DIFF_DUMPS ? calloc(1, sizeof *side) : NULL;
    if (!side)
        return at < HD_DIFF_DUMPS ? out_of_memory(err) : hd_error_set(err, HD_ERROR_INTERNAL, "too many dumps to compare");
    diff->side[at] = side;
    side->part = *part;
    *part = (struct hd_diff_part){0};
    part = &side->part;
    diff->dump[at] = part->dump;
    bool done = side_join(diff, side, err)
                && sums_join(&diff->class[at], diff->keys.titles.count, part->class_sums, part->class_sample, side->title,
                             part->titles.count, err)
                && sums_join(&diff->way[at], diff->keys.count, part->way_sums, part->way_sample, side->way, part->key_count, err);
    if (done && at > 0) {
        diff->change[at - 1].apart = apart(diff, at - 1);
        done = diff->change[at - 1].apart != HD_DIFF_TOGETHER || compare(diff, at, err);
        side_destroy(diff->side[at - 1]); /* was compared with its successor */
        diff->side[at - 1] = NULL;
    }
    if (!part->index)
        part->size = part->retained = NULL, part->dominator = NULL; /* the graph's */
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
