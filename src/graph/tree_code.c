/*
 * See tree_code.h. It is a row of numbers, each of 7 bits a byte, the lowest first, the last byte below 128:
 *
 *     groups that are in it, groups that are left out, what the biggest of these retains, the level of the deepest of these
 *     for each level from the first one down to that, at most HD_TREE_CODE_LEVELS of them: how many are left out on it, and what the biggest
 *     of these retains
 *     for each group, by retained size: how much less it retains than the one before (the first one: what it retains), its parent (but
 *     the first one), members and marks, the name, who refers to the sample if it is marked so, the sample, what is left out of its children
 *     if it is marked so
 *
 * `self` is what it retains less all else.
 */
#include "graph/tree_code.h"

#include <stdlib.h>

enum { LEVELS = HD_TREE_CODE_LEVELS };
enum { MARK_VIA = 1, MARK_LEAVES = 2, MARK_REST = 4, MARKS = 3 };
enum { NAME_NONE, NAME_ENTRY, NAMES }; /* what is written for names that are none of the graph's, and how many these are */
enum { NUMBER_MAX = 10, GROUP_MIN = 4, REST_MAX = 24 }; /* bytes of a number, of a group, and, mostly, of what is left out below it */

/* ---- written ---- */

static void put(struct hd_buffer *out, uint64_t number)
{
    char bytes[NUMBER_MAX];
    size_t length = 0;
    for (; number > 127; number >>= 7)
        bytes[length++] = (char)(number | 128);
    bytes[length++] = (char)number;
    hd_buffer_append(out, bytes, length);
}

struct writer {
    const struct hd_tree *tree;
    struct hd_tree_order *order;  /* [tree->count] */
    uint32_t *rank;       /* [tree->count] place in `order` */
    uint32_t *objects;    /* [tree->count] hd_tree_objects */
    struct hd_tree_rest *rest; /* [tree->count] */
    struct hd_tree_code_level *level; /* [LEVELS + 1] what is left out on each */
    uint32_t deepest;
    uint32_t kept;
};

static uint64_t name_code(uint32_t name)
{
    return name == HD_NAME_MASK ? NAME_NONE : name == HD_TREE_ENTRY ? NAME_ENTRY : (uint64_t)name + NAMES;
}

static void put_group(struct hd_buffer *out, const struct writer *writer, uint32_t place)
{
    const uint32_t number = writer->order[place].number;
    const struct hd_tree_group *group = &writer->tree->group[number];
    const struct hd_tree_rest *rest = &writer->rest[number];
    bool via = group->via != HD_NODE_NONE;
    put(out, place ? writer->order[place - 1].retained - group->retained : group->retained);
    if (place)
        put(out, writer->rank[group->parent]);
    put(out, (uint64_t)group->count << MARKS | (via ? MARK_VIA : 0) | (group->leaves ? MARK_LEAVES : 0)
                 | (rest->groups ? MARK_REST : 0));
    put(out, name_code(group->name));
    if (via)
        put(out, group->via);
    put(out, group->sample);
    if (!rest->groups)
        return;
    put(out, rest->groups);
    put(out, rest->objects);
    put(out, rest->below);
    put(out, rest->bytes);
}

/* [count] Children of each group. */
static uint32_t *count_children(const struct hd_tree *tree)
{
    uint32_t *children = calloc(tree->count, sizeof *children);
    for (uint32_t i = 1; children && i < tree->count; i++)
        children[tree->group[i].parent]++;
    return children;
}

/* How many groups there is room for. `children` are those that are not among them yet. */
static uint32_t count_kept(struct writer *writer, uint32_t *children, uint64_t most)
{
    struct hd_buffer out = {0};
    uint64_t bytes = (2 * LEVELS + 4) * NUMBER_MAX, rests = 0;
    uint32_t kept = 1;
    for (uint32_t i = 0; i < writer->tree->count && bytes <= most; i++) {
        const uint32_t number = writer->order[i].number;
        out.length = 0;
        put_group(&out, writer, i);
        bytes += out.length;
        rests += children[number] > 0;
        rests -= i > 0 && --children[writer->tree->group[number].parent] == 0;
        if (bytes + rests * REST_MAX <= most)
            kept = i + 1;
    }
    hd_buffer_deinit(&out);
    return kept;
}

static void leave_out(struct writer *writer)
{
    for (uint32_t i = writer->kept; i < writer->tree->count; i++) {
        const uint32_t number = writer->order[i].number;
        const struct hd_tree_group *group = &writer->tree->group[number];
        if (group->depth <= LEVELS && writer->level[group->depth].left_out++ == 0)
            writer->level[group->depth].most = group->retained;
        if (group->depth > writer->deepest)
            writer->deepest = group->depth;
        if (writer->rank[group->parent] >= writer->kept)
            continue;
        struct hd_tree_rest *rest = &writer->rest[group->parent];
        rest->groups++;
        rest->objects += group->count;
        rest->below += writer->objects[number];
        rest->bytes += group->retained;
    }
}

