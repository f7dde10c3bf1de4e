/*
 * The contents of a string in a dump: as text, as base64, or hidden.
 *
 * Owns the rule that no byte that is not valid UTF-8 reaches the file raw, and that no content at all does in a
 * redacted dump. Must not know where the bytes come from: every writer of dumps uses it.
 */
#ifndef HD_DUMP_CONTENTS_H
#define HD_DUMP_CONTENTS_H

#include "dump/dump.h"

enum { HD_STRING_LIMIT_MAX = 1 << 20 }; /* bytes; fully escaped that is 6 MiB, and a line has at most 8 */

/* What the bytes mean, as far as it matters here. */
enum hd_contents_encoding {
    HD_CONTENTS_UTF_8,
    HD_CONTENTS_ASCII_COMPATIBLE, /* text only where it is ASCII: binary, US-ASCII, EUC-JP, … */
    HD_CONTENTS_OTHER             /* UTF-16, UTF-32 */
};

/* By encoding index; the first ones are the same in every release (encindex.h). */
enum hd_contents_encoding hd_contents_encoding_of(uint64_t index);

/* `,"val":"…"` or `,"val_base64":"…"`, with `,"truncated":true`; `,"val_hash":"…"` in a redacted dump. */
void hd_contents_write(struct hd_buffer *out, const struct hd_dump_options *options, const char *data, uint64_t length,
                       enum hd_contents_encoding encoding);

/* `,"val_hash":"…"` */
void hd_contents_hide(struct hd_buffer *out, const struct hd_dump_options *options, const void *data, uint64_t length);

/* The string_limit that holds: never more than HD_STRING_LIMIT_MAX. */
uint64_t hd_contents_limit(const struct hd_dump_options *options);

#endif
