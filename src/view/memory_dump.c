/*
 * The table of a dump: what its first line says of the process's memory and its heap pages, and what its lines say of objects.
 *
 * A dump does not tell what malloc held free, nor which pages of a buffer were in memory: what is left of anonymous memory when heap pages
 * and objects are taken off is one row, "malloc: used or free". See memory.h.
 */
#define _GNU_SOURCE
#include "view/memory.h"

#include "dump/input.h"
#include "dump/json_reader.h"
#include "view/readable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- what a file is --- */

static bool begins(const char *text, size_t length, const char *prefix)
{
    size_t wanted = strlen(prefix);
    return length >= wanted && !memcmp(text, prefix, wanted);
}

/* Of a compressed file the first line; false if it has none, as a core has. */
static bool first_line_is_dump(const char *path)
{
    struct hd_input_line line;
    struct hd_error err;
    struct hd_input *input = hd_input_open(path, &err);
    bool dump = input && hd_input_next(input, &line, &err) == HD_INPUT_LINE
                && (begins(line.text, line.length, "[{\"id\":\"_DUMP_\"") || begins(line.text, line.length, "{"));
    if (input)
        hd_input_close(input);
    return dump;
}

bool hd_view_memory_is_core(const char *path, bool *core, struct hd_error *err)
{
    unsigned char magic[4] = {0};
    *core = false;
    if (!strcmp(path, "-"))
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.300s", path);
    ssize_t got = read(fd, magic, sizeof magic);
    int number = errno;
    close(fd);
    if (got < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, number, "cannot read %.300s", path);
    bool compressed = (magic[0] == 0x1f && magic[1] == 0x8b) || !memcmp(magic, "\x28\xb5\x2f\xfd", 4);
    *core = !memcmp(magic, "\x7f" "ELF", 4) || (compressed && !first_line_is_dump(path));
    return true;
}

/* --- lines --- */

/* A thread's or fiber's size has its stack in it, a megabyte of which most was never touched: only its struct, which has some 700 bytes, counts. */
enum { SIZES_MAX = HD_RSS_POOLS, STRUCT_MOST = 4096 };

struct reading {
    struct hd_view_memory *view;
    struct hd_json_reader *reader;
    uint64_t owned[HD_RSS_ROWS]; /* bytes outside slots, by row */
    uint64_t slot_bytes;         /* of the lines' slots */
    uint64_t objects;
    struct {
        uint64_t slot_size, count;
    } sizes[SIZES_MAX]; /* lines by the size of their slots */
    int size_count;
    bool saw_head, saw_end;
    /* the line at hand */
    uint64_t size, slot_size;
    char type_name[16];
};

static bool field_take(void *data, const struct hd_json_field *field, struct hd_error *err)
{
    struct reading *r = data;
    (void)err;
    if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "size"))
        r->size = field->integer > 0 ? (uint64_t)field->integer : 0;
    else if (field->type == HD_JSON_INTEGER && hd_json_text_is(field->name, "slot_size"))
        r->slot_size = field->integer > 0 ? (uint64_t)field->integer : 0;
    else if (field->type == HD_JSON_TEXT && hd_json_text_is(field->name, "type_name"))
        snprintf(r->type_name, sizeof r->type_name, "%.*s", (int)(field->text.length < 15 ? field->text.length : 15), field->text.data);
    return true;
}

static enum hd_rss_row row_of(const struct reading *r, enum hd_bt type)
{
    switch (type) {
    case HD_BT_T_STRING: return HD_RSS_STRINGS;
    case HD_BT_T_ARRAY: return HD_RSS_ARRAYS;
    case HD_BT_T_HASH: return HD_RSS_HASHES;
    case HD_BT_T_OBJECT: case HD_BT_T_STRUCT: return HD_RSS_INSTANCES;
    case HD_BT_T_DATA: return HD_RSS_DATA;
    case HD_BT_T_CLASS: case HD_BT_T_MODULE: case HD_BT_T_ICLASS: return HD_RSS_CLASSES;
    case HD_BT_T_IMEMO: return !strcmp(r->type_name, "iseq") || !strcmp(r->type_name, "ment") ? HD_RSS_ISEQS : HD_RSS_OTHERS;
    default: return HD_RSS_OTHERS;
    }
}

