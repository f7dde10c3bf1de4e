/*
 * One dump from the first line to the last: prepares the virtual machine, writes the head, the objects page by
 * page, and the end. See dump.h.
 */
#include "dump/line.h"
#include "dump/output.h"
#include "ruby/decode.h"
#include "ruby/liveness.h"

enum { BLOCK_BYTES = 1 << 20 }; /* lines are handed to the output in blocks of about this size */

struct hd_dumper {
    struct hd_vm vm;
    struct hd_memory memory;
    struct hd_arena *arena;
    const struct hd_dump_options *options;
    struct hd_roots roots;
};

/* "x86_64-linux-gnu" and "x86_64-linux" are the same machine: what counts stands before the first dash. */
static bool same_machine(const char *a, const char *b)
{
    size_t length = strcspn(a, "-");
    return length == strcspn(b, "-") && !memcmp(a, b, length);
}

struct hd_dumper *hd_dumper_create(struct hd_arena *arena, const struct hd_live *live,
                                   const struct hd_dump_options *options, struct hd_error *err)
{
    const struct hd_layout *layout = hd_layout_find(options->ruby, options->build_id);
    if (!layout || !same_machine(layout->platform, options->platform)) {
        hd_error_set(err, HD_ERROR_UNSUPPORTED, "there is no layout table for Ruby %s on %s", options->ruby,
                     options->platform);
        return NULL;
    }
    struct hd_dumper *dumper = hd_arena_alloc(arena, 1, sizeof *dumper);
    if (!dumper) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory for a dump");
        return NULL;
    }
    dumper->arena = arena;
    dumper->options = options;
    if (!hd_memory_open_self(&dumper->memory, arena, err)
        || !hd_vm_open(&dumper->vm, &dumper->memory, arena, live, layout, err))
        return NULL;
    if (!hd_roots_collect(&dumper->roots, &dumper->vm)) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of roots");
        return NULL;
    }
    if (!options->collected && live->reachable) {
        if (!hd_liveness_trace(&dumper->vm, &dumper->roots, err))
            return NULL;
        for (size_t i = 0; !options->all && i < dumper->vm.page_count; i++)
            dumper->vm.pages[i].live = dumper->vm.pages[i].traced;
    }
    dumper->memory.unreadable = 0; /* searching the VM guesses; what counts is what is missing from the dump */
    return dumper;
}

/* --- the first lines --- */

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

static void text_member(struct hd_line *line, const char *key, const char *value)
{
    if (!value)
        return;
    hd_line_literal(line, ",\"");
    hd_buffer_append(line->out, key, strlen(key));
    hd_line_literal(line, "\":");
    hd_line_string(line, (struct hd_text){value, strlen(value)});
}

struct pool {
    uint32_t slot_size;
    uint64_t pages, slots;
};

static void size_pools_write(struct hd_line *line, const struct hd_vm *vm)
{
    struct pool pools[16] = {0};
    size_t count = 0;
    for (size_t i = 0; i < vm->page_count; i++) {
        size_t k = 0;
        while (k < count && pools[k].slot_size != vm->pages[i].slot_size)
            k++;
        if (k == 16)
            continue;
        if (k == count)
            pools[count++].slot_size = vm->pages[i].slot_size;
        pools[k].pages++;
        pools[k].slots += vm->pages[i].slot_count;
    }
    for (size_t k = 0; k < count; k++) {
        hd_buffer_append(line->out, k ? "," : ",\"size_pools\":[", k ? 1 : 15);
        hd_line_literal(line, "{\"slot_size\":");
        hd_text_uint(line->out, pools[k].slot_size);
        hd_line_literal(line, ",\"pages\":");
        hd_text_uint(line->out, pools[k].pages);
        hd_line_literal(line, ",\"slots\":");
        hd_text_uint(line->out, pools[k].slots);
        hd_line_literal(line, "}");
    }
    if (count)
        hd_line_literal(line, "]");
}

