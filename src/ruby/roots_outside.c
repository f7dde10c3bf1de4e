/*
 * The roots of a Ruby that cannot be asked: what gc.c marks first, told over again.
 *
 * The VM's own struct, ractors, tables of the object space and the stacks are where Ruby has them; C variables that
 * rb_gc_register_address has announced are found by looking at the writable data of all libraries. All but the global
 * variables are found by their contents: a word that is the address of a live slot counts.
 */
#include "ruby/decode.h"
#include "ruby/references.h"
#include "ruby/roots.h"
#include "ruby/typed_data.h"

enum { VM_BYTES_MAX = 1 << 16, IMAGES_MAX = 4096, HOP_BYTES_MAX = 1 << 12 };
static const uint64_t STACK_BYTES_MAX = 64ull << 20, DATA_BYTES_MAX = 64ull << 20;

struct found {
    struct hd_roots *roots;
    const char *category;
};

static void found_add(void *data, uint64_t child, bool inferred)
{
    struct found *found = data;
    (void)inferred;
    hd_roots_add(found->roots, found->category, child);
}

static void scan(struct hd_roots *roots, const char *category, uint64_t from, uint64_t to)
{
    struct found found = {roots, category};
    hd_references_scan(roots->vm, from, to, found_add, &found);
}

/* --- the virtual machine --- */

/*
 * vm_method.c: methods that have a variant for calls with required arguments only, in a table of the VM that no exported
 * name leads to. Among the VM's members it is the one whose keys and values are all method entries.
 */
static bool method_pair(void *data, uint64_t method, uint64_t variant)
{
    struct hd_roots *roots = data;
    const struct hd_vm *vm = roots->vm;
    return hd_vm_imemo_type(vm, method) == vm->layout->k_imemo_ment && hd_vm_imemo_type(vm, variant) == vm->layout->k_imemo_ment;
}

static bool method_pair_add(void *data, uint64_t method, uint64_t variant)
{
    (void)method;
    hd_roots_add(data, "vm", variant);
    return true;
}

static void variants_add(struct hd_roots *roots, uint64_t from, uint64_t to)
{
    struct hd_memory *memory = roots->vm->memory;
    uint64_t unreadable = memory->unreadable;
    for (uint64_t at = from; at + 8 <= to; at += 8) {
        uint64_t table = hd_memory_u64(memory, at), size = hd_chunk_size(roots->vm, table);
        if (size >= (uint64_t)roots->vm->layout->st_size && size <= (uint64_t)roots->vm->layout->st_size + 16
            && hd_st_each(roots->vm, table, method_pair, roots))
            hd_st_each(roots->vm, table, method_pair_add, roots);
    }
    memory->unreadable = unreadable;
}

/* box.c, rb_box_entry_mark, since 4.0: load paths, loaded files and the like are not the VM's but those of its boxes */
static void box_add(struct hd_roots *roots, int64_t member)
{
    struct hd_vm *vm = roots->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t box = hd_layout_has(member) ? hd_memory_u64(vm->memory, vm->addr + (uint64_t)member) : 0;
    if (box)
        scan(roots, "vm", box, box + (uint64_t)l->box_size);
}

static void vm_add(struct hd_roots *roots)
{
    struct hd_vm *vm = roots->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t size = hd_chunk_size(vm, vm->addr);
    if (!size || size > VM_BYTES_MAX) /* not from malloc: the members we know of lie within that */
        size = (uint64_t)l->vm_objspace + 1024;
    scan(roots, "vm", vm->addr, vm->addr + size);
    variants_add(roots, vm->addr, vm->addr + size);
    box_add(roots, l->vm_root_box);
    box_add(roots, l->vm_main_box);
    uint64_t ractor = hd_layout_has(l->vm_main_ractor) ? hd_memory_u64(vm->memory, vm->addr + (uint64_t)l->vm_main_ractor) : 0;
    uint64_t bytes = ractor ? hd_chunk_size(vm, ractor) : 0;
    if (bytes && bytes <= VM_BYTES_MAX)
        scan(roots, "vm", ractor, ractor + bytes);
}

static bool finalizer_add(void *data, uint64_t object, uint64_t procs)
{
    (void)object; /* has a finalizer, which does not keep it alive */
    hd_roots_add(data, "finalizers", procs);
    return true;
}

static bool global_add(void *data, uint64_t serial, uint64_t value)
{
    (void)serial;
    hd_roots_add(data, "global_tbl", value);
    return true;
}

/* --- C variables --- */

