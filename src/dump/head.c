/*
 * _DUMP_: what was dumped, when, and how. Uses no function of the C library that takes a lock: it runs in a clone of
 * a multithreaded process.
 */
#include "dump/head.h"

#include "dump/contents.h"
#include "dump/head_memory.h"
#include "dump/text.h"

/* Days since 1970-01-01 to a date of the Gregorian calendar; the C library's gmtime takes a lock. */
static void time_write(struct hd_buffer *out, double time)
{
    int64_t seconds = (int64_t)time, days = seconds / 86400, rest = seconds % 86400;
    int64_t z = days + 719468, era = z / 146097, day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153, day = day_of_year - (153 * shifted + 2) / 5 + 1;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9, year = year_of_era + era * 400 + (month <= 2);
    const int64_t parts[] = {month, day, rest / 3600, rest / 60 % 60, rest % 60};
    static const char separators[] = "--T::";
    hd_text_literal(out, "\"");
    hd_text_int(out, year);
    for (int i = 0; i < 5; i++) {
        char text[3] = {separators[i], (char)('0' + parts[i] / 10 % 10), (char)('0' + parts[i] % 10)};
        hd_buffer_append(out, text, 3);
    }
    hd_text_literal(out, "Z\"");
}

static void text_member(struct hd_buffer *out, const char *key, const char *value)
{
    if (!value)
        return;
    hd_text_literal(out, ",\"");
    hd_buffer_append(out, key, strlen(key));
    hd_text_literal(out, "\":\"");
    hd_text_escape_any(out, value, strlen(value));
    hd_text_literal(out, "\"");
}

static void number_member(struct hd_buffer *out, const char *key, uint64_t value)
{
    hd_buffer_append(out, key, strlen(key));
    hd_text_uint(out, value);
}

static void size_pools_write(struct hd_buffer *out, const struct hd_head *head)
{
    for (uint64_t i = 0; i < head->pool_count; i++) {
        number_member(out, i ? ",{\"slot_size\":" : ",\"size_pools\":[{\"slot_size\":", head->pools[i].slot_size);
        number_member(out, ",\"pages\":", head->pools[i].pages);
        number_member(out, ",\"slots\":", head->pools[i].slots);
        number_member(out, ",\"used\":", head->pools[i].used);
        number_member(out, ",\"empty_pages\":", head->pools[i].empty_pages);
        number_member(out, ",\"bytes\":", head->pools[i].bytes);
        hd_text_literal(out, "}");
    }
    if (head->pool_count)
        hd_text_literal(out, "]");
}

void hd_head_write(struct hd_buffer *out, const struct hd_dump_options *options, const struct hd_head *head)
{
    hd_text_literal(out, "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1");
    text_member(out, "ruby", options->ruby);
    text_member(out, "description", options->description);
    text_member(out, "platform", options->platform);
    number_member(out, ",\"pid\":", (uint64_t)options->pid);
    hd_text_literal(out, ",\"time\":");
    time_write(out, options->time);
    text_member(out, "source", options->source);
    number_member(out, ",\"heap\":[", head->low);
    number_member(out, ",", head->high);
    hd_text_literal(out, "]");
    text_member(out, "layout", head->layout);
    if (!head->layout)
        hd_text_literal(out, ",\"unnamed\":true");
    if (options->redact)
        hd_text_literal(out, ",\"redacted\":true");
    hd_text_literal(out, ",\"garbage_collected\":");
    hd_buffer_append(out, options->collected ? "true" : "false", options->collected ? 4 : 5);
    number_member(out, ",\"string_limit\":", hd_contents_limit(options));
    size_pools_write(out, head);
    if (strcmp(options->source, "core") != 0)
        hd_head_memory_write(out, options->pid);
    if (options->extra) {
        hd_text_literal(out, ",");
        hd_buffer_append(out, options->extra, strlen(options->extra));
    }
    hd_text_literal(out, "}\n");
}