static void put_level(struct hd_buffer *out, const struct hd_tree_code_level *level)
{
    put(out, level->left_out);
    put(out, level->most);
}

static void put_all(struct hd_buffer *out, const struct writer *writer)
{
    const uint32_t count = writer->tree->count;
    put(out, writer->kept);
    put(out, count - writer->kept);
    put(out, writer->kept < count ? writer->order[writer->kept].retained : 0);
    put(out, writer->deepest);
    for (uint32_t level = 1; level <= LEVELS && level <= writer->deepest; level++)
        put_level(out, &writer->level[level]);
    for (uint32_t i = 0; i < writer->kept; i++)
        put_group(out, writer, i);
}

bool hd_tree_encode(struct hd_buffer *out, const struct hd_tree *tree, uint64_t bytes)
{
    struct writer writer = {.tree = tree, .order = malloc((size_t)tree->count * sizeof *writer.order),
                            .rank = malloc((size_t)tree->count * sizeof *writer.rank), .objects = hd_tree_objects(tree),
                            .rest = calloc(tree->count, sizeof *writer.rest),
                            .level = calloc(LEVELS + 1, sizeof *writer.level)};
    uint32_t *children = count_children(tree);
    bool room = children && writer.order && writer.rank && writer.objects && writer.rest && writer.level;
    if (room) {
        for (uint32_t i = 0; i < tree->count; i++)
            writer.order[i] = (struct hd_tree_order){tree->group[i].retained, i};
        qsort(writer.order, tree->count, sizeof *writer.order, hd_tree_bigger_first);
        for (uint32_t i = 0; i < tree->count; i++)
            writer.rank[writer.order[i].number] = i;
        writer.kept = count_kept(&writer, children, bytes);
        leave_out(&writer);
        put_all(out, &writer);
    }
    free(children);
    free(writer.order);
    free(writer.rank);
    free(writer.objects);
    free(writer.rest);
    free(writer.level);
    return room && !out->failed;
}

/* ---- read: nothing is believed ---- */

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t get(struct reader *reader, uint64_t most)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            reader->bad |= number > most;
            return number > most ? 0 : number;
        }
    }
    reader->bad = true;
    return 0;
}

struct counts {
    uint32_t nodes, names;
};

static uint32_t get_name(struct reader *reader, const struct counts *counts)
{
    uint64_t code = get(reader, (uint64_t)counts->names + NAMES - 1);
    return code == NAME_NONE ? HD_NAME_MASK : code == NAME_ENTRY ? HD_TREE_ENTRY : (uint32_t)(code - NAMES);
}

/* Its `self` is what it retains less what its children turn out to. */
static void get_group(struct reader *reader, struct hd_tree *tree, uint32_t number, const struct counts *counts)
{
    struct hd_tree_group *group = &tree->group[number];
    const uint64_t nodes = counts->nodes;
    *group = (struct hd_tree_group){.parent = HD_NODE_NONE, .child = HD_NODE_NONE, .next = HD_NODE_NONE, .via = HD_NODE_NONE};
    group->retained = number ? tree->group[number - 1].retained - get(reader, tree->group[number - 1].retained)
                             : get(reader, UINT64_MAX);
    if (number) {
        group->parent = (uint32_t)get(reader, number - 1);
        group->depth = tree->group[group->parent].depth + 1;
    }
    uint64_t members = get(reader, nodes << MARKS | ((1 << MARKS) - 1));
    group->count = (uint32_t)(members >> MARKS);
    group->leaves = members & MARK_LEAVES;
    group->name = get_name(reader, counts);
    if (members & MARK_VIA)
        group->via = (uint32_t)get(reader, nodes - 1);
    group->sample = (uint32_t)get(reader, nodes - 1);
    reader->bad |= group->count == 0 || (group->sample == HD_NODE_ROOT && number > 0);
    group->self = group->retained;
    if (!(members & MARK_REST))
        return;
    struct hd_tree_rest *rest = &tree->rest[number];
    rest->groups = (uint32_t)get(reader, tree->left_out);
    rest->objects = (uint32_t)get(reader, nodes);
    rest->below = (uint32_t)get(reader, nodes);
    rest->bytes = get(reader, group->self);
    group->self -= rest->bytes;
}

/* Children in order, and every byte and object once; false if that cannot be. */
static bool link_groups(struct hd_tree *tree, uint64_t objects)
{
    for (uint32_t i = tree->count; i-- > 0;) {
        struct hd_tree_group *group = &tree->group[i];
        uint64_t here = (uint64_t)group->count + tree->rest[i].below;
        if (here > objects)
            return false;
        objects -= here;
        if (i == 0)
            continue;
        struct hd_tree_group *parent = &tree->group[group->parent];
        if (group->retained > parent->self)
            return false;
        parent->self -= group->retained;
        group->next = parent->child;
        parent->child = i;
    }
    return true;
}

