/*
 * See stacks.h.
 *
 * A thread's stack is a mapping with a page that cannot be touched below it, so it begins where the mapping does. Above it another mapping
 * may have grown together with it: what the stack ends with is the thread's own struct, whose first word and third word are its own
 * address (glibc, sysdeps/x86_64/nptl/tls.h, tcbhead_t), and struct pthread (2,304 to 2,432 bytes in glibc 2.31 to 2.41) is the last thing
 * on its last page. A fiber's stack has such a page, too (cont.c, fiber_pool). Its VM stack lies on it, as a thread's does since 2.7 (vm.c).
 */
#include "rss/stacks.h"

#include "rss/rows.h"
#include "ruby/decode.h"
#include "ruby/typed_data.h"

enum { PAGE = HD_RESIDENT_PAGE, PTHREAD_BYTES = 2304, STEP = 64 };
static const uint64_t SCAN_MAX = 64ull << 20, VM_STACK_MAX = 1ull << 30;

struct finding {
    struct hd_stacks *stacks;
    struct hd_vm *vm;
    struct hd_memory *memory;
    struct hd_resident *resident;
    struct hd_marks *marks;
};

static void range_add(struct hd_stacks *stacks, uint64_t start, uint64_t end)
{
    const struct hd_stack_range range = {start, end};
    if (end <= start)
        return;
    hd_buffer_append(&stacks->ranges, &range, sizeof range);
    stacks->count += !stacks->ranges.failed;
}

/* Where the struct of the thread whose stack `addr` lies on stands; 0 if it is not found in [addr, end). */
static uint64_t thread_struct(struct hd_memory *memory, const struct hd_resident_mapping *mapping, uint64_t addr)
{
    uint64_t end = mapping->facts.end;
    if (end - addr > SCAN_MAX)
        end = addr + SCAN_MAX;
    for (uint64_t at = (addr + STEP - 1) & ~(uint64_t)(STEP - 1); at + 24 <= end; at += STEP) {
        if (!hd_resident_bytes(mapping, at, at + 1)) {
            at = (at | (PAGE - 1)) + 1 - STEP;
            continue;
        }
        if (hd_memory_u64(memory, at) == at && hd_memory_u64(memory, at + 16) == at)
            return at;
    }
    return 0;
}

static void machine_stack(struct finding *f, uint64_t addr, uint64_t least_end)
{
    struct hd_resident_mapping *mapping = hd_resident_at(f->resident, addr);
    if (!mapping || !mapping->bits || mapping->facts.kind != HD_SMAPS_ANONYMOUS)
        return; /* [stack] is known by its name */
    uint64_t own = least_end ? 0 : thread_struct(f->memory, mapping, addr);
    uint64_t end = own ? own + PTHREAD_BYTES : least_end;
    end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    range_add(f->stacks, mapping->facts.start, end && end < mapping->facts.end ? end : mapping->facts.end);
}

/* vm_core.h: ec->vm_stack has vm_stack_size words. Returns its end. */
static uint64_t context_mark(struct finding *f, uint64_t ec)
{
    const struct hd_layout *l = f->vm->layout;
    uint64_t stack = ec ? hd_memory_u64(f->memory, ec + (uint64_t)l->ec_vm_stack) : 0;
    uint64_t bytes = stack ? 8 * hd_memory_u64(f->memory, ec + (uint64_t)l->ec_vm_stack_size) : 0;
    if (!bytes || bytes > VM_STACK_MAX)
        return 0;
    hd_marks_add(f->marks, stack, bytes, HD_RSS_VM_STACKS, HD_MARK_PLAIN, false);
    return stack + bytes;
}

static uint64_t fiber_context(const struct hd_layout *l, uint64_t fiber)
{
    return fiber + (uint64_t)l->fiber_cont + (uint64_t)l->cont_ec;
}

static void thread_take(struct finding *f, uint64_t thread)
{
    const struct hd_layout *l = f->vm->layout;
    uint64_t ec = hd_memory_u64(f->memory, thread + (uint64_t)l->thread_ec);
    uint64_t root = hd_layout_has(l->thread_root_fiber) ? hd_memory_u64(f->memory, thread + (uint64_t)l->thread_root_fiber) : 0;
    if (ec && context_mark(f, ec))
        f->stacks->threads++;
    if (root && hd_layout_has(l->fiber_cont))
        context_mark(f, fiber_context(l, root));
}

