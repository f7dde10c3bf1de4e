/*
 * Numbers and texts one behind the other, and out again: how views are kept (view/keep.h).
 *
 * The same function writes and reads: each call names a place that is written, or filled. What is read is believed in nothing: a number
 * that is too big or a text that is longer than what is left makes it fail, and from then on all is 0 and empty.
 */
#ifndef HD_VIEW_PACK_H
#define HD_VIEW_PACK_H

#include "base/arena.h"
#include "graph/graph.h"

struct hd_pack {
    struct hd_buffer *out; /* NULL: it reads */
    const char *at, *end;
    bool failed; /* of reading; a buffer has its own */
};

static inline struct hd_pack hd_pack_writing(struct hd_buffer *out)
{
    return (struct hd_pack){.out = out};
}

static inline struct hd_pack hd_pack_reading(const struct hd_buffer *in)
{
    return (struct hd_pack){.at = in->data, .end = in->length ? in->data + in->length : in->data};
}

void hd_pack_number(struct hd_pack *pack, uint64_t *number);

/* The same of one that is at most `most`. */
void hd_pack_below(struct hd_pack *pack, uint32_t *number, uint32_t most);

/* Data NULL is kept, too. What is read lies in the buffer that is read of. */
void hd_pack_text(struct hd_pack *pack, struct hd_graph_text *text);

/*
 * How many elements follow; each is of at least one number, and of one more for every 64 bytes of `size`: what is read takes at most
 * 64 times the bytes it was kept in. The list itself if it writes; else zeros for so many of `size` bytes, to be freed (and one more,
 * so that it is never NULL); NULL, and 0 of them, if it failed.
 */
void *hd_pack_list(struct hd_pack *pack, void *list, uint32_t *count, size_t size);

/* All of it was read, and no more. */
static inline bool hd_pack_ended(const struct hd_pack *pack)
{
    return !pack->failed && pack->at == pack->end;
}

#endif
