/*
 * Bytes of a target as JSON text: UTF-8 validation, escaping, base64, integers and floats.
 *
 * Owns how a byte sequence becomes a JSON token. Must not know what it stands for. Appends to a struct
 * hd_buffer; nothing here can fail but for memory, which the buffer remembers.
 */
#ifndef HD_DUMP_TEXT_H
#define HD_DUMP_TEXT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

bool hd_text_is_ascii(const char *data, size_t length);
bool hd_text_is_utf8(const char *data, size_t length);

/* The bytes (valid UTF-8) with JSON's escapes, without quotes. */
void hd_text_escape(struct hd_buffer *out, const char *data, size_t length);

/*
 * Any bytes: what is not valid UTF-8 appears as the four characters \xNN, and so does NUL, which no key of a document
 * database may have.
 */
void hd_text_escape_any(struct hd_buffer *out, const char *data, size_t length);

/* True if what hd_text_escape_any writes of a name begins with `$` or `\`. */
bool hd_text_name_needs_backslash(const char *data, size_t length);

void hd_text_base64(struct hd_buffer *out, const char *data, size_t length);

void hd_text_uint(struct hd_buffer *out, uint64_t value);
void hd_text_int(struct hd_buffer *out, int64_t value);

/* Shortest decimal that reads back as the same double, always with a '.' or an exponent; finite values only. */
void hd_text_double(struct hd_buffer *out, double value);

#define hd_text_literal(out, text) hd_buffer_append((out), (text), sizeof(text) - 1)

/* SipHash-2-4 of the bytes: the keyed hash that stands for redacted contents. */
uint64_t hd_text_keyed_hash(const uint64_t key[2], const void *data, size_t length);

#endif