static void fiber_take(struct finding *f, uint64_t fiber)
{
    const struct hd_layout *l = f->vm->layout;
    uint64_t ec = fiber_context(l, fiber), end = context_mark(f, ec);
    uint64_t stack = end ? hd_memory_u64(f->memory, ec + (uint64_t)l->ec_vm_stack) : 0;
    uint64_t start = hd_memory_u64(f->memory, ec + (uint64_t)l->ec_machine_start);
    if (!end)
        return;
    uint64_t thread = hd_memory_u64(f->memory, ec + (uint64_t)l->ec_thread);
    bool root = hd_layout_has(l->thread_root_fiber) && thread
                && hd_memory_u64(f->memory, thread + (uint64_t)l->thread_root_fiber) == fiber;
    f->stacks->fibers += !root; /* what a thread itself runs on is no fiber to its user */
    /* the VM stack of a thread's first fiber is the thread's: that mapping ends elsewhere */
    struct hd_resident_mapping *mapping = hd_resident_at(f->resident, stack);
    if (mapping && start >= mapping->facts.start && start <= mapping->facts.end && start - mapping->facts.start < VM_STACK_MAX)
        machine_stack(f, stack, start > end ? start : end);
}

static void objects_take(struct finding *f)
{
    struct hd_vm *vm = f->vm;
    const struct hd_layout *l = vm->layout;
    for (size_t i = 0; i < vm->page_count; i++) {
        const struct hd_page *page = &vm->pages[i];
        for (uint32_t k = 0; k < page->slot_count; k++) {
            const uint8_t *slot = page->slots + (uint64_t)k * page->slot_size;
            if ((*slot & HD_T_MASK) != HD_T_DATA)
                continue;
            struct hd_typed_data data = hd_typed_data_of(vm, slot, page->start + (uint64_t)k * page->slot_size);
            if (!data.type || data.embedded || !data.addr)
                continue;
            if (hd_typed_data_named(vm, &data, "VM/thread"))
                thread_take(f, data.addr);
            else if (hd_layout_has(l->fiber_cont) && hd_typed_data_named(vm, &data, "fiber"))
                fiber_take(f, data.addr);
        }
    }
}

/*
 * Stacks that are kept for the next thread or fiber: mappings of the size of a known one, with a page that cannot be touched below.
 */
static void spare_take(struct finding *f)
{
    enum { SIZES = 64 };
    uint64_t sizes[SIZES];
    size_t known = 0, count = f->stacks->count;
    for (size_t i = 0; i < count && known < SIZES; i++) {
        const struct hd_stack_range *range = (const struct hd_stack_range *)(const void *)f->stacks->ranges.data + i;
        uint64_t size = range->end - range->start;
        size_t k = 0;
        while (k < known && sizes[k] != size)
            k++;
        if (k == known)
            sizes[known++] = size;
    }
    for (size_t i = 1; i < f->resident->count; i++) {
        const struct hd_smaps_mapping *guard = &f->resident->mappings[i - 1].facts, *facts = &f->resident->mappings[i].facts;
        if (guard->readable || guard->end != facts->start || facts->kind != HD_SMAPS_ANONYMOUS || !facts->rss || !facts->writable)
            continue;
        for (size_t k = 0; k < known; k++)
            if (sizes[k] == facts->end - facts->start)
                range_add(f->stacks, facts->start, facts->end);
    }
}

bool hd_stacks_find(struct hd_stacks *stacks, struct hd_vm *vm, struct hd_memory *memory, struct hd_resident *resident,
                    const struct hd_stack *native, size_t native_count, struct hd_marks *marks, struct hd_error *err)
{
    struct finding f = {stacks, vm, memory, resident, marks};
    uint64_t unreadable = memory->unreadable;
    *stacks = (struct hd_stacks){.native = native_count};
    for (size_t i = 0; i < native_count; i++)
        machine_stack(&f, native[i].pointer, 0);
    if (vm)
        objects_take(&f);
    spare_take(&f);
    memory->unreadable = unreadable;
    return !stacks->ranges.failed || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of stacks");
}

void hd_stacks_deinit(struct hd_stacks *stacks)
{
    hd_buffer_deinit(&stacks->ranges);
    stacks->count = 0;
}
