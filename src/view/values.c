/*
 * See values.h. Each piece is kept under its number and a stamp, which is another one each time they are made; last comes the sum of them, with
 * that stamp. What is left of those who were interrupted has none, and is never looked at.
 */
#include "view/values.h"

#include "view/asked.h"
#include "view/keep.h"

#include <string.h>
#include <sys/random.h>

/* What is kept at the end. */
struct sum {
    struct hd_values_sum sum;
    uint64_t stamp;
};

/* Its length is a multiple of 8, so that pieces are aligned. */
static bool question_make(struct hd_buffer *question, uint64_t kind, uint64_t number, uint64_t stamp)
{
    const struct {
        char words[16];
        uint64_t kind, number, stamp;
    } head = {"values of all", kind, number, stamp};
    hd_buffer_append(question, &head, sizeof head);
    return hd_asked_program(question) && !question->failed;
}

/* ---- kept ---- */

struct keeper {
    const struct hd_index_key *key;
    uint64_t stamp;
};

static bool keep(const struct hd_index_key *key, uint64_t kind, uint64_t number, uint64_t stamp, struct hd_graph_text data)
{
    struct hd_buffer question = {0};
    bool ok = question_make(&question, kind, number, stamp) && hd_index_keep_data(key, hd_asked_text(&question), data, NULL);
    hd_buffer_deinit(&question);
    return ok;
}

static bool put(void *data, enum hd_values_kind kind, uint32_t number, struct hd_graph_text piece)
{
    const struct keeper *keeper = data;
    return keep(keeper->key, kind, number, keeper->stamp, piece);
}

/* Whether they are there. */
static bool find(struct hd_values_kept *kept, const struct hd_index_key *key)
{
    struct hd_buffer question = {0};
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct sum sum;
    /* mapped anew: what was kept after the dump was opened is behind the end of its index */
    *kept = (struct hd_values_kept){.index = hd_index_map_for(key, HD_INDEX_HEADER, &graph, &dominators, NULL)};
    struct hd_graph_text data = {NULL, 0};
    if (kept->index && question_make(&question, HD_VALUES_KINDS, 0, 0))
        data = hd_index_answer(kept->index, hd_asked_text(&question));
    hd_buffer_deinit(&question);
    if (data.length == sizeof sum) {
        memcpy(&sum, data.data, sizeof sum);
        kept->source.sum = sum.sum;
        kept->stamp = sum.stamp;
        return true;
    }
    hd_values_close(kept);
    return false;
}

struct hd_lines *hd_values_lines(struct hd_basis *basis, unsigned facets, struct hd_error *err)
{
    struct hd_values_kept kept;
    struct keeper keeper = {.key = &basis->key};
    struct hd_lines_values values = {.put = put, .data = &keeper, .room = hd_index_room(basis->index)};
    bool wanted = !find(&kept, &basis->key);
    if (!wanted)
        hd_values_close(&kept);
    wanted = wanted && getrandom(&keeper.stamp, sizeof keeper.stamp, 0) == sizeof keeper.stamp;
    struct hd_lines *lines = hd_lines_create(facets, basis->path, &basis->graph, basis->dominators.parent, wanted ? &values : NULL, err);
    if (lines && values.whole) {
        const struct sum sum = {values.sum, keeper.stamp};
        keep(&basis->key, HD_VALUES_KINDS, 0, 0, (struct hd_graph_text){(const char *)&sum, sizeof sum});
    }
    return lines;
}

/* ---- looked for ---- */

static struct hd_graph_text get(const void *data, enum hd_values_kind kind, uint32_t number)
{
    const struct hd_values_kept *kept = data;
    struct hd_buffer question = {0};
    struct hd_graph_text piece = {NULL, 0};
    if (question_make(&question, kind, number, kept->stamp))
        piece = hd_index_answer(kept->index, hd_asked_text(&question));
    hd_buffer_deinit(&question);
    return piece;
}

bool hd_values_open(struct hd_values_kept *kept, const struct hd_open *open)
{
    if (!hd_keep_can(open) || !find(kept, &open->key))
        return false;
    kept->source.data = kept;
    kept->source.get = get;
    return true;
}

void hd_values_close(struct hd_values_kept *kept)
{
    hd_index_unmap(kept->index);
    kept->index = NULL;
}
