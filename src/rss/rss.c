/* The steps, in their order. See rss.h. */
#define _GNU_SOURCE
#include "rss/rss.h"

#include "rss/owners.h"
#include "rss/pages.h"
#include "rss/stacks.h"
#include "rss/transient.h"

#include <stdlib.h>

enum { CLAIM_ROW, CLAIM_PAGE, CLAIM_HEAP, IMAGES_MAX = 4096, PAGE = HD_RESIDENT_PAGE };

struct taking {
    struct hd_rss *rss;
    const struct hd_rss_target *target;
    struct hd_arena *arena;
    struct hd_window window;
    struct hd_marks marks;
    struct hd_ledger ledger;
    struct hd_stacks stacks;
    size_t next_mark; /* of the heap that is being divided */
    uint32_t heap_arena;
};

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the table of what is where");
}

/* --- claims --- */

/* Since 3.1 heap pages come from the kernel; before, they are memory from malloc like any other. */
static void pages_claim(struct taking *t)
{
    const struct hd_vm *vm = t->target->vm;
    for (size_t i = 0; vm && i < vm->page_count; i++) {
        uint64_t start, end;
        hd_pages_body(vm, &vm->pages[i], &start, &end);
        if (hd_glibc_heap_at(&t->rss->glibc, start))
            hd_marks_add(&t->marks, start, end - start, HD_RSS_SLOTS_USED, HD_MARK_PLAIN, false);
        else
            hd_ledger_claim(&t->ledger, start, end, CLAIM_PAGE, (uint32_t)i);
    }
    for (size_t i = 0; vm && i < vm->spare_count; i++) {
        uint64_t start = vm->spare_pages[i], size = 1ull << vm->page_shift;
        if (hd_glibc_heap_at(&t->rss->glibc, start))
            hd_marks_add(&t->marks, start, size, HD_RSS_SLOTS_FREE, HD_MARK_PLAIN, false);
        else
            hd_ledger_claim(&t->ledger, start, start + size, CLAIM_ROW, HD_RSS_SLOTS_FREE);
    }
}

static void heaps_claim(struct taking *t)
{
    const struct hd_glibc *glibc = &t->rss->glibc;
    for (size_t i = 0; i < glibc->heap_count; i++)
        hd_ledger_claim(&t->ledger, glibc->heaps[i].base, glibc->heaps[i].end, CLAIM_HEAP, (uint32_t)i);
}

/* What objects own outside malloc's heaps: big chunks have mappings of their own; other mallocs' chunks cannot be told from nothing. */
static void marks_claim(struct taking *t)
{
    const struct hd_glibc *glibc = &t->rss->glibc;
    for (size_t i = 0; i < t->marks.count; i++) {
        const struct hd_mark *mark = &hd_marks_items(&t->marks)[i];
        uint64_t start, end;
        if (hd_glibc_heap_at(glibc, mark->addr - 16))
            continue;
        if (glibc->found && hd_glibc_mapped_at(&t->window, mark->addr, &start, &end)) {
            hd_ledger_claim(&t->ledger, start, end, CLAIM_ROW, mark->row);
            t->rss->mapped_used += end - start;
            t->rss->mapped_chunks++;
        } else if (!mark->guessed && mark->size) {
            hd_ledger_claim(&t->ledger, mark->addr, mark->addr + mark->size, CLAIM_ROW, mark->row);
        }
    }
}

/* Variables of libraries that have no place in the file (.bss) are anonymous memory behind it. */
static void images_claim(struct taking *t)
{
    struct hd_memory *memory = t->target->memory;
    struct hd_image image;
    const char *path;
    uint32_t length;
    size_t at = 0;
    for (int n = 0; n < IMAGES_MAX && hd_image_next(&image, memory, &at, &path, &length); n++)
        for (int i = 0; i < image.data_count; i++)
            hd_ledger_claim(&t->ledger, image.data[i].start, (image.data[i].end + PAGE - 1) & ~(uint64_t)(PAGE - 1), CLAIM_ROW,
                            HD_RSS_LIBRARIES_OWN);
}

