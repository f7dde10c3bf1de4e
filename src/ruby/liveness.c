/*
 * Liveness: a trace from the roots, for a heap that was not garbage-collected just before.
 *
 * From inside, each object's own mark function says what it keeps alive, so the result is what the next
 * collection would leave. From outside its references are read off it (references.h). Iterative, with a stack that grows: chains of any length are normal.
 */
#include "ruby/liveness.h"

#include "ruby/references.h"

struct trace {
    struct hd_vm *vm;
    struct hd_buffer stack; /* addresses still to be visited */
    bool failed;
};

static void push(struct trace *trace, uint64_t addr)
{
    if (!hd_vm_object(trace->vm, addr))
        return;
    struct hd_page *page = hd_vm_page(trace->vm, addr);
    uint64_t slot = (addr - page->start) * page->magic >> 32, bit = 1ull << (slot % 64);
    uint64_t *bits = page->traced;
    if (bits[slot / 64] & bit)
        return;
    bits[slot / 64] |= bit;
    hd_buffer_append(&trace->stack, &addr, sizeof addr);
}

static void push_child(uint64_t child, void *data)
{
    push(data, child);
}

static void push_read(void *data, uint64_t child, bool inferred)
{
    (void)inferred; /* may be none, but what it seems to hold must not be called garbage */
    push(data, child);
}

static void children_push(struct trace *trace, uint64_t addr)
{
    const struct hd_live *live = trace->vm->live;
    if (live && live->reachable) {
        live->reachable(addr, push_child, trace);
        return;
    }
    const uint8_t *object = hd_vm_object(trace->vm, addr);
    hd_references_each(trace->vm, object, addr, push_read, trace);
    if (!trace->vm->chunks && (*object & HD_T_MASK) == HD_T_DATA)
        hd_references_guess(trace->vm, object, addr, push_read, trace);
}

bool hd_liveness_trace(struct hd_vm *vm, const struct hd_roots *roots, _Atomic uint64_t *heartbeat, struct hd_error *err)
{
    struct trace trace = {.vm = vm};
    for (size_t i = 0; i < vm->page_count; i++) {
        vm->pages[i].traced = hd_arena_alloc(vm->arena, (vm->pages[i].slot_count + 63) / 64, sizeof(uint64_t));
        if (!vm->pages[i].traced)
            return hd_error_set(err, HD_ERROR_MEMORY, "no memory for tracing what is alive");
    }
    for (uint64_t i = 0; i < roots->count; i++)
        push(&trace, roots->items[i].value);
    for (uint64_t visited = 0; trace.stack.length && !hd_memory_exhausted(vm->memory); visited++) {
        uint64_t addr;
        if (visited % 65536 == 0)
            atomic_fetch_add(heartbeat, 1);
        trace.stack.length -= sizeof addr;
        memcpy(&addr, trace.stack.data + trace.stack.length, sizeof addr);
        children_push(&trace, addr);
    }
    bool failed = trace.stack.failed;
    hd_buffer_deinit(&trace.stack);
    return failed ? hd_error_set(err, HD_ERROR_MEMORY, "no memory for tracing what is alive") : true;
}
