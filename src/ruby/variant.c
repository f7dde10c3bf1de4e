/*
 * What differs between builds of the same release and platform: how big a jmp_buf is.
 *
 * configure takes __builtin_setjmp, whose buffer is five words, or where the compiler has none that works (with control-flow
 * protection, as in Debian's packages since 3.3) _setjmp, whose jmp_buf is 200 bytes in glibc. cont.c has one in the middle of
 * struct rb_fiber_struct, so what follows lies elsewhere. A table is of one kind; the other is made of it here, once the process
 * tells which it has. Nothing else depends on it.
 */
#include "ruby/vm.h"

#include "ruby/references.h"

enum { BUILTIN_BYTES = 40, JMP_BUF_BYTES = 200, DIFFERENCE = JMP_BUF_BYTES - BUILTIN_BYTES };

static uint64_t peek(struct hd_vm *vm, uint64_t addr)
{
    uint64_t unreadable = vm->memory->unreadable, value = addr ? hd_memory_u64(vm->memory, addr) : 0;
    vm->memory->unreadable = unreadable; /* a guess */
    return value;
}

/*
 * Since 3.3 always, before with a JIT, the word between jmp_buf and first_proc points to a struct rb_jit_cont, which begins with
 * the fiber's execution context. Else the block of malloc tells how big the fiber is.
 */
static bool fits(struct hd_vm *vm, uint64_t fiber, uint64_t ec, int64_t shift)
{
    enum { WORD = 8, ROUNDED = 24 };
    const struct hd_layout *l = vm->layout;
    uint64_t size = (uint64_t)(l->fiber_size + shift), block = hd_chunk_size(vm, fiber);
    return peek(vm, peek(vm, fiber + (uint64_t)(l->fiber_first_proc + shift) - WORD)) == ec || (block >= size && block < size + ROUNDED);
}

bool hd_variant_choose(struct hd_vm *vm, struct hd_error *err)
{
    static const int64_t shifts[] = {0, DIFFERENCE, -DIFFERENCE};
    const struct hd_layout *l = vm->layout;
    if (!hd_layout_has(l->vm_main_thread) || !hd_layout_has(l->fiber_first_proc) || !hd_layout_has(l->fiber_size) || !hd_layout_has(l->ec_fiber))
        return true;
    uint64_t thread = peek(vm, vm->addr + (uint64_t)l->vm_main_thread);
    uint64_t ec = thread ? peek(vm, thread + (uint64_t)l->thread_ec) : 0, fiber = ec ? peek(vm, ec + (uint64_t)l->ec_fiber) : 0;
    size_t at = 0, count = sizeof shifts / sizeof *shifts;
    while (fiber && at < count && !fits(vm, fiber, ec, shifts[at]))
        at++;
    if (!fiber || at == count || !shifts[at])
        return true;
    struct hd_layout *changed = hd_arena_alloc(vm->arena, 1, sizeof *changed);
    if (!changed)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for a layout table");
    *changed = *l;
    int64_t *const members[] = {&changed->fiber_first_proc, &changed->fiber_prev, &changed->fiber_resuming, &changed->fiber_size};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (hd_layout_has(*members[i]))
            *members[i] += shifts[at];
    if (hd_layout_has(changed->fiber_status_bit))
        changed->fiber_status_bit += 8 * shifts[at];
    vm->layout = changed;
    return true;
}
