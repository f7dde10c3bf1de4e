/*
 * Texts of a dump as JSON strings for other tools' readers, in ASCII.
 *
 * Some of them cut a file into blocks before they decode it, so no character may be more than one byte; whatever the text
 * holds, what is written is valid.
 */
#ifndef HD_STORE_JSON_TEXT_H
#define HD_STORE_JSON_TEXT_H

#include "base/arena.h"

/*
 * Appends the text in quotes. Bytes that are not UTF-8 become U+FFFD. Of a text longer than `most` bytes (0: no limit) its
 * beginning, at a character, and a … behind.
 */
void hd_json_text_append(struct hd_buffer *out, const char *text, size_t length, size_t most);

#endif
