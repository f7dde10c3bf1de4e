/*
 * One table: groups with their sums, below each the rows that are worth a line. See memory.h.
 *
 * Every byte is in a row and every row in a group, so the groups add up to the first line.
 */
#include "cli/memory.h"

#include "cli/open.h"
#include "cli/table.h"

#include <string.h>
#include <time.h>

/* A row is shown from a tenth of a per cent of all on. */
enum { SHOWN_PARTS = 1000, ARENAS_SHOWN = 6, FILES_SHOWN = 5, DETAIL = 160 };

static const char *const groups[HD_RSS_GROUPS] = {
    [HD_RSS_IN_RUBY] = "Ruby's heap pages", [HD_RSS_IN_OBJECTS] = "objects' memory outside slots", [HD_RSS_IN_CODE] = "code",
    [HD_RSS_IN_STACKS] = "stacks", [HD_RSS_IN_NATIVE] = "malloc: in use by C code", [HD_RSS_IN_FREE] = "malloc: free, not given back",
    [HD_RSS_IN_MALLOC] = "malloc: used or free", [HD_RSS_IN_FILES] = "libraries and files", [HD_RSS_IN_REST] = "other"};

static const char *const rows[HD_RSS_ROWS] = {
    [HD_RSS_SLOTS_USED] = "slots with objects", [HD_RSS_SLOTS_FREE] = "empty slots", [HD_RSS_PAGES_REST] = "heads of pages, padding",
    [HD_RSS_TRANSIENT] = "transient heap", [HD_RSS_STRINGS] = "Strings", [HD_RSS_ARRAYS] = "Arrays", [HD_RSS_HASHES] = "Hashes",
    [HD_RSS_INSTANCES] = "objects and Structs", [HD_RSS_DATA] = "data of C extensions", [HD_RSS_OTHERS] = "others",
    [HD_RSS_CLASSES] = "classes: tables, caches", [HD_RSS_ISEQS] = "methods, compiled code", [HD_RSS_JIT] = "made at run time (JIT)",
    [HD_RSS_VM_STACKS] = "VM stacks", [HD_RSS_MACHINE_STACKS] = "machine stacks", [HD_RSS_COLLECTOR] = "the collector's tables",
    [HD_RSS_MALLOC_USED] = "extensions, libraries, Ruby", [HD_RSS_MALLOC_UNKNOWN] = "not divided",
    [HD_RSS_MALLOC_FREE] = "freed, between what is used", [HD_RSS_MALLOC_FAST] = "in fastbins", [HD_RSS_MALLOC_CACHED] = "in threads' caches",
    [HD_RSS_MALLOC_TOP] = "at the end of arenas", [HD_RSS_MALLOC_REST] = "malloc's own", [HD_RSS_LIBRARIES] = "code and constants of libraries",
    [HD_RSS_LIBRARIES_OWN] = "variables of libraries", [HD_RSS_FILES] = "mapped files", [HD_RSS_SHARED] = "shared memory",
    [HD_RSS_KERNEL] = "the kernel's pages", [HD_RSS_ZEROS] = "pages of zeros", [HD_RSS_UNKNOWN] = "not known"};

/* --- details, to the right of a row --- */

static void pages_detail(const struct hd_rss *rss, char text[DETAIL])
{
    uint64_t pages = 0, slots = 0, used = 0;
    char a[HD_WORDS_NUMBER], b[HD_WORDS_NUMBER], c[HD_WORDS_NUMBER];
    for (int i = 0; i < rss->pool_count; i++) {
        pages += rss->pools[i].pages;
        slots += rss->pools[i].slots;
        used += rss->pools[i].used;
    }
    if (pages)
        snprintf(text, DETAIL, "%s of %s slots in %s pages", hd_words_count(b, used), hd_words_count(c, slots), hd_words_count(a, pages));
}

