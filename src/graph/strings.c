/* Hashes are sorted in place, equal ones become neighbours. See strings.h. */
#define _GNU_SOURCE
#include "graph/strings.h"

#include "base/progress.h"
#include "dump/text.h"
#include "graph/replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { THREAD_MIN = 20000 };

/* What one visitor of the pass finds. */
struct hd_strings_build {
    const struct hd_graph *graph;
    uint64_t keys[2][2];
    char last_encoding[32]; /* and its hash: most strings have the same */
    size_t last_length;
    uint64_t last_hash;
    struct hd_strings_member *members; /* where its next one goes */
    uint64_t member_count;
    struct hd_strings_sum all, unknown;
    /* the string at hand */
    uint64_t hash[2], bytesize, encoding;
    bool known, empty, prefix, fstring;
};

/* ---- reading ---- */

static bool is_contents(const struct hd_json_field *field)
{
    return field->type == HD_JSON_TEXT &&
           (hd_json_text_is(field->name, "val") || hd_json_text_is(field->name, "value") ||
            hd_json_text_is(field->name, "val_base64") || hd_json_text_is(field->name, "val_hash"));
}

static uint64_t encoding_hash(struct hd_strings_build *build, const struct hd_json_text *name)
{
    if (name->length > 0 && name->length == build->last_length && !memcmp(name->data, build->last_encoding, name->length))
        return build->last_hash;
    uint64_t hash = hd_text_keyed_hash(build->keys[0], name->data, name->length);
    if (name->length <= sizeof build->last_encoding) {
        memcpy(build->last_encoding, name->data, name->length);
        build->last_length = name->length;
        build->last_hash = hash;
    }
    return hash;
}

static bool on_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct hd_strings_build *build = data;
    (void)node;
    (void)err;
    if (is_contents(field)) {
        for (int i = 0; i < 2; i++)
            build->hash[i] = hd_text_keyed_hash(build->keys[i], field->text.data, field->text.length) + field->name.length;
        build->known = true;
        build->empty = field->text.length == 0;
    } else if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "bytesize")) {
        build->bytesize = (uint64_t)field->integer;
    } else if (field->type == HD_JSON_TEXT && hd_json_text_is(field->name, "encoding")) {
        build->encoding = encoding_hash(build, &field->text);
    } else if (field->type == HD_JSON_BOOL && field->integer) {
        build->prefix |= hd_json_text_is(field->name, "truncated");
        build->fstring |= hd_json_text_is(field->name, "fstring");
    }
    return true;
}

static bool on_end(void *data, uint32_t node, struct hd_error *err)
{
    struct hd_strings_build *build = data;
    (void)err;
    build->all.count++;
    build->all.bytes += build->graph->node_size[node];
    if (build->known) {
        /* lengths times an odd number that nobody knows: of one text no two lengths come out the same */
        build->member_count++;
        *build->members++ = (struct hd_strings_member){
            .hash = build->hash[0] + build->bytesize * (build->keys[1][0] | 1) + build->encoding,
            .check = build->hash[1] + build->bytesize * (build->keys[0][1] | 1) - build->encoding, .node = node,
            .flags = (build->fstring ? HD_STRINGS_FSTRING : 0u) | (build->prefix ? HD_STRINGS_PREFIX : 0u) | (build->empty ? HD_STRINGS_EMPTY : 0u)};
    } else {
        build->unknown.count++;
        build->unknown.bytes += build->graph->node_size[node];
    }
    build->known = build->prefix = build->fstring = false;
    build->bytesize = build->encoding = 0;
    return true;
}

static void on_begin(void *data, uint32_t first)
{
    struct hd_strings_build *build = data;
    build->members += first;
}

static void unwanted_drop(struct hd_strings_found *found, const uint8_t *wanted)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found->count; i++)
        if (wanted[found->nodes[i]])
            found->nodes[kept++] = found->nodes[i];
    found->count = kept;
}

