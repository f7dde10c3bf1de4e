/* See words.h. */
#include "view/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

char *hd_words_count(char text[HD_WORDS_NUMBER], uint64_t count)
{
    char digits[HD_WORDS_NUMBER], *at = digits + sizeof digits;
    *--at = '\0';
    for (int i = 0; i == 0 || count > 0; i++, count /= 10) {
        if (i > 0 && i % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + count % 10);
    }
    return memcpy(text, at, (size_t)(digits + sizeof digits - at));
}

char *hd_words_bytes(char text[HD_WORDS_NUMBER], uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) { /* most are; long lists have millions of them */
        memcpy(hd_words_count(text, bytes) + (bytes > 9) + (bytes > 99) + 1, " B", 3);
        return text;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    /* what would be rounded to 1000.0 belongs to the next unit */
    for (; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(text, HD_WORDS_NUMBER, "%.1f %s", value, units[unit]);
    return text;
}

char *hd_words_id(char text[2 * HD_WORDS_NUMBER], uint64_t id)
{
    snprintf(text, 2 * HD_WORDS_NUMBER, "%llu 0x%llx", (unsigned long long)id, (unsigned long long)id);
    return text;
}

/* --- texts --- */

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Eight bytes at once: what continues a character has the first bit set, and not the second. */
size_t hd_words_width(const char *text, size_t length)
{
    const uint64_t first = 0x8080808080808080u;
    size_t width = length, i = 0;
    for (uint64_t eight; length - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text + i, sizeof eight);
        width -= (size_t)__builtin_popcountll(eight & ~(eight << 1) & first);
    }
    for (; i < length; i++)
        width -= continues(text[i]);
    return width;
}

/* The length in bytes of the first `width` characters. */
static size_t prefix(const char *text, size_t length, size_t width)
{
    size_t i = 0;
    while (i < length && (width > 0 || continues(text[i]))) {
        width -= !continues(text[i]);
        i++;
    }
    return i;
}

char *hd_words_shorten(const char *text, size_t length, size_t width)
{
    static const char dots[] = "…";
    size_t all = hd_words_width(text, length);
    char *result = malloc(length + sizeof dots);
    if (!result)
        return NULL;
    if (all <= width || width == 0) {
        memcpy(result, text, length);
        result[length] = '\0';
        return result;
    }
    size_t head = prefix(text, length, width / 2);
    size_t tail = prefix(text, length, all - (width - width / 2 - 1));
    memcpy(result, text, head);
    memcpy(result + head, dots, sizeof dots - 1);
    memcpy(result + head + sizeof dots - 1, text + tail, length - tail);
    result[head + sizeof dots - 1 + length - tail] = '\0';
    return result;
}

/* U+061C, U+200E, U+200F, U+202A … U+202E, U+2066 … U+2069: they make a terminal show what follows in another order. */
static bool turns_text(const unsigned char *text)
{
    if (text[0] == 0xd8)
        return text[1] == 0x9c;
    if (text[0] != 0xe2)
        return false;
    return (text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xaa && text[2] <= 0xae))) ||
           (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

/* Whole characters only: no text of a dump may change the terminal's state or the alignment. */
static size_t sound(const unsigned char *text, size_t left)
{
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    size_t length = text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (text[0] >= 0xf5 || length == 0 || length > left || (text[0] == 0xc2 && text[1] < 0xa0))
        return 0; /* the last are the control characters U+0080 … U+009F */
    for (size_t i = 1; i < length; i++)
        if (!continues((char)text[i]))
            return 0;
    return turns_text(text) ? 0 : length;
}

void hd_words_clean(struct hd_buffer *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t run = i;
        while (run < length && text[run] >= 0x20 && text[run] < 0x7f)
            run++;
        hd_buffer_append(out, text + i, run - i);
        if ((i = run) == length)
            break;
        size_t good = sound((const unsigned char *)text + i, length - i);
        hd_buffer_append(out, good ? text + i : "?", good ? good : 1);
        i += good ? good : 1;
    }
    hd_buffer_append(out, "", 1);
}
