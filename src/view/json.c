/* See json.h. */
#define _GNU_SOURCE
#include "view/json.h"

#include "graph/fields.h"

#include <string.h>

enum { ELEMENTS_MAX = 1000, DEPTH_MAX = 6 };

static _Thread_local size_t limit;

size_t hd_json_limit(size_t bytes)
{
    size_t before = limit;
    limit = bytes;
    return before;
}

/* Length of the UTF-8 character at `text`, 0 if there is none. */
static size_t character(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char mask, lead, length;
        unsigned least;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((text[0] & forms[i].mask) != forms[i].lead)
            continue;
        if (forms[i].length > left)
            return 0;
        unsigned code = text[0] & (unsigned char)~forms[i].mask;
        for (size_t k = 1; k < forms[i].length; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text[k] & 0x3f);
        }
        bool surrogate = code >= 0xd800 && code < 0xe000;
        return code < forms[i].least || code > 0x10ffff || surrogate ? 0 : forms[i].length;
    }
    return 0;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Writes what is no run of plain letters; returns how many bytes that was. */
static size_t special(FILE *file, const unsigned char *at, size_t left)
{
    size_t length = character(at, left);
    if (length == 0)
        fputs("\\ufffd", file);
    else if (*at == '"' || *at == '\\')
        fprintf(file, "\\%c", *at);
    else if (*at < 0x20 || *at == 0x7f)
        fprintf(file, "\\u%04x", *at);
    else
        fwrite(at, 1, length, file);
    return length ? length : 1;
}

void hd_json_text(FILE *file, struct hd_graph_text text)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.length;
    bool cut = limit > 0 && text.length > limit;
    if (cut) {
        end = at + limit;
        while (end > at && (*end & 0xc0) == 0x80)
            end--;
    }
    flockfile(file); /* once for all of it */
    putc_unlocked('"', file);
    while (at < end) {
        const unsigned char *run = at;
        while (at < end && is_plain(*at))
            at++;
        fwrite_unlocked(run, 1, (size_t)(at - run), file);
        if (at < end)
            at += special(file, at, (size_t)(end - at));
    }
    fputs_unlocked(cut ? "…\"" : "\"", file);
    funlockfile(file);
}

void hd_json_string(FILE *file, const char *string)
{
    hd_json_text(file, (struct hd_graph_text){string, strlen(string)});
}

/* A number, true, false or null; anything else becomes null. */
static void word(FILE *file, struct hd_graph_text value)
{
    static const char letters[] = "0123456789+-.eEtrufalsn";
    bool sound = value.length > 0 && value.length < 40;
    for (size_t i = 0; i < value.length && sound; i++)
        sound = strchr(letters, value.data[i]) != NULL && value.data[i];
    fprintf(file, "%.*s", sound ? (int)value.length : 4, sound ? value.data : "null");
}

static void again(FILE *file, struct hd_graph_text value, unsigned depth)
{
    struct hd_buffer text = {0};
    bool map = value.length > 0 && value.data[0] == '{', list = value.length > 0 && value.data[0] == '[';
    if (value.length > 0 && value.data[0] == '"') {
        hd_fields_unescape(&text, value);
        hd_json_text(file, (struct hd_graph_text){text.data ? text.data : "", text.length});
    } else if ((map || list) && depth < DEPTH_MAX) {
        size_t at = 0, count = 0;
        fputc(map ? '{' : '[', file);
        for (struct hd_graph_text key, item; count < ELEMENTS_MAX && (item = hd_fields_next(value, &at, &key)).data; count++) {
            fputs(count ? "," : "", file);
            if (map) {
                text.length = 0;
                hd_fields_unescape(&text, key);
                hd_json_text(file, (struct hd_graph_text){text.data ? text.data : "", text.length});
                fputc(':', file);
            }
            again(file, item, depth + 1);
        }
        fputc(map ? '}' : ']', file);
    } else {
        word(file, value);
    }
    hd_buffer_deinit(&text);
}

void hd_json_value(FILE *file, struct hd_graph_text value)
{
    if (limit == 0)
        fwrite(value.data, 1, value.length, file);
    else
        again(file, value, 0);
}
