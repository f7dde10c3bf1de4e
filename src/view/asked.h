/*
 * What makes a question the same as one that was answered before (graph/index_answers.c): the program, the very state of each dump,
 * and words, which are the asker's.
 */
#ifndef HD_VIEW_ASKED_H
#define HD_VIEW_ASKED_H

#include "base/arena.h"
#include "graph/index.h"

/* Appends what tells this program from another build of the same release, which may have other words. False if it cannot be known. */
bool hd_asked_program(struct hd_buffer *text);

/* Appends the state of a dump. False if it may be changing: then nothing can be kept. */
bool hd_asked_dump(struct hd_buffer *text, const struct hd_index_key *key);

static inline struct hd_graph_text hd_asked_text(const struct hd_buffer *text)
{
    return (struct hd_graph_text){(const char *)text->data, text->length};
}

#endif