static void data_add(struct hd_roots *roots, uint64_t from, uint64_t to, bool hop)
{
    struct hd_memory *memory = roots->vm->memory;
    uint64_t unreadable = memory->unreadable;
    if (to <= from || to - from > DATA_BYTES_MAX)
        return;
    scan(roots, "static_data", from, to);
    /* lists that begin in a static variable, as those of at_exit: one step into malloc's memory */
    for (uint64_t at = (from + 7) & ~7ull; hop && at + 8 <= to; at += 8) {
        uint64_t pointer = hd_memory_u64(memory, at), size = pointer ? hd_chunk_size(roots->vm, pointer) : 0;
        if (size && size <= HOP_BYTES_MAX)
            scan(roots, "static_data", pointer, pointer + size);
    }
    memory->unreadable = unreadable;
}

/* Ruby's own library first, then all others: extensions keep classes and caches in variables of theirs. */
static void images_add(struct hd_roots *roots, const struct hd_dump_target *target)
{
    struct hd_image image;
    const char *path;
    uint32_t length;
    size_t at = 0;
    for (int i = 0; i < target->image->data_count; i++)
        data_add(roots, target->image->data[i].start, target->image->data[i].end, true);
    for (int n = 0; n < IMAGES_MAX && hd_image_next(&image, roots->vm->memory, &at, &path, &length); n++)
        for (int i = 0; image.base != target->image->base && i < image.data_count; i++)
            data_add(roots, image.data[i].start, image.data[i].end, false);
}

/* --- stacks --- */

/* The native thread that runs on the stack which begins (its oldest end) at `start`, NULL if none does. */
static const struct hd_stack *stack_find(const struct hd_dump_target *target, uint64_t start)
{
    const struct hd_stack *nearest = NULL;
    for (size_t i = 0; i < target->stack_count; i++) {
        const struct hd_stack *stack = &target->stacks[i];
        if (stack->pointer <= start && start - stack->pointer <= STACK_BYTES_MAX
            && (!nearest || stack->pointer > nearest->pointer))
            nearest = stack;
    }
    return nearest;
}

static void stack_add(struct hd_roots *roots, const struct hd_dump_target *target, uint64_t ec)
{
    enum { RED_ZONE = 128 }; /* what a function of the x86-64 ABI may use below the stack pointer */
    static const char category[] = "machine_context";
    struct hd_vm *vm = roots->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t start = hd_memory_u64(vm->memory, ec + (uint64_t)l->ec_machine_start);
    uint64_t end = hd_memory_u64(vm->memory, ec + (uint64_t)l->ec_machine_end);
    const struct hd_stack *stack = start ? stack_find(target, start) : NULL;
    if (stack)
        end = stack->pointer - RED_ZONE;
    if (start > end && end && start - end <= STACK_BYTES_MAX)
        scan(roots, category, end, start);
    for (int i = 0; stack && i < stack->register_count; i++)
        hd_roots_add(roots, category, stack->registers[i]);
    if (hd_layout_has(l->ec_size)) /* registers that were saved when it gave up the lock */
        scan(roots, category, ec, ec + (uint64_t)l->ec_size);
}

/* A thread that has ended is an object like any other; the running ones are roots. */
static void thread_add(struct hd_roots *roots, const struct hd_dump_target *target, const uint8_t *object, uint64_t addr)
{
    struct hd_vm *vm = roots->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t thread = hd_typed_data_of(vm, object, addr).addr;
    if (!thread || hd_memory_u64(vm->memory, thread + (uint64_t)l->thread_self) != addr)
        return;
    uint64_t ec = hd_memory_u64(vm->memory, thread + (uint64_t)l->thread_ec);
    if (!ec || !hd_memory_u64(vm->memory, ec + (uint64_t)l->ec_vm_stack))
        return;
    hd_roots_add(roots, "vm", addr);
    stack_add(roots, target, ec);
}

static void threads_add(struct hd_roots *roots, const struct hd_dump_target *target)
{
    struct hd_vm *vm = roots->vm;
    hd_roots_threads_find(roots);
    for (uint64_t i = 0; i < roots->thread_count; i++)
        thread_add(roots, target, hd_vm_object(vm, roots->threads[i]), roots->threads[i]);
}

void hd_roots_collect_outside(struct hd_roots *roots, const struct hd_dump_target *target)
{
    struct hd_vm *vm = roots->vm;
    const struct hd_layout *l = vm->layout;
    vm_add(roots);
    threads_add(roots, target);
    if (hd_layout_has(l->objspace_finalizer))
        hd_st_each(vm, hd_memory_u64(vm->memory, vm->objspace + (uint64_t)l->objspace_finalizer), finalizer_add, roots);
    hd_globals_each(vm, global_add, roots);
    images_add(roots, target);
}