/* Each visitor has the places of its share for its members, which then move together. */
bool hd_strings_find(struct hd_strings_found *found, const struct hd_graph *graph, const uint32_t *dominator, const uint8_t *wanted,
                     unsigned visitors, struct hd_replay_job *job, struct hd_error *err)
{
    *found = (struct hd_strings_found){.visitors = visitors};
    found->nodes = hd_replay_choose(graph, dominator, HD_BT_T_STRING, HD_BT_T_STRING, HD_NODE_NONE, &found->count,
                                    &found->unreachable, err);
    if (!found->nodes)
        return false;
    if (wanted)
        unwanted_drop(found, wanted);
    found->members = malloc(((size_t)found->count + 1) * sizeof *found->members);
    found->build = calloc(HD_REPLAY_VISITORS, sizeof *found->build);
    if (!found->members || !found->build)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    found->build[0] = (struct hd_strings_build){.graph = graph, .members = found->members};
    if (getrandom(found->build[0].keys, sizeof found->build[0].keys, 0) != sizeof found->build[0].keys)
        return hd_error_set(err, HD_ERROR_INTERNAL, "the kernel has no random numbers");
    for (unsigned i = 0; i < visitors; i++) {
        found->build[i] = found->build[0];
        found->visitor[i] = (struct hd_replay_visitor){&found->build[i], on_field, on_end, on_begin, NULL};
    }
    *job = (struct hd_replay_job){found->nodes, found->count, found->visitor};
    return true;
}

static void sum_add(struct hd_strings_sum *sum, const struct hd_strings_sum *more)
{
    sum->count += more->count;
    sum->bytes += more->bytes;
}

void hd_strings_found_all(struct hd_strings_found *found)
{
    for (unsigned i = 0; i < found->visitors; i++) {
        struct hd_strings_build *build = &found->build[i];
        memmove(found->members + found->member_count, build->members - build->member_count, build->member_count * sizeof *build->members);
        found->member_count += build->member_count;
        sum_add(&found->all, &build->all);
        sum_add(&found->unknown, &build->unknown);
    }
    free(found->build);
    found->build = NULL;
}

void hd_strings_found_free(struct hd_strings_found *found)
{
    free(found->members);
    free(found->nodes);
    free(found->build);
    *found = (struct hd_strings_found){0};
}

/* ---- sorting ---- */

static int order(const struct hd_strings_member *a, const struct hd_strings_member *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->check < b->check ? -1 : a->check > b->check;
}

static void swap(struct hd_strings_member *a, struct hd_strings_member *b)
{
    struct hd_strings_member kept = *a;
    *a = *b;
    *b = kept;
}

/*
 * Quicksort in three parts, without the copy that qsort makes. Many equal ones cost nothing, and the keys being random
 * any element will do to divide by; the smaller side is sorted first, so the stack has at most 64 entries.
 */
static void sort(struct hd_strings_member *members, uint64_t count)
{
    struct {
        uint64_t from, to;
    } stack[64];
    int depth = 0;
    uint64_t from = 0, to = count;
    for (;;) {
        while (to - from > 1) {
            struct hd_strings_member middle = members[from + (to - from) / 2];
            uint64_t less = from, at = from, more = to;
            while (at < more) {
                int side = order(&members[at], &middle);
                if (side < 0)
                    swap(&members[less++], &members[at++]);
                else if (side > 0)
                    swap(&members[at], &members[--more]);
                else
                    at++;
            }
            bool left_first = less - from < to - more;
            stack[depth].from = left_first ? more : from;
            stack[depth++].to = left_first ? to : less;
            from = left_first ? from : more;
            to = left_first ? less : to;
        }
        if (depth == 0)
            return;
        from = stack[--depth].from;
        to = stack[depth].to;
    }
}

struct part {
    struct hd_strings_member *members;
    uint64_t count;
};

static void *sort_part(void *data)
{
    struct part *part = data;
    sort(part->members, part->count);
    return NULL;
}

/* In two halves, each in a thread of its own: what is below 2^63 and the rest. */
static void sort_all(struct hd_strings_member *members, uint64_t count)
{
    uint64_t less = 0;
    for (uint64_t at = 0; at < count; at++)
        if (!(members[at].hash >> 63))
            swap(&members[less++], &members[at]);
    struct part low = {members, less}, high = {members + less, count - less};
    pthread_t thread;
    bool has_thread = count >= THREAD_MIN && !pthread_create(&thread, NULL, sort_part, &low);
    if (!has_thread)
        sort_part(&low);
    sort_part(&high);
    if (has_thread)
        pthread_join(thread, NULL);
}

/* ---- groups ---- */

