/* See keep.h. */
#include "view/keep.h"

#include "view/asked.h"

#include <string.h>

static bool question_make(struct hd_buffer *question, const char *what, uint64_t number)
{
    hd_buffer_append(question, what, strlen(what) + 1);
    hd_buffer_append(question, &number, sizeof number);
    return hd_asked_program(question) && !question->failed;
}

bool hd_keep_find(const struct hd_open *open, const char *what, uint64_t number, struct hd_buffer *data)
{
    struct hd_buffer question = {0};
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_graph_text kept = {NULL, 0};
    /* mapped anew: what was kept after `open` was mapped is behind its end */
    struct hd_index *index = open->index ? hd_index_map_for(&open->key, HD_INDEX_HEADER, &graph, &dominators, NULL) : NULL;
    if (index && question_make(&question, what, number))
        kept = hd_index_answer(index, hd_asked_text(&question));
    if (kept.data)
        hd_buffer_append(data, kept.data, kept.length);
    hd_buffer_deinit(&question);
    hd_index_unmap(index);
    return kept.data && !data->failed;
}

struct hd_graph_text hd_keep_look(const struct hd_open *open, const char *what, uint64_t number)
{
    struct hd_buffer question = {0};
    struct hd_graph_text kept = {NULL, 0};
    if (open->index && question_make(&question, what, number))
        kept = hd_index_answer(open->index, hd_asked_text(&question));
    hd_buffer_deinit(&question);
    return kept;
}

typedef bool keep_in(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text answer, struct hd_error *err);

static void add(const struct hd_open *open, const char *what, uint64_t number, const struct hd_buffer *data, keep_in *keep)
{
    struct hd_buffer question = {0};
    if (open->index && !data->failed && question_make(&question, what, number))
        keep(&open->key, hd_asked_text(&question), hd_asked_text(data), NULL);
    hd_buffer_deinit(&question);
}

void hd_keep_add(const struct hd_open *open, const char *what, uint64_t number, const struct hd_buffer *data)
{
    add(open, what, number, data, hd_index_keep_answer);
}

void hd_keep_add_data(const struct hd_open *open, const char *what, uint64_t number, const struct hd_buffer *data)
{
    add(open, what, number, data, hd_index_keep_data);
}
