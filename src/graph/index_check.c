/*
 * Whether an index's sections can be believed. See index_format.h.
 *
 * Owns the hash and what must hold for each section. Must not know of which dump the index is.
 * Two passes: over each block by itself (its hash, and that its numbers are in range), then, when every number is in
 * range, over the nodes: that the dominator tree is a tree and its lists of children are that tree's. Both are shared
 * out in pieces among threads.
 */
#include "graph/index_format.h"

#include "dump/json_reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LANES = 8, THREADS_MAX = 8, NODES_AT_ONCE = 65536,
       AHEAD = 1024 }; /* bytes that are fetched before their turn: behind so many multiplications a processor does not look as far */

/* ---- the hash ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9FB21C651E98DF25u;
    return hash << 29 | hash >> 35; /* or a flip of the highest bit would stay there and meet the next */
}

/* Independent lanes, so that multiplications overlap. */
uint64_t hd_index_hash(const void *data, uint64_t length, uint64_t seed)
{
    const char *at = data;
    uint64_t lane[LANES], word[LANES], hash = seed ^ length * 0x9E3779B97F4A7C15u;
    for (unsigned i = 0; i < LANES; i++)
        lane[i] = seed + i;
    uint64_t left = length;
    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
        __builtin_prefetch(at + AHEAD);
        memcpy(word, at, sizeof word);
        for (unsigned i = 0; i < LANES; i++)
            lane[i] = mix(lane[i], word[i]);
    }
    memset(word, 0, sizeof word);
    memcpy(word, at, left);
    for (unsigned i = 0; i < LANES; i++)
        hash = mix(hash, mix(lane[i], word[i]));
    return hash ^ hash >> 32;
}

uint64_t hd_index_header_sum(const struct hd_index_header *header, const uint64_t *block_sums, uint64_t count)
{
    struct hd_index_header copy = *header;
    copy.sum = 0;
    return hd_index_hash(block_sums, count * sizeof *block_sums, hd_index_hash(&copy, sizeof copy, 0));
}

/* ---- the plan ---- */

static const uint8_t widths[HD_INDEX_SECTION_COUNT] = {
#define WIDTH(name, width, count, place) [HD_INDEX_##name] = width,
    HD_INDEX_SECTIONS(WIDTH)
    HD_INDEX_DERIVED_SECTIONS(WIDTH)
#undef WIDTH
};

uint64_t hd_index_width(enum hd_index_section which)
{
    return widths[which];
}

bool hd_index_plan(struct hd_index_plan *plan, const struct hd_index_header *h)
{
    const uint64_t most = UINT32_MAX;
    if (h->node_count == 0 || h->node_count >= most || h->name_count > HD_NAME_MASK || h->reachable == 0
        || h->reachable > h->node_count || h->edge_count > most * 4096 || h->name_bytes > most * 4096
        || h->class_count > h->node_count || h->class_name_bytes > most * 4096
        || (h->head_name != HD_NAME_MASK && h->head_name >= h->name_count))
        return false;
    const uint64_t counts[HD_INDEX_SECTION_COUNT] = {
#define COUNT(name, width, count, place) [HD_INDEX_##name] = count,
        HD_INDEX_SECTIONS(COUNT)
        HD_INDEX_DERIVED_SECTIONS(COUNT)
#undef COUNT
    };
    uint64_t blocks = 0;
    for (unsigned i = 0; i < HD_INDEX_SECTION_COUNT; i++) {
        plan->bytes[i] = counts[i] * widths[i];
        plan->first_block[i] = blocks;
        blocks += (plan->bytes[i] + HD_INDEX_BLOCK - 1) / HD_INDEX_BLOCK;
    }
    plan->first_block[HD_INDEX_SECTION_COUNT] = blocks;
    uint64_t at = HD_INDEX_ALIGN + (blocks * 8 + HD_INDEX_ALIGN - 1) / HD_INDEX_ALIGN * HD_INDEX_ALIGN;
    for (unsigned i = 0; i < HD_INDEX_SECTION_COUNT; i++) {
        plan->offset[i] = at;
        at += (plan->bytes[i] + HD_INDEX_ALIGN - 1) / HD_INDEX_ALIGN * HD_INDEX_ALIGN;
    }
    plan->length = at;
    return true;
}

