/* See findings.h. The shares from which on a thing is worth a sentence are in one place, at the top. */
#include "view/memory_findings.h"

#include "view/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { /* per cent of all */
    FREE_WORTH = 10, HEAP_WORTH = 5, HEAP_EMPTY = 25, OBJECTS_WORTH = 25, NATIVE_WORTH = 20, STACKS_WORTH = 10, JIT_WORTH = 10,
    FILES_WORTH = 15, SHARED_WORTH = 15, UNKNOWN_WORTH = 10, COMMON_WORTH = 30, LIBRARIES_WORTH = 50, SWAP_WORTH = 5
};

static bool worth(uint64_t part, uint64_t whole, unsigned percent)
{
    return whole && part && (double)part / (double)whole * 100 >= percent;
}

/* All, but for pages of zeros, which only cores have. */
static uint64_t held(const struct hd_rss *rss)
{
    return rss->total - rss->rows[HD_RSS_ZEROS];
}

static int percent_of(uint64_t part, uint64_t whole)
{
    return whole ? (int)(100.0 * (double)part / (double)whole + 0.5) : 0;
}

static void add(struct hd_findings *findings, const char *key, uint64_t bytes, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void add(struct hd_findings *findings, const char *key, uint64_t bytes, const char *format, ...)
{
    if (findings->count == HD_FINDINGS_MAX)
        return;
    int at = findings->count++;
    for (; at > 0 && findings->items[at - 1].bytes < bytes; at--)
        findings->items[at] = findings->items[at - 1];
    struct hd_finding *finding = &findings->items[at];
    va_list values;
    va_start(values, format);
    vsnprintf(finding->text, sizeof finding->text, format, values);
    va_end(values);
    finding->key = key;
    finding->bytes = bytes;
}

struct number {
    char text[HD_WORDS_NUMBER];
};

static struct number bytes_of(uint64_t bytes)
{
    struct number number;
    hd_words_bytes(number.text, bytes);
    return number;
}

static struct number count_of(uint64_t count)
{
    struct number number;
    hd_words_count(number.text, count);
    return number;
}

#define BYTES(value) bytes_of(value).text
#define COUNT(value) count_of(value).text

uint64_t hd_findings_compactable(const struct hd_rss *rss)
{
    uint64_t bytes = 0;
    for (int i = 0; i < rss->pool_count; i++) {
        const struct hd_rss_pool *pool = &rss->pools[i];
        uint64_t needed = pool->page_slots ? (pool->used + pool->page_slots - 1) / pool->page_slots : pool->pages;
        uint64_t spare = pool->pages > needed ? pool->pages - needed : 0;
        bytes += pool->pages ? (uint64_t)((double)pool->resident / (double)pool->pages * (double)spare) : 0;
    }
    return bytes;
}

/* --- each thing --- */

static void malloc_free(struct hd_findings *findings, const struct hd_rss *rss, enum hd_findings_source source)
{
    uint64_t free = rss->rows[HD_RSS_MALLOC_FREE] + rss->rows[HD_RSS_MALLOC_FAST] + rss->rows[HD_RSS_MALLOC_CACHED]
                    + rss->rows[HD_RSS_MALLOC_TOP];
    uint64_t others = 0;
    size_t count = rss->glibc.arena_count;
    if (!worth(free, held(rss), FREE_WORTH))
        return;
    for (size_t i = 1; i < count; i++)
        others += rss->glibc.arenas[i].resident_free;
    char where[160] = "", trim[300];
    bool many = others * 2 > free;
    if (count > 1)
        snprintf(where, sizeof where, ", %s of it in the %zu arenas of threads", BYTES(others), count - 1);
    if (rss->trimmable * 2 > free)
        snprintf(trim, sizeof trim, "Calling malloc_trim(0) in the process %s %s%s.",
                 source == HD_FINDINGS_PROCESS ? "gives back" : "would have given back", BYTES(rss->trimmable),
                 source == HD_FINDINGS_PROCESS ? " at once" : "");
    else
        snprintf(trim, sizeof trim, "Most of it lies in small pieces between what is in use: malloc_trim(0) %s only the %s that are whole "
                 "pages.", source == HD_FINDINGS_PROCESS ? "gives back" : "would have given back", BYTES(rss->trimmable));
    add(findings, "malloc_free", free,
        "%s are free in malloc's arenas but not given back to the system (%d %% of all%s): the system counts it, Ruby and its objects "
        "do not have it. %s %s", BYTES(free), percent_of(free, held(rss)), where, trim,
        many ? "To keep it from growing again: MALLOC_ARENA_MAX=2 in the environment, or jemalloc."
             : "MALLOC_ARENA_MAX will not change it, as most is in the main arena: to keep it from growing again use jemalloc, or free what "
               "makes the peaks earlier.");
}

static void heap_pages(struct hd_findings *findings, const struct hd_rss *rss)
{
    uint64_t slots = 0, used = 0, empty = 0, resident = 0, pages = 0;
    for (int i = 0; i < rss->pool_count; i++) {
        slots += rss->pools[i].slots;
        used += rss->pools[i].used;
        resident += rss->pools[i].resident;
        pages += rss->pools[i].pages;
        empty += rss->pools[i].empty_pages;
    }
    uint64_t free = rss->rows[HD_RSS_SLOTS_FREE];
    if (!worth(free, held(rss), HEAP_WORTH) || !worth(free, resident, HEAP_EMPTY))
        return;
    char whole[160];
    if (!empty)
        snprintf(whole, sizeof whole, "the used slots are scattered: none of %s pages is wholly empty, so none can be given back", COUNT(pages));
    else if (empty * 10 > pages)
        snprintf(whole, sizeof whole, "%s of %s pages are wholly empty, which a full collection (GC.start) may give back", COUNT(empty),
                 COUNT(pages));
    else
        snprintf(whole, sizeof whole, "the used slots are scattered: only %s of %s pages are wholly empty, and others cannot be given back",
                 COUNT(empty), COUNT(pages));
    add(findings, "heap_fragmentation", free,
        "Ruby's heap pages are %d %% empty: %s of %s slots hold nothing, %s. The next %s objects fit in without the heap growing; %s. "
        "Compaction (GC.compact, Ruby 2.7 and later) could give back %s at best; a peak in the past made them, so look for what "
        "allocates so many objects at once.",
        percent_of(slots - used, slots), COUNT(slots - used), COUNT(slots), BYTES(free), COUNT(slots - used), whole,
        BYTES(hd_findings_compactable(rss)));
}

static const char *what_is_biggest(const struct hd_rss *rss, enum hd_rss_row *biggest)
{
    static const struct {
        enum hd_rss_row row;
        const char *words;
    } rows[] = {{HD_RSS_STRINGS, "contents of Strings"}, {HD_RSS_ARRAYS, "elements of Arrays"}, {HD_RSS_HASHES, "tables of Hashes"},
                {HD_RSS_INSTANCES, "instance variables and members"}, {HD_RSS_DATA, "structs of C extensions' objects"},
                {HD_RSS_OTHERS, "buffers of other objects"}};
    size_t at = 0;
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++)
        if (rss->rows[rows[i].row] > rss->rows[rows[at].row])
            at = i;
    *biggest = rows[at].row;
    return rows[at].words;
}

