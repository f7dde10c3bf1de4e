/* See pprof_message.h. */
#include "store/pprof_message.h"

#include "view/words.h"

#include <string.h>

enum { TEXT_MAX = 2000 }; /* bytes of a name */
/* Fields of the messages: profile.proto. */
enum { PROFILE_TYPE = 1, PROFILE_SAMPLE, PROFILE_MAPPING, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_TEXT,
       PROFILE_TIME = 9, PROFILE_COMMENT = 13, PROFILE_DEFAULT_TYPE };
enum { WIRE_NUMBER = 0, WIRE_BYTES = 2 };

/* ---- the wire format ---- */

static void varint(struct hd_buffer *out, uint64_t value)
{
    char bytes[10];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[length++] = (char)(value | 0x80);
    bytes[length++] = (char)value;
    hd_buffer_append(out, bytes, length);
}

static void put_number(struct hd_buffer *out, unsigned field, uint64_t value)
{
    varint(out, field << 3 | WIRE_NUMBER);
    varint(out, value);
}

static void put_bytes(struct hd_buffer *out, unsigned field, const void *data, size_t length)
{
    varint(out, field << 3 | WIRE_BYTES);
    varint(out, length);
    hd_buffer_append(out, data, length);
}

/* The message at hand as a field of the profile. */
static void put_message(struct hd_pprof *pprof, unsigned field)
{
    pprof->sink->block.failed |= pprof->message.failed;
    put_bytes(&pprof->sink->block, field, pprof->message.data, pprof->message.length);
    pprof->message.length = 0;
    hd_sink_flow(pprof->sink);
}

static size_t varint_length(uint64_t value)
{
    size_t length = 1;
    for (; value >= 0x80; value >>= 7)
        length++;
    return length;
}

static void put_packed(struct hd_buffer *out, unsigned field, const uint64_t *values, uint32_t count)
{
    size_t length = 0;
    for (uint32_t i = 0; i < count; i++)
        length += varint_length(values[i]);
    varint(out, field << 3 | WIRE_BYTES);
    varint(out, length);
    for (uint32_t i = 0; i < count; i++)
        varint(out, values[i]);
}

/* ---- tables ---- */

/* True if it was not there. */
static bool intern(struct hd_names *names, const void *key, size_t length, uint32_t *number)
{
    uint32_t before = names->count;
    *number = hd_names_intern(names, key, length);
    return *number == before;
}

static uint32_t text_number(struct hd_pprof *pprof, const char *text, size_t length)
{
    uint32_t number;
    struct hd_buffer *clean = &pprof->key;
    clean->length = 0;
    hd_words_clean(clean, text, length > TEXT_MAX ? TEXT_MAX : length);
    pprof->texts.failed |= clean->failed;
    if (clean->failed)
        return 0;
    if (intern(&pprof->texts, clean->data, clean->length - 1, &number)) {
        put_bytes(&pprof->sink->block, PROFILE_TEXT, clean->data, clean->length - 1);
        hd_sink_flow(pprof->sink);
    }
    return number;
}

/* Function and Location numbers begin with 1. */
static uint32_t function_number(struct hd_pprof *pprof, uint32_t name, uint32_t file)
{
    uint32_t number, key[2] = {name, file};
    if (intern(&pprof->functions, key, sizeof key, &number)) {
        put_number(&pprof->message, 1, (uint64_t)number + 1);
        put_number(&pprof->message, 2, name); /* no system_name: pprof would take the name for C++ and cut it at `(` and `<` */
        put_number(&pprof->message, 4, file);
        put_message(pprof, PROFILE_FUNCTION);
    }
    return number + 1;
}

uint64_t hd_pprof_place(struct hd_pprof *pprof, const char *name, size_t name_length, const char *file, size_t file_length,
                        uint64_t line)
{
    uint32_t name_number = text_number(pprof, name, name_length), file_number = text_number(pprof, file, file_length);
    uint64_t key[2] = {function_number(pprof, name_number, file_number), line};
    uint32_t number;
    if (intern(&pprof->places, key, sizeof key, &number)) {
        char bytes[32];
        struct hd_buffer inner = {.data = bytes, .capacity = sizeof bytes};
        put_number(&inner, 1, key[0]);
        put_number(&inner, 2, line);
        put_number(&pprof->message, 1, (uint64_t)number + 1);
        put_number(&pprof->message, 2, 1);
        put_bytes(&pprof->message, 4, inner.data, inner.length);
        put_message(pprof, PROFILE_LOCATION);
    }
    return (uint64_t)number + 1;
}

/* ---- the profile ---- */

void hd_pprof_init(struct hd_pprof *pprof, struct hd_sink *sink)
{
    *pprof = (struct hd_pprof){.sink = sink};
    text_number(pprof, "", 0);
}

void hd_pprof_deinit(struct hd_pprof *pprof)
{
    hd_buffer_deinit(&pprof->message);
    hd_buffer_deinit(&pprof->key);
    hd_names_deinit(&pprof->texts);
    hd_names_deinit(&pprof->functions);
    hd_names_deinit(&pprof->places);
}

bool hd_pprof_failed(const struct hd_pprof *pprof)
{
    return pprof->texts.failed || pprof->functions.failed || pprof->places.failed;
}

void hd_pprof_value_type(struct hd_pprof *pprof, const char *type, const char *unit)
{
    uint32_t type_number = text_number(pprof, type, strlen(type)), unit_number = text_number(pprof, unit, strlen(unit));
    put_number(&pprof->message, 1, type_number);
    put_number(&pprof->message, 2, unit_number);
    put_message(pprof, PROFILE_TYPE);
}

void hd_pprof_default_type(struct hd_pprof *pprof, const char *type)
{
    put_number(&pprof->sink->block, PROFILE_DEFAULT_TYPE, text_number(pprof, type, strlen(type)));
}

void hd_pprof_program(struct hd_pprof *pprof, const char *name)
{
    put_number(&pprof->message, 1, 1);
    put_number(&pprof->message, 5, text_number(pprof, name, strlen(name)));
    for (unsigned field = 7; field <= 10; field++) /* has functions, files, lines, inline frames: nothing to look up */
        put_number(&pprof->message, field, 1);
    put_message(pprof, PROFILE_MAPPING);
}

void hd_pprof_time(struct hd_pprof *pprof, uint64_t time)
{
    put_number(&pprof->sink->block, PROFILE_TIME, time);
}

void hd_pprof_comment(struct hd_pprof *pprof, const char *text)
{
    put_number(&pprof->sink->block, PROFILE_COMMENT, text_number(pprof, text, strlen(text)));
}

void hd_pprof_sample(struct hd_pprof *pprof, const uint64_t *places, uint32_t place_count, const uint64_t *values,
                     uint32_t value_count)
{
    put_packed(&pprof->message, 1, places, place_count);
    put_packed(&pprof->message, 2, values, value_count);
    put_message(pprof, PROFILE_SAMPLE);
}
