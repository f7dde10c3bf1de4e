/* See collections.h. */
#include "graph/collections.h"

#include "graph/replay.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORD = 8,         /* of an array's place */
    ENTRY = 24,       /* of a hash's: hash value, key and value (struct st_table_entry, st.c of 2.4 and later) */
    TABLE_HEAD = 56,  /* struct st_table */
    SMALL_PLACES = 8, /* RHASH_AR_TABLE_MAX_SIZE */
    SMALL_ENTRY = 16, /* key and value */
    SET_ENTRY = 16,   /* of a set's: hash value and key (struct set_table_entry, set_table.c of 4.0) */
    OLD_SLOT = 40,    /* of Rubies whose dumps do not tell */
    TURNS = 64
};

/* What one visitor of the pass finds. */
struct hd_collections_build {
    struct hd_collection *list; /* where its next one goes */
    const struct hd_graph *graph;
    bool objspace;
    /* the object at hand */
    uint64_t elements, capacity, slot_size;
    bool has_capacity, embedded, shared, counted;
};

int hd_collections_kind(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return type == HD_BT_T_ARRAY ? HD_COLLECTIONS_ARRAY : type == HD_BT_T_HASH ? HD_COLLECTIONS_HASH : HD_COLLECTIONS_SET;
}

static bool on_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct hd_collections_build *build = data;
    bool array = build->graph->node_type[node] == HD_BT_T_ARRAY;
    (void)err;
    if (build->objspace) {
        if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, array ? "length" : "size"))
            build->elements = (uint64_t)field->integer;
        build->embedded |= field->type == HD_JSON_BOOL && field->integer && hd_json_text_is(field->name, "embedded");
        build->shared |= field->type == HD_JSON_BOOL && field->integer && hd_json_text_is(field->name, "shared");
    } else if (hd_json_text_is(field->name, "val") || hd_json_text_is(field->name, "elements")) {
        /* continuations have further elements */
        build->elements += field->type == HD_JSON_ARRAY || field->type == HD_JSON_MAP ? field->elements : 0;
        build->counted = true;
    } else if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "capacity")) {
        build->capacity = (uint64_t)field->integer;
        build->has_capacity = true;
    }
    if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "slot_size"))
        build->slot_size = (uint64_t)field->integer;
    return true;
}

/* Rubies up to 3.2 keep up to 8 pairs in a buffer of that size (ar_table, hash.c); from 3.3 on in the slot. */
static bool is_small_table(const struct hd_collections_build *build, uint64_t outside)
{
    return outside == SMALL_PLACES * SMALL_ENTRY && build->elements <= SMALL_PLACES;
}

/*
 * Places of a hash table that takes so many bytes: 2^p entries and, above 2^4, twice as many bins of 1, 2, 4 … bytes
 * (st.c, 2.4 to 3.4); its head lies in the slot from 3.3 on.
 */
static uint64_t places_of_table(uint64_t bytes, uint64_t elements)
{
    for (unsigned power = 2; power < 40; power++) {
        uint64_t bin = power <= 7 ? 1 : power <= 15 ? 2 : power <= 31 ? 4 : 8;
        uint64_t need = ((uint64_t)ENTRY << power) + (power > 4 ? bin << (power + 1) : 0);
        if ((bytes == need || bytes == need + TABLE_HEAD) && elements <= (uint64_t)1 << power)
            return (uint64_t)1 << power;
    }
    return HD_COLLECTIONS_UNKNOWN;
}

/* ObjectSpace counts a slot and the buffer outside it; a shared buffer is counted where it is owned. */
static uint64_t places_by_size(const struct hd_collections_build *build, uint64_t outside, bool array)
{
    if (build->embedded || build->shared || outside == 0)
        return build->elements;
    if (is_small_table(build, outside) && !array)
        return SMALL_PLACES;
    if (!array)
        return places_of_table(outside, build->elements);
    return outside / WORD < build->elements ? build->elements : outside / WORD;
}

