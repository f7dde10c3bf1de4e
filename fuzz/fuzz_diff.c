/*
 * Fuzz target: any bytes as what is kept of a dump for `diff` (graph/diff_part.h), the objects last. What is not refused is compared with
 * itself, moved a little, as dumps of one process; the dominators, which an index promises nothing of but their range, go in circles.
 */
#include "fuzz/fuzz_target.h"

#include "fuzz/questions.h"
#include "graph/diff.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 200 };

static uint64_t size_of[NODES], retained[NODES];
static uint32_t dominator[NODES];

static void columns_make(void)
{
    for (uint32_t node = 0; node < NODES; node++) {
        size_of[node] = 40 + node % 3 * 40;
        retained[node] = size_of[node] * (1 + node % 5);
        dominator[node] = node % 29 == 0 ? HD_NODE_NONE : node % 13 == 0 ? (node + 7) % NODES : node / 2;
    }
}

/* With nothing behind it. */
static char *copy_of(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    hd_question_require(copy != NULL, "memory");
    memcpy(copy, data, size);
    return copy;
}

/* From the first dump to the second some objects come to lie elsewhere, and few from that to the third. */
static void move(uint8_t *step, unsigned dump)
{
    for (uint32_t node = 1; node < NODES && dump > 0; node++)
        if (step[node] && step[node] < UINT8_MAX && (node % 7 == 3 || (dump > 1 && node % 31 == 5)))
            step[node]++;
}

static bool add(struct hd_diff *diff, const uint8_t *data, size_t size, size_t objects, char **copy)
{
    struct hd_buffer text = {0};
    struct hd_diff_part part;
    struct hd_error err;
    hd_buffer_append(&text, data, size - objects);
    *copy = copy_of(data + size - objects, objects);
    move((uint8_t *)*copy + objects - NODES, diff->count);
    bool added = hd_diff_part_read(&part, &text, (struct hd_graph_text){*copy, objects}, NODES);
    if (added) {
        part.size = size_of;
        part.retained = retained;
        part.dominator = dominator;
        added = hd_diff_add(diff, &part, &err);
    }
    hd_diff_part_free(&part);
    return added;
}

static void look_at_sums(const struct hd_diff_sums *sums, uint64_t most)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < sums->count; i++) {
        count += hd_diff_group(sums, i).count;
        hd_diff_sample(sums, i);
    }
    hd_question_require(count <= most, "more objects than there are");
}

/* What they were counted as is what it says. */
static void look_at(const struct hd_diff *diff)
{
    struct hd_path_key_step step[HD_PATH_KEY_STEPS];
    int64_t *grown;
    struct hd_error err;
    uint64_t bytes = 0;
    for (unsigned i = 0; i + 1 < diff->count; i++) {
        const struct hd_diff_change *change = &diff->change[i];
        hd_question_require(change->kept + change->made < NODES && change->kept + change->freed < NODES && change->reused <= change->made,
                            "a change of more objects than there are");
    }
    for (unsigned i = 0; i < diff->count; i++) {
        look_at_sums(&diff->class[i], UINT64_MAX); /* as they were kept */
        look_at_sums(&diff->way[i], UINT64_MAX);
    }
    if (diff->has_survivors) {
        look_at_sums(&diff->surviving_class, diff->survivors);
        look_at_sums(&diff->surviving_way, diff->survivors);
        hd_question_require(diff->survivors < NODES, "more survivors than there are");
    }
    for (uint32_t i = 0; i < diff->keys.count; i++)
        for (uint32_t k = hd_path_keys_steps(&diff->keys, i, step); k-- > 0;)
            bytes += (step[k].edge.data ? step[k].edge.length : 0) + (step[k].title.length ? (uint8_t)step[k].title.data[0] : 0);
    if (diff->count > 1 && hd_diff_origins(diff, &grown, &err))
        free(grown);
    hd_question_require(bytes < UINT64_MAX, "texts");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned widths[] = {1, 2, 4};
    columns_make();
    for (unsigned i = 0; i < sizeof widths / sizeof *widths; i++)
        for (unsigned dumps = 2; dumps <= HD_DIFF_DUMPS && size >= NODES * (widths[i] + 1); dumps++) {
            struct hd_diff diff;
            struct hd_error err;
            char *copy[HD_DIFF_DUMPS] = {0};
            bool added = hd_diff_init(&diff, dumps, &err);
            for (unsigned k = 0; added && k < dumps; k++)
                added = add(&diff, data, size, NODES * (widths[i] + 1), &copy[k]);
            if (added)
                look_at(&diff);
            hd_diff_deinit(&diff);
            for (unsigned k = 0; k < dumps; k++)
                free(copy[k]);
        }
    return 0;
}
