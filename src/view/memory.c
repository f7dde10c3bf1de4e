/* See memory.h. */
#define _GNU_SOURCE
#include "view/memory.h"

#include "capture/keeper.h"
#include "capture/outside.h"
#include "capture/room.h"
#include "capture/target.h"
#include "memory/core.h"
#include "ruby/layout.h"
#include "view/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct reaching {
    struct hd_view_memory *view;
    struct hd_memory memory;
    struct hd_resident resident;
    struct hd_outside outside;
    struct hd_vm vm;
};

static void title_read(struct hd_view_memory *view, int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, view->title, sizeof view->title - 1);
    if (fd >= 0)
        close(fd);
    length = length < 0 ? 0 : length;
    while (length > 0 && (view->title[length - 1] == 0 || view->title[length - 1] == ' '))
        length--;
    for (ssize_t i = 0; i < length; i++)
        if (!view->title[i])
            view->title[i] = ' ';
    view->title[length] = 0;
}

/* Ruby's heap, if there is one that we can read; a sentence if not. What else there is to say needs none. */
static struct hd_vm *ruby_find(struct reaching *r, const struct hd_stack *stacks, size_t stack_count)
{
    struct hd_view_memory *view = r->view;
    struct hd_error err = {0};
    bool found = hd_outside_open(&r->outside, &r->memory, &err);
    snprintf(view->ruby, sizeof view->ruby, "%s", r->outside.description);
    snprintf(view->allocator, sizeof view->allocator, "%.60s", r->outside.allocator[0] ? r->outside.allocator : "glibc");
    if (found) {
        const struct hd_dump_target target = {.memory = &r->memory, .image = &r->outside.image, .stacks = stacks, .stack_count = stack_count,
                                              .glibc = !strcmp(r->outside.allocator, "glibc")};
        const struct hd_layout *layout = hd_layout_find(r->outside.ruby, r->outside.image.build_id[0] ? r->outside.image.build_id : NULL);
        if (layout && hd_vm_open(&r->vm, &r->memory, &view->arena, &target, layout, &err))
            return &r->vm;
    }
    pid_t child = found || r->outside.found || view->source != HD_FINDINGS_PROCESS ? 0 : hd_target_ruby_below(view->pid);
    view->ruby_pid = child;
    if (child)
        snprintf(view->note, sizeof view->note, "This is not a Ruby, but its descendant %d seems to be one: heap_dump memory %d", child, child);
    else
        snprintf(view->note, sizeof view->note, "Ruby's heap is not divided: %.440s", err.text);
    return NULL;
}

static bool table_make(struct reaching *r, const struct hd_stack *stacks, size_t stack_count, struct hd_error *err)
{
    struct hd_view_memory *view = r->view;
    struct hd_rss_target target = {.memory = &r->memory, .resident = &r->resident, .stacks = stacks, .stack_count = stack_count,
                                   .vm = ruby_find(r, stacks, stack_count), .allocator = view->allocator};
    bool good = hd_rss_take(&view->rss, &target, &view->arena, err);
    if (good && !strcmp(view->allocator, "glibc") && !view->rss.glibc.found && !view->note[0])
        snprintf(view->note, sizeof view->note, "malloc's arenas were not recognised, so what is in use and what is free is not told apart");
    hd_outside_close(&r->outside);
    if (good)
        hd_findings_make(&view->findings, &view->rss, view->source, view->allocator);
    return good;
}

/* --- a process --- */

/*
 * What the kernel said while the process stood still. Another process of ours reads it (capture/keeper.h), so it lies in memory that both
 * share; only what is written takes any.
 */
struct figures {
    double time;
    int number; /* errno */
    size_t length, room; /* of the text, and for it */
    char smaps[];
};

/* A mapping has some 700 bytes, and the length of its path. Room for twice as many as there are: it may make some until it stands still. */
static size_t figures_bytes(int pid)
{
    enum { MAPPING_BYTES = 1024, MORE = 4096 };
    return sizeof(struct figures) + 2 * MAPPING_BYTES * (hd_room_mappings(pid) + MORE);
}

static void figures_read(void *data, pid_t target)
{
    struct figures *figures = data;
    struct timespec ts;
    char path[64];
    ssize_t got = 0;
    clock_gettime(CLOCK_REALTIME, &ts);
    figures->time = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
    snprintf(path, sizeof path, "/proc/%d/smaps", target);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (got = read(fd, figures->smaps + figures->length, figures->room - figures->length)) > 0)
        figures->length += (size_t)got;
    figures->number = fd < 0 || got < 0 ? errno : figures->length == figures->room ? EFBIG : 0;
    if (fd >= 0)
        close(fd);
}

