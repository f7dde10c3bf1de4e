/*
 * What views keep in the index of a dump: not the words of one answer (cli/kept.h), but the data that many of them are made of.
 *
 * Owns under which question they are kept. Must not know what they are. Nothing that is found is believed but that it was kept.
 */
#ifndef HD_VIEW_KEEP_H
#define HD_VIEW_KEEP_H

#include "base/arena.h"
#include "view/basis.h"
#include "view/open.h"

/*
 * Whether what tells contents may be kept or looked for: there is an index, and nothing has to be left out of what is told, which
 * those who keep it do not know (view/redact.h).
 */
static inline bool hd_keep_can(const struct hd_open *open)
{
    return open->index && !open->redacted;
}

/*
 * Long lists are kept in pieces of HD_KEEP_ROWS rows, each under its number, so that who wants few rows takes one piece; none is longer
 * than HD_KEEP_LONGEST.
 */
enum { HD_KEEP_ROWS = 10000, HD_KEEP_PIECES = 10, HD_KEEP_LONGEST = 8 << 20 };

/* How many of `have` rows are in a piece. */
static inline uint32_t hd_keep_rows(uint32_t have, uint32_t piece)
{
    uint32_t before = piece * HD_KEEP_ROWS;
    return have < before ? 0 : have - before < HD_KEEP_ROWS ? have - before : HD_KEEP_ROWS;
}

/* How many rows are to be made where fewer are asked for: one piece; while answers are made ready as many more as an index of that size is worth. */
static inline uint32_t hd_keep_rows_made(const struct hd_open *open)
{
    uint32_t most = HD_KEEP_ROWS * HD_KEEP_PIECES, some = open->basis->lines ? open->graph.node_count / 25 : 0;
    return some < HD_KEEP_ROWS ? HD_KEEP_ROWS : some < most ? some : most;
}

/* A copy of what was kept of that dump under these words and that number; false if there is nothing. */
bool hd_keep_find(const struct hd_open *open, const char *what, uint64_t number, struct hd_buffer *data);

/* The same in the index as it was when `open` mapped it, and as long as that is open; not copied, and not aligned. NULL data if there is nothing. */
struct hd_graph_text hd_keep_look(const struct hd_open *open, const char *what, uint64_t number);

/* Nobody needs to know if it cannot be. */
void hd_keep_add(const struct hd_open *open, const char *what, uint64_t number, const struct hd_buffer *data);

/* The same of data that may be long, which hd_index_keep_data has room for. */
void hd_keep_add_data(const struct hd_open *open, const char *what, uint64_t number, const struct hd_buffer *data);

#endif