static void object_add(struct reading *r, enum hd_bt type)
{
    int i = 0;
    while (i < r->size_count && r->sizes[i].slot_size != r->slot_size)
        i++;
    if (i == r->size_count && i < SIZES_MAX) {
        r->sizes[r->size_count++].slot_size = r->slot_size;
        r->sizes[i].count = 0;
    }
    if (i < SIZES_MAX)
        r->sizes[i].count++;
    uint64_t outside = r->size > r->slot_size ? r->size - r->slot_size : 0;
    if (outside > STRUCT_MOST && (!strcmp(r->type_name, "VM/thread") || !strcmp(r->type_name, "fiber")))
        outside = STRUCT_MOST;
    r->objects++;
    r->slot_bytes += r->slot_size;
    r->owned[row_of(r, type)] += outside;
}

static uint64_t whole(struct hd_graph_text object, const char *name)
{
    return hd_readable_integer(hd_readable_member(object, name));
}

static void text_take(struct hd_graph_text head, const char *name, char *text, size_t size)
{
    struct hd_graph_text value = hd_readable_string(hd_readable_member(head, name));
    snprintf(text, size, "%.*s", (int)(value.length < size ? value.length : size), value.data ? value.data : "");
}

static void pools_take(struct hd_rss *rss, struct hd_graph_text head)
{
    struct hd_graph_text pools = hd_readable_member(head, "size_pools"), key, pool;
    size_t at = 0;
    while ((pool = hd_readable_next(pools, &at, &key)).data && rss->pool_count < HD_RSS_POOLS) {
        struct hd_rss_pool *to = &rss->pools[rss->pool_count++];
        *to = (struct hd_rss_pool){.slot_size = whole(pool, "slot_size"), .pages = whole(pool, "pages"), .slots = whole(pool, "slots"),
                                   .empty_pages = whole(pool, "empty_pages"), .bytes = whole(pool, "bytes")};
        to->used = hd_readable_member(pool, "used").data ? whole(pool, "used") : UINT64_MAX; /* dumps that do not say: the lines do */
        to->page_slots = to->pages ? to->slots / to->pages : 0;
        if (to->bytes < to->slots * to->slot_size)
            to->bytes = to->slots * to->slot_size;
    }
}

static void head_take(struct reading *r, const char *text, size_t length)
{
    struct hd_view_memory *view = r->view;
    struct hd_graph_text head = {text, (uint32_t)length}, memory = hd_readable_member(head, "memory");
    static const struct {
        const char *name;
        enum hd_rss_row row;
    } members[] = {{"code", HD_RSS_JIT}, {"stack", HD_RSS_MACHINE_STACKS}, {"libraries", HD_RSS_LIBRARIES},
                   {"libraries_own", HD_RSS_LIBRARIES_OWN}, {"files", HD_RSS_FILES}, {"shared", HD_RSS_SHARED}, {"kernel", HD_RSS_KERNEL}};
    text_take(head, "description", view->ruby, sizeof view->ruby);
    if (hd_readable_member(head, "malloc").data)
        text_take(head, "malloc", view->allocator, sizeof view->allocator);
    text_take(head, "time", view->moment, sizeof view->moment);
    view->pid = (int)whole(head, "pid");
    pools_take(&view->rss, head);
    r->saw_head = true;
    if (!memory.data)
        return;
    view->rss_known = true;
    view->rss.swap = whole(memory, "swap");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        view->rss.rows[members[i].row] = whole(memory, members[i].name);
    view->rss.main_stack = view->rss.rows[HD_RSS_MACHINE_STACKS];
    view->rss.rows[HD_RSS_MALLOC_UNKNOWN] = whole(memory, "anonymous") + whole(memory, "brk");
}

static bool line_take(struct reading *r, const struct hd_input_line *line, struct hd_error *err)
{
    const struct hd_json_visitor visitor = {.data = r, .field = field_take};
    struct hd_json_line parsed;
    if (!line->length || (line->length == 1 && line->text[0] == ']'))
        return true;
    if (!hd_json_reader_parse(r->reader, line->text + 1, line->length - 1, &parsed, err))
        return false;
    r->saw_end |= parsed.kind == HD_JSON_LINE_END;
    if (parsed.kind == HD_JSON_LINE_DUMP)
        head_take(r, line->text + 1, line->length - 1);
    if (parsed.kind != HD_JSON_LINE_OBJECT)
        return true;
    r->size = r->slot_size = 0;
    r->type_name[0] = 0;
    if (!hd_json_reader_walk(r->reader, &visitor, err))
        return false;
    object_add(r, parsed.bt);
    return true;
}