/* What is not claimed of these containers when all that lies in them is. */
static bool containers_claim(struct taking *t)
{
    uint64_t start, end, from, to;
    if (t->target->vm && hd_transient_find(t->target->vm, &start, &end)) {
        hd_ledger_claim_rest(&t->ledger, start, end, HD_RSS_TRANSIENT);
        if (t->rss->glibc.found && hd_glibc_mapped_at(&t->window, start, &from, &to) && to >= end) { /* 2.7 has it from malloc */
            hd_ledger_claim_rest(&t->ledger, from, start, HD_RSS_TRANSIENT);
            t->rss->mapped_used += to - from;
            t->rss->mapped_chunks++;
        }
    }
    const struct hd_stack_range *ranges = (const struct hd_stack_range *)(const void *)t->stacks.ranges.data;
    for (size_t i = 0; i < t->stacks.count; i++)
        hd_ledger_claim_rest(&t->ledger, ranges[i].start, ranges[i].end, HD_RSS_MACHINE_STACKS);
    return hd_ledger_settle(&t->ledger);
}

/* Chunks that have a mapping of their own and no owner that we know: in what is left of anonymous memory, from its start on. */
static void chunks_search(void *data, uint64_t start, uint64_t end)
{
    struct taking *t = data;
    const struct hd_glibc *glibc = &t->rss->glibc;
    struct hd_resident_mapping *mapping = hd_resident_at(t->target->resident, start);
    for (uint64_t at = (start + PAGE - 1) & ~(uint64_t)(PAGE - 1); mapping && at + PAGE <= end;) {
        uint64_t from = 0, to = 0;
        bool found = hd_resident_bytes(mapping, at, at + 16) && hd_glibc_mapped_at(&t->window, at + 16, &from, &to) && from == at && to <= end
                     && (!glibc->options_found || to - from <= glibc->mapped_bytes - t->rss->mapped_used);
        if (found) {
            hd_ledger_claim(&t->ledger, from, to, CLAIM_ROW, HD_RSS_MALLOC_USED);
            t->rss->mapped_used += to - from;
            t->rss->mapped_chunks++;
        } else if (!glibc->options_found) {
            return; /* nothing says how many there are: only what lies chunk by chunk is believed */
        }
        at = found ? to : at + PAGE;
    }
}

static bool chunks_claim(struct taking *t)
{
    const struct hd_resident *resident = t->target->resident;
    const struct hd_glibc *glibc = &t->rss->glibc;
    for (size_t i = 0; glibc->found && i < resident->count; i++) {
        const struct hd_smaps_mapping *facts = &resident->mappings[i].facts;
        if (glibc->options_found && t->rss->mapped_used >= glibc->mapped_bytes)
            break;
        if (facts->kind == HD_SMAPS_ANONYMOUS && facts->writable && resident->mappings[i].bits)
            hd_ledger_gaps(&t->ledger, facts->start, facts->end, chunks_search, t);
    }
    return hd_ledger_settle(&t->ledger);
}

/* --- counting --- */

/* A chunk that holds a heap page, whose own bytes are counted slot by slot. */
static void page_chunk_add(struct taking *t, uint64_t addr, uint64_t size, const struct hd_mark *mark)
{
    struct hd_vm *vm = t->target->vm;
    const struct hd_page *page = hd_vm_page(vm, mark->addr);
    uint64_t start, end;
    if (!page) {
        hd_ledger_add(&t->ledger, addr, addr + size, HD_RSS_PAGES_REST);
        return;
    }
    hd_pages_body(vm, page, &start, &end);
    if (start < addr || end > addr + size + 8) {
        hd_ledger_add(&t->ledger, addr, addr + size, HD_RSS_PAGES_REST);
        return;
    }
    hd_ledger_add(&t->ledger, addr, start, HD_RSS_PAGES_REST);
    hd_pages_divide(t->rss, vm, page, &t->ledger);
    hd_ledger_add(&t->ledger, end, addr + size, HD_RSS_PAGES_REST);
}

static const struct hd_mark *mark_at(struct taking *t, uint64_t addr)
{
    const struct hd_mark *items = hd_marks_items(&t->marks);
    while (t->next_mark < t->marks.count && items[t->next_mark].addr < addr)
        t->next_mark++;
    return t->next_mark < t->marks.count && items[t->next_mark].addr == addr ? &items[t->next_mark] : NULL;
}

/* malloc.c, mtrim and systrim: of a free chunk, the pages behind its head; of the main arena's top, too, but not of the others'. */
static void trimmable_add(struct taking *t, uint64_t addr, uint64_t size)
{
    enum { HEAD = 48 }; /* sizeof(struct malloc_chunk) */
    uint64_t start = (addr + HEAD + PAGE - 1) & ~(uint64_t)(PAGE - 1), end = (addr + size) & ~(uint64_t)(PAGE - 1);
    const struct hd_resident_mapping *mapping = start < end ? hd_resident_at(t->target->resident, start) : NULL;
    if (mapping)
        t->rss->trimmable += hd_resident_bytes(mapping, start, end);
}

