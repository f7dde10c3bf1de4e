/*
 * Fuzz target: an index file that somebody has changed. The bytes are changes to the sound index of a small dump: each
 * takes 16 of them: where (8) and what (8). All sums are made right again, so that the changes get past them. Whatever
 * hd_index_map then lets through must keep every promise, and questions answered from it must have proper answers.
 */
#include "fuzz/fuzz_target.h"

#include "base/bits.h"
#include "cli/open.h"
#include "fuzz/questions.h"
#include "graph/excerpt.h"
#include "graph/index_format.h"
#include "graph/index_point.h"
#include "graph/paths_all.h"
#include "graph/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANGE = 16, CHANGES_MAX = 16 };

static char folder[64] = "/tmp/heap_dump-fuzz-XXXXXX", dump[96], file[112];
static uint8_t *sound;
static size_t length;
static struct hd_index_key key;

static const char text[] =
    "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1,\"ruby\":\"3.1.7\",\"heap\":[4096,9999]}\n"
    ",{\"id\":\"_ROOTS_\",\"vm\":[4096],\"global_variables\":{\"\\\\$list\":4136}}\n"
    ",{\"id\":4096,\"bt\":\"T_CLASS\",\"name\":\"Node\",\"size\":500,\"consts\":{\"LIST\":4136}}\n"
    ",{\"id\":4136,\"bt\":\"T_OBJECT\",\"class\":4096,\"size\":40,\"ivs\":{\"@next\":4176,\"@text\":4216}}\n"
    ",{\"id\":4176,\"bt\":\"T_OBJECT\",\"class\":4096,\"size\":40,\"ivs\":{\"@next\":null,\"@text\":4216}}\n"
    ",{\"id\":4216,\"bt\":\"T_STRING\",\"size\":40,\"val\":\"one\"}\n"
    ",{\"id\":4256,\"bt\":\"T_ARRAY\",\"size\":80,\"val\":[4216]}\n"
    ",{\"id\":\"_END_\",\"objects\":5,\"references\":11,\"unreadable\":0}\n]\n";

static void put(const char *path, const void *data, size_t size)
{
    FILE *out = fopen(path, "wb");
    hd_question_require(out && fwrite(data, 1, size, out) == size && !fclose(out), "a file cannot be written");
}

static void tidy(void)
{
    unlink(file);
    unlink(dump);
    rmdir(folder);
}

/* The dump, and its index as hd_index_save makes it. */
static void begin(void)
{
    struct hd_open open;
    struct hd_error err = {0};
    hd_question_require(mkdtemp(folder) != NULL, "no folder");
    atexit(tidy);
    snprintf(dump, sizeof dump, "%s/dump.json", folder);
    snprintf(file, sizeof file, "%s.idx", dump);
    put(dump, text, sizeof text - 1);
    hd_question_require(hd_open_read(&open, dump, &err), "the dump cannot be read");
    hd_open_close(&open);
    hd_question_require(hd_index_identify(&key, dump), "the dump is no file");
    FILE *in = fopen(file, "rb");
    hd_question_require(in && !fseek(in, 0, SEEK_END), "there is no index");
    length = (size_t)ftell(in);
    sound = malloc(length);
    rewind(in);
    hd_question_require(sound && fread(sound, 1, length, in) == length && !fclose(in), "the index cannot be read");
}

/* Where a change goes: in the header's counts, or in an element of a section. */
static size_t place(const struct hd_index_plan *plan, uint64_t where)
{
    unsigned section = (unsigned)(where % (HD_INDEX_SECTION_COUNT + 1));
    uint64_t within = where / (HD_INDEX_SECTION_COUNT + 1);
    size_t counts = offsetof(struct hd_index_header, node_count);
    if (section == HD_INDEX_SECTION_COUNT)
        return counts + within % (sizeof(struct hd_index_header) - counts - 8);
    uint64_t bytes = plan->bytes[section];
    return (size_t)(plan->offset[section] + (bytes ? within % bytes : 0));
}