static void objects(struct hd_findings *findings, const struct hd_rss *rss, enum hd_findings_source source)
{
    uint64_t outside = hd_rss_group_sum(rss, HD_RSS_IN_OBJECTS), all = outside + rss->rows[HD_RSS_SLOTS_USED];
    enum hd_rss_row row;
    const char *words = what_is_biggest(rss, &row);
    if (!rss->divided || !worth(all, held(rss), OBJECTS_WORTH))
        return;
    add(findings, "objects", all,
        "%s are Ruby's objects (%d %% of all): %s in their slots, %s outside of them, most of that %s (%s). %s", BYTES(all),
        percent_of(all, held(rss)), BYTES(rss->rows[HD_RSS_SLOTS_USED]), BYTES(outside), words, BYTES(rss->rows[row]),
        source == HD_FINDINGS_DUMP ? "`suspects` and `top` say who holds them." : "A dump says who holds them.");
}

static void native(struct hd_findings *findings, const struct hd_rss *rss, enum hd_findings_source source, const char *allocator)
{
    uint64_t used = rss->rows[HD_RSS_MALLOC_USED], unknown = rss->rows[HD_RSS_UNKNOWN], undivided = rss->rows[HD_RSS_MALLOC_UNKNOWN];
    if (worth(used, held(rss), NATIVE_WORTH))
        add(findings, "native", used,
            "%s are in use by C code (%d %% of all): no Ruby object points at it, so ObjectSpace does not see it. It belongs to C "
            "extensions and libraries (parsers, database clients, images) and to Ruby's own tables. If it grows, a profiler of malloc "
            "says who asks for it: heaptrack, or jemalloc with MALLOC_CONF=prof:true.", BYTES(used), percent_of(used, held(rss)));
    if (worth(undivided, held(rss), UNKNOWN_WORTH))
        add(findings, "malloc_unknown", undivided,
            "%s are %s's and not in use by Ruby's objects (%d %% of all): how much of it C code uses and how much is free cannot be seen "
            "%s.%s", BYTES(undivided), strcmp(allocator, "glibc") && strcmp(allocator, "unknown") && *allocator ? allocator : "malloc", percent_of(undivided, held(rss)),
            source == HD_FINDINGS_DUMP ? "in a dump" : "from outside",
            !strcmp(allocator, "jemalloc") ? " jemalloc itself tells: MALLOC_CONF=stats_print:true prints it when the process ends, its function "
                                             "malloc_stats_print at once."
            : source == HD_FINDINGS_DUMP   ? " `heap_dump memory PID` tells, while such a process is alive."
                                           : "");
    if (worth(unknown, held(rss), UNKNOWN_WORTH))
        add(findings, "unknown", unknown,
            "%s (%d %% of all) are anonymous memory that is neither Ruby's heap nor malloc's: libraries that map memory themselves, or "
            "a malloc of their own.", BYTES(unknown), percent_of(unknown, held(rss)));
}

