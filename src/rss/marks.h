/*
 * What is known of addresses in malloc's memory: this one is a string's buffer, that one waits in a thread's cache.
 *
 * Owns a list that grows and is sorted. Must not know malloc. 16 bytes a mark: there are as many as objects have buffers.
 */
#ifndef HD_RSS_MARKS_H
#define HD_RSS_MARKS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* What is still to be done with a mark: read what is there, for it leads on. */
enum hd_mark_more { HD_MARK_PLAIN, HD_MARK_TABLE /* an st_table */, HD_MARK_WORDS /* any word of it may lead on; + depth - 1 */,
                    HD_MARK_DEEPEST = HD_MARK_WORDS + 7 };

struct hd_mark {
    uint64_t addr;           /* as its user knows it */
    uint64_t size : 46;      /* bytes as far as its user knows; 0: malloc must tell */
    uint64_t row : 7;        /* enum hd_rss_row */
    uint64_t more : 4;       /* enum hd_mark_more */
    uint64_t guessed : 1;    /* found by its looks: gives way to what is known */
    uint64_t done : 1;       /* what it leads to has been added */
};

struct hd_marks {
    struct hd_buffer buffer;
    size_t count;
};

static inline struct hd_mark *hd_marks_items(const struct hd_marks *marks)
{
    return (struct hd_mark *)(void *)marks->buffer.data;
}

void hd_marks_deinit(struct hd_marks *marks);

/* Memory that runs out is noted in marks->buffer.failed. An address of 0 is left out. */
void hd_marks_add(struct hd_marks *marks, uint64_t addr, uint64_t size, unsigned row, unsigned more, bool guessed);

/* By address, what is known before what is guessed; of equal addresses the first stays. */
bool hd_marks_sort(struct hd_marks *marks);

#endif
