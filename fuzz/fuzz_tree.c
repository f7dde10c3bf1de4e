/*
 * Fuzz target: any bytes as the tree of groups that is kept in an index (graph/tree_code.h). What is not refused must add up, and
 * whatever is asked of it must come to an end within it.
 */
#include "fuzz/fuzz_target.h"

#include "fuzz/questions.h"
#include "store/tree_walk.h"
#include "view/tree_rows.h"

#include <stdlib.h>

enum { NODES = 5000, NAMES = 40 };

static void require_sound(const struct hd_tree *tree, uint32_t left_out)
{
    uint64_t bytes = 0, objects = 0;
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct hd_tree_group *group = &tree->group[i];
        hd_question_require((i == 0) == (group->parent == HD_NODE_NONE) && (i == 0 || group->parent < i), "a parent");
        hd_question_require(i == 0 || group->depth == tree->group[group->parent].depth + 1, "a depth");
        hd_question_require(group->child == HD_NODE_NONE || (group->child < tree->count && tree->group[group->child].parent == i), "a child");
        hd_question_require(group->next == HD_NODE_NONE || (group->next < tree->count && group->next > i), "the next one");
        hd_question_require(group->sample < NODES && (group->via < NODES || group->via == HD_NODE_NONE), "an object");
        hd_question_require(group->name < NAMES || group->name == HD_NAME_MASK || group->name == HD_TREE_ENTRY, "a name");
        hd_question_require(group->count > 0 && tree->rest[i].groups <= left_out, "a count");
        bytes += group->self + group->deeper + tree->rest[i].bytes;
        objects += group->count + group->deeper_count + tree->rest[i].below;
    }
    hd_question_require(bytes == tree->group[0].retained, "bytes that add up");
    hd_question_require(objects <= NODES, "objects of the dump");
}

struct seen {
    uint64_t bytes;
    uint32_t frames;
};

static bool enter(void *data, uint32_t group, uint32_t depth, struct hd_error *err)
{
    struct seen *seen = data;
    (void)group, (void)depth, (void)err;
    seen->frames++;
    return true;
}

static bool weigh(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight, struct hd_error *err)
{
    struct seen *seen = data;
    (void)depth, (void)part, (void)err;
    seen->bytes += weight.bytes;
    return true;
}

static void look_at(const struct hd_tree *part, const struct hd_tree_asked *asked)
{
    const struct hd_tree_view view = {.tree = *part};
    const struct hd_tree_rows_request request = {.depth = UINT32_MAX, .limit = asked->limit,
                                                 .least = hd_tree_least_bytes(&asked->least, part)};
    struct seen seen = {0};
    const struct hd_tree_walker walker = {.data = &seen, .enter = enter, .weigh = weigh};
    struct hd_tree_rows rows;
    if (hd_tree_rows_make(&rows, &view, &request, NULL)) {
        for (uint32_t i = 0; i < part->count; i++)
            hd_tree_rows_folded(&rows, i);
        hd_tree_rows_free(&rows);
    }
    if (hd_tree_walk(part, request.least, &walker, NULL))
        hd_question_require(seen.bytes == part->group[0].retained && seen.frames <= part->count, "stacks that add up");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hd_tree_asked questions[] = {
        {.depth = 0, .total = true}, {.depth = 5, .least = {.share = 0.01}, .limit = 60}, {.depth = 1, .limit = 2}, {.depth = 3, .least = {.bytes = 100}, .total = true}};
    struct hd_tree_code code;
    if (!hd_tree_decode(&code, data, size, NODES, NAMES))
        return 0;
    require_sound(&code.tree, code.tree.left_out);
    for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++)
        for (uint32_t from = 0; from < 8; from++) {
            struct hd_tree part;
            if (!hd_tree_code_part(&part, &code, from, &questions[i]))
                continue;
            require_sound(&part, code.tree.left_out);
            look_at(&part, &questions[i]);
            hd_tree_destroy(&part);
        }
    hd_tree_code_free(&code);
    return 0;
}
