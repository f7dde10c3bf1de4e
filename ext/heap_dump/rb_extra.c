/*
 * The members of the _DUMP_ line that only Ruby can tell: the command line and the collector's counters.
 * Runs in the process itself, before the clone, so it may allocate.
 */
#include "ext.h"

#include "dump/text.h"

#include <stdio.h>
#include <string.h>

static void text_append(struct hd_buffer *json, const char *text)
{
    hd_buffer_append(json, text, strlen(text));
}

static void string_append(struct hd_buffer *json, const char *bytes, size_t length)
{
    text_append(json, "\"");
    hd_text_escape_any(json, bytes, length);
    text_append(json, "\"");
}

/* Arguments may hold secrets, so not for a redacted dump. */
static void command_line_append(struct hd_buffer *json)
{
    char bytes[8192];
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    text_append(json, "\"cmdline\":[");
    for (size_t at = 0; at < length;) {
        size_t word = strnlen(bytes + at, length - at);
        if (at)
            text_append(json, ",");
        string_append(json, bytes + at, word);
        at += word + 1;
    }
    text_append(json, "],");
}

static int counter_append(VALUE key, VALUE value, VALUE data)
{
    struct hd_buffer *json = (struct hd_buffer *)data;
    char number[32];
    if (!RB_SYMBOL_P(key) || !RB_INTEGER_TYPE_P(value))
        return ST_CONTINUE;
    if (json->data[json->length - 1] != '{')
        text_append(json, ",");
    VALUE name = rb_sym2str(key);
    string_append(json, RSTRING_PTR(name), (size_t)RSTRING_LEN(name));
    snprintf(number, sizeof number, ":%llu", NUM2ULL(value));
    text_append(json, number);
    return ST_CONTINUE;
}

void hd_ext_extra_build(struct hd_buffer *json, bool redact)
{
    VALUE counters = rb_hash_new();
    rb_gc_stat(counters);
    if (!redact)
        command_line_append(json);
    text_append(json, "\"gc\":{");
    if (!json->failed)
        rb_hash_foreach(counters, counter_append, (VALUE)json);
    hd_buffer_append(json, "}", 2); /* with the final NUL */
}
