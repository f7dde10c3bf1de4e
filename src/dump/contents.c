/* See contents.h. */
#include "dump/contents.h"

#include "dump/text.h"

void hd_contents_hide(struct hd_buffer *out, const struct hd_dump_options *options, const void *data, uint64_t length)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = hd_text_keyed_hash(options->redact_key, data, length);
    char text[16];
    for (int i = 0; i < 16; i++)
        text[i] = digits[hash >> (60 - 4 * i) & 15];
    hd_text_literal(out, ",\"val_hash\":\"");
    hd_buffer_append(out, text, sizeof text);
    hd_text_literal(out, "\"");
}

enum hd_contents_encoding hd_contents_encoding_of(uint64_t index)
{
    enum { UTF_8 = 1, UTF_16BE = 3, UTF_32 = 8 };
    if (index == UTF_8)
        return HD_CONTENTS_UTF_8;
    return index >= UTF_16BE && index <= UTF_32 ? HD_CONTENTS_OTHER : HD_CONTENTS_ASCII_COMPATIBLE;
}

uint64_t hd_contents_limit(const struct hd_dump_options *options)
{
    return options->string_limit < HD_STRING_LIMIT_MAX ? options->string_limit : HD_STRING_LIMIT_MAX;
}

/* The longest prefix of at most `limit` bytes that does not cut a UTF-8 sequence. */
static uint64_t utf8_cut(const char *data, uint64_t limit)
{
    for (int back = 0; back < 4 && limit; back++, limit--)
        if ((data[limit] & 0xc0) != 0x80)
            return limit;
    return limit;
}

void hd_contents_write(struct hd_buffer *out, const struct hd_dump_options *options, const char *data, uint64_t length,
                       enum hd_contents_encoding encoding)
{
    uint64_t limit = hd_contents_limit(options);
    bool truncated = length > limit;
    if (options->redact) {
        hd_contents_hide(out, options, data, length);
        return;
    }
    bool ascii = hd_text_is_ascii(data, length);
    bool readable = encoding == HD_CONTENTS_UTF_8 ? ascii || hd_text_is_utf8(data, length)
                                                  : ascii && (encoding == HD_CONTENTS_ASCII_COMPATIBLE || !length);
    if (truncated)
        length = readable && !ascii ? utf8_cut(data, limit) : limit;
    if (readable) {
        hd_text_literal(out, ",\"val\":\"");
        hd_text_escape(out, data, length);
    } else {
        hd_text_literal(out, ",\"val_base64\":\"");
        hd_text_base64(out, data, length);
    }
    hd_text_literal(out, "\"");
    if (truncated)
        hd_text_literal(out, ",\"truncated\":true");
}