static void change(uint8_t *index, const struct hd_index_plan *plan, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + CHANGE <= size && at < CHANGE * CHANGES_MAX; at += CHANGE) {
        uint64_t where;
        memcpy(&where, data + at, sizeof where);
        size_t width = (size_t)1 << (where >> 62); /* 1, 2, 4 or 8 bytes of it */
        size_t to = place(plan, where & ~(UINT64_C(3) << 62));
        if (to + width <= length)
            memcpy(index + to, data + at + 8, width);
    }
}

/* As one would who wants to be believed. The sections lie where the header now says they do. */
static void make_right(uint8_t *index)
{
    struct hd_index_header *header = (struct hd_index_header *)index;
    struct hd_index_plan plan;
    if (!hd_index_plan(&plan, header) || plan.length != length)
        return;
    uint64_t *sums = (uint64_t *)(index + HD_INDEX_ALIGN);
    for (unsigned i = 0; i < HD_INDEX_SECTION_COUNT; i++)
        if (plan.bytes[i])
            sums[plan.first_block[i]] = hd_index_hash(index + plan.offset[i], plan.bytes[i], plan.first_block[i]);
    header->sum = hd_index_header_sum(header, sums, plan.first_block[HD_INDEX_SECTION_COUNT]);
}

/* Behind the sections the same bytes stand as they are: answers, or none. */
static void put_index(const uint8_t *index, const uint8_t *data, size_t size)
{
    FILE *out = fopen(file, "wb");
    hd_question_require(out && fwrite(index, 1, length, out) == length && fwrite(data, 1, size, out) == size && !fclose(out),
                        "a file cannot be written");
}

static void look_up(const struct hd_index *mapped, const uint8_t *data, size_t size)
{
    struct hd_graph_text answer = hd_index_answer(mapped, (struct hd_graph_text){(const char *)data, size < 8 ? size : 8});
    volatile char sum = 0;
    for (size_t i = 0; i < answer.length; i++)
        sum = (char)(sum + answer.data[i]);
}

/* Single objects, of which not all of the index is looked at; numbers that lead nowhere among them. */
static void look_up_single(const uint8_t *data, size_t size)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_index *mapped = hd_index_map_for(&key, HD_INDEX_HEADER, &graph, &dominators, NULL);
    struct hd_index_node node;
    struct hd_graph_text text;
    struct hd_referrer list[2];
    uint64_t number = hd_index_hash(data, size, 1), count = 0, sum = 0;
    uint32_t found = HD_NODE_NONE, to = 0, name = 0;
    for (unsigned i = 0; mapped && i < 64; i++) {
        uint32_t at = i < 4 ? UINT32_MAX - i : (uint32_t)(number % (graph.node_count + 2));
        number = number * 0x9E3779B97F4A7C15u + 1;
        if (hd_index_node(mapped, at, &node)) {
            hd_question_require(at < graph.node_count && node.end_edge <= graph.edge_count, "a node there is not");
            for (uint64_t edge = node.first_edge; edge < node.end_edge && edge < node.first_edge + 8; edge++)
                if (hd_index_edge(mapped, edge, &to, &name) && hd_index_name(mapped, name, &text) && text.length)
                    sum += (uint8_t)text.data[text.length - 1] + to;
            if (hd_index_class_name(mapped, node.class_number, &text) && text.length)
                sum += (uint8_t)text.data[0];
            if (hd_index_find(mapped, node.address, &found))
                sum += found;
        }
        if (hd_index_referrers(mapped, at, list, 2, &count) && count > 0 && count <= 2)
            hd_question_require(list[0].from < graph.node_count, "a node there is not refers");
    }
    hd_question_require(sum != UINT64_MAX, "it is looked at");
    hd_index_unmap(mapped);
}

static bool is_node(uint32_t node, uint32_t count)
{
    return node < count || node == HD_NODE_NONE;
}

