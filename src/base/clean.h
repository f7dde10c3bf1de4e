/*
 * Texts out of a dump that are safe to show: whole characters that control nothing.
 */
#ifndef HD_BASE_CLEAN_H
#define HD_BASE_CLEAN_H

#include "base/arena.h"

/*
 * Appends the text. What is no UTF-8, controls a terminal or turns the direction of text becomes `?`; not terminated.
 */
void hd_clean_append(struct hd_buffer *out, const char *text, size_t length);

#endif