static bool better(const struct hd_graph *graph, const struct hd_strings_member *member,
                   const struct hd_strings_member *than)
{
    uint32_t shared = member->flags & HD_STRINGS_FSTRING, other = than->flags & HD_STRINGS_FSTRING;
    if (shared != other)
        return shared > other;
    if (graph->node_size[member->node] != graph->node_size[than->node])
        return graph->node_size[member->node] > graph->node_size[than->node];
    return member->node < than->node;
}

static void group_fill(struct hd_strings *strings, const struct hd_graph *graph, uint64_t first, uint64_t end)
{
    const struct hd_strings_member *members = strings->members, *kept = &members[first];
    struct hd_strings_group group = {.first = first, .count = (uint32_t)(end - first)};
    uint64_t frozen_bytes = 0;
    for (uint64_t i = first; i < end; i++) {
        bool frozen = members[i].flags & HD_STRINGS_FSTRING || graph->node_flags[members[i].node] & HD_NODE_FROZEN;
        group.bytes += graph->node_size[members[i].node];
        frozen_bytes += frozen ? graph->node_size[members[i].node] : 0;
        group.frozen += frozen;
        group.fstrings += members[i].flags & HD_STRINGS_FSTRING ? 1 : 0;
        group.by_prefix |= (members[i].flags & HD_STRINGS_PREFIX) != 0;
        if (better(graph, &members[i], kept))
            kept = &members[i];
    }
    group.kept = kept->node;
    group.wasted = group.bytes - graph->node_size[kept->node];
    bool keeps_frozen = kept->flags & HD_STRINGS_FSTRING || graph->node_flags[kept->node] & HD_NODE_FROZEN;
    strings->copies.count += group.count - 1;
    strings->copies.bytes += group.wasted;
    strings->frozen_copies.count += group.frozen - keeps_frozen;
    strings->frozen_copies.bytes += frozen_bytes - (keeps_frozen ? graph->node_size[kept->node] : 0);
    strings->groups[strings->group_count++] = group;
}

static int by_waste(const void *left, const void *right)
{
    const struct hd_strings_group *a = left, *b = right;
    if (a->wasted != b->wasted)
        return a->wasted < b->wasted ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return (a->kept > b->kept) - (a->kept < b->kept);
}

static uint64_t run_end(const struct hd_strings *strings, uint64_t first)
{
    uint64_t end = first + 1;
    while (end < strings->member_count && !order(&strings->members[first], &strings->members[end]))
        end++;
    return end;
}

static bool groups_make(struct hd_strings *strings, const struct hd_graph *graph, struct hd_error *err)
{
    sort_all(strings->members, strings->member_count);
    if (!hd_progress_go_on(hd_progress_watcher(), 0, err))
        return false;
    uint64_t several = 0;
    for (uint64_t first = 0, end; first < strings->member_count; first = end) {
        end = run_end(strings, first);
        several += end - first > 1;
        strings->distinct++;
    }
    strings->groups = malloc((several + 1) * sizeof *strings->groups);
    if (!strings->groups)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint64_t first = 0, end; first < strings->member_count; first = end) {
        end = run_end(strings, first);
        if (end - first > 1)
            group_fill(strings, graph, first, end);
    }
    qsort(strings->groups, strings->group_count, sizeof *strings->groups, by_waste);
    return true;
}

/* ---- the biggest ---- */

static int by_size(const void *left, const void *right, void *data)
{
    const struct hd_graph *graph = data;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (graph->node_size[a] != graph->node_size[b])
        return graph->node_size[a] < graph->node_size[b] ? 1 : -1;
    return (a > b) - (a < b);
}

/* A heap whose top is the last in order. */
static void sift(const struct hd_graph *graph, uint32_t *heap, uint32_t count, uint32_t at)
{
    for (uint64_t child; (child = 2 * (uint64_t)at + 1) < count; at = (uint32_t)child) {
        if (child + 1 < count && by_size(&heap[child + 1], &heap[child], (void *)(uintptr_t)graph) > 0)
            child++;
        if (by_size(&heap[at], &heap[child], (void *)(uintptr_t)graph) > 0)
            return;
        uint32_t kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
    }
}

