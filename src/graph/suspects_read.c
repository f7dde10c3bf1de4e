/*
 * What suspects need and the graph has not: the lines of some objects, and which strings are equal (graph/strings.h). Must not know
 * what a line says.
 */
#define _GNU_SOURCE /* strndup */
#include "graph/suspects.h"

#include "dump/json_reader.h"
#include "graph/second_pass.h"

#include <stdlib.h>
#include <string.h>

struct seen {
    uint64_t *slots; /* hash table of the strings' hashes; 0 if free */
    uint64_t mask, used;
};

static bool grow(struct seen *seen)
{
    struct seen bigger = {.mask = seen->slots ? 2 * seen->mask + 1 : 4095, .used = seen->used};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (uint64_t i = 0; seen->slots && i <= seen->mask; i++) {
        if (!seen->slots[i])
            continue;
        uint64_t at = seen->slots[i] >> 1 & bigger.mask;
        while (bigger.slots[at])
            at = (at + 1) & bigger.mask;
        bigger.slots[at] = seen->slots[i];
    }
    free(seen->slots);
    *seen = bigger;
    return true;
}

/* Adds it; *repeated says whether it was there. */
static bool see(struct seen *seen, uint64_t value, bool *repeated)
{
    if (2 * seen->used >= seen->mask && !grow(seen))
        return false;
    uint64_t at = value >> 1 & seen->mask;
    while (seen->slots[at] && seen->slots[at] != value)
        at = (at + 1) & seen->mask;
    *repeated = seen->slots[at] == value;
    seen->used += !*repeated;
    seen->slots[at] = value;
    return true;
}

/* --- the samples --- */

/* Each sample has a place of its own, or is the same of several suspects: no two workers write the same. */
static bool visit(void *data, unsigned worker, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct hd_suspects *suspects = data;
    (void)worker;
    for (uint32_t i = 0; i < suspects->count; i++) {
        struct hd_suspect *suspect = &suspects->list[i];
        for (uint32_t k = 0; k < suspect->sample_count; k++) {
            if (suspect->sample[k] != node || suspect->sample_line[k] || object.length >= HD_SUSPECT_LINE)
                continue;
            suspect->sample_line[k] = strndup(object.data, object.length);
            if (!suspect->sample_line[k])
                return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        }
    }
    return true;
}

static bool samples_read(struct hd_suspects *suspects, const char *path, uint8_t *wanted, struct hd_error *err)
{
    memset(wanted, 0, suspects->graph->node_count);
    for (uint32_t i = 0; i < suspects->count; i++)
        for (uint32_t k = 0; k < suspects->list[i].sample_count; k++)
            wanted[suspects->list[i].sample[k]] = suspects->owner[suspects->list[i].sample[k]] != 0;
    return hd_second_pass(path, suspects->graph, wanted, visit, suspects, err);
}

/* --- the strings --- */

/* Of equal ones that a suspect retains, in the order of the file, the first is no duplicate. Of what is truncated the rest may differ. */
static bool count_repeated(struct hd_suspects *suspects, const struct hd_strings_found *found)
{
    struct seen seen = {0};
    bool done = true;
    for (uint64_t i = 0; done && i < found->member_count; i++) {
        const struct hd_strings_member *member = &found->members[i];
        uint8_t owner = member->flags & (HD_STRINGS_PREFIX | HD_STRINGS_EMPTY) ? 0 : suspects->owner[member->node];
        for (; done && owner; owner = suspects->above[owner - 1]) {
            struct hd_suspect *suspect = &suspects->list[owner - 1];
            bool repeated = false;
            done = see(&seen, (member->hash + owner * 0x9e3779b97f4a7c15u) | 1, &repeated); /* never 0, which is a free slot */
            suspect->duplicates += repeated;
            suspect->duplicate_size += repeated ? suspects->graph->node_size[member->node] : 0;
        }
    }
    free(seen.slots);
    return done;
}

/* Those that a suspect retains. */
static bool strings_find(const struct hd_suspects *suspects, struct hd_strings_found *found, const char *path, uint8_t *wanted,
                         struct hd_error *err)
{
    const struct hd_graph *graph = suspects->graph;
    struct hd_replay_job job;
    uint32_t count = 0;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        wanted[node] = suspects->owner[node] && graph->node_type[node] == HD_BT_T_STRING;
        count += wanted[node];
    }
    unsigned visitors = hd_replay_visitors(count);
    if (!hd_strings_find(found, graph, suspects->dominators->parent, wanted, visitors, &job, err)
        || (job.count > 0 && !hd_replay_jobs(path, graph, &job, 1, visitors, err)))
        return false;
    hd_strings_found_all(found);
    return true;
}

bool hd_suspects_read(struct hd_suspects *suspects, const char *path, const struct hd_strings_found *found, struct hd_error *err)
{
    struct hd_strings_found own = {0};
    uint8_t *wanted = calloc(suspects->graph->node_count, 1);
    bool done = wanted || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    done = done && (found || strings_find(suspects, &own, path, wanted, err))
           && (count_repeated(suspects, found ? found : &own) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"))
           && samples_read(suspects, path, wanted, err);
    free(wanted);
    hd_strings_found_free(&own);
    suspects->read = done;
    return done;
}
