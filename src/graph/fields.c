/* See fields.h. */
#include "graph/fields.h"

#include <string.h>

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static size_t skip_space(struct hd_graph_text text, size_t at)
{
    while (at < text.length && is_space(text.data[at]))
        at++;
    return at;
}

/* Behind the string whose first quote is at `at`. */
static size_t skip_string(struct hd_graph_text text, size_t at)
{
    for (at++; at < text.length; at++) {
        const char *quote = memchr(text.data + at, '"', text.length - at);
        if (!quote)
            break;
        size_t end = (size_t)(quote - text.data), slashes = 0;
        while (end - slashes > at && text.data[end - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return end + 1;
        at = end;
    }
    return text.length;
}

enum { CHUNK = 64 }; /* a multiple of what a processor compares at once */

/*
 * Behind the list at `at`, if it has neither lists nor maps nor backslashes in it, so that every other quote ends a string: seen many bytes at a time, as
 * lists of references may have millions. `at` if it takes a closer look.
 */
static size_t skip_plain_list(struct hd_graph_text text, size_t at)
{
    const char *byte = text.data + at + 1, *end = memchr(byte, ']', text.length - at - 1);
    size_t quotes = 0;
    bool plain = end;
    for (; plain && end - byte >= CHUNK; byte += CHUNK) {
        uint8_t quoted = 0, other = 0;
        for (int i = 0; i < CHUNK; i++) {
            quoted += byte[i] == '"';
            other |= byte[i] == '\\' || byte[i] == '[' || byte[i] == '{' || byte[i] == '}';
        }
        quotes += quoted;
        plain = !other;
    }
    for (; plain && byte < end; byte++) {
        quotes += *byte == '"';
        plain = *byte != '\\' && *byte != '[' && *byte != '{' && *byte != '}';
    }
    return plain && quotes % 2 == 0 ? (size_t)(end - text.data) + 1 : at;
}

static size_t skip_value(struct hd_graph_text text, size_t at)
{
    size_t depth = 0;
    if (at < text.length && text.data[at] == '[') {
        size_t behind = skip_plain_list(text, at);
        if (behind > at)
            return behind;
    }
    while (at < text.length) {
        char byte = text.data[at];
        if (byte == '"') {
            at = skip_string(text, at);
            if (depth == 0)
                return at;
            continue;
        }
        if (byte == '{' || byte == '[') {
            depth++;
        } else if (byte == '}' || byte == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (byte == ',' || is_space(byte))) {
            return at;
        }
        at++;
    }
    return text.length;
}

static struct hd_graph_text unquoted(struct hd_graph_text text)
{
    if (text.length >= 2 && text.data[0] == '"' && text.data[text.length - 1] == '"')
        return (struct hd_graph_text){text.data + 1, text.length - 2};
    return text;
}

struct hd_graph_text hd_fields_next(struct hd_graph_text list, size_t *at, struct hd_graph_text *key)
{
    const struct hd_graph_text none = {NULL, 0};
    *key = none;
    if (list.length == 0 || (list.data[0] != '{' && list.data[0] != '['))
        return none;
    size_t begin = skip_space(list, *at ? *at : 1);
    if (begin < list.length && list.data[begin] == ',')
        begin = skip_space(list, begin + 1);
    if (begin >= list.length || list.data[begin] == '}' || list.data[begin] == ']')
        return none;
    if (list.data[0] == '{') {
        size_t end = skip_value(list, begin);
        *key = unquoted((struct hd_graph_text){list.data + begin, end - begin});
        begin = skip_space(list, end);
        if (begin >= list.length || list.data[begin] != ':')
            return none;
        begin = skip_space(list, begin + 1);
    }
    size_t end = skip_value(list, begin);
    if (end == begin)
        return none;
    *at = end;
    return (struct hd_graph_text){list.data + begin, end - begin};
}

struct hd_graph_text hd_fields_get(struct hd_graph_text object, const char *name)
{
    size_t at = 0;
    for (struct hd_graph_text key, value; (value = hd_fields_next(object, &at, &key)).data;)
        if (hd_fields_is(key, name))
            return value;
    return (struct hd_graph_text){NULL, 0};
}

void hd_fields_pick(struct hd_graph_text object, const char *const *names, struct hd_graph_text *values, size_t count)
{
    struct hd_graph_text key, value;
    for (size_t i = 0; i < count; i++)
        values[i] = (struct hd_graph_text){NULL, 0};
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;)
        for (size_t i = 0; i < count; i++)
            if (!values[i].data && hd_fields_is(key, names[i]))
                values[i] = value;
}

/* --- what a string says --- */

static void append_utf8(struct hd_buffer *out, uint32_t code)
{
    char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(first[length] | code);
    hd_buffer_append(out, bytes, length);
}

/* The four digits of \uXXXX at `at`; false if they are not four. */
static bool code_unit(struct hd_graph_text text, size_t at, uint32_t *code)
{
    static const char digits[] = "0123456789abcdef";
    if (at > text.length || text.length - at < 4)
        return false;
    *code = 0;
    for (size_t i = 0; i < 4; i++) {
        char byte = text.data[at + i];
        const char *digit = byte ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte) : NULL;
        if (!digit)
            return false;
        *code = *code << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* Appends the character whose \u is at `at`, with its second half if it has one; returns where the text goes on. */
static size_t unescape_unicode(struct hd_buffer *out, struct hd_graph_text text, size_t at)
{
    uint32_t code, low;
    if (!code_unit(text, at + 2, &code)) {
        hd_buffer_append(out, "\\u", 2);
        return at + 2;
    }
    at += 6;
    if (code >= 0xd800 && code < 0xdc00 && at + 1 < text.length && text.data[at] == '\\' && text.data[at + 1] == 'u' &&
        code_unit(text, at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    append_utf8(out, code);
    return at;
}

void hd_fields_unescape(struct hd_buffer *out, struct hd_graph_text string)
{
    static const char letters[] = "nrtbf", means[] = "\n\r\t\b\f";
    struct hd_graph_text text = unquoted(string);
    for (size_t at = 0; at < text.length;) {
        const char *slash = memchr(text.data + at, '\\', text.length - at);
        size_t end = slash ? (size_t)(slash - text.data) : text.length;
        hd_buffer_append(out, text.data + at, end - at);
        at = end;
        if (at + 1 >= text.length)
            break;
        char byte = text.data[at + 1];
        if (byte == 'u') {
            at = unescape_unicode(out, text, at);
            continue;
        }
        const char *letter = byte ? strchr(letters, byte) : NULL;
        hd_buffer_append(out, letter ? &means[letter - letters] : &byte, 1);
        at += 2;
    }
}

void hd_fields_base64(struct hd_buffer *out, struct hd_graph_text string)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct hd_graph_text text = unquoted(string);
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.length; i++) {
        const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;
        if (!digit)
            break;
        bits = bits << 6 | (uint32_t)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            char byte = (char)(bits >> count);
            hd_buffer_append(out, &byte, 1);
        }
    }
}
