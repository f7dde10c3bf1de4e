/* See json_text.h. */
#include "store/json_text.h"

#include "dump/text.h"

static void append_unit(struct hd_buffer *out, unsigned unit)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
    hd_buffer_append(out, text, sizeof text);
}

static void append_code(struct hd_buffer *out, unsigned code)
{
    if (code < 0x10000) {
        append_unit(out, code);
        return;
    }
    append_unit(out, 0xd800 + ((code - 0x10000) >> 10));
    append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* The length of the character at `text`, 0 if there is none; *code is what it is. */
static size_t character(const unsigned char *text, size_t left, unsigned *code)
{
    size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (length > left || !hd_text_is_utf8((const char *)text, length))
        return 0;
    *code = length == 1 ? text[0] : text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        *code = *code << 6 | (text[i] & 0x3f);
    return length;
}

void hd_json_text_append(struct hd_buffer *out, const char *text, size_t length, size_t most)
{
    size_t end = most && length > most ? most : length;
    hd_text_literal(out, "\"");
    for (size_t i = 0; i < end;) {
        size_t plain = i;
        while (plain < end && is_plain((unsigned char)text[plain]))
            plain++;
        hd_buffer_append(out, text + i, plain - i);
        i = plain;
        if (i == end)
            break;
        unsigned code = 0xfffd;
        size_t good = character((const unsigned char *)text + i, length - i, &code);
        if (good == 1 && (code == '"' || code == '\\')) {
            char pair[2] = {'\\', (char)code};
            hd_buffer_append(out, pair, sizeof pair);
        } else {
            append_code(out, code);
        }
        i += good ? good : 1;
    }
    if (end < length)
        append_code(out, 0x2026);
    hd_text_literal(out, "\"");
}