static void group_detail(const struct hd_rss *rss, enum hd_rss_group group, char text[DETAIL])
{
    char a[HD_WORDS_NUMBER], b[HD_WORDS_NUMBER];
    *text = 0;
    if (group == HD_RSS_IN_RUBY)
        pages_detail(rss, text);
    else if (group == HD_RSS_IN_STACKS && rss->threads)
        snprintf(text, DETAIL, "%s threads, %s fibers", hd_words_count(a, rss->threads), hd_words_count(b, rss->fibers));
    else if (group == HD_RSS_IN_FREE && rss->glibc.arena_count)
        snprintf(text, DETAIL, "%zu arena%s; malloc_trim(0) gives back %s", rss->glibc.arena_count, rss->glibc.arena_count == 1 ? "" : "s",
                 hd_words_bytes(a, rss->trimmable));
}

/* --- the table --- */

static void row_add(struct hd_table *table, const char *margin, const char *name, uint64_t bytes, uint64_t total, const char *detail)
{
    char text[80];
    int length = snprintf(text, sizeof text, "%s%s", margin, name);
    hd_table_add(table, text, (size_t)length);
    hd_table_add_bytes(table, bytes);
    hd_table_add_percent(table, bytes, total);
    hd_table_add_string(table, detail);
}

static void table_print(const struct hd_rss *rss)
{
    static const struct hd_table_column columns[] = {{"where", false, false}, {"bytes", true, false}, {"share", true, false},
                                                     {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 4};
    for (int group = 0; group < HD_RSS_GROUPS; group++) {
        char detail[DETAIL];
        uint64_t sum = hd_rss_group_sum(rss, (enum hd_rss_group)group);
        if (!sum)
            continue;
        group_detail(rss, (enum hd_rss_group)group, detail);
        row_add(&table, "", groups[group], sum, rss->total, detail);
        for (int row = 0; row < HD_RSS_ROWS; row++)
            if (hd_rss_group_of((enum hd_rss_row)row) == (enum hd_rss_group)group && rss->rows[row] >= rss->total / SHOWN_PARTS
                && rss->rows[row])
                row_add(&table, "  ", rows[row], rss->rows[row], rss->total, "");
    }
    row_add(&table, "", "all", rss->total, rss->total, "");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void pools_print(const struct hd_rss *rss)
{
    static const struct hd_table_column columns[] = {{"slots of", true, false}, {"pages", true, false}, {"wholly empty", true, false},
                                                     {"slots", true, false}, {"used", true, false}, {"", true, false},
                                                     {"bytes", true, false}, {"empty slots", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 8};
    if (!rss->pool_count)
        return;
    printf("\nRuby's heap pages by the size of their slots:\n");
    for (int i = 0; i < rss->pool_count; i++) {
        const struct hd_rss_pool *pool = &rss->pools[i];
        char size[40];
        snprintf(size, sizeof size, "%llu B", (unsigned long long)pool->slot_size);
        hd_table_add_string(&table, size);
        hd_table_add_count(&table, pool->pages);
        hd_table_add_count(&table, pool->empty_pages);
        hd_table_add_count(&table, pool->slots);
        hd_table_add_count(&table, pool->used);
        hd_table_add_percent(&table, pool->used, pool->slots);
        hd_table_add_bytes(&table, pool->resident);
        hd_table_add_bytes(&table, pool->resident_free);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (rss->spare_pages)
        printf("and %llu pages without slots, kept for when they are needed\n", (unsigned long long)rss->spare_pages);
}

static void arena_add(struct hd_table *table, const char *name, const struct hd_glibc_arena *arena)
{
    hd_table_add_string(table, name);
    hd_table_add_bytes(table, arena->system);
    hd_table_add_bytes(table, arena->used);
    hd_table_add_bytes(table, arena->free + arena->fast);
    hd_table_add_bytes(table, arena->cached);
    hd_table_add_bytes(table, arena->top_bytes);
    hd_table_add_bytes(table, arena->resident_free);
    hd_table_add_string(table, arena->damaged ? "could not be walked to its end" : "");
}

/* The next biggest one that is not among the first `count` shown; -1 if there is none. */
static int arena_next(const struct hd_glibc *glibc, const int *shown, int count)
{
    int best = -1;
    for (size_t i = 0; i < glibc->arena_count; i++) {
        bool seen = false;
        for (int k = 0; k < count; k++)
            seen |= shown[k] == (int)i;
        if (!seen && (best < 0 || glibc->arenas[i].system > glibc->arenas[best].system))
            best = (int)i;
    }
    return best;
}

static void arenas_print(const struct hd_glibc *glibc)
{
    static const struct hd_table_column columns[] = {{"arena", false, false}, {"size", true, false}, {"in use", true, false},
                                                     {"freed", true, false}, {"in caches", true, false}, {"end", true, false},
                                                     {"free, in memory", true, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 8};
    int shown[ARENAS_SHOWN], count = 0;
    struct hd_glibc_arena others = {0};
    if (!glibc->found)
        return;
    printf("\nmalloc's arenas (glibc), as malloc counts:\n");
    for (int next; count < ARENAS_SHOWN && (next = arena_next(glibc, shown, count)) >= 0; count++) {
        char name[40];
        shown[count] = next;
        snprintf(name, sizeof name, next ? "thread %d" : "main", next);
        arena_add(&table, name, &glibc->arenas[next]);
    }
    for (size_t i = 0; i < glibc->arena_count; i++) {
        bool seen = false;
        for (int k = 0; k < count; k++)
            seen |= shown[k] == (int)i;
        const struct hd_glibc_arena *arena = &glibc->arenas[i];
        if (seen)
            continue;
        others.system += arena->system;
        others.used += arena->used;
        others.free += arena->free + arena->fast;
        others.cached += arena->cached;
        others.top_bytes += arena->top_bytes;
        others.resident_free += arena->resident_free;
        others.damaged |= arena->damaged;
    }
    if (glibc->arena_count > (size_t)count) {
        char name[60];
        snprintf(name, sizeof name, "%zu others", glibc->arena_count - (size_t)count);
        arena_add(&table, name, &others);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (glibc->options_found && glibc->mapped_count) {
        char count_text[HD_WORDS_NUMBER], bytes[HD_WORDS_NUMBER];
        printf("and %s big %s of %s own, %s\n", hd_words_count(count_text, glibc->mapped_count),
               glibc->mapped_count == 1 ? "chunk with a mapping" : "chunks with mappings",
               glibc->mapped_count == 1 ? "its" : "their", hd_words_bytes(bytes, glibc->mapped_bytes));
    }
}

static void files_print(const struct hd_rss *rss)
{
    static const struct hd_table_column columns[] = {{"file", false, true}, {"bytes", true, false}, {"its own", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 3};
    size_t count = 0;
    for (; count < rss->file_count && count < FILES_SHOWN && rss->files[count].resident >= rss->total / 100; count++) {
        hd_table_add(&table, rss->files[count].path, rss->files[count].path_length);
        hd_table_add_bytes(&table, rss->files[count].resident);
        hd_table_add_bytes(&table, rss->files[count].own);
    }
    if (count) {
        printf("\nThe biggest files and libraries (its own: changed by this process):\n");
        hd_table_print(stdout, &table);
    }
    hd_table_deinit(&table);
}

/* --- words --- */

/* Prints a paragraph in lines that fit, `first` before the first one and as many spaces before the others. */
static void paragraph_print(const char *first, const char *text)
{
    struct hd_buffer clean = {0}; /* names of files and processes are anybody's */
    size_t margin = strlen(first), at = margin;
    hd_words_clean(&clean, text, strlen(text));
    fputs(first, stdout);
    for (const char *word = clean.failed ? "" : clean.data; *word;) {
        size_t length = strcspn(word, " ");
        size_t width = hd_words_width(word, length);
        if (at > margin && at + 1 + width > HD_TABLE_WIDTH) {
            printf("\n%*s", (int)margin, "");
            at = margin;
        } else if (at > margin) {
            putchar(' ');
            at++;
        }
        fwrite(word, 1, length, stdout);
        at += width;
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
    hd_buffer_deinit(&clean);
}

static void moment_print(const struct hd_view_memory *view, char text[64])
{
    time_t seconds = (time_t)view->time;
    struct tm parts;
    *text = 0;
    if (gmtime_r(&seconds, &parts))
        strftime(text, 64, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void head_print(const struct hd_view_memory *view)
{
    char total[HD_WORDS_NUMBER], holding[HD_WORDS_NUMBER], moment[64], line[900];
    hd_words_bytes(total, view->rss.total);
    moment_print(view, moment);
    if (view->source == HD_FINDINGS_PROCESS)
        snprintf(line, sizeof line, "pid %d: %s in memory (RSS), of %s, when it stood still for %.1f ms", view->pid, total, moment,
                 view->stopped * 1000);
    else if (view->source == HD_FINDINGS_DUMP)
        snprintf(line, sizeof line, "%.400s: %s %s, when the dump was taken (%s)%s", view->name, total,
                 view->rss_known ? "in memory (RSS)" : "of Ruby's heap and objects", view->moment,
                 view->truncated ? "; the dump is cut off" : "");
    else
        snprintf(line, sizeof line, "%.400s: %s of memory in the core%s; %s of it hold something, which is about what was in memory (RSS)",
                 view->name, total, view->truncated ? ", which is cut off" : "",
                 hd_words_bytes(holding, view->rss.total - view->rss.rows[HD_RSS_ZEROS]));
    if (view->source == HD_FINDINGS_PROCESS)
        hd_table_line(stdout, line, strlen(line), 0);
    else
        paragraph_print("", line);
    if (*view->title)
        hd_table_line(stdout, view->title, strlen(view->title), 0);
    if (*view->ruby)
        hd_table_line(stdout, view->ruby, strlen(view->ruby), 0);
    if (*view->note)
        paragraph_print("", view->note);
    if (view->source != HD_FINDINGS_DUMP && strcmp(view->allocator, "glibc") != 0) {
        snprintf(line, sizeof line, "Its malloc is %s: what it has given out to C code and what it holds free are not told apart.",
                 strcmp(view->allocator, "unknown") ? view->allocator : "none that heap_dump knows");
        paragraph_print("", line);
    }
    if (*view->stopped_note) {
        snprintf(line, sizeof line, "It was not copied but stopped while it was read: %s", view->stopped_note);
        paragraph_print("", line);
    }
    putchar('\n');
}

static void sums_print(const struct hd_view_memory *view)
{
    char ours[HD_WORDS_NUMBER], all[HD_WORDS_NUMBER], swap[HD_WORDS_NUMBER], line[400];
    const struct hd_rss *rss = &view->rss;
    uint64_t objects = rss->rows[HD_RSS_SLOTS_USED] + hd_rss_group_sum(rss, HD_RSS_IN_OBJECTS) + rss->rows[HD_RSS_CLASSES]
                       + rss->rows[HD_RSS_ISEQS];
    if (rss->divided) {
        snprintf(line, sizeof line, "Ruby's objects and code take %s of these %s: ObjectSpace sees that part alone.",
                 hd_words_bytes(ours, objects), hd_words_bytes(all, rss->total - rss->rows[HD_RSS_ZEROS]));
        paragraph_print("", line);
    }
    if (rss->swap) {
        snprintf(line, sizeof line, "%s more are in swap.", hd_words_bytes(swap, rss->swap));
        paragraph_print("", line);
    }
}

static void next_print(const struct hd_view_memory *view)
{
    if (view->source == HD_FINDINGS_PROCESS) {
        if (view->rss.divided)
            printf("\nnext: heap_dump dump --pid %d -o dump.json\n", view->pid);
        else if (*view->ruby) /* one that cannot be read: which are there? */
            printf("\nnext: heap_dump layout --check %d\n", view->pid);
        else if (view->ruby_pid)
            printf("\nnext: heap_dump memory %d\n", view->ruby_pid);
        else
            printf("\nnext: heap_dump memory --json %d\n", view->pid);
        return;
    }
    struct hd_buffer text = {0};
    hd_words_clean(&text, view->name, strlen(view->name));
    if (text.data && view->source == HD_FINDINGS_DUMP)
        printf("\nnext: heap_dump %s %s\n", "suspects", text.data);
    else if (text.data)
        printf("\nnext: heap_dump dump --core %s -o dump.json\n", text.data);
    hd_buffer_deinit(&text);
}

void hd_memory_print(const struct hd_view_memory *view)
{
    head_print(view);
    table_print(&view->rss);
    pools_print(&view->rss);
    arenas_print(&view->rss.glibc);
    files_print(&view->rss);
    putchar('\n');
    sums_print(view);
    for (int i = 0; i < view->findings.count; i++)
        paragraph_print("- ", view->findings.items[i].text);
    next_print(view);
}
