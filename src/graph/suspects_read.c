/*
 * What suspects need and the graph has not: the lines of some objects, and which strings are equal. One pass over the dump.
 *
 * Knows of a line only how its id and its string are written (docs/format.md, and ObjectSpace's way). A line that does not
 * look like that is passed over.
 */
#define _GNU_SOURCE /* memmem */
#include "graph/suspects.h"

#include "dump/input.h"
#include "dump/json_reader.h"

#include <stdlib.h>
#include <string.h>

struct seen {
    uint64_t *slots; /* hash table of the strings' hashes; 0 if free */
    uint64_t mask, used;
};

static uint64_t hash(const char *text, size_t length, uint64_t seed)
{
    uint64_t value = 0xcbf29ce484222325u ^ seed * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)text[i]) * 0x100000001b3u;
    value = (value ^ value >> 32) * 0xD6E8FEB86659FD93u;
    return (value ^ value >> 32) | 1;
}

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

/* The id of an object's line, 0 if it is none. */
static uint64_t id_of(const char *text, size_t length)
{
    static const char ours[] = "{\"id\":", theirs[] = "{\"address\":\"0x";
    uint64_t id = 0;
    size_t at = length && *text != '{';
    if (length > at + sizeof theirs && !memcmp(text + at, theirs, sizeof theirs - 1)) {
        for (at += sizeof theirs - 1; at < length && text[at] != '"'; at++)
            id = id << 4 | (unsigned)((text[at] & 15) + (text[at] > '9' ? 9 : 0));
        return id;
    }
    if (length <= at + sizeof ours || memcmp(text + at, ours, sizeof ours - 1) != 0)
        return 0;
    for (at += sizeof ours - 1; at < length && text[at] >= '0' && text[at] <= '9'; at++)
        id = id * 10 + (uint64_t)(text[at] - '0');
    return id;
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

static bool string_line(struct hd_suspects *suspects, struct seen *seen, uint32_t node,
                        const struct hd_input_line *line)
{
    uint8_t owner = suspects->owner[node];
    if (suspects->graph->node_flags[node] & HD_NODE_TRUNCATED)
        return true; /* the part that is missing may differ */
    struct hd_graph_text text = contents_of(line->text, line->length);
    bool repeated = false;
    if (!text.data || text.length == 0)
        return true;
    if (!see(seen, hash(text.data, text.length, owner), &repeated))
        return false;
    if (repeated) {
        suspects->list[owner - 1].duplicates++;
        suspects->list[owner - 1].duplicate_size += suspects->graph->node_size[node];
    }
    return true;
}

static bool sample_line(struct hd_suspect *suspect, uint32_t node, const struct hd_input_line *line)
{
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        if (suspect->sample[i] != node || suspect->sample_line[i] || line->length >= HD_SUSPECT_LINE)
            continue;
        size_t skip = line->text[0] != '{';
        suspect->sample_line[i] = strndup(line->text + skip, line->length - skip);
        return suspect->sample_line[i] != NULL;
    }
    return true;
}

/* Objects mostly come in the order of their addresses: the next node is tried before all are searched. */
static uint32_t node_of(const struct hd_graph *graph, uint64_t id, uint32_t before)
{
    uint32_t next = before + 1;
    return next < graph->node_count && graph->node_address[next] == id ? next : hd_graph_find(graph, id);
}

bool hd_suspects_read(struct hd_suspects *suspects, const char *path, struct hd_error *err)
{
    struct hd_input *input = hd_input_open(path, err);
    if (!input)
        return false;
    hd_input_allow_long(input);
    struct seen seen = {0};
    struct hd_input_line line;
    struct hd_error ignored = {0}; /* a dump that ends too early has been read as far as it goes once before */
    uint32_t node = 0;
    bool done = true;
    while (done && hd_input_next(input, &line, &ignored) == HD_INPUT_LINE) {
        uint64_t id = id_of(line.text, line.length);
        uint32_t found = id ? node_of(suspects->graph, id, node) : HD_NODE_NONE;
        if (found == HD_NODE_NONE || found == HD_NODE_ROOT)
            continue;
        node = found;
        if (!suspects->owner[node] || suspects->graph->node_line[node] != line.offset)
            continue;
        if (suspects->graph->node_type[node] == HD_BT_T_STRING)
            done = string_line(suspects, &seen, node, &line);
        done = done && sample_line(&suspects->list[suspects->owner[node] - 1], node, &line);
    }
    free(seen.slots);
    hd_input_close(input);
    suspects->read = done;
    return done || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}