static struct hd_collection collection(const struct hd_collections_build *build, uint32_t node)
{
    int kind = hd_collections_kind(build->graph, node);
    bool array = kind == HD_COLLECTIONS_ARRAY, small = false;
    struct hd_collection one = {.node = node, .elements = build->elements, .places = build->elements};
    uint64_t size = build->graph->node_size[node], slot = build->slot_size ? build->slot_size : OLD_SLOT;
    uint64_t outside = size > slot ? size - slot : 0, unit = array ? WORD : kind == HD_COLLECTIONS_SET ? SET_ENTRY : ENTRY;
    if (build->objspace)
        one.places = places_by_size(build, outside, array);
    else if (build->has_capacity && build->capacity > one.places)
        one.places = build->capacity;
    if (kind == HD_COLLECTIONS_HASH && !build->has_capacity && is_small_table(build, outside)) {
        one.places = SMALL_PLACES;
        small = true;
    }
    if (one.places == HD_COLLECTIONS_UNKNOWN)
        return one;
    unit = small ? SMALL_ENTRY : unit;
    /* a capacity that does not fit into the object's memory is no fact: nothing can be saved that is not there */
    if (__builtin_mul_overflow(one.places - one.elements, unit, &one.unused) || one.unused > outside)
        one.unused = outside;
    return one;
}

static void sum_add(struct hd_collections_sum *sum, const struct hd_collection *one, uint64_t size)
{
    sum->count++;
    sum->bytes += size;
    sum->elements += one->elements;
    if (one->elements == 0) {
        sum->empty++;
        sum->empty_bytes += size;
    }
    if (one->places == HD_COLLECTIONS_UNKNOWN)
        return;
    /* an empty one without places is empty, too, and not full */
    unsigned fill = one->elements == 0                           ? 0
                    : one->elements >= one->places               ? HD_COLLECTIONS_FILLS - 1
                    : one->elements < one->places / 4.0          ? 1
                    : one->elements < one->places / 2.0          ? 2
                    : one->elements < one->places / 4.0 * 3.0    ? 3
                                                                 : 4;
    sum->known++;
    sum->known_elements += one->elements;
    sum->places += one->places;
    sum->unused += one->unused;
    sum->fill_count[fill]++;
    sum->fill_unused[fill] += one->unused;
}

static bool on_end(void *data, uint32_t node, struct hd_error *err)
{
    struct hd_collections_build *build = data;
    (void)err;
    *build->list = collection(build, node);
    if (hd_collections_kind(build->graph, node) == HD_COLLECTIONS_SET && !build->counted) /* something else is called so, too */
        build->list->node = HD_NODE_NONE;
    build->list++;
    build->elements = build->capacity = build->slot_size = 0;
    build->has_capacity = build->embedded = build->shared = build->counted = false;
    return true;
}

static int compare(uint64_t a, uint64_t b, const struct hd_collection *left, const struct hd_collection *right)
{
    if (a != b)
        return a < b ? 1 : -1;
    if (left->elements != right->elements)
        return left->elements < right->elements ? 1 : -1;
    return (left->node > right->node) - (left->node < right->node);
}

static int by_elements(const void *left, const void *right)
{
    const struct hd_collection *a = left, *b = right;
    return compare(a->elements, b->elements, a, b);
}

static int by_unused(const void *left, const void *right)
{
    const struct hd_collection *a = left, *b = right;
    return compare(a->unused, b->unused, a, b);
}

/* The name that Ruby's own sets have as type_name, HD_NODE_NONE if no object has it. */
static uint32_t set_label(const struct hd_graph *graph)
{
    for (uint32_t name = 0; name < graph->name_count && !hd_replay_is_objspace(graph); name++) {
        struct hd_graph_text text = hd_graph_name(graph, name);
        if (text.length == 3 && !memcmp(text.data, "set", 3))
            return name;
    }
    return HD_NODE_NONE;
}

static void on_begin(void *data, uint32_t first)
{
    struct hd_collections_build *build = data;
    build->list += first;
}

