/* See outside.h. */
#define _GNU_SOURCE
#include "capture/outside.h"

#include "base/crew.h"
#include "ruby/layout.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { IMAGES_MAX = 4096, MACHINE_X86_64 = 62 };

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- finding Ruby --- */

/* An exported string, such as ruby_version; "" if it is not there. */
static void text_read(struct hd_outside *outside, const char *symbol, char text[HD_OUTSIDE_TEXT])
{
    uint64_t addr = hd_image_symbol(&outside->image, outside->memory, symbol);
    const char *found;
    int64_t length = addr ? hd_memory_cstring(outside->memory, addr, HD_OUTSIDE_TEXT - 1, &found) : -1;
    if (length > 0)
        memcpy(text, found, (size_t)length);
    text[length > 0 ? length : 0] = 0;
}

static bool path_has(const char *path, uint32_t length, const char *word)
{
    return memmem(path, length, word, strlen(word)) != NULL;
}

/*
 * Which malloc the process has: only glibc's chunks tell their size to anybody who looks. Another one takes its place by exporting the
 * same names; what brings an allocator for its own use only, under a prefix, does not, and what only counts the calls (heaptrack) leaves
 * malloc_usable_size to the one that does the work.
 */
static void allocator_note(struct hd_outside *outside, const struct hd_image *image, const char *path, uint32_t length)
{
    static const struct {
        const char *symbol, *name;
    } others[] = {{"mallctl", "jemalloc"}, {"tc_malloc_stats", "tcmalloc"}, {"mi_version", "mimalloc"}};
    const char *name = path_has(path, length, "/ld-musl") ? "musl" : NULL;
    if (!hd_image_symbol(image, outside->memory, "malloc") || hd_image_symbol(image, outside->memory, "gnu_get_libc_version"))
        return;
    for (size_t i = 0; i < sizeof others / sizeof *others && !name; i++)
        if (hd_image_symbol(image, outside->memory, others[i].symbol))
            name = others[i].name;
    if (!name && hd_image_symbol(image, outside->memory, "malloc_usable_size"))
        name = "unknown";
    if (name && (!outside->allocator[0] || !strcmp(outside->allocator, "unknown") || !strcmp(outside->allocator, "musl")))
        snprintf(outside->allocator, sizeof outside->allocator, "%s", name);
}

static bool is_writable(const struct hd_memory *memory, uint64_t addr)
{
    for (size_t i = 0; i < memory->mapping_count; i++)
        if (addr >= memory->mappings[i].start && addr < memory->mappings[i].end)
            return memory->mappings[i].writable;
    return false;
}

/*
 * A Ruby that was loaded, not a file that somebody just looks into: Ruby's own report of a crash does, so each core of a
 * SIGSEGV has its library in it twice.
 */
static bool is_ruby(const struct hd_image *image, struct hd_memory *memory)
{
    uint64_t variable = hd_image_symbol(image, memory, "rb_cObject");
    return variable && is_writable(memory, variable) && hd_image_symbol(image, memory, "ruby_version");
}

/* Other Rubies than Ruby's own have no heap of ours, but may export the names that C extensions ask for. */
static bool is_foreign(const char *path, uint32_t length)
{
    static const char *const words[] = {"/libjvm.so", "truffleruby", "/librubyvm.so", "/libpolyglot", "/libgraal"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (path_has(path, length, words[i]))
            return true;
    return false;
}

static bool not_ruby(const struct hd_outside *outside, bool native, struct hd_error *err)
{
    bool foreign = native;
    for (size_t i = 0; i < outside->memory->mapping_count && !foreign; i++)
        foreign = is_foreign(outside->memory->mappings[i].path, outside->memory->mappings[i].path_length);
    if (foreign)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "this is a Java virtual machine or a native image of one, whose heap (JRuby's, "
                            "TruffleRuby's) heap_dump cannot read: use `jcmd PID GC.heap_dump FILE`, or for a native image its --vm.XX options");
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "this is not a Ruby: none of its libraries exports rb_cObject (if it is "
                        "the parent of one, a shell or a supervisor, give the child's pid)");
}