/* ---- one block ---- */

struct check {
    const struct hd_index_header *header;
    const struct hd_index_plan *plan;
    const char *file;
    const uint64_t *sums;
    const void *const *data; /* sections, and where their sums go; for saving */
    uint64_t *to_sum;
    bool (*piece)(struct check *check, uint64_t number);
    uint64_t pieces;
    uint64_t sections;
    _Atomic uint64_t next, dominated;
    atomic_bool bad;
};

static const void *section(const struct check *check, enum hd_index_section which)
{
    return check->file + check->plan->offset[which];
}

/* All below the limit, or UINT32_MAX if that may be. No branch in the loop: it is to run as fast as memory is read. */
static bool below(const uint32_t *number, uint64_t count, uint64_t limit, uint32_t mask, bool or_none)
{
    uint32_t most = 0, none = or_none ? 1 : 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t value = (number[i] & mask) + none; /* UINT32_MAX becomes 0 */
        most = value > most ? value : most;
    }
    return count == 0 || most < limit + none;
}

/* A label may be HD_NAME_MASK instead of a name. */
static bool labels(const uint32_t *label, uint64_t count, uint64_t names)
{
    bool bad = false;
    for (uint64_t i = 0; i < count; i++)
        bad |= label[i] >= names && label[i] != HD_NAME_MASK;
    return !bad;
}

/* Starts do not decrease from 0 to `end`; `last`: of the whole column. Looks at the one before the block, too. */
static bool starts64(const uint64_t *start, uint64_t from, uint64_t to, uint64_t last, uint64_t end)
{
    bool bad = (from == 0 && start[0] != 0) || (to == last + 1 && start[last] != end);
    for (uint64_t i = from ? from : 1; i < to; i++)
        bad |= start[i] < start[i - 1];
    return !bad;
}

static bool starts32(const uint32_t *start, uint64_t from, uint64_t to, uint64_t last, uint64_t end)
{
    bool bad = (from == 0 && start[0] != 0) || (to == last + 1 && start[last] != end);
    for (uint64_t i = from ? from : 1; i < to; i++)
        bad |= start[i] < start[i - 1];
    return !bad;
}

/* The root's is 0, no two are the same. */
static bool addresses(const uint64_t *address, uint64_t from, uint64_t to)
{
    bool bad = from == 0 && address[0] != 0;
    for (uint64_t i = from > 2 ? from : 2; i < to; i++)
        bad |= address[i] <= address[i - 1];
    return !bad;
}

/* Each before its own place, 0 for the first. */
static bool earlier(const uint32_t *place, uint64_t from, uint64_t to)
{
    bool bad = from == 0 && place[0] != 0;
    for (uint64_t i = from ? from : 1; i < to; i++)
        bad |= place[i] >= i;
    return !bad;
}

/* Of the shortest paths: 0 in the place of an edge stands for none. */
static bool below64(const uint64_t *number, uint64_t count, uint64_t limit)
{
    uint64_t most = 0;
    for (uint64_t i = 0; i < count; i++)
        most = number[i] > most ? number[i] : most;
    return count == 0 || most < limit || (limit == 0 && most == 0);
}

static bool types(const uint8_t *type, uint64_t count)
{
    uint8_t most = 0;
    for (uint64_t i = 0; i < count; i++)
        most = type[i] > most ? type[i] : most;
    return most < HD_BT_COUNT;
}

/* The root is in none, all others are in one. */
static bool classes(const uint32_t *number, uint64_t from, uint64_t to, uint64_t count)
{
    bool root = from > 0 || number[0] == HD_NODE_NONE;
    from = from ? from : 1;
    return root && (from >= to || below(number + from, to - from, count, UINT32_MAX, false));
}

