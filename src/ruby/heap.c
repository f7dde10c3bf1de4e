/*
 * The heap's pages: reads Ruby's table of pages and makes slot addresses recognizable.
 *
 * gc.c: objspace->heap_pages.sorted holds a pointer to each struct heap_page in address order; its `start` is
 * the first slot, slots follow one another, and a page's body is aligned to its size (16 KiB up to 3.1,
 * 64 KiB since 3.2), so the page of an address is found by its upper bits. Since 3.4 (gc/default/default.c) the table
 * has its size in front of it.
 */
#include "ruby/hands.h"

#include <stdatomic.h>

enum { PAGES_MAX = 1 << 26 };

static bool page_read(struct hd_vm *vm, uint64_t header, struct hd_page *page)
{
    const struct hd_layout *l = vm->layout;
    uint16_t slot_size = l->k_BASE_SLOT_SIZE == HD_ABSENT ? 40 : (uint16_t)l->k_BASE_SLOT_SIZE, count;
    page->header = header;
    if (!hd_memory_load_u64(vm->memory, header + l->page_start, &page->start)
        || !hd_memory_load_u16(vm->memory, header + l->page_total, &count))
        return false;
    if (hd_layout_has(l->page_slot_size) && !hd_memory_load_u16(vm->memory, header + l->page_slot_size, &slot_size))
        return false;
    uint64_t body = page->start >> vm->page_shift << vm->page_shift;
    uint64_t bytes = (uint64_t)slot_size * count;
    if (slot_size < 40 || slot_size > 4096 || slot_size % 8 || !page->start || page->start % 8
        || page->start + bytes > body + (1ull << vm->page_shift))
        return false;
    page->slot_size = slot_size;
    page->slot_count = count;
    page->magic = (uint32_t)((1ull << 32) / slot_size + 1);
    page->slots = bytes ? hd_memory_at(vm->memory, page->start, bytes) : (const uint8_t *)"";
    for (uint32_t i = 0; page->slots && i < count; i++) /* gc.c: a slot without a type is free */
        page->used += hd_type_is_object(page->slots[(uint64_t)i * slot_size] & HD_T_MASK);
    return page->slots != NULL;
}

/*
 * Are there pages that can be missing? Of a core that was cut off, or whose libraries were not found. Else one that does not read
 * like a page means that the layout is not this Ruby's.
 */
static bool page_lost(struct hd_vm *vm, uint64_t header, const struct hd_page *page)
{
    bool unreadable = !hd_memory_at(vm->memory, header, 8) || (page->start && !hd_memory_at(vm->memory, page->start, 8))
                      || (page->slot_count && !hd_memory_at(vm->memory, page->start, (uint64_t)page->slot_size * page->slot_count));
    vm->lost_pages += vm->memory->incomplete && unreadable;
    return vm->memory->incomplete && unreadable;
}

static void page_index(struct hd_vm *vm, uint32_t number)
{
    uint64_t key = vm->pages[number].start >> vm->page_shift;
    uint64_t i = (key * 0x9E3779B97F4A7C15ull) >> 32 & vm->page_mask;
    while (vm->page_keys[i])
        i = (i + 1) & vm->page_mask;
    vm->page_keys[i] = key;
    vm->page_values[i] = number;
}

/*
 * gc/default/default.c, heap_page_in_global_empty_pages_pool, since 3.4: a page that was emptied is kept without slots, for any size
 * of them. Its body, to which the member before `start` points, goes on naming the page.
 */
static bool page_spare(struct hd_vm *vm, uint64_t header)
{
    const struct hd_layout *l = vm->layout;
    uint64_t start, body, named;
    uint16_t slots, size;
    if (!hd_layout_has(l->objspace_sorted_data) || !hd_memory_load_u64(vm->memory, header + (uint64_t)l->page_start, &start)
        || !hd_memory_load_u16(vm->memory, header + (uint64_t)l->page_total, &slots)
        || !hd_memory_load_u16(vm->memory, header + (uint64_t)l->page_slot_size, &size) || start || slots || size
        || !hd_memory_load_u64(vm->memory, header + (uint64_t)l->page_start - 8, &body) || !body || (body & ((1ull << vm->page_shift) - 1))
        || !hd_memory_load_u64(vm->memory, body + (uint64_t)l->page_body_header_page, &named) || named != header)
        return false;
    vm->spare_pages[vm->spare_count++] = body;
    return true;
}

/*
 * Most of a heap is its pages, so all hands fetch them; what they find is looked at afterwards, in order. They are not there for a
 * table that is none: who meets something else than a page stops the others.
 */
struct fetch {
    uint64_t table, count;
    _Atomic uint64_t next; /* entry of the table that nobody has taken */
    struct hd_page *pages; /* one for each entry; `slots` is NULL where it could not be read */
};

static void pages_fetch(struct hd_vm *vm, void *work)
{
    enum { AT_ONCE = 64 };
    struct fetch *fetch = *(struct fetch **)work;
    uint64_t at;
    while ((at = atomic_fetch_add(&fetch->next, AT_ONCE)) < fetch->count) {
        for (uint64_t end = at + AT_ONCE < fetch->count ? at + AT_ONCE : fetch->count; at < end; at++) {
            struct hd_page *page = &fetch->pages[at];
            if (page_read(vm, hd_memory_u64(vm->memory, fetch->table + 8 * at), page))
                continue;
            if (page->start && !vm->memory->incomplete)
                atomic_store(&fetch->next, fetch->count);
            *page = (struct hd_page){0};
        }
    }
}

