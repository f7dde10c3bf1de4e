/* A scanner that takes no line to be sound. See objspace_fields.h. */
#include "graph/objspace_fields.h"

#include <stdlib.h>
#include <string.h>

void hd_objspace_fields_begin(struct hd_objspace_fields *fields, const char *text, size_t length)
{
    fields->at = text;
    fields->end = text + length;
    while (fields->at < fields->end && *fields->at != '{')
        fields->at++;
}

void hd_objspace_fields_deinit(struct hd_objspace_fields *fields)
{
    free(fields->buffer);
    *fields = (struct hd_objspace_fields){0};
}

static void skip_space(struct hd_objspace_fields *fields)
{
    while (fields->at < fields->end && (*fields->at == ' ' || *fields->at == '\t' || *fields->at == '\r'))
        fields->at++;
}

/* What is between the quotes, as written; `at` ends behind the closing one. */
static bool quoted(struct hd_objspace_fields *fields, struct hd_json_text *text)
{
    skip_space(fields);
    if (fields->at == fields->end || *fields->at != '"')
        return false;
    const char *start = ++fields->at;
    const char *quote = memchr(start, '"', (size_t)(fields->end - start));
    if (quote && !memchr(start, '\\', (size_t)(quote - start))) { /* as most are */
        *text = (struct hd_json_text){start, (size_t)(quote - start)};
        fields->at = quote + 1;
        return true;
    }
    for (; fields->at < fields->end && *fields->at != '"'; fields->at++)
        if (*fields->at == '\\' && ++fields->at == fields->end)
            return false;
    if (fields->at == fields->end)
        return false;
    *text = (struct hd_json_text){start, (size_t)(fields->at++ - start)};
    return true;
}

static bool nested(struct hd_objspace_fields *fields)
{
    unsigned depth = 0;
    while (fields->at < fields->end) {
        struct hd_json_text text;
        if (*fields->at == '"') {
            if (!quoted(fields, &text))
                return false;
            continue;
        }
        char byte = *fields->at++;
        if (byte == '[' || byte == '{')
            depth++;
        else if ((byte == ']' || byte == '}') && --depth == 0)
            return true;
    }
    return false;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The code of the four digits at `at`, -1 if they are none. */
static int unit(const char *at, const char *end)
{
    int code = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

static char *encode(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        if (code >= 0x10000) {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        } else {
            *to++ = (char)(0xe0 | code >> 12);
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Resolves the escape behind a backslash. An unknown one stays as it is. Its bytes are never more than those read. */
static const char *escape(const char *at, const char *end, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *plain = memchr(from, *at, sizeof from - 1);
    int code = *at == 'u' ? unit(at + 1, end) : -1;
    if (plain) {
        *(*to)++ = into[plain - from];
        return at + 1;
    }
    if (code < 0) {
        *(*to)++ = '\\';
        return at;
    }
    at += 5;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        int low = unit(at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *to = encode(*to, 0x10000u + ((unsigned)(code - 0xd800) << 10) + (unsigned)(low - 0xdc00));
            return at + 6;
        }
    }
    *to = encode(*to, (unsigned)code);
    return at;
}

static bool unescape(struct hd_objspace_fields *fields, struct hd_json_text *text)
{
    if (!memchr(text->data, '\\', text->length))
        return true;
    if (fields->capacity < text->length) {
        char *grown = realloc(fields->buffer, text->length);
        if (!grown) {
            fields->out_of_memory = true;
            return false;
        }
        fields->buffer = grown;
        fields->capacity = text->length;
    }
    char *to = fields->buffer;
    for (const char *at = text->data, *end = at + text->length; at < end;) {
        if (*at == '\\' && at + 1 < end)
            at = escape(at + 1, end, &to);
        else
            *to++ = *at++;
    }
    *text = (struct hd_json_text){fields->buffer, (size_t)(to - fields->buffer)};
    return true;
}

/* A number or a word. */
static bool bare(struct hd_objspace_fields *fields, struct hd_json_field *field)
{
    const char *start = fields->at;
    while (fields->at < fields->end && !strchr(",}] \t\r", *fields->at))
        fields->at++;
    struct hd_json_text text = {start, (size_t)(fields->at - start)};
    uint64_t number = 0;
    bool digits = text.length > 0 && text.length < 19;
    for (size_t i = 0; digits && i < text.length; i++) {
        digits = text.data[i] >= '0' && text.data[i] <= '9';
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    field->type = digits ? HD_JSON_INTEGER : HD_JSON_NULL;
    field->integer = digits ? (int64_t)number : 0;
    if (hd_json_text_is(text, "true") || hd_json_text_is(text, "false")) {
        field->type = HD_JSON_BOOL;
        field->integer = text.length == 4;
    }
    return text.length > 0;
}

bool hd_objspace_fields_next(struct hd_objspace_fields *fields, struct hd_json_field *field)
{
    *field = (struct hd_json_field){0};
    skip_space(fields);
    if (fields->at == fields->end || (*fields->at != '{' && *fields->at != ','))
        return false;
    fields->at++;
    if (!quoted(fields, &field->name))
        return false;
    skip_space(fields);
    if (fields->at == fields->end || *fields->at++ != ':')
        return false;
    skip_space(fields);
    if (fields->at == fields->end)
        return false;
    if (*fields->at == '"') {
        field->type = HD_JSON_TEXT;
        return quoted(fields, &field->text) && unescape(fields, &field->text);
    }
    if (*fields->at == '{' || *fields->at == '[') {
        field->type = *fields->at == '{' ? HD_JSON_MAP : HD_JSON_ARRAY;
        return nested(fields);
    }
    return bare(fields, field);
}