/* No more than there are. */
static bool sums(const struct hd_retained_group *sum, uint64_t from, uint64_t to, uint64_t nodes)
{
    bool bad = false;
    for (uint64_t i = from; i < to; i++)
        bad |= sum[i].count > nodes || sum[i].unreachable > sum[i].count || sum[i].unreachable_shallow > sum[i].shallow;
    return !bad;
}

/* Elements [from, to) of a section. */
static bool in_range(const struct check *check, enum hd_index_section which, uint64_t from, uint64_t to)
{
    const struct hd_index_header *h = check->header;
    const uint32_t *number = section(check, which);
    switch (which) {
    case HD_INDEX_ADDRESS:
        return addresses(section(check, which), from, to);
    case HD_INDEX_CLASS:
    case HD_INDEX_PARENT:
    case HD_INDEX_PATH_PARENT:
        return below(number + from, to - from, h->node_count, UINT32_MAX, true);
    case HD_INDEX_LABEL:
        return labels(number + from, to - from, h->name_count);
    case HD_INDEX_TYPE:
        return types((const uint8_t *)section(check, which) + from, to - from);
    case HD_INDEX_EDGE_START:
        return starts64(section(check, which), from, to, h->node_count, h->edge_count);
    case HD_INDEX_PATH_EDGE:
        return below64((const uint64_t *)section(check, which) + from, to - from, h->edge_count);
    case HD_INDEX_PATH_FROM:
        return earlier(number, from, to);
    case HD_INDEX_CLASS_NUMBER:
        return classes(number, from, to, h->class_count);
    case HD_INDEX_CLASS_NAME_START:
        return starts64(section(check, which), from, to, h->class_count, h->class_name_bytes);
    case HD_INDEX_EDGE_TO:
    case HD_INDEX_CHILD:
    case HD_INDEX_PATH_ORDER:
        return below(number + from, to - from, h->node_count, UINT32_MAX, false);
    case HD_INDEX_EDGE_NAME:
        return below(number + from, to - from, h->name_count, HD_NAME_MASK, false);
    case HD_INDEX_NAME_START:
        return starts64(section(check, which), from, to, h->name_count, h->name_bytes);
    case HD_INDEX_CHILD_START:
        return starts32(number, from, to, h->node_count, h->reachable - 1);
    case HD_INDEX_CLASS_SUMS:
    case HD_INDEX_TYPE_SUMS:
        return sums(section(check, which), from, to, h->node_count);
    default:
        return true; /* sizes and texts: any will do */
    }
}

struct block {
    enum hd_index_section section;
    uint64_t from, bytes;
};

static struct block block_of(const struct hd_index_plan *plan, uint64_t number)
{
    struct block block = {0};
    while (number >= plan->first_block[block.section + 1])
        block.section++;
    block.from = (number - plan->first_block[block.section]) * HD_INDEX_BLOCK;
    uint64_t left = plan->bytes[block.section] - block.from;
    block.bytes = left < HD_INDEX_BLOCK ? left : HD_INDEX_BLOCK;
    return block;
}

static bool check_block(struct check *check, uint64_t number)
{
    struct block block = block_of(check->plan, number);
    uint64_t width = widths[block.section];
    if (!(check->sections >> block.section & 1))
        return true;
    const char *data = (const char *)section(check, block.section) + block.from;
    return hd_index_hash(data, block.bytes, number) == check->sums[number]
           && in_range(check, block.section, block.from / width, (block.from + block.bytes) / width);
}

/* ---- the tree ---- */

/*
 * That each parent is one step nearer to the root shows that there is no circle and that all ways up end there; that
 * each child's parent is the one that lists it, and none is listed twice, that all ways down end. A list is in
 * strict order, so two of the same would be out of it.
 */
