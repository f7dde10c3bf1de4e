/* A scanner for lines that may be no JSON. See objspace_reader.h. */
#include "dump/objspace_reader.h"

#include <string.h>

#define DEPTH 64
#define EVERY_BYTE 0x0101010101010101u /* times a byte: eight of it */
#define NEAR 32 /* bytes; most strings end before, and a call of memchr takes longer than to look at these */

struct scan {
    const char *at, *end;
};

static inline uint64_t eight_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* As memchr: the next quote. */
static inline const char *find_quote(const char *at, const char *end)
{
    for (const char *near = end - at > NEAR ? at + NEAR : end; near - at >= 8; at += 8) {
        uint64_t differ = eight_bytes(at) ^ '"' * EVERY_BYTE;
        uint64_t same = (differ - EVERY_BYTE) & ~differ & 0x80 * EVERY_BYTE;
        if (same) /* its lowest bit is that of the first one; above it may be wrong ones */
            return at + __builtin_ctzll(same) / 8;
    }
    return at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
}

static inline void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

static inline bool take(struct scan *scan, char c)
{
    if (scan->at < scan->end && *scan->at != c)
        skip_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* A string after its opening quote; `at` ends behind the closing one. */
static inline bool rest_of_string(struct scan *scan, struct hd_json_text *text)
{
    const char *start = scan->at;
    for (;;) {
        const char *quote = find_quote(scan->at, scan->end);
        if (!quote)
            return false;
        const char *back = quote;
        while (back > start && back[-1] == '\\')
            back--;
        scan->at = quote + 1;
        if ((quote - back) % 2 == 0) {
            *text = (struct hd_json_text){start, (size_t)(quote - start)};
            return true;
        }
    }
}

static inline bool take_string(struct scan *scan, struct hd_json_text *text)
{
    return take(scan, '"') && rest_of_string(scan, text);
}

/* Behind the bracket that closes the array or object just opened. */
static bool skip_nested(struct scan *scan)
{
    unsigned depth = 1;
    while (scan->at < scan->end) {
        struct hd_json_text text;
        switch (*scan->at++) {
        case '"':
            if (!rest_of_string(scan, &text))
                return false;
            break;
        case '[':
        case '{':
            if (++depth > DEPTH)
                return false;
            break;
        case ']':
        case '}':
            if (--depth == 0)
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

/* Any value; a string's or a bare word's text is given. */
static inline bool take_value(struct scan *scan, struct hd_json_text *text)
{
    skip_space(scan);
    *text = (struct hd_json_text){scan->at, 0};
    if (scan->at == scan->end)
        return false;
    if (*scan->at == '"') {
        scan->at++;
        return rest_of_string(scan, text);
    }
    if (*scan->at == '[' || *scan->at == '{') {
        scan->at++;
        return skip_nested(scan);
    }
    while (scan->at < scan->end && *scan->at != ',' && *scan->at != '}' && *scan->at != ' ')
        scan->at++;
    text->length = (size_t)(scan->at - text->data);
    return text->length > 0;
}

static inline int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight hexadecimal digits as Ruby writes them, with small letters, at once; false for any others. */
static inline bool eight_digits(const char *at, uint64_t *number)
{
    uint64_t text = eight_bytes(at);
    uint64_t digit = (text & 0x0f * EVERY_BYTE) + (text >> 6 & EVERY_BYTE) * 9; /* in each byte; right if they are such */
    uint64_t letter = (digit + 6 * EVERY_BYTE) >> 4 & EVERY_BYTE;
    if (digit & 0xf0 * EVERY_BYTE || digit + '0' * EVERY_BYTE + letter * ('a' - '0' - 10) != text)
        return false;
    uint64_t pair = (digit << 4 | digit >> 8) & 0x00ff00ff00ff00ff;
    uint64_t four = (pair | pair >> 8) & 0x0000ffff0000ffff;
    *number = __builtin_bswap32((uint32_t)(four | four >> 16));
    return true;
}

/* All hexadecimal digits from `at` on; where they end. */
static inline const char *take_digits(const char *at, const char *end, uint64_t *number)
{
    int digit;
    *number = 0;
    if (end - at >= 8 && eight_digits(at, number))
        at += 8;
    for (; at < end && (digit = digit_of(*at)) >= 0; at++)
        *number = *number << 4 | (uint64_t)digit;
    return at;
}

static inline bool to_address(struct hd_json_text text, uint64_t *address)
{
    if (text.length < 3 || text.length > 18 || text.data[0] != '0' || text.data[1] != 'x')
        return false;
    const char *end = text.data + text.length;
    return take_digits(text.data + 2, end, address) == end;
}

static bool to_number(struct hd_json_text text, uint64_t *number)
{
    uint64_t result = 0;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(result, 10u, &result) ||
            __builtin_add_overflow(result, (uint64_t)(text.data[i] - '0'), &result))
            return false;
    *number = result;
    return text.length > 0;
}

/* The array of references: only its end is looked for here. It has no brackets in it if it is sound. */
static bool references(struct scan *scan, struct hd_objspace_line *line)
{
    if (!take(scan, '['))
        return false;
    const char *close = memchr(scan->at, ']', (size_t)(scan->end - scan->at));
    line->reference = scan->at;
    line->reference_end = close ? close : scan->end;
    scan->at = close ? close + 1 : scan->end;
    return close != NULL;
}

/* The flags: words and numbers, without braces if they are sound; nobody asks for them. */
static bool pass_flags(struct scan *scan)
{
    const char *close = memchr(scan->at, '}', (size_t)(scan->end - scan->at));
    scan->at = close ? close + 1 : scan->end;
    return close != NULL;
}

static bool class_field(struct hd_json_text key, struct hd_json_text value, struct hd_objspace_line *line)
{
    if (hd_json_text_is(key, "name"))
        line->name = value;
    else if (hd_json_text_is(key, "superclass"))
        return to_address(value, &line->superclass);
    else if (hd_json_text_is(key, "singleton"))
        line->singleton = hd_json_text_is(value, "true");
    return true;
}

/* What is asked for of a line; everything else is passed over. */
static bool field(struct hd_json_text key, struct hd_json_text value, struct hd_objspace_line *line)
{
    if (hd_json_text_is(key, "address")) {
        line->kind = HD_OBJSPACE_OBJECT;
        return to_address(value, &line->address) && line->address;
    }
    if (hd_json_text_is(key, "type")) {
        if (hd_json_text_is(value, "ROOT"))
            line->kind = HD_OBJSPACE_ROOT;
        line->bt = hd_bt_named(value);
        return true;
    }
    if (hd_json_text_is(key, "class"))
        return to_address(value, &line->class_address);
    if (hd_json_text_is(key, "memsize"))
        return to_number(value, &line->memsize);
    if (hd_json_text_is(key, "frozen"))
        line->frozen = hd_json_text_is(value, "true");
    else if (hd_json_text_is(key, "root"))
        line->root = value;
    else if ((line->bt == HD_BT_T_DATA && hd_json_text_is(key, "struct")) ||
             (line->bt == HD_BT_T_IMEMO && hd_json_text_is(key, "imemo_type")))
        line->type_name = value;
    else if (line->bt == HD_BT_T_CLASS || line->bt == HD_BT_T_MODULE || line->bt == HD_BT_T_ICLASS)
        return class_field(key, value, line);
    return true;
}

static bool fields(struct scan *scan, struct hd_objspace_line *line)
{
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        struct hd_json_text key, value;
        if (!take_string(scan, &key) || !take(scan, ':'))
            return false;
        if (hd_json_text_is(key, "references")) {
            if (!references(scan, line))
                return false;
        } else if (hd_json_text_is(key, "flags") && take(scan, '{')) {
            if (!pass_flags(scan))
                return false;
        } else if (!take_value(scan, &value) || !field(key, value, line))
            return false;
    } while (take(scan, ','));
    if (!take(scan, '}'))
        return false;
    skip_space(scan);
    return scan->at == scan->end;
}

void hd_objspace_reader_parse(const char *text, size_t length, struct hd_objspace_line *line)
{
    struct scan scan = {text, text + length};
    *line = (struct hd_objspace_line){.kind = HD_OBJSPACE_OTHER};
    skip_space(&scan);
    if (scan.at == scan.end)
        return;
    line->broken = !fields(&scan, line);
    if (line->kind == HD_OBJSPACE_ROOT && !line->root.data)
        line->kind = HD_OBJSPACE_BROKEN;
    else if (line->kind == HD_OBJSPACE_OBJECT && line->bt == HD_BT_NONE)
        line->kind = line->broken || !line->address ? HD_OBJSPACE_BROKEN : HD_OBJSPACE_OTHER;
    else if (line->kind == HD_OBJSPACE_OTHER && line->broken)
        line->kind = HD_OBJSPACE_BROKEN;
    if (line->kind == HD_OBJSPACE_OBJECT && !line->address)
        line->kind = HD_OBJSPACE_BROKEN;
}

bool hd_objspace_reader_next(struct hd_objspace_line *line, uint64_t *address)
{
    const char *at = line->reference, *end = line->reference_end;
    while (at < end && *at != '"')
        at++;
    if (end - at <= 3 || at[1] != '0' || at[2] != 'x') {
        line->broken |= at < end;
        line->reference = end;
        return false;
    }
    uint64_t value;
    at = take_digits(at + 3, end, &value);
    if (at == end || *at != '"') {
        line->broken = true;
        line->reference = end;
        return false;
    }
    *address = value;
    line->reference = at + 1;
    return true;
}

bool hd_objspace_reader_recognise(const char *text, size_t length)
{
    struct scan scan = {text, text + length};
    struct hd_json_text key;
    return take(&scan, '{') && take_string(&scan, &key) && take(&scan, ':') &&
           (hd_json_text_is(key, "address") || hd_json_text_is(key, "type"));
}