static bool copy_divide(struct reaching *r, const struct hd_keeper *keeper, const struct figures *figures, struct hd_error *err)
{
    struct hd_view_memory *view = r->view;
    view->time = figures->time;
    title_read(view, view->pid);
    if (figures->number)
        return hd_error_set_errno(err, HD_ERROR_TARGET, figures->number, "cannot read /proc/%d/smaps", view->pid);
    if (!hd_resident_read(&r->resident, &view->arena, figures->smaps, figures->length, err)
        || !hd_resident_look(&r->resident, keeper->copy, err)
        || !hd_memory_open_process(&r->memory, &view->arena, keeper->copy, keeper->memory, err))
        return false;
    bool good = table_make(r, keeper->stacks, keeper->stack_count, err);
    hd_memory_close(&r->memory);
    return good;
}

bool hd_view_memory_process(struct hd_view_memory *view, int pid, const struct hd_view_memory_options *options, struct hd_error *err)
{
    struct hd_keeper keeper = {.channel = -1, .memory = -1};
    struct hd_error end = {0};
    memset(view, 0, sizeof *view);
    view->source = HD_FINDINGS_PROCESS;
    view->pid = pid;
    struct reaching r = {.view = view};
    if (!hd_target_check(pid, err))
        return false;
    size_t bytes = figures_bytes(pid);
    struct figures *figures = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (figures == MAP_FAILED)
        return hd_error_set_errno(err, HD_ERROR_MEMORY, errno, "no memory for what the kernel says of process %d", pid);
    figures->room = bytes - sizeof *figures;
    bool good = hd_keeper_start_with(&keeper, pid, (enum hd_copy_method)options->method, figures_read, figures, err)
                && copy_divide(&r, &keeper, figures, err);
    bool kept = hd_keeper_finish(&keeper, &end);
    snprintf(view->stopped_note, sizeof view->stopped_note, "%s", keeper.note);
    view->stopped = keeper.stopped;
    munmap(figures, bytes);
    if (good && !kept)
        *err = end;
    if (!good || !kept)
        hd_view_memory_free(view);
    return good && kept;
}

/* --- a core --- */

bool hd_view_memory_core(struct hd_view_memory *view, const char *path, const struct hd_view_memory_options *options, struct hd_error *err)
{
    struct hd_core core;
    const struct hd_core_options found = {.sysroot = options->sysroot, .executable = options->executable};
    memset(view, 0, sizeof *view);
    view->source = HD_FINDINGS_CORE;
    view->name = path;
    struct reaching r = {.view = view};
    if (!hd_core_open(&core, &r.memory, &view->arena, path, &found, err)) {
        hd_arena_deinit(&view->arena);
        return false;
    }
    view->pid = core.pid;
    view->time = core.time;
    view->truncated = core.truncated;
    snprintf(view->title, sizeof view->title, "%s", core.command);
    bool good = hd_resident_of_core(&r.resident, &view->arena, &core, &r.memory, err)
                && table_make(&r, core.stacks, core.stack_count, err);
    if (good && view->note[0] && core.wrong.code != HD_OK)
        snprintf(view->note, sizeof view->note, "%.490s", core.wrong.text);
    hd_core_close(&core, &r.memory);
    if (!good)
        hd_view_memory_free(view);
    return good;
}

void hd_view_memory_free(struct hd_view_memory *view)
{
    hd_rss_close(&view->rss);
    hd_arena_deinit(&view->arena);
}

/* --- JSON --- */

static void number(FILE *file, const char *name, uint64_t value)
{
    fprintf(file, "\"%s\":%llu", name, (unsigned long long)value);
}

static void pools_json(FILE *file, const struct hd_rss *rss)
{
    fputs(",\"heap_pages\":[", file);
    for (int i = 0; i < rss->pool_count; i++) {
        const struct hd_rss_pool *pool = &rss->pools[i];
        const struct {
            const char *name;
            uint64_t value;
        } members[] = {{"slot_size", pool->slot_size}, {"pages", pool->pages}, {"empty_pages", pool->empty_pages}, {"slots", pool->slots},
                       {"used", pool->used}, {"free", pool->slots - pool->used}, {"bytes", pool->bytes}, {"resident", pool->resident},
                       {"resident_free", pool->resident_free}};
        for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
            fputs(k ? "," : i ? ",{" : "{", file);
            number(file, members[k].name, members[k].value);
        }
        fputs("}", file);
    }
    fputs("],", file);
    number(file, "spare_pages", rss->spare_pages);
}