static void dump_line_write(struct hd_line *line, const struct hd_dumper *dumper)
{
    const struct hd_dump_options *o = dumper->options;
    hd_line_literal(line, "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1");
    text_member(line, "ruby", o->ruby);
    text_member(line, "description", o->description);
    text_member(line, "platform", o->platform);
    hd_line_key(line, "pid");
    hd_text_int(line->out, o->pid);
    hd_line_key(line, "time");
    time_write(line->out, o->time);
    text_member(line, "source", o->source);
    hd_line_key(line, "heap");
    hd_line_literal(line, "[");
    hd_text_uint(line->out, dumper->vm.heap_low);
    hd_line_literal(line, ",");
    hd_text_uint(line->out, dumper->vm.heap_high);
    hd_line_literal(line, "]");
    text_member(line, "layout", dumper->vm.layout->ruby);
    if (o->redact)
        hd_line_literal(line, ",\"redacted\":true");
    hd_line_key(line, "garbage_collected");
    hd_buffer_append(line->out, o->collected ? "true" : "false", o->collected ? 4 : 5);
    hd_line_key(line, "string_limit");
    hd_text_uint(line->out, o->string_limit < HD_STRING_LIMIT_MAX ? o->string_limit : HD_STRING_LIMIT_MAX);
    size_pools_write(line, &dumper->vm);
    if (o->extra) {
        hd_line_literal(line, ",");
        hd_buffer_append(line->out, o->extra, strlen(o->extra));
    }
    hd_line_literal(line, "}\n");
}

/* --- writing --- */

static bool block_flush(struct hd_line *line, struct hd_output *out, struct hd_dump_progress *progress,
                        struct hd_error *err)
{
    if (hd_line_failed(line))
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for a line of the dump");
    bool ok = hd_output_write(out, line->head.data, line->head.length, err);
    line->head.length = 0;
    atomic_fetch_add(&progress->heartbeat, 1);
    return ok;
}

static void counts_add(struct hd_dumper *dumper, const struct hd_line *line, struct hd_dump_progress *progress)
{
    atomic_fetch_add(&progress->objects, line->objects);
    atomic_fetch_add(&progress->references, line->references);
    atomic_fetch_add(&progress->unreadable, line->unreadable + dumper->memory.unreadable);
}

bool hd_dumper_write_head(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                          struct hd_error *err)
{
    struct hd_line line;
    if (!hd_line_init(&line, &dumper->vm, dumper->options))
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for a line of the dump");
    dump_line_write(&line, dumper);
    hd_roots_write(&line, &dumper->roots);
    bool ok = block_flush(&line, out, progress, err);
    counts_add(dumper, &line, progress);
    dumper->memory.unreadable = 0; /* counted */
    hd_line_deinit(&line);
    return ok;
}

static bool pages_write(struct hd_dumper *dumper, struct hd_line *line, struct hd_output *out,
                        struct hd_dump_progress *progress, struct hd_error *err)
{
    for (;;) {
        uint64_t number = atomic_fetch_add(&progress->next_page, 1);
        if (number >= dumper->vm.page_count)
            return block_flush(line, out, progress, err);
        const struct hd_page *page = &dumper->vm.pages[number];
        for (uint32_t i = 0; i < page->slot_count; i++) {
            uint64_t addr = page->start + (uint64_t)i * page->slot_size;
            const uint8_t *object = page->slots + (uint64_t)i * page->slot_size;
            unsigned type = *object & HD_T_MASK;
            if (type == HD_T_NONE || type == HD_T_MOVED || (page->live && !hd_page_bit(page->live, page, addr)))
                continue;
            hd_object_write(line, page, object, addr);
            if (line->head.length >= BLOCK_BYTES && !block_flush(line, out, progress, err))
                return false;
        }
        if (atomic_load(&progress->stop))
            return true; /* another writer failed: its error is the one to report */
    }
}

bool hd_dumper_write_objects(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                             struct hd_error *err)
{
    struct hd_line line;
    if (!hd_line_init(&line, &dumper->vm, dumper->options))
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for a line of the dump");
    bool ok = pages_write(dumper, &line, out, progress, err);
    if (!ok)
        atomic_store(&progress->stop, 1);
    counts_add(dumper, &line, progress);
    hd_line_deinit(&line);
    return ok;
}

bool hd_dumper_write_end(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                         struct hd_error *err)
{
    struct hd_buffer text = {0};
    (void)dumper;
    hd_text_literal(&text, ",{\"id\":\"_END_\",\"objects\":");
    hd_text_uint(&text, atomic_load(&progress->objects));
    hd_text_literal(&text, ",\"references\":");
    hd_text_uint(&text, atomic_load(&progress->references));
    hd_text_literal(&text, ",\"unreadable\":");
    hd_text_uint(&text, atomic_load(&progress->unreadable));
    hd_text_literal(&text, "}\n]\n");
    bool ok = text.failed ? hd_error_set(err, HD_ERROR_MEMORY, "no memory for the last line of the dump")
                          : hd_output_write(out, text.data, text.length, err);
    hd_buffer_deinit(&text);
    return ok;
}