bool hd_collections_find(struct hd_collections_found *found, const struct hd_graph *graph, const uint32_t *dominator,
                         unsigned visitors, struct hd_replay_job *job, struct hd_error *err)
{
    *found = (struct hd_collections_found){.build = calloc(HD_REPLAY_VISITORS, sizeof *found->build)};
    found->nodes = hd_replay_choose(graph, dominator, HD_BT_T_ARRAY, HD_BT_T_HASH, set_label(graph), &found->count,
                                    &found->unreachable, err);
    if (!found->nodes)
        return false;
    found->list = malloc(((size_t)found->count + 1) * sizeof *found->list);
    if (!found->list || !found->build)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (unsigned i = 0; i < visitors; i++) {
        found->build[i] = (struct hd_collections_build){.list = found->list, .graph = graph, .objspace = hd_replay_is_objspace(graph)};
        found->visitor[i] = (struct hd_replay_visitor){&found->build[i], on_field, on_end, on_begin, NULL};
    }
    *job = (struct hd_replay_job){found->nodes, found->count, found->visitor};
    return true;
}

void hd_collections_found_free(struct hd_collections_found *found)
{
    free(found->list);
    free(found->nodes);
    free(found->build);
    *found = (struct hd_collections_found){0};
}

/* A copy of what was found, which others may need; or all of it, if it was found for this alone. */
static bool take(struct hd_collections *collections, struct hd_collections_found *own, const struct hd_collections_found *found,
                 const struct hd_graph *graph)
{
    collections->unreachable = found->unreachable;
    collections->list = own ? own->list : malloc(((size_t)found->count + 1) * sizeof *collections->list);
    if (!collections->list)
        return false;
    if (own)
        own->list = NULL;
    const struct hd_collection *from = own ? collections->list : found->list;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct hd_collection one = from[i];
        if (one.node == HD_NODE_NONE)
            continue;
        collections->list[collections->count++] = one;
        sum_add(&collections->sums[hd_collections_kind(graph, one.node)], &one, graph->node_size[one.node]);
    }
    return true;
}

static bool find_alone(struct hd_collections_found *found, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                       struct hd_error *err)
{
    struct hd_replay_job job;
    uint32_t count = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        count += graph->node_type[node] == HD_BT_T_ARRAY || graph->node_type[node] == HD_BT_T_HASH;
    unsigned visitors = hd_replay_visitors(count);
    return hd_collections_find(found, graph, dominator, visitors, &job, err)
           && (job.count == 0 || hd_replay_jobs(path, graph, &job, 1, visitors, err));
}

bool hd_collections_create(struct hd_collections *collections, const char *path, const struct hd_graph *graph,
                           const uint32_t *dominator, const struct hd_collections_found *found, struct hd_error *err)
{
    struct hd_collections_found own = {0};
    *collections = (struct hd_collections){0};
    bool ok = found || find_alone(&own, path, graph, dominator, err);
    ok = ok && (take(collections, found ? NULL : &own, found ? found : &own, graph) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"));
    hd_collections_found_free(&own);
    if (!ok)
        hd_collections_destroy(collections);
    return ok;
}

void hd_collections_destroy(struct hd_collections *collections)
{
    free(collections->list);
    *collections = (struct hd_collections){0};
}

static void swap(struct hd_collection *a, struct hd_collection *b)
{
    struct hd_collection kept = *a;
    *a = *b;
    *b = kept;
}

/*
 * Quickselect: what is before `first` in order comes to the front, in any order of its own. No two are equal, so each round leaves out
 * at least the one that it divides by; should chance have it that many rounds do not help, what is left is sorted.
 */
static void select_first(struct hd_collection *list, uint32_t count, uint32_t first,
                         int (*order)(const void *, const void *))
{
    for (uint32_t from = 0, to = count, turn = 0; to - from > 1 && first > from && first < to; turn++) {
        if (turn == TURNS) {
            qsort(list + from, to - from, sizeof *list, order);
            return;
        }
        uint32_t at = from, pick = from + (uint32_t)((to - from) * (uint64_t)(turn * 40503u % 65536u) >> 16);
        swap(&list[pick], &list[to - 1]);
        for (uint32_t i = from; i < to - 1; i++)
            if (order(&list[i], &list[to - 1]) < 0)
                swap(&list[at++], &list[i]);
        swap(&list[at], &list[to - 1]);
        if (first <= at)
            to = at;
        else
            from = at + 1;
    }
}

void hd_collections_rank(struct hd_collections *collections, bool unused, uint32_t first)
{
    int (*order)(const void *, const void *) = unused ? by_unused : by_elements;
    first = first < collections->count ? first : collections->count;
    select_first(collections->list, collections->count, first, order);
    qsort(collections->list, first, sizeof *collections->list, order);
}