static void malloc_json(FILE *file, const struct hd_view_memory *view)
{
    const struct hd_glibc *glibc = &view->rss.glibc;
    fputs(",\"malloc\":{\"name\":", file);
    hd_json_string(file, view->allocator);
    fprintf(file, ",\"recognised\":%s,", glibc->found ? "true" : "false");
    number(file, "trimmable", view->rss.trimmable);
    fputs(",", file);
    number(file, "mapped_found", view->rss.mapped_used);
    if (glibc->options_found) {
        fputs(",", file);
        number(file, "mapped", glibc->mapped_bytes);
        fputs(",", file);
        number(file, "mapped_chunks", glibc->mapped_count);
    }
    fputs(",\"arenas\":[", file);
    for (size_t i = 0; i < glibc->arena_count; i++) {
        const struct hd_glibc_arena *arena = &glibc->arenas[i];
        const struct {
            const char *name;
            uint64_t value;
        } members[] = {{"system", arena->system}, {"used", arena->used}, {"used_chunks", arena->used_chunks}, {"free", arena->free},
                       {"free_chunks", arena->free_chunks}, {"fastbins", arena->fast}, {"fastbin_chunks", arena->fast_chunks},
                       {"cached", arena->cached}, {"cached_chunks", arena->cached_chunks}, {"top", arena->top_bytes},
                       {"resident_free", arena->resident_free}};
        fprintf(file, "%s{\"main\":%s,\"address\":\"0x%llx\",\"damaged\":%s", i ? "," : "", i ? "false" : "true",
                (unsigned long long)arena->addr, arena->damaged ? "true" : "false");
        for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
            fputs(",", file);
            number(file, members[k].name, members[k].value);
        }
        fputs("}", file);
    }
    fputs("]}", file);
}

static void files_json(FILE *file, const struct hd_rss *rss)
{
    fputs(",\"files\":[", file);
    for (size_t i = 0; i < rss->file_count; i++) {
        fputs(i ? ",{\"path\":" : "{\"path\":", file);
        hd_json_text(file, (struct hd_graph_text){rss->files[i].path, rss->files[i].path_length});
        fprintf(file, ",\"library\":%s,", rss->files[i].library ? "true" : "false");
        number(file, "resident", rss->files[i].resident);
        fputs(",", file);
        number(file, "own", rss->files[i].own);
        fputs("}", file);
    }
    fputs("]", file);
}

void hd_view_memory_json(FILE *file, const struct hd_view_memory *view)
{
    static const char *const sources[] = {"process", "core", "dump"};
    const struct hd_rss *rss = &view->rss;
    fprintf(file, "{\"source\":\"%s\",\"pid\":%d,\"file\":", sources[view->source], view->pid);
    hd_json_string(file, view->name ? view->name : "");
    fputs(",\"ruby\":", file);
    hd_json_string(file, view->ruby);
    if (view->source == HD_FINDINGS_DUMP)
        fprintf(file, ",\"rss_known\":%s", view->rss_known ? "true" : "false");
    fprintf(file, ",\"time\":%.6f,\"stopped_ms\":%.3f,\"truncated\":%s,\"divided\":%s,\"note\":", view->time, view->stopped * 1000,
            view->truncated ? "true" : "false", rss->divided ? "true" : "false");
    hd_json_string(file, view->note);
    fputs(",", file);
    number(file, "rss", rss->total);
    fputs(",\"rows\":{", file);
    for (int row = 0; row < HD_RSS_ROWS; row++) {
        fputs(row ? "," : "", file);
        number(file, hd_rss_row_key((enum hd_rss_row)row), rss->rows[row]);
    }
    fputs("}", file);
    const struct {
        const char *name;
        uint64_t value;
    } sums[] = {{"pss", rss->pss}, {"private_dirty", rss->dirty}, {"swap", rss->swap}, {"lazy_free", rss->lazy_free},
                {"threads", rss->threads}, {"fibers", rss->fibers}, {"native_threads", rss->native_threads}};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        fputs(",", file);
        number(file, sums[i].name, sums[i].value);
    }
    pools_json(file, rss);
    malloc_json(file, view);
    files_json(file, rss);
    fputs(",\"findings\":[", file);
    for (int i = 0; i < view->findings.count; i++) {
        fprintf(file, "%s{\"key\":\"%s\",", i ? "," : "", view->findings.items[i].key);
        number(file, "bytes", view->findings.items[i].bytes);
        fputs(",\"text\":", file);
        hd_json_string(file, view->findings.items[i].text);
        fputs("}", file);
    }
    fputs("]}\n", file);
}
