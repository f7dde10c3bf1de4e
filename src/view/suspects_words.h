/*
 * Suspects in words: what to call the place, what it probably is, what is in an object.
 *
 * Owns the sentences. Must not know how a report is laid out. Everything goes to a buffer and may hold bytes of the dump:
 * whoever prints it cleans it.
 */
#ifndef HD_VIEW_SUSPECTS_WORDS_H
#define HD_VIEW_SUSPECTS_WORDS_H

#include "base/arena.h"
#include "view/open.h"
#include "graph/suspects.h"

/* printf to the end of the buffer. */
void hd_suspects_words_add(struct hd_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "Shop::Recommendations::CACHE", "@callbacks of Shop::Events", "thread-local :query_log", …. */
void hd_suspects_words_place(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspect *suspect);

/* One or two sentences on what it probably is. */
void hd_suspects_words_guess(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspects *suspects,
                             const struct hd_suspect *suspect);

/* What is in an object, from its line: references by the classes they lead to. */
void hd_suspects_words_contents(struct hd_buffer *out, const struct hd_open *open, const char *line);

/* The kind and the anchor as JSON has them: "callbacks", "constant". */
const char *hd_suspects_words_kind(enum hd_suspect_kind kind);
const char *hd_suspects_words_anchor(enum hd_suspect_anchor anchor);

#endif