static bool check_nodes(struct check *check, uint64_t piece)
{
    const uint32_t *parent = section(check, HD_INDEX_PARENT), *depth = section(check, HD_INDEX_DEPTH);
    const uint32_t *start = section(check, HD_INDEX_CHILD_START), *child = section(check, HD_INDEX_CHILD);
    const uint64_t *retained = section(check, HD_INDEX_RETAINED);
    uint64_t count = check->header->node_count, from = piece * NODES_AT_ONCE;
    uint64_t to = count - from < NODES_AT_ONCE ? count : from + NODES_AT_ONCE;
    uint64_t dominated = 0;
    bool bad = false;
    for (uint64_t node = from; node < to; node++) {
        if (parent[node] == HD_NODE_NONE) {
            bad |= depth[node] != (node == HD_NODE_ROOT ? 0 : UINT32_MAX);
        } else {
            bad |= depth[node] == 0 || depth[node] == UINT32_MAX || depth[parent[node]] != depth[node] - 1;
            dominated++;
        }
        for (uint32_t i = start[node]; i < start[node + 1]; i++) {
            bad |= parent[child[i]] != node;
            if (i > start[node])
                bad |= retained[child[i]] > retained[child[i - 1]]
                       || (retained[child[i]] == retained[child[i - 1]] && child[i] <= child[i - 1]);
        }
    }
    atomic_fetch_add(&check->dominated, dominated);
    return !bad;
}

/* The parent of each node on a path is what stands where `from` says, so that all ways up end at the root. */
static bool check_paths(struct check *check, uint64_t piece)
{
    const uint32_t *order = section(check, HD_INDEX_PATH_ORDER), *place = section(check, HD_INDEX_PATH_FROM);
    const uint32_t *parent = section(check, HD_INDEX_PATH_PARENT);
    uint64_t count = check->header->reachable, from = piece * NODES_AT_ONCE;
    uint64_t to = count - from < NODES_AT_ONCE ? count : from + NODES_AT_ONCE;
    bool bad = false;
    for (uint64_t i = from ? from : 1; i < to; i++)
        bad |= order[i] == HD_NODE_ROOT || parent[order[i]] != order[place[i]];
    return !bad;
}

/* ---- between the sections ---- */

static bool zeros(const char *file, uint64_t from)
{
    bool bad = false;
    for (; from % HD_INDEX_ALIGN; from++)
        bad |= file[from] != 0;
    return !bad;
}

static bool check_padding(const struct hd_index_plan *plan, const char *file, uint64_t sections)
{
    bool fine = zeros(file, sizeof(struct hd_index_header))
                && zeros(file, HD_INDEX_ALIGN + plan->first_block[HD_INDEX_SECTION_COUNT] * 8);
    for (unsigned i = 0; fine && i < HD_INDEX_SECTION_COUNT; i++)
        fine = !(sections >> i & 1) || zeros(file, plan->offset[i] + plan->bytes[i]);
    return fine;
}

/* ---- threads ---- */

static void *work(void *data)
{
    struct check *check = data;
    uint64_t number;
    while (!atomic_load(&check->bad) && (number = atomic_fetch_add(&check->next, 1)) < check->pieces)
        if (!check->piece(check, number))
            atomic_store(&check->bad, true);
    return NULL;
}