/* Puts the first `limit` in front, in any order: most others only are compared with the last of these. */
static void first_take(const struct hd_graph *graph, uint32_t *nodes, uint32_t count, uint32_t limit)
{
    for (uint32_t at = limit / 2; at-- > 0;)
        sift(graph, nodes, limit, at);
    for (uint32_t i = limit; i < count && limit > 0; i++)
        if (by_size(&nodes[i], &nodes[0], (void *)(uintptr_t)graph) < 0) {
            nodes[0] = nodes[i];
            sift(graph, nodes, limit, 0);
        }
}

/* The nodes are there already. */
static void biggest_take(struct hd_strings *strings, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
                         uint32_t limit)
{
    strings->biggest_count = limit && limit < count ? limit : count;
    if (strings->biggest_count < count)
        first_take(graph, nodes, count, strings->biggest_count);
    qsort_r(nodes, strings->biggest_count, sizeof *nodes, by_size, (void *)(uintptr_t)graph);
    uint32_t *shorter = realloc(nodes, ((size_t)strings->biggest_count + 1) * sizeof *nodes);
    strings->biggest = shorter ? shorter : nodes;
}

/* The same in a thread of its own, as it needs nothing of the groups. */
struct biggest {
    struct hd_strings *strings;
    const struct hd_graph *graph;
    uint32_t *nodes, count, limit;
};

static void *biggest_run(void *data)
{
    const struct biggest *work = data;
    biggest_take(work->strings, work->graph, work->nodes, work->count, work->limit);
    return NULL;
}

static bool rank_all(struct hd_strings *strings, const struct hd_graph *graph, uint32_t *nodes, uint32_t count, uint32_t limit, struct hd_error *err)
{
    struct biggest work = {strings, graph, nodes, count, limit};
    pthread_t thread;
    bool has_thread = count >= THREAD_MIN && !pthread_create(&thread, NULL, biggest_run, &work);
    if (!has_thread)
        biggest_run(&work);
    bool ok = groups_make(strings, graph, err);
    if (has_thread)
        pthread_join(thread, NULL);
    return ok;
}

/* A copy of what was found, which others may need; or all of it, if it was found for this alone. */
static bool take(struct hd_strings *strings, struct hd_strings_found *own, const struct hd_strings_found *found, uint32_t **nodes)
{
    strings->all = found->all;
    strings->unknown = found->unknown;
    strings->unreachable = found->unreachable;
    strings->member_count = found->member_count;
    if (own) {
        strings->members = own->members;
        *nodes = own->nodes;
        own->members = NULL;
        own->nodes = NULL;
        return true;
    }
    strings->members = malloc((found->member_count + 1) * sizeof *strings->members);
    *nodes = malloc(((size_t)found->count + 1) * sizeof **nodes);
    if (!strings->members || !*nodes)
        return false;
    memcpy(strings->members, found->members, found->member_count * sizeof *strings->members);
    memcpy(*nodes, found->nodes, found->count * sizeof **nodes);
    return true;
}

static bool find_alone(struct hd_strings_found *found, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                       struct hd_error *err)
{
    struct hd_replay_job job;
    uint32_t strings = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        strings += graph->node_type[node] == HD_BT_T_STRING;
    unsigned visitors = hd_replay_visitors(strings);
    if (!hd_strings_find(found, graph, dominator, NULL, visitors, &job, err)
        || !(job.count == 0 || hd_replay_jobs(path, graph, &job, 1, visitors, err)))
        return false;
    hd_strings_found_all(found);
    return true;
}

