/* See text.h. */
#include "dump/text.h"

#include <stdio.h>
#include <stdlib.h>

bool hd_text_is_ascii(const char *data, size_t length)
{
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        if (word & 0x8080808080808080ull)
            return false;
    }
    for (; i < length; i++)
        if (data[i] & 0x80)
            return false;
    return true;
}

/* The length of the valid UTF-8 sequence at p (Unicode 15, table 3-7), 0 if there is none. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    size_t length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < length)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool hd_text_is_utf8(const char *data, size_t length)
{
    const uint8_t *p = (const uint8_t *)data, *end = p + length;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080ull))) {
            p += 8;
            continue;
        }
        size_t step = sequence_length(p, (size_t)(end - p));
        if (!step)
            return false;
        p += step;
    }
    return true;
}

static const char hex[] = "0123456789abcdef";

static char *escape_one(char *o, uint8_t c)
{
    *o++ = '\\';
    switch (c) {
    case '"': case '\\': *o++ = (char)c; return o;
    case '\n': *o++ = 'n'; return o;
    case '\t': *o++ = 't'; return o;
    case '\r': *o++ = 'r'; return o;
    default:
        memcpy(o, "u00", 3);
        o[3] = hex[c >> 4];
        o[4] = hex[c & 15];
        return o + 5;
    }
}

static inline bool needs_escape(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* False only if no byte of the word is below 0x20, a quote or a backslash. */
static inline bool word_needs_escape(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
    uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
    return (((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
}

void hd_text_escape(struct hd_buffer *out, const char *data, size_t length)
{
    if (length > SIZE_MAX / 8 || !hd_buffer_reserve(out, 6 * length + 8))
        return;
    char *o = out->data + out->length;
    const uint8_t *p = (const uint8_t *)data, *end = p + length;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8 && (memcpy(&word, p, 8), !word_needs_escape(word))) {
            memcpy(o, &word, 8);
            o += 8;
            p += 8;
            continue;
        }
        const uint8_t *stop = end - p >= 8 ? p + 8 : end;
        for (; p < stop; p++) {
            if (needs_escape(*p))
                o = escape_one(o, *p);
            else
                *o++ = (char)*p;
        }
    }
    out->length = (size_t)(o - out->data);
}

bool hd_text_name_needs_backslash(const char *data, size_t length)
{
    return length && (*data == '$' || *data == '\\' || !*data || !sequence_length((const uint8_t *)data, length));
}

void hd_text_escape_any(struct hd_buffer *out, const char *data, size_t length)
{
    if (hd_text_is_utf8(data, length) && !memchr(data, 0, length)) {
        hd_text_escape(out, data, length);
        return;
    }
    const uint8_t *p = (const uint8_t *)data, *end = p + length;
    while (p < end) {
        size_t step = *p ? sequence_length(p, (size_t)(end - p)) : 0;
        if (step) {
            hd_text_escape(out, (const char *)p, step);
        } else {
            char byte[] = {'\\', '\\', 'x', hex[*p >> 4], hex[*p & 15]};
            hd_buffer_append(out, byte, sizeof byte);
            step = 1;
        }
        p += step;
    }
}

void hd_text_base64(struct hd_buffer *out, const char *data, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (length > SIZE_MAX / 4 || !hd_buffer_reserve(out, length / 3 * 4 + 8))
        return;
    const uint8_t *p = (const uint8_t *)data;
    char *o = out->data + out->length;
    for (; length >= 3; length -= 3, p += 3) {
        uint32_t word = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *o++ = digits[word >> 18];
        *o++ = digits[word >> 12 & 63];
        *o++ = digits[word >> 6 & 63];
        *o++ = digits[word & 63];
    }
    if (length) {
        uint32_t word = (uint32_t)p[0] << 16 | (length == 2 ? (uint32_t)p[1] << 8 : 0);
        *o++ = digits[word >> 18];
        *o++ = digits[word >> 12 & 63];
        *o++ = length == 2 ? digits[word >> 6 & 63] : '=';
        *o++ = '=';
    }
    out->length = (size_t)(o - out->data);
}

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

/* Eight digits, leading zeros included. */
static inline void eight_digits(char *out, uint32_t value)
{
    uint32_t high = value / 10000, low = value % 10000;
    memcpy(out, digit_pairs + high / 100 * 2, 2);
    memcpy(out + 2, digit_pairs + high % 100 * 2, 2);
    memcpy(out + 4, digit_pairs + low / 100 * 2, 2);
    memcpy(out + 6, digit_pairs + low % 100 * 2, 2);
}

/* Up to eight digits, no leading zeros; returns how many. */
static inline size_t few_digits(char *out, uint32_t value)
{
    size_t length = value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : value < 10000 ? 4 : value < 100000 ? 5
                    : value < 1000000 ? 6 : value < 10000000 ? 7 : 8;
    char *p = out + length;
    while (value >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(p - 2, digit_pairs + value * 2, 2);
    else
        p[-1] = (char)('0' + value);
    return length;
}

void hd_text_uint(struct hd_buffer *out, uint64_t value)
{
    const uint64_t ten_to_8 = 100000000, ten_to_16 = ten_to_8 * ten_to_8;
    if (!hd_buffer_reserve(out, 24))
        return;
    char *to = out->data + out->length;
    size_t length;
    if (value < ten_to_8) {
        length = few_digits(to, (uint32_t)value);
    } else if (value < ten_to_16) { /* an address */
        length = few_digits(to, (uint32_t)(value / ten_to_8));
        eight_digits(to + length, (uint32_t)(value % ten_to_8));
        length += 8;
    } else {
        length = few_digits(to, (uint32_t)(value / ten_to_16));
        eight_digits(to + length, (uint32_t)(value / ten_to_8 % ten_to_8));
        eight_digits(to + length + 8, (uint32_t)(value % ten_to_8));
        length += 16;
    }
    out->length += length;
}

void hd_text_int(struct hd_buffer *out, int64_t value)
{
    if (value < 0) {
        hd_buffer_append(out, "-", 1);
        hd_text_uint(out, 0 - (uint64_t)value);
    } else {
        hd_text_uint(out, (uint64_t)value);
    }
}

void hd_text_double(struct hd_buffer *out, double value)
{
    char digits[40];
    int length = 0;
    /* glibc's snprintf of a double needs no malloc at these precisions */
    for (int precision = 15; precision <= 17; precision++) {
        length = snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    for (int i = 0; i < length; i++) /* the process may have set a locale with a decimal comma */
        if (digits[i] == ',')
            digits[i] = '.';
    hd_buffer_append(out, digits, (size_t)length);
    if (!memchr(digits, '.', (size_t)length) && !memchr(digits, 'e', (size_t)length))
        hd_text_literal(out, ".0");
}

#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void sip_round(uint64_t v[4])
{
    v[0] += v[1]; v[1] = ROTATE(v[1], 13); v[1] ^= v[0]; v[0] = ROTATE(v[0], 32);
    v[2] += v[3]; v[3] = ROTATE(v[3], 16); v[3] ^= v[2];
    v[0] += v[3]; v[3] = ROTATE(v[3], 21); v[3] ^= v[0];
    v[2] += v[1]; v[1] = ROTATE(v[1], 17); v[1] ^= v[2]; v[2] = ROTATE(v[2], 32);
}

uint64_t hd_text_keyed_hash(const uint64_t key[2], const void *data, size_t length)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
                     key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};
    const uint8_t *p = data;
    uint64_t last = (uint64_t)length << 56, word;
    for (size_t left = length; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < length % 8; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
