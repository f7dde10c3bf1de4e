/* See pages.h. gc.c: a slot whose flags are 0 (T_NONE) is free; the rest hold objects, dead ones that were not swept among them. */
#include "rss/pages.h"

void hd_pages_body(const struct hd_vm *vm, const struct hd_page *page, uint64_t *start, uint64_t *end)
{
    int64_t size = vm->layout->k_HEAP_PAGE_SIZE;
    uint64_t most = 1ull << vm->page_shift;
    *start = page->start >> vm->page_shift << vm->page_shift;
    *end = *start + (hd_layout_has(size) && size > 0 && (uint64_t)size < most ? (uint64_t)size : most);
}

static struct hd_rss_pool *pool_of(struct hd_rss *rss, uint64_t slot_size)
{
    int i = 0;
    while (i < rss->pool_count && rss->pools[i].slot_size != slot_size)
        i++;
    if (i < rss->pool_count)
        return &rss->pools[i];
    if (i == HD_RSS_POOLS)
        return NULL;
    rss->pools[rss->pool_count++] = (struct hd_rss_pool){.slot_size = slot_size};
    while (i > 0 && rss->pools[i - 1].slot_size > slot_size) { /* in the order of their sizes */
        struct hd_rss_pool pool = rss->pools[i];
        rss->pools[i] = rss->pools[i - 1];
        rss->pools[--i] = pool;
    }
    return &rss->pools[i];
}

static bool used(const struct hd_page *page, uint32_t slot)
{
    return hd_type_is_object(page->slots[(uint64_t)slot * page->slot_size] & HD_T_MASK);
}

void hd_pages_count(struct hd_rss *rss, const struct hd_vm *vm)
{
    rss->spare_pages = vm->spare_count;
    for (size_t i = 0; i < vm->page_count; i++) {
        const struct hd_page *page = &vm->pages[i];
        struct hd_rss_pool *pool = pool_of(rss, page->slot_size);
        uint64_t there = page->used, start, end;
        rss->objects += there;
        if (!pool)
            continue;
        hd_pages_body(vm, page, &start, &end);
        pool->pages++;
        pool->slots += page->slot_count;
        pool->used += there;
        pool->empty_pages += there == 0;
        pool->bytes += end - start;
        if (pool->page_slots < page->slot_count)
            pool->page_slots = page->slot_count;
    }
}

void hd_pages_divide(struct hd_rss *rss, const struct hd_vm *vm, const struct hd_page *page, struct hd_ledger *ledger)
{
    struct hd_rss_pool *pool = pool_of(rss, page->slot_size);
    uint64_t start, end, slots_end = page->start + (uint64_t)page->slot_count * page->slot_size, sum = 0, empty = 0;
    hd_pages_body(vm, page, &start, &end);
    sum += hd_ledger_add(ledger, start, page->start, HD_RSS_PAGES_REST);
    for (uint32_t k = 0; k < page->slot_count;) { /* neighbours of one kind at once */
        bool kind = used(page, k);
        uint32_t from = k;
        while (k < page->slot_count && used(page, k) == kind)
            k++;
        uint64_t bytes = hd_ledger_add(ledger, page->start + (uint64_t)from * page->slot_size,
                                       page->start + (uint64_t)k * page->slot_size, kind ? HD_RSS_SLOTS_USED : HD_RSS_SLOTS_FREE);
        empty += kind ? 0 : bytes;
        sum += bytes;
    }
    sum += hd_ledger_add(ledger, slots_end, end, HD_RSS_PAGES_REST);
    if (pool) {
        pool->resident += sum;
        pool->resident_free += empty;
    }
}