static bool lines_read(struct reading *r, struct hd_input *input, struct hd_error *err)
{
    struct hd_input_line line;
    enum hd_input_result result;
    while ((result = hd_input_next(input, &line, err)) == HD_INPUT_LINE) {
        struct hd_error wrong = {0};
        if (line.number == 1 && !begins(line.text, line.length, "[{\"id\":\"_DUMP_\""))
            return hd_error_set(err, begins(line.text, line.length, "{") ? HD_ERROR_UNSUPPORTED : HD_ERROR_BAD_DUMP,
                                begins(line.text, line.length, "{")
                                    ? "this is a dump of ObjectSpace, which says nothing of the process's memory: give the process's number, or a "
                                      "dump that heap_dump has taken (`heap_dump summary` adds up the sizes of objects)"
                                    : "this is neither a dump, a core file nor a process's number");
        if (!line_take(r, &line, &wrong))
            return hd_error_set(err, wrong.code, "line %llu: %.400s", (unsigned long long)line.number, wrong.text);
    }
    if (result == HD_INPUT_FAILED && !(r->saw_head && hd_input_truncated(input)))
        return false;
    return r->saw_head || hd_error_set(err, HD_ERROR_BAD_DUMP, "this is neither a dump, a core file nor a process's number");
}

/* --- the table --- */

static uint64_t take(uint64_t *from, uint64_t bytes)
{
    uint64_t taken = bytes < *from ? bytes : *from;
    *from -= taken;
    return bytes;
}

static void pages_add(const struct reading *r, struct hd_rss *rss, uint64_t *anonymous)
{
    for (int i = 0; i < rss->pool_count; i++) {
        struct hd_rss_pool *pool = &rss->pools[i];
        for (int k = 0; k < r->size_count && pool->used == UINT64_MAX; k++)
            if (r->sizes[k].slot_size == pool->slot_size)
                pool->used = r->sizes[k].count;
        pool->used = pool->used <= pool->slots ? pool->used : pool->used == UINT64_MAX ? 0 : pool->slots;
        pool->resident = pool->bytes;
        pool->resident_free = (pool->slots - pool->used) * pool->slot_size;
        rss->objects += pool->used;
        rss->rows[HD_RSS_SLOTS_USED] += take(anonymous, pool->used * pool->slot_size);
        rss->rows[HD_RSS_SLOTS_FREE] += take(anonymous, pool->resident_free);
        rss->rows[HD_RSS_PAGES_REST] += take(anonymous, pool->bytes - pool->slots * pool->slot_size);
    }
    if (!rss->pool_count) /* taken through the public functions: slots are all there is to know */
        rss->rows[HD_RSS_SLOTS_USED] = take(anonymous, r->slot_bytes);
}

static void table_make(const struct reading *r)
{
    struct hd_view_memory *view = r->view;
    struct hd_rss *rss = &view->rss;
    uint64_t anonymous = rss->rows[HD_RSS_MALLOC_UNKNOWN], recorded = 0;
    for (int row = 0; row < HD_RSS_ROWS; row++)
        recorded += rss->rows[row];
    pages_add(r, rss, &anonymous);
    for (int row = 0; row < HD_RSS_ROWS; row++)
        rss->rows[row] += take(&anonymous, r->owned[row]);
    rss->rows[HD_RSS_MALLOC_UNKNOWN] = anonymous;
    for (int row = 0; row < HD_RSS_ROWS; row++)
        rss->total += rss->rows[row];
    rss->divided = true;
    char all[HD_WORDS_NUMBER];
    if (!view->rss_known)
        snprintf(view->note, sizeof view->note, "The dump does not say what the kernel counted (RSS), as it is of a core or by an older heap_dump: only "
                 "what Ruby's heap pages and objects have is in the table.");
    else if (rss->total > recorded)
        snprintf(view->note, sizeof view->note, "The kernel counted %s in memory (RSS). Ruby's pages and objects have more than that: part of it was "
                 "never touched, or is in swap.", hd_words_bytes(all, recorded));
    if (!r->saw_end)
        view->truncated = true;
}

bool hd_view_memory_dump(struct hd_view_memory *view, const char *path, struct hd_error *err)
{
    memset(view, 0, sizeof *view);
    view->source = HD_FINDINGS_DUMP;
    view->name = path;
    snprintf(view->allocator, sizeof view->allocator, "malloc");
    struct reading r = {.view = view, .reader = hd_json_reader_create(false)};
    struct hd_input *input = r.reader ? hd_input_open(path, err) : NULL;
    bool good = input && lines_read(&r, input, err);
    if (!r.reader)
        hd_error_set(err, HD_ERROR_MEMORY, "no memory to read %.300s with", path);
    if (good) {
        table_make(&r);
        hd_findings_make(&view->findings, &view->rss, view->source, view->allocator);
    }
    if (input)
        hd_input_close(input);
    if (r.reader)
        hd_json_reader_destroy(r.reader);
    return good;
}