static bool chunk_add(void *data, uint64_t addr, uint64_t size, enum hd_glibc_chunk kind)
{
    static const enum hd_rss_row rows[] = {[HD_GLIBC_USED] = HD_RSS_MALLOC_USED, [HD_GLIBC_FREE] = HD_RSS_MALLOC_FREE,
                                           [HD_GLIBC_TOP] = HD_RSS_MALLOC_TOP, [HD_GLIBC_REST] = HD_RSS_MALLOC_REST,
                                           [HD_GLIBC_DAMAGED] = HD_RSS_MALLOC_UNKNOWN};
    struct taking *t = data;
    enum hd_rss_row row = rows[kind];
    const struct hd_mark *mark = kind == HD_GLIBC_USED ? mark_at(t, addr + 16) : NULL;
    if (mark && mark->row == HD_RSS_SLOTS_USED) {
        page_chunk_add(t, addr, size, mark);
        return true;
    }
    row = mark ? (enum hd_rss_row)mark->row : row;
    uint64_t bytes = hd_ledger_add(&t->ledger, addr, addr + size, row);
    if (row == HD_RSS_MALLOC_FREE || row == HD_RSS_MALLOC_TOP || row == HD_RSS_MALLOC_FAST || row == HD_RSS_MALLOC_CACHED)
        t->rss->glibc.arenas[t->heap_arena].resident_free += bytes;
    if (bytes && (kind == HD_GLIBC_FREE || (kind == HD_GLIBC_TOP && !t->heap_arena)))
        trimmable_add(t, addr, size);
    return true;
}

static void heap_add(struct taking *t, const struct hd_glibc_heap *heap)
{
    const struct hd_mark *items = hd_marks_items(&t->marks);
    size_t low = 0, high = t->marks.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].addr < heap->base)
            low = middle + 1;
        else
            high = middle;
    }
    t->next_mark = low;
    t->heap_arena = heap->arena;
    hd_glibc_walk(&t->rss->glibc, heap, &t->window, chunk_add, t);
}

static void claims_count(struct taking *t)
{
    const struct hd_vm *vm = t->target->vm;
    for (size_t i = 0; i < t->ledger.claim_count; i++) {
        const struct hd_claim claim = hd_ledger_claims(&t->ledger)[i];
        uint64_t start = 0, end = 0;
        if (claim.kind == CLAIM_PAGE)
            hd_pages_body(vm, &vm->pages[claim.value], &start, &end);
        else if (claim.kind == CLAIM_HEAP)
            start = t->rss->glibc.heaps[claim.value].base;
        if (claim.kind == CLAIM_PAGE && claim.start == start && claim.end == end)
            hd_pages_divide(t->rss, vm, &vm->pages[claim.value], &t->ledger);
        else if (claim.kind == CLAIM_HEAP && claim.start == start)
            heap_add(t, &t->rss->glibc.heaps[claim.value]);
        else
            hd_ledger_add(&t->ledger, claim.start, claim.end, claim.kind == CLAIM_ROW    ? (enum hd_rss_row)claim.value
                                                              : claim.kind == CLAIM_PAGE ? HD_RSS_PAGES_REST
                                                                                         : HD_RSS_MALLOC_UNKNOWN);
    }
}

/* --- files --- */

static int by_resident(const void *left, const void *right)
{
    uint64_t a = ((const struct hd_rss_file *)left)->resident, b = ((const struct hd_rss_file *)right)->resident;
    return (a < b) - (a > b);
}

static bool files_list(struct taking *t, struct hd_error *err)
{
    const struct hd_resident *resident = t->target->resident;
    struct hd_rss *rss = t->rss;
    rss->files = hd_arena_alloc(t->arena, resident->count + 1, sizeof *rss->files);
    if (!rss->files)
        return no_memory(err);
    for (size_t i = 0; i < resident->count; i++) {
        const struct hd_smaps_mapping *facts = &resident->mappings[i].facts;
        struct hd_rss_file *last = rss->file_count ? &rss->files[rss->file_count - 1] : NULL;
        if (facts->kind != HD_SMAPS_FILE && facts->kind != HD_SMAPS_SHARED)
            continue;
        if (!last || last->path_length != facts->path_length || memcmp(last->path, facts->path, facts->path_length)) {
            last = &rss->files[rss->file_count++];
            *last = (struct hd_rss_file){.path = facts->path, .path_length = facts->path_length};
        }
        last->resident += facts->rss;
        last->own += facts->anonymous < facts->rss ? facts->anonymous : facts->rss;
        last->library |= facts->executable;
    }
    qsort(rss->files, rss->file_count, sizeof *rss->files, by_resident);
    return true;
}