static bool decode(struct hd_tree_code *code, struct reader *reader, const struct counts *counts)
{
    struct hd_tree *tree = &code->tree;
    tree->count = (uint32_t)get(reader, (uint64_t)(reader->end - reader->at) / GROUP_MIN);
    tree->left_out = (uint32_t)get(reader, counts->nodes);
    code->most = get(reader, UINT64_MAX);
    code->deepest = (uint32_t)get(reader, counts->nodes);
    for (uint32_t level = 1; level <= LEVELS && level <= code->deepest; level++) {
        code->level[level].left_out = (uint32_t)get(reader, tree->left_out);
        code->level[level].most = get(reader, code->most);
    }
    if (reader->bad || tree->count == 0)
        return false;
    tree->group = malloc((size_t)tree->count * sizeof *tree->group);
    tree->rest = calloc(tree->count, sizeof *tree->rest);
    if (!tree->group || !tree->rest)
        return false;
    for (uint32_t i = 0; !reader->bad && i < tree->count; i++)
        get_group(reader, tree, i, counts);
    return !reader->bad && reader->at == reader->end && link_groups(tree, counts->nodes);
}

bool hd_tree_decode(struct hd_tree_code *code, const void *bytes, size_t length, uint32_t node_count, uint32_t name_count)
{
    const uint8_t *first = bytes;
    struct reader reader = {.at = first, .end = first + length};
    const struct counts counts = {node_count, name_count};
    *code = (struct hd_tree_code){.most = 0};
    bool done = length > 0 && decode(code, &reader, &counts);
    if (!done)
        hd_tree_code_free(code);
    return done;
}

void hd_tree_code_free(struct hd_tree_code *code)
{
    hd_tree_destroy(&code->tree);
}

/* ---- asked ---- */

uint64_t hd_tree_least_bytes(const struct hd_tree_least *least, const struct hd_tree *tree)
{
    return least->share > 0 ? (uint64_t)(least->share * (double)tree->group[0].retained) : least->bytes;
}

uint32_t hd_tree_asked_depth(const struct hd_tree_asked *asked)
{
    return asked->depth == 0 || asked->depth > UINT32_MAX ? UINT32_MAX : (uint32_t)asked->depth;
}

/* The group that has nothing but this object and all that it retains; HD_NODE_NONE if there is none. */
static uint32_t group_of(const struct hd_tree *tree, uint32_t from)
{
    for (uint32_t i = 0; i < tree->count; i++)
        if (tree->group[i].sample == from)
            return i == 0 || (tree->group[i].count == 1 && !tree->group[i].leaves) ? i : HD_NODE_NONE;
    return HD_NODE_NONE;
}

/* What is left out of a part: how many groups, which is told if it is known, and what the biggest of them retains, or more. */
static bool left_out(struct hd_tree_code_level *what, const struct hd_tree_code *code, const struct hd_tree *part, bool whole, uint32_t depth)
{
    bool known = !whole || depth >= code->deepest || depth <= LEVELS;
    *what = (struct hd_tree_code_level){.left_out = code->tree.left_out, .most = code->most};
    if (!whole) {
        for (uint32_t i = 0; i < part->count && known; i++)
            known = part->rest[i].groups == 0;
        what->left_out = known ? 0 : what->left_out;
    } else if (depth < code->deepest && known) {
        *what = (struct hd_tree_code_level){.left_out = 0};
        for (uint32_t level = 1; level <= depth; level++) {
            what->left_out += code->level[level].left_out;
            what->most = code->level[level].most > what->most ? code->level[level].most : what->most;
        }
    }
    return known;
}

/* Are all groups in it that are to be shown? */
static bool has_shown(const struct hd_tree *part, const struct hd_tree_code_level *missing, const struct hd_tree_asked *asked)
{
    uint64_t least = hd_tree_least_bytes(&asked->least, part), count = 0;
    if (missing->left_out == 0 || least > missing->most)
        return true;
    for (uint32_t i = 1; i < part->count && part->group[i].retained >= least; i++)
        count++;
    return asked->limit > 0 && count > asked->limit;
}

bool hd_tree_code_part(struct hd_tree *part, const struct hd_tree_code *code, uint32_t from, const struct hd_tree_asked *asked)
{
    const uint32_t depth = hd_tree_asked_depth(asked), top = group_of(&code->tree, from);
    if (top == HD_NODE_NONE || !hd_tree_part(part, &code->tree, top, depth, NULL))
        return false;
    struct hd_tree_code_level missing;
    bool known = left_out(&missing, code, part, top == 0, depth);
    bool found = has_shown(part, &missing, asked) && (known || !asked->total);
    part->left_out = missing.left_out;
    if (!found)
        hd_tree_destroy(part);
    return found;
}
