/*
 * What suspects need and the graph has not: the lines of some objects, and which strings are equal. One pass over the dump.
 *
 * Knows of a line only how its string is written (docs/format.md, and ObjectSpace's way). A line that does not
 * look like that is passed over.
 */
#define _GNU_SOURCE /* memmem */
#include "graph/suspects.h"

#include "dump/json_reader.h"
#include "dump/text.h"
#include "graph/second_pass.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

/* The contents of a string as they are written; a quote inside a text always has a backslash, so these keys are keys. */
static struct hd_graph_text contents_of(const char *text, size_t length)
{
    static const char *const keys[] = {"\"val\":\"", "\"value\":\"", "\"val_base64\":\"", "\"val_hash\":\""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *at = memmem(text, length, keys[i], strlen(keys[i])), *end = text + length;
        if (!at)
            continue;
        at += strlen(keys[i]);
        for (const char *to = at; to < end; to++) {
            if (*to == '"')
                return (struct hd_graph_text){at, (size_t)(to - at)};
            to += *to == '\\';
        }
    }
    return (struct hd_graph_text){NULL, 0};
}

/* --- the pass --- */

/* Strings that one worker of the pass found, in its order. */
struct found {
    struct text {
        uint64_t hash; /* of the contents and of who retains it */
        uint32_t node;
    } *list;
    size_t count, capacity;
};

struct pass {
    struct hd_suspects *suspects;
    uint64_t key[3]; /* random: nobody who writes a dump can make two texts look alike */
    struct found found[HD_SECOND_PASS_WORKERS];
};

static bool found_add(struct found *found, struct text text)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? 2 * found->capacity : 1024;
        struct text *list = realloc(found->list, capacity * sizeof *list);
        if (!list)
            return false;
        found->list = list;
        found->capacity = capacity;
    }
    found->list[found->count++] = text;
    return true;
}

/* Each sample has a place of its own: no two workers write the same. */
static bool sample_line(struct hd_suspect *suspect, uint32_t node, struct hd_graph_text object)
{
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        if (suspect->sample[i] != node || suspect->sample_line[i] || object.length >= HD_SUSPECT_LINE)
            continue;
        suspect->sample_line[i] = strndup(object.data, object.length);
        return suspect->sample_line[i] != NULL;
    }
    return true;
}

/* Never 0, which is a free slot. */
static uint64_t hash(const struct pass *pass, struct hd_graph_text text, uint8_t owner)
{
    return (hd_text_keyed_hash(pass->key, text.data, text.length) + owner * (pass->key[2] | 1)) | 1;
}

static bool visit(void *data, unsigned worker, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct pass *pass = data;
    struct hd_suspects *suspects = pass->suspects;
    uint8_t owner = suspects->owner[node];
    bool done = true;
    /* of what is truncated the part that is missing may differ */
    if (suspects->graph->node_type[node] == HD_BT_T_STRING && !(suspects->graph->node_flags[node] & HD_NODE_TRUNCATED)) {
        struct hd_graph_text text = contents_of(object.data, object.length);
        if (text.data && text.length > 0)
            done = found_add(&pass->found[worker], (struct text){hash(pass, text, owner), node});
    }
    done = done && sample_line(&suspects->list[owner - 1], node, object);
    return done || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* What is not to be read: all that no suspect retains, and what is neither a string nor a sample. */
static uint8_t *choose(const struct hd_suspects *suspects)
{
    const struct hd_graph *graph = suspects->graph;
    uint8_t *wanted = calloc(graph->node_count, 1);
    for (uint32_t node = 1; wanted && node < graph->node_count; node++)
        wanted[node] = suspects->owner[node] && graph->node_type[node] == HD_BT_T_STRING;
    for (uint32_t i = 0; wanted && i < suspects->count; i++)
        for (uint32_t k = 0; k < suspects->list[i].sample_count; k++)
            wanted[suspects->list[i].sample[k]] = suspects->owner[suspects->list[i].sample[k]] != 0;
    return wanted;
}

/* In the order of the file: of equal ones the first is no duplicate. */
static bool count_repeated(struct pass *pass)
{
    struct hd_suspects *suspects = pass->suspects;
    struct seen seen = {0};
    bool done = true;
    for (unsigned worker = 0; worker < HD_SECOND_PASS_WORKERS; worker++)
        for (size_t i = 0; done && i < pass->found[worker].count; i++) {
            struct text text = pass->found[worker].list[i];
            struct hd_suspect *suspect = &suspects->list[suspects->owner[text.node] - 1];
            bool repeated = false;
            done = see(&seen, text.hash, &repeated);
            suspect->duplicates += repeated;
            suspect->duplicate_size += repeated ? suspects->graph->node_size[text.node] : 0;
        }
    free(seen.slots);
    return done;
}

bool hd_suspects_read(struct hd_suspects *suspects, const char *path, struct hd_error *err)
{
    struct pass pass = {.suspects = suspects};
    if (getrandom(pass.key, sizeof pass.key, 0) != sizeof pass.key)
        return hd_error_set(err, HD_ERROR_INTERNAL, "the kernel has no random numbers");
    uint8_t *wanted = choose(suspects);
    bool done = wanted ? hd_second_pass(path, suspects->graph, wanted, visit, &pass, err)
                             && (count_repeated(&pass) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"))
                       : hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    free(wanted);
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        free(pass.found[i].list);
    suspects->read = done;
    return done;
}