static void pages_fetch_all(struct hd_vm *vm, uint64_t table, uint64_t count)
{
    struct fetch fetch = {.table = table, .count = count, .pages = vm->pages};
    struct fetch *works[HD_CREW_MAX];
    for (int i = 0; i < HD_CREW_MAX; i++)
        works[i] = &fetch;
    if (hd_hands_count(vm) > 1)
        hd_hands_run(vm, pages_fetch, works, sizeof *works);
}

static bool pages_read(struct hd_vm *vm, uint64_t table, uint64_t count, struct hd_error *err)
{
    uint64_t made = 0; /* pages that are in the table and have no start yet: one at most is just being made */
    for (uint64_t i = 0; i < count; i++) {
        struct hd_page *page = &vm->pages[vm->page_count];
        uint64_t header = hd_memory_u64(vm->memory, table + 8 * i);
        *page = vm->pages[i].slots ? vm->pages[i] : (struct hd_page){0}; /* those before have moved to the front */
        if (!page->slots && !page_read(vm, header, page)) {
            bool empty = header && !page->start && hd_memory_at(vm->memory, header, 8);
            if (page_lost(vm, header, page) || (empty && (page_spare(vm, header) || (count > 1 && !made++))))
                continue;
            return hd_error_set(err, HD_ERROR_SELF_CHECK,
                                "heap page %llu of %llu does not look like one of Ruby %s: the layout table does not "
                                "fit this build of Ruby", (unsigned long long)i, (unsigned long long)count,
                                vm->layout->ruby);
        }
        if (!page->slot_count || hd_vm_page(vm, page->start)) /* twice: the table was just being changed, or lies */
            continue;
        if (!vm->page_count || page->start < vm->heap_low)
            vm->heap_low = page->start;
        uint64_t last = page->start + (uint64_t)page->slot_size * (page->slot_count - 1);
        if (last > vm->heap_high)
            vm->heap_high = last;
        page_index(vm, (uint32_t)vm->page_count++);
    }
    return true;
}

bool hd_heap_open(struct hd_vm *vm, struct hd_error *err)
{
    const struct hd_layout *l = vm->layout;
    vm->page_shift = (unsigned)l->k_HEAP_PAGE_ALIGN_LOG;
    uint64_t table = hd_memory_u64(vm->memory, vm->objspace + l->objspace_sorted);
    uint64_t count = hd_memory_u64(vm->memory, vm->objspace + l->objspace_allocated);
    if (hd_layout_has(l->objspace_sorted_data)) {
        count = hd_memory_u64(vm->memory, table + (uint64_t)l->objspace_sorted_size);
        table += (uint64_t)l->objspace_sorted_data;
    }
    if (!count || count > PAGES_MAX || !hd_memory_at(vm->memory, table, 8 * count))
        return hd_error_set(err, HD_ERROR_SELF_CHECK,
                            "the table of heap pages of Ruby %s was not found where the layout table says: it does "
                            "not fit this build of Ruby", l->ruby);
    uint64_t capacity = 64;
    while (capacity < count * 3)
        capacity *= 2;
    vm->page_mask = capacity - 1;
    vm->pages = hd_arena_alloc(vm->arena, count, sizeof *vm->pages);
    vm->page_keys = hd_arena_alloc(vm->arena, capacity, sizeof *vm->page_keys);
    vm->page_values = hd_arena_alloc(vm->arena, capacity, sizeof *vm->page_values);
    vm->spare_pages = hd_arena_alloc(vm->arena, count, sizeof *vm->spare_pages);
    if (!vm->pages || !vm->page_keys || !vm->page_values || !vm->spare_pages)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the table of %llu heap pages",
                            (unsigned long long)count);
    pages_fetch_all(vm, table, count);
    if (!pages_read(vm, table, count, err))
        return false;
    if (!vm->page_count && !vm->memory->incomplete)
        return hd_error_set(err, HD_ERROR_SELF_CHECK, "none of %llu heap pages has any slots: the layout table of Ruby %s does not fit this build "
                            "of Ruby", (unsigned long long)count, l->ruby);
    return vm->page_count || hd_error_set(err, HD_ERROR_BAD_DUMP, "none of the %llu pages of Ruby's heap is there: too much is missing",
                                          (unsigned long long)count);
}

int hd_vm_imemo_type(const struct hd_vm *vm, uint64_t addr)
{
    const uint8_t *object = hd_vm_object_of(vm, addr, HD_T_IMEMO);
    if (!object)
        return -1;
    return (int)(hd_word(object, 0) >> vm->layout->k_FL_USHIFT & (uint64_t)vm->layout->k_IMEMO_MASK);
}

static bool object_id_add(void *data, uint64_t object, uint64_t id)
{
    hd_map_set(data, object, id);
    return true;
}

/* gc.c, 2.7 to 3.4: objspace->obj_to_id_tbl, an st_table */
void hd_object_ids_open(struct hd_vm *vm)
{
    const struct hd_layout *l = vm->layout;
    if (!hd_layout_has(l->objspace_obj_to_id_tbl))
        return;
    uint64_t table = hd_memory_u64(vm->memory, vm->objspace + (uint64_t)l->objspace_obj_to_id_tbl);
    uint64_t count = hd_st_most(vm, table);
    if (count && hd_map_init(&vm->object_ids, vm->arena, count))
        hd_st_each(vm, table, object_id_add, &vm->object_ids);
}