bool hd_outside_open(struct hd_outside *outside, struct hd_memory *memory, struct hd_error *err)
{
    struct hd_image image;
    const char *path;
    uint32_t length;
    size_t at = 0;
    bool native = false;
    memset(outside, 0, sizeof *outside);
    outside->memory = memory;
    hd_memory_limit(memory);
    for (int n = 0; n < IMAGES_MAX && hd_image_next(&image, memory, &at, &path, &length); n++) {
        allocator_note(outside, &image, path, length);
        native |= hd_image_symbol(&image, memory, "graal_create_isolate") != 0;
        if (outside->found || is_foreign(path, length) || !is_ruby(&image, memory))
            continue;
        outside->found = true;
        outside->image = image;
        snprintf(outside->library, sizeof outside->library, "%.*s", (int)(length < HD_OUTSIDE_TEXT ? length : HD_OUTSIDE_TEXT), path);
    }
    if (!outside->found)
        return not_ruby(outside, native, err);
    if (!outside->allocator[0])
        snprintf(outside->allocator, sizeof outside->allocator, "glibc");
    if (outside->image.machine != MACHINE_X86_64)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "this Ruby is not one for x86-64, the only machine that heap_dump reads from "
                            "outside: load the gem into it and call HeapDump.dump");
    text_read(outside, "ruby_version", outside->ruby);
    text_read(outside, "ruby_description", outside->description);
    text_read(outside, "ruby_platform", outside->platform);
    if (!*outside->ruby || !*outside->platform)
        return hd_error_set(err, HD_ERROR_TARGET, "the version of the Ruby cannot be read: the process is just beginning or ending, or "
                            "the core does not have it");
    if (!hd_layout_find(outside->ruby, outside->image.build_id))
        return hd_layout_missing(outside->ruby, err);
    return true;
}

void hd_outside_close(struct hd_outside *outside)
{
    hd_arena_deinit(&outside->arena);
}

/* --- writing --- */

struct writer {
    struct hd_arena arena;
    struct hd_dumper *dumper;
    struct hd_output output; /* a copy: each has a compressor of its own */
    struct hd_dump_progress *progress;
    struct hd_error error;
    bool failed;
};

static void writer_run(void *hand)
{
    struct writer *writer = hand;
    writer->failed = writer->dumper && !hd_dumper_write_objects(writer->dumper, &writer->output, writer->progress, &writer->error);
}

static bool objects_write(struct hd_dumper *dumper, struct hd_output *output, int count, struct hd_dump_progress *progress,
                          struct hd_error *err)
{
    struct writer writers[HD_CREW_MAX] = {{.dumper = dumper, .output = *output, .progress = progress}};
    bool good = true;
    for (int i = 1; i < count; i++) {
        writers[i] = (struct writer){.output = *output, .progress = progress};
        writers[i].output.compressor = NULL;
        writers[i].dumper = hd_dumper_copy(dumper, &writers[i].arena);
    }
    hd_crew_run(writer_run, writers, sizeof *writers, count);
    for (int i = 0; i < count; i++) {
        if (writers[i].failed) {
            good = false;
            *err = writers[i].error;
        }
        hd_arena_deinit(&writers[i].arena);
    }
    output->compressor = writers[0].output.compressor;
    return good;
}

bool hd_outside_dump(struct hd_outside *outside, const struct hd_stack *stacks, size_t stack_count, struct hd_dump_options *options,
                     struct hd_output *output, int threads, struct hd_outside_result *result, struct hd_error *err)
{
    struct hd_dump_progress progress = {0};
    struct hd_dump_target target = {.memory = outside->memory, .image = &outside->image, .stacks = stacks, .stack_count = stack_count,
                                    .glibc = !strcmp(outside->allocator, "glibc"),
                                    .threads = threads > 0 && threads <= HD_CREW_MAX ? threads : hd_crew_size()};
    double started = now();
    options->ruby = outside->ruby;
    options->build_id = outside->image.build_id[0] ? outside->image.build_id : NULL;
    options->description = outside->description;
    options->platform = outside->platform;
    options->collected = false;
    struct hd_dumper *dumper = hd_dumper_create(&outside->arena, &target, options, &progress, err);
    bool good = dumper && hd_dumper_write_head(dumper, output, &progress, err)
                && objects_write(dumper, output, target.threads, &progress, err)
                && hd_dumper_write_end(dumper, output, &progress, err);
    *result = (struct hd_outside_result){.objects = atomic_load(&progress.objects), .references = atomic_load(&progress.references),
                                         .unreadable = atomic_load(&progress.unreadable),
                                         .lost_pages = dumper ? hd_dumper_lost_pages(dumper) : 0,
                                         .bytes = output->shared ? atomic_load(&output->shared->plain) : 0, .seconds = now() - started};
    return good;
}