static bool run(struct check *check, bool (*piece)(struct check *, uint64_t), uint64_t pieces)
{
    pthread_t threads[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned started = 0, wanted = processors > THREADS_MAX ? THREADS_MAX : processors < 1 ? 1 : (unsigned)processors;
    check->piece = piece;
    check->pieces = pieces;
    atomic_store(&check->next, 0);
    if (wanted > pieces)
        wanted = (unsigned)pieces;
    while (started + 1 < wanted && !pthread_create(&threads[started], NULL, work, check))
        started++;
    work(check);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    return !atomic_load(&check->bad);
}

bool hd_index_check(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file,
                    uint64_t sections)
{
    struct check check = {.header = header, .plan = plan, .file = file, .sections = sections,
                          .sums = (const uint64_t *)(file + HD_INDEX_ALIGN)};
    if (!check_padding(plan, file, sections)
        || !run(&check, check_block, plan->first_block[HD_INDEX_SECTION_COUNT]))
        return false;
    const uint32_t *order = section(&check, HD_INDEX_PATH_ORDER), *parent = section(&check, HD_INDEX_PARENT);
    if (sections & HD_INDEX_BIT(PATH_ORDER) && order[0] != HD_NODE_ROOT)
        return false;
    if ((sections & HD_INDEX_SECTIONS_PATHS) == HD_INDEX_SECTIONS_PATHS
        && !run(&check, check_paths, (header->reachable + NODES_AT_ONCE - 1) / NODES_AT_ONCE))
        return false;
    if (!(sections & HD_INDEX_BIT(DEPTH)))
        return true;
    return parent[HD_NODE_ROOT] == HD_NODE_NONE
           && run(&check, check_nodes, (header->node_count + NODES_AT_ONCE - 1) / NODES_AT_ONCE)
           && atomic_load(&check.dominated) == header->reachable - 1;
}

/* ---- looking for a number on the way ---- */

struct search {
    struct check check;
    uint64_t first; /* block of the section */
    uint32_t wanted;
    uint64_t *list, limit;
    _Atomic uint64_t count;
};

/* A loop without a branch: most blocks have none. */
static uint32_t times(const uint32_t *number, uint64_t count, uint32_t wanted)
{
    uint32_t found = 0;
    for (uint64_t i = 0; i < count; i++)
        found += number[i] == wanted;
    return found;
}

/* The block is in the cache still. */
static bool search_block(struct check *check, uint64_t piece)
{
    struct search *search = (struct search *)check;
    uint64_t number = search->first + piece;
    if (!check_block(check, number))
        return false;
    struct block block = block_of(check->plan, number);
    uint64_t from = block.from / sizeof(uint32_t), count = block.bytes / sizeof(uint32_t);
    const uint32_t *value = (const uint32_t *)section(check, block.section) + from;
    uint32_t found = times(value, count, search->wanted);
    uint64_t place = found ? atomic_fetch_add(&search->count, found) : 0, end = place + found;
    for (uint64_t i = 0; place < end && place < search->limit; i++)
        if (value[i] == search->wanted)
            search->list[place++] = from + i;
    return true;
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Where many threads found it is in no order. */
static void first_places(const uint32_t *number, uint64_t count, uint32_t wanted, uint64_t *list, uint64_t limit)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < count && found < limit; i++)
        if (number[i] == wanted)
            list[found++] = i;
}

bool hd_index_check_search(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file,
                           enum hd_index_section which, uint32_t wanted, uint64_t *list, uint64_t limit, uint64_t *count)
{
    struct search search = {.check = {.header = header, .plan = plan, .file = file, .sections = UINT64_MAX,
                                      .sums = (const uint64_t *)(file + HD_INDEX_ALIGN)},
                            .first = plan->first_block[which], .wanted = wanted, .list = list, .limit = limit};
    if (!check_padding(plan, file, (uint64_t)1 << which)
        || !run(&search.check, search_block, plan->first_block[which + 1] - plan->first_block[which]))
        return false;
    *count = atomic_load(&search.count);
    if (*count > limit)
        first_places(section(&search.check, which), plan->bytes[which] / sizeof(uint32_t), wanted, list, limit);
    else
        qsort(list, *count, sizeof *list, ascending);
    return true;
}

bool hd_index_check_block(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file, uint64_t number)
{
    struct check check = {.header = header, .plan = plan, .file = file, .sections = UINT64_MAX,
                          .sums = (const uint64_t *)(file + HD_INDEX_ALIGN)};
    return check_block(&check, number);
}

/* ---- sums of what is saved ---- */

static bool sum_block(struct check *check, uint64_t number)
{
    struct block block = block_of(check->plan, number);
    check->to_sum[number] = hd_index_hash((const char *)check->data[block.section] + block.from, block.bytes, number);
    return true;
}

void hd_index_sum_blocks(const struct hd_index_plan *plan, const void *const *data, uint64_t *sums)
{
    struct check check = {.plan = plan, .data = data, .to_sum = sums};
    run(&check, sum_block, plan->first_block[HD_INDEX_SECTION_COUNT]);
}