static void kernel_sums(struct taking *t)
{
    for (size_t i = 0; i < t->target->resident->count; i++) {
        const struct hd_smaps_mapping *facts = &t->target->resident->mappings[i].facts;
        t->rss->pss += facts->pss;
        t->rss->swap += facts->swap;
        t->rss->lazy_free += facts->lazy_free;
        t->rss->dirty += facts->dirty;
        t->rss->main_stack += facts->kind == HD_SMAPS_STACK ? facts->rss : 0;
    }
}

/* What nobody claims is malloc's, too, as far as anybody can tell, where not all that malloc has was found. */
static enum hd_rss_row rest_row(const struct hd_glibc *glibc)
{
    bool all = glibc->found;
    for (size_t i = 0; i < glibc->arena_count; i++)
        all &= !glibc->arenas[i].damaged;
    return all ? HD_RSS_UNKNOWN : HD_RSS_MALLOC_UNKNOWN;
}

/* --- all of it --- */

static bool marks_make(struct taking *t, struct hd_error *err)
{
    struct hd_vm *vm = t->target->vm;
    struct hd_rss *rss = t->rss;
    const struct hd_rss_target *target = t->target;
    if (!hd_stacks_find(&t->stacks, vm, target->memory, target->resident, target->stacks, target->stack_count, &t->marks, err))
        return false;
    rss->threads = t->stacks.threads;
    rss->fibers = t->stacks.fibers;
    rss->native_threads = t->stacks.native;
    if (vm)
        hd_pages_count(rss, vm);
    if (vm && !hd_owners_mark(vm, &t->marks, err))
        return false;
    pages_claim(t);
    if (rss->glibc.found && !hd_glibc_count(&rss->glibc, &t->window, &t->marks, err))
        return false;
    if (vm)
        return hd_owners_follow(vm, &rss->glibc, &t->window, &t->marks, err);
    return hd_marks_sort(&t->marks) || no_memory(err);
}

static bool everything(struct taking *t, struct hd_error *err)
{
    if (!hd_glibc_find(&t->rss->glibc, t->target->memory, t->arena, err) || !marks_make(t, err))
        return false;
    heaps_claim(t);
    marks_claim(t);
    images_claim(t);
    if (!hd_ledger_settle(&t->ledger) || !containers_claim(t) || !chunks_claim(t))
        return no_memory(err);
    claims_count(t);
    kernel_sums(t);
    return files_list(t, err);
}

bool hd_rss_take(struct hd_rss *rss, const struct hd_rss_target *target, struct hd_arena *arena, struct hd_error *err)
{
    struct taking t = {.rss = rss, .target = target, .arena = arena, .ledger = {.resident = target->resident}};
    *rss = (struct hd_rss){.divided = target->vm != NULL};
    bool good = hd_window_open(&t.window, target->memory, err) && everything(&t, err);
    if (good) {
        rss->total = hd_ledger_close(&t.ledger, rest_row(&rss->glibc));
        memcpy(rss->rows, t.ledger.rows, sizeof rss->rows);
    }
    hd_window_close(&t.window);
    hd_marks_deinit(&t.marks);
    hd_ledger_deinit(&t.ledger);
    hd_stacks_deinit(&t.stacks);
    if (!good)
        hd_rss_close(rss);
    return good;
}

void hd_rss_close(struct hd_rss *rss)
{
    hd_glibc_close(&rss->glibc);
}

/* --- rows --- */

enum hd_rss_group hd_rss_group_of(enum hd_rss_row row)
{
    static const enum hd_rss_group groups[] = {
#define HD_RSS_ROW_GROUP(name, key, group) HD_RSS_IN_##group,
        HD_RSS_ROW_LIST(HD_RSS_ROW_GROUP)
#undef HD_RSS_ROW_GROUP
    };
    return groups[row];
}

const char *hd_rss_row_key(enum hd_rss_row row)
{
    static const char *const keys[] = {
#define HD_RSS_ROW_KEY(name, key, group) key,
        HD_RSS_ROW_LIST(HD_RSS_ROW_KEY)
#undef HD_RSS_ROW_KEY
    };
    return keys[row];
}

uint64_t hd_rss_group_sum(const struct hd_rss *rss, enum hd_rss_group group)
{
    uint64_t sum = 0;
    for (int row = 0; row < HD_RSS_ROWS; row++)
        if (hd_rss_group_of((enum hd_rss_row)row) == group)
            sum += rss->rows[row];
    return sum;
}