bool hd_strings_create(struct hd_strings *strings, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                       uint32_t biggest, const struct hd_strings_found *found, struct hd_error *err)
{
    struct hd_strings_found own = {0};
    uint32_t *nodes = NULL;
    *strings = (struct hd_strings){0};
    bool ok = found || find_alone(&own, path, graph, dominator, err);
    uint32_t count = found ? found->count : own.count;
    ok = ok && (take(strings, found ? NULL : &own, found ? found : &own, &nodes) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"));
    hd_strings_found_free(&own);
    if (!ok)
        free(nodes);
    ok = ok && rank_all(strings, graph, nodes, count, biggest, err);
    if (!ok)
        hd_strings_destroy(strings);
    return ok;
}

void hd_strings_destroy(struct hd_strings *strings)
{
    free(strings->members);
    free(strings->groups);
    free(strings->biggest);
    *strings = (struct hd_strings){0};
}

/* ---- the texts of some ---- */

struct texts {
    struct hd_strings_text **order; /* by node */
    uint32_t count;
};

/* Who reads a share of them. */
struct text_visitor {
    const struct texts *texts;
    uint32_t at; /* of the node that was seen last */
};

static int by_node(const void *left, const void *right)
{
    const struct hd_strings_text *a = *(struct hd_strings_text *const *)left, *b = *(struct hd_strings_text *const *)right;
    return (a->node > b->node) - (a->node < b->node);
}

/* The first of the texts that are this node's. */
static uint32_t texts_find(const struct texts *texts, uint32_t node)
{
    uint32_t low = 0, high = texts->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (texts->order[middle]->node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool text_take(struct hd_strings_text *text, const struct hd_json_field *field)
{
    size_t length = field->text.length;
    if (length > HD_STRINGS_BEGINNING) {
        length = HD_STRINGS_BEGINNING;
        while (length > 0 && ((unsigned char)field->text.data[length] & 0xc0) == 0x80)
            length--;
    }
    free(text->beginning);
    text->beginning = malloc(length + 1);
    if (!text->beginning)
        return false;
    memcpy(text->beginning, field->text.data, length);
    text->length = (uint32_t)length;
    text->form = hd_json_text_is(field->name, "val_base64") ? HD_STRINGS_BASE64
                 : hd_json_text_is(field->name, "val_hash") ? HD_STRINGS_HASH
                                                            : HD_STRINGS_TEXT;
    return true;
}

static bool text_field(struct hd_strings_text *text, const struct hd_json_field *field)
{
    if (is_contents(field))
        return text_take(text, field);
    if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "bytesize"))
        text->bytesize = (uint64_t)field->integer;
    else if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "line"))
        text->line = (uint64_t)field->integer;
    else if (field->type == HD_JSON_BOOL && hd_json_text_is(field->name, "truncated"))
        text->truncated = field->integer;
    else if (field->type == HD_JSON_TEXT && hd_json_text_is(field->name, "file")) {
        free(text->file);
        text->file = strndup(field->text.data, field->text.length);
        return text->file != NULL;
    }
    return true;
}

static bool on_text_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct text_visitor *visitor = data;
    const struct texts *texts = visitor->texts;
    if (visitor->at == texts->count || texts->order[visitor->at]->node != node)
        visitor->at = texts_find(texts, node);
    for (uint32_t i = visitor->at; i < texts->count && texts->order[i]->node == node; i++)
        if (!text_field(texts->order[i], field))
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return true;
}

static bool on_text_end(void *data, uint32_t node, struct hd_error *err)
{
    (void)data;
    (void)node;
    (void)err;
    return true;
}

bool hd_strings_read(const char *path, const struct hd_graph *graph, const uint32_t *nodes, uint32_t count,
                     struct hd_strings_text **list, struct hd_error *err)
{
    struct texts texts = {.count = count};
    struct text_visitor readers[HD_REPLAY_VISITORS];
    struct hd_replay_visitor visitor[HD_REPLAY_VISITORS];
    for (unsigned i = 0; i < HD_REPLAY_VISITORS; i++) {
        readers[i] = (struct text_visitor){.texts = &texts};
        visitor[i] = (struct hd_replay_visitor){.data = &readers[i], .field = on_text_field, .end = on_text_end};
    }
    *list = calloc((size_t)count + 1, sizeof **list);
    texts.order = calloc((size_t)count + 1, sizeof *texts.order);
    uint32_t *each = malloc(((size_t)count + 1) * sizeof *each), each_count = 0;
    bool ok = (*list && texts.order && each) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; ok && i < count; i++) {
        (*list)[i].node = nodes[i];
        texts.order[i] = &(*list)[i];
    }
    if (ok)
        qsort(texts.order, count, sizeof *texts.order, by_node);
    for (uint32_t i = 0; ok && i < count; i++)
        if (i == 0 || texts.order[i]->node != texts.order[i - 1]->node)
            each[each_count++] = texts.order[i]->node;
    ok = ok && hd_replay_shared(path, graph, each, each_count, visitor, hd_replay_visitors(each_count), err);
    free(each);
    free(texts.order);
    if (!ok) {
        hd_strings_free(*list, *list ? count : 0);
        *list = NULL;
    }
    return ok;
}

void hd_strings_free(struct hd_strings_text *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(texts[i].beginning);
        free(texts[i].file);
    }
    free(texts);
}
