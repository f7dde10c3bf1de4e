/*
 * One dump from the first line to the last: prepares the virtual machine, writes the head, the objects page by
 * page, and the end. See dump.h.
 */
#include "dump/head.h"
#include "dump/line.h"
#include "dump/output.h"
#include "ruby/decode.h"
#include "ruby/liveness.h"
#include "ruby/written.h"

enum {
    BLOCK_BYTES = 1 << 20, /* lines are handed to the output in blocks of about this size */
    TIMES_QUICKER = 4      /* a byte is written than looked up in memory */
};

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

/* What leads round in circles, or to the same million elements again and again, is no Ruby's. */
static bool honest(const struct hd_dumper *dumper, struct hd_error *err)
{
    return !hd_memory_exhausted(&dumper->memory)
           || hd_error_set(err, HD_ERROR_TARGET, "this memory is damaged or made up: following what its objects say never ends (more than "
                           "%llu GB were looked at)", (unsigned long long)(dumper->memory.limit >> 30));
}

/* Unless a collection has run just before, a trace tells what is alive. */
static bool liveness_find(struct hd_dumper *dumper, const struct hd_dump_options *options, struct hd_dump_progress *progress,
                          struct hd_error *err)
{
    if (options->collected)
        return true;
    if (!hd_liveness_trace(&dumper->vm, &dumper->roots, &progress->heartbeat, err))
        return false;
    for (size_t i = 0; !options->all && i < dumper->vm.page_count; i++)
        dumper->vm.pages[i].live = dumper->vm.pages[i].traced;
    return true;
}

struct hd_dumper *hd_dumper_create(struct hd_arena *arena, const struct hd_dump_target *target,
                                   const struct hd_dump_options *options, struct hd_dump_progress *progress,
                                   struct hd_error *err)
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
    if (target->memory)
        dumper->memory = *target->memory;
    else if (!hd_memory_open_self(&dumper->memory, arena, err))
        return NULL;
    if (!hd_vm_open(&dumper->vm, &dumper->memory, arena, target, layout, err))
        return NULL;
    if (!hd_roots_collect(&dumper->roots, &dumper->vm, target)) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of roots");
        return NULL;
    }
    if (!liveness_find(dumper, options, progress, err) || !honest(dumper, err))
        return NULL;
    if (options->redact && !hd_written_find(&dumper->vm)) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory for the names in the program's code");
        return NULL;
    }
    if (options->redact && !honest(dumper, err))
        return NULL;
    dumper->memory.looked = 0; /* the writers begin anew */
    dumper->memory.unreadable = 0; /* searching the VM guesses; what counts is what is missing from the dump */
    return dumper;
}

struct hd_dumper *hd_dumper_copy(const struct hd_dumper *dumper, struct hd_arena *arena)
{
    struct hd_dumper *copy = hd_arena_alloc(arena, 1, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *dumper;
    copy->arena = arena;
    hd_vm_copy(&copy->vm, &dumper->vm, &copy->memory, arena);
    return copy;
}

uint64_t hd_dumper_lost_pages(const struct hd_dumper *dumper)
{
    return dumper->vm.lost_pages;
}

/* --- writing --- */

enum { POOLS_MAX = 16 };

static uint64_t page_bytes(const struct hd_vm *vm)
{
    int64_t size = vm->layout->k_HEAP_PAGE_SIZE;
    return hd_layout_has(size) && size > 0 ? (uint64_t)size : 1ull << vm->page_shift;
}

static uint64_t size_pools_count(const struct hd_vm *vm, struct hd_size_pool pools[POOLS_MAX])
{
    uint64_t count = 0;
    for (size_t i = 0; i < vm->page_count; i++) {
        uint64_t k = 0;
        while (k < count && pools[k].slot_size != vm->pages[i].slot_size)
            k++;
        if (k == POOLS_MAX)
            continue;
        if (k == count)
            pools[count++] = (struct hd_size_pool){.slot_size = vm->pages[i].slot_size};
        uint64_t used = vm->pages[i].used;
        pools[k].pages++;
        pools[k].slots += vm->pages[i].slot_count;
        pools[k].used += used;
        pools[k].empty_pages += used == 0;
        pools[k].bytes += page_bytes(vm);
    }
    return count;
}

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
    struct hd_size_pool pools[POOLS_MAX];
    struct hd_head head = {.low = dumper->vm.heap_low, .high = dumper->vm.heap_high,
                           .layout = dumper->vm.layout->ruby, .pools = pools,
                           .pool_count = size_pools_count(&dumper->vm, pools)};
    hd_head_write(line.out, dumper->options, &head);
    hd_roots_write(&line, &dumper->roots);
    bool ok = honest(dumper, err) && block_flush(&line, out, progress, err);
    counts_add(dumper, &line, progress);
    atomic_fetch_add(&progress->unreadable, dumper->vm.lost_pages);
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
            if (!hd_type_is_object(type) || (page->live && !hd_page_bit(page->live, page, addr)))
                continue;
            uint64_t before = line->head.length;
            hd_object_write(line, page, object, addr);
            hd_memory_worked(&dumper->memory, (line->head.length - before) / TIMES_QUICKER);
            if (!honest(dumper, err))
                return false;
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