static void stacks_and_code(struct hd_findings *findings, const struct hd_rss *rss)
{
    uint64_t stacks = hd_rss_group_sum(rss, HD_RSS_IN_STACKS), main = rss->main_stack < stacks ? rss->main_stack : stacks;
    uint64_t others = stacks - main, jit = rss->rows[HD_RSS_JIT];
    uint64_t threads = rss->threads ? rss->threads : rss->native_threads; /* 0 of a dump: it was not asked */
    char whose[100] = "";
    if (threads)
        snprintf(whose, sizeof whose, ", of %s thread%s and %s fiber%s", COUNT(threads), threads == 1 ? "" : "s", COUNT(rss->fibers),
                 rss->fibers == 1 ? "" : "s");
    if (worth(main, held(rss), STACKS_WORTH))
        add(findings, "main_stack", main,
            "%s are the main thread's stack (%d %% of all): some builds of Ruby touch all of it when they start, and deep recursion may have. "
            "It does not shrink and cannot grow beyond `ulimit -s`: this is no leak.", BYTES(main), percent_of(main, held(rss)));
    if (worth(others, held(rss), STACKS_WORTH))
        add(findings, "stacks", stacks,
            "%s are stacks (%d %% of all)%s: fewer of them, or smaller ones (RUBY_THREAD_MACHINE_STACK_SIZE, "
            "RUBY_THREAD_VM_STACK_SIZE, RUBY_FIBER_VM_STACK_SIZE), take less.", BYTES(stacks), percent_of(stacks, held(rss)), whose);
    if (worth(jit, held(rss), JIT_WORTH))
        add(findings, "jit", jit, "%s are code that was made at run time (%d %% of all), as YJIT does: --yjit-exec-mem-size limits it.",
            BYTES(jit), percent_of(jit, held(rss)));
}

static void files(struct hd_findings *findings, const struct hd_rss *rss)
{
    uint64_t mapped = rss->rows[HD_RSS_FILES], shared = rss->rows[HD_RSS_SHARED], libraries = rss->rows[HD_RSS_LIBRARIES];
    if (worth(mapped, held(rss), FILES_WORTH) && rss->file_count) {
        const struct hd_rss_file *file = rss->files;
        for (size_t i = 0; i < rss->file_count && file->library; i++)
            file = &rss->files[i];
        struct hd_buffer path = {0};
        hd_words_clean(&path, file->path, file->path_length);
        add(findings, "files", mapped,
            "%s are files that the process has mapped (%d %% of all), the most of it %.150s: the kernel drops them when memory is "
            "short, so they do no harm.", BYTES(mapped), percent_of(mapped, held(rss)), path.failed ? "" : path.data);
        hd_buffer_deinit(&path);
    }
    if (worth(shared, held(rss), SHARED_WORTH))
        add(findings, "shared_memory", shared, "%s are memory shared with other processes (%d %% of all): memfd, /dev/shm or System V.",
            BYTES(shared), percent_of(shared, held(rss)));
    if (worth(libraries, held(rss), LIBRARIES_WORTH))
        add(findings, "libraries", libraries,
            "%s (%d %% of all) are code and constants of the program and its libraries, which all processes that use them share: the "
            "process itself is small.", BYTES(libraries), percent_of(libraries, held(rss)));
}

static void kernel(struct hd_findings *findings, const struct hd_rss *rss)
{
    uint64_t common = held(rss) > rss->pss && rss->pss ? held(rss) - rss->pss : 0;
    if (worth(common, held(rss), COMMON_WORTH))
        add(findings, "shared", common,
            "Much of it is shared with other processes, forked ones for example: this one's fair share (PSS) is %s. Adding up the RSS of "
            "several workers counts the shared part several times.", BYTES(rss->pss));
    if (worth(rss->swap, held(rss), SWAP_WORTH))
        add(findings, "swap", rss->swap, "%s more are in swap, which RSS does not count.", BYTES(rss->swap));
    if (worth(rss->lazy_free, held(rss), SWAP_WORTH))
        add(findings, "lazy_free", rss->lazy_free,
            "%s have been given back already (MADV_FREE) and count only until the kernel wants them.", BYTES(rss->lazy_free));
}

void hd_findings_make(struct hd_findings *findings, const struct hd_rss *rss, enum hd_findings_source source, const char *allocator)
{
    findings->count = 0;
    malloc_free(findings, rss, source);
    heap_pages(findings, rss);
    objects(findings, rss, source);
    native(findings, rss, source, allocator);
    stacks_and_code(findings, rss);
    files(findings, rss);
    kernel(findings, rss);
}
