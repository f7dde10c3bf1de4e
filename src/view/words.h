/*
 * Words for people: numbers with units, texts that are safe to print and short enough.
 *
 * Owns how numbers and ids look and what is no text for a terminal. Must not know what they mean.
 */
#ifndef HD_VIEW_WORDS_H
#define HD_VIEW_WORDS_H

#include "base/arena.h"

#include <stdint.h>

enum { HD_WORDS_NUMBER = 32 };

/* "12.3 MB", decimal units as disks have them; "1,234,567"; "140654640801880 0x7fecb5e6a858". */
char *hd_words_bytes(char text[HD_WORDS_NUMBER], uint64_t bytes);
char *hd_words_count(char text[HD_WORDS_NUMBER], uint64_t count);
char *hd_words_id(char text[2 * HD_WORDS_NUMBER], uint64_t id);

/*
 * Appends the text and a NUL, safe to print: what is no UTF-8, controls the terminal or turns the direction of text
 * becomes `?`.
 */
void hd_words_clean(struct hd_buffer *out, const char *text, size_t length);

/* Characters of the text. */
size_t hd_words_width(const char *text, size_t length);

/* At most `width` characters of the text, with … in its middle if it is longer. To be freed; NULL if memory ran out. */
char *hd_words_shorten(const char *text, size_t length, size_t width);

#endif