/* The promises of graph/excerpt.h. */
static void look_over(const struct hd_excerpt *excerpt)
{
    const struct hd_graph *graph = &excerpt->graph;
    const struct hd_dominators *dominators = &excerpt->dominators;
    uint32_t count = graph->node_count;
    bool fine = count > 0 && graph->edge_start[0] == 0 && graph->edge_start[count] == graph->edge_count;
    for (uint32_t i = 0; fine && i < count; i++)
        fine = is_node(graph->node_class[i], count) && is_node(dominators->parent[i], count) && is_node(excerpt->paths.parent[i], count)
               && graph->edge_start[i] <= graph->edge_start[i + 1] && (i == 0 || excerpt->node[i] > excerpt->node[i - 1])
               && (excerpt->paths.parent[i] == HD_NODE_NONE || excerpt->paths.edge[i] < graph->edge_count);
    for (uint64_t edge = 0; fine && edge < graph->edge_count; edge++)
        fine = graph->edge_to[edge] < count;
    for (uint32_t i = 0; fine && excerpt->paths.order && i < excerpt->paths.reached; i++)
        fine = excerpt->paths.order[i] < count && (i == 0 || excerpt->paths.from[i] < i);
    hd_question_require(fine, "an excerpt breaks its promises");
}

static bool cut_members(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node)
{
    const uint32_t nodes[] = {node, node / 2};
    return hd_excerpt_members(excerpt, source, nodes, 2);
}

static bool cut_ways(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node)
{
    const uint32_t nodes[] = {node, node / 2};
    return hd_excerpt_ways(excerpt, source, nodes, 2);
}

static void cut_out(const uint8_t *data, size_t size)
{
    static hd_basis_cut *const cuts[] = {hd_excerpt_object, hd_excerpt_path, cut_members, cut_ways};
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_excerpt excerpt;
    struct hd_index *mapped = hd_index_map_for(&key, HD_INDEX_SUMS, &graph, &dominators, NULL);
    struct hd_excerpt_source source = {mapped, &graph, &dominators};
    uint64_t number = hd_index_hash(data, size, 2);
    for (unsigned i = 0; mapped && i < 20; i++) {
        number = number * 0x9E3779B97F4A7C15u + 1;
        uint32_t node = (uint32_t)((number >> 8) % (graph.node_count + 1));
        if (!cuts[i % 4](&excerpt, &source, node))
            continue;
        look_over(&excerpt);
        hd_excerpt_destroy(&excerpt);
    }
    hd_index_unmap(mapped);
}

/* The same of a set of objects; each step of the tree stands behind the one that it goes on from. */
static void weak_paths(struct hd_index *mapped, const struct hd_graph *graph, const struct hd_excerpt_source *source)
{
    struct hd_index_ways ways;
    struct hd_excerpt excerpt;
    struct hd_path_tree tree;
    struct hd_paths paths;
    uint64_t *set = hd_bits_create(graph->node_count);
    if (mapped && set && hd_index_ways_init(&ways, mapped, graph)) {
        const struct hd_paths_source from = {&ways.graph, &ways.paths, ways.dominator, &ways};
        memset(set, 0xff, hd_bits_words(graph->node_count) * sizeof *set);
        if (hd_paths_weak(&from, set, &tree, NULL)) {
            for (uint32_t i = 0; i < tree.count; i++)
                hd_question_require(tree.step[i].node < graph->node_count && (i == 0 || (tree.step[i].from < i && tree.step[i].edge < graph->edge_count)),
                                    "a tree of paths that is none");
            if (tree.count > 0 && hd_excerpt_tree(&excerpt, source, &tree)) {
                look_over(&excerpt);
                if (hd_paths_of_tree(&paths, &excerpt.graph, &tree, NULL))
                    hd_paths_destroy(&paths);
                hd_excerpt_destroy(&excerpt);
            }
            free(tree.step);
        }
    }
    free(set);
}

/* More paths out of the columns as they lie in the file: each step leads on, and those that are asked for can be cut out. */
static void more_paths(const uint8_t *data, size_t size)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_index_ways ways;
    struct hd_excerpt excerpt;
    struct hd_error err;
    struct hd_index *mapped = hd_index_map_for(&key, HD_INDEX_SUMS, &graph, &dominators, NULL);
    const struct hd_excerpt_source source = {mapped, &graph, &dominators};
    uint64_t number = hd_index_hash(data, size, 4);
    for (unsigned i = 0; mapped && i < 12; i++) {
        struct hd_path *list;
        uint32_t count;
        number = number * 0x9E3779B97F4A7C15u + 1;
        uint32_t node = (uint32_t)((number >> 8) % graph.node_count);
        if (!hd_index_ways_init(&ways, mapped, &graph))
            break;
        const struct hd_paths_source from = {&ways.graph, &ways.paths, ways.dominator, &ways};
        if (!hd_paths_all(&from, node, i % 2, i % 3 ? 5 : UINT32_MAX, &list, &count, &err))
            continue;
        for (uint32_t k = 0; k < count; k++)
            for (uint32_t n = 0; n < list[k].length; n++)
                hd_question_require(list[k].step[n].node < graph.node_count && list[k].step[n].edge < graph.edge_count, "a step leads nowhere");
        if (hd_excerpt_along(&excerpt, &source, node, list, count)) {
            look_over(&excerpt);
            hd_excerpt_destroy(&excerpt);
        }
        hd_paths_free(list, count);
    }
    weak_paths(mapped, &graph, &source);
    hd_index_unmap(mapped);
}

/* Every object is in one group, whatever is listed below what: it ends. */
static void group_below(const uint8_t *data, size_t size)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_index_columns columns;
    struct hd_tree tree;
    struct hd_error err;
    struct hd_index *mapped = hd_index_map_for(&key, HD_INDEX_SUMS, &graph, &dominators, NULL);
    uint64_t number = hd_index_hash(data, size, 3);
    for (unsigned i = 0; mapped && i < 8; i++) {
        number = number * 0x9E3779B97F4A7C15u + 1;
        if (!hd_index_columns_init(&columns, mapped, &graph))
            break;
        const struct hd_groups classes = {.number = columns.class_number};
        const struct hd_tree_shape shape = {.paths = &columns.paths, .from = i ? (uint32_t)((number >> 8) % graph.node_count) : HD_NODE_ROOT,
                                            .depth = UINT32_MAX, .entries = true, .fold = true, .mapped = &columns};
        if (hd_tree_create(&tree, &columns.graph, &columns.dominators, &classes, &shape, &err)) {
            uint64_t count = 0;
            for (uint32_t k = 0; k < tree.count; k++)
                count += tree.group[k].count;
            hd_question_require(count <= graph.node_count, "an object is in two groups");
            hd_tree_destroy(&tree);
        }
        hd_index_columns_deinit(&columns);
    }
    hd_index_unmap(mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *index;
    struct hd_index_plan plan;
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_error err = {0};
    if (!sound)
        begin();
    if (!index)
        index = malloc(length);
    memcpy(index, sound, length);
    hd_question_require(hd_index_plan(&plan, (struct hd_index_header *)index), "the sound index is none");
    change(index, &plan, data, size);
    make_right(index);
    put_index(index, data, size);
    look_up_single(data, size);
    put_index(index, data, size); /* it is gone if it was found out */
    cut_out(data, size);
    put_index(index, data, size);
    more_paths(data, size);
    put_index(index, data, size);
    group_below(data, size);
    put_index(index, data, size);
    struct hd_index *mapped = hd_index_map(&key, &graph, &dominators, &err);
    hd_question_require(mapped != NULL || err.text[0] != 0, "it is refused without a sentence");
    hd_question_require(mapped != NULL || size >= CHANGE, "the sound index is refused");
    if (!mapped)
        return 0;
    look_up(mapped, data, size);
    uint64_t choice = hd_index_hash(data, size, 0);
    uint64_t id = graph.node_count > 1 ? graph.node_address[1 + choice / 64 % (graph.node_count - 1)] : 1;
    hd_index_unmap(mapped);
    hd_question_ask((unsigned)(choice % hd_question_count), dump, id);
    return 0;
}
