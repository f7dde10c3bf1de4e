/*
 * Finds the virtual machine and proves that the layout table fits it, before anything is decoded.
 *
 * The VM's address is in ruby_current_vm_ptr, which 3.1 exports; since 3.2 it is read from the code of small
 * exported functions that load it. Each candidate is tried until the heap behind it makes sense. Then all that matters is
 * read once (self_check.h): a wrong table mostly yields plausible nonsense, so a failed check is an error, never a warning.
 */
#include "ruby/vm.h"

#include "ruby/self_check.h"

#include <sys/random.h>

enum { CODE_BYTES = 96, DATA_MAX = 32 << 20 };

uint64_t hd_vm_symbol(const struct hd_vm *vm, const char *name)
{
    if (vm->live && vm->live->symbol)
        return vm->live->symbol(name);
    return vm->image ? hd_image_symbol(vm->image, vm->memory, name) : 0;
}

uint64_t hd_vm_code_reference(struct hd_vm *vm, uint64_t function, int n)
{
    const uint8_t *code = function ? hd_memory_at(vm->memory, function, CODE_BYTES) : NULL;
    if (!code)
        return 0;
    for (int i = 0; i + 7 <= CODE_BYTES; i++) {
        bool rex_w = (code[i] & 0xf8) == 0x48;
        bool mov_or_lea = code[i + 1] == 0x8b || code[i + 1] == 0x8d;
        bool rip_relative = (code[i + 2] & 0xc7) == 0x05;
        if (rex_w && mov_or_lea && rip_relative && n-- == 0) {
            int32_t displacement;
            memcpy(&displacement, code + i + 3, 4);
            return function + (uint64_t)i + 7 + (uint64_t)(int64_t)displacement;
        }
    }
    return 0;
}

static bool vm_try(struct hd_vm *vm, uint64_t pointer, struct hd_error *err)
{
    if (pointer && hd_memory_load_u64(vm->memory, pointer, &vm->addr) && !vm->addr)
        return hd_error_set(err, HD_ERROR_TARGET, "there is no virtual machine in this Ruby: it was just beginning, or had ended already (at "
                            "SIGQUIT, SIGTERM and SIGINT Ruby ends in order before a core is written; use SIGABRT)");
    if (!pointer || !vm->addr
        || !hd_memory_load_u64(vm->memory, vm->addr + vm->layout->vm_objspace, &vm->objspace) || !vm->objspace)
        return hd_error_set(err, HD_ERROR_SELF_CHECK,
                            "Ruby %s's virtual machine was not found where the layout table says", vm->layout->ruby);
    vm->page_count = 0;
    vm->lost_pages = 0;
    vm->spare_count = 0;
    vm->heap_low = vm->heap_high = 0;
    return hd_heap_open(vm, err);
}

static bool vm_find(struct hd_vm *vm, struct hd_error *err)
{
    static const char *const loaders[] = {"ruby_vm_at_exit", "rb_gc_get_objspace", "rb_gc_count", "rb_gc_latest_gc_info"};
    struct hd_error first = {0};
    uint64_t exported = hd_vm_symbol(vm, "ruby_current_vm_ptr");
    if (vm_try(vm, exported, &first))
        return true;
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++)
        for (int n = 0; n < 3; n++) {
            uint64_t reference = hd_vm_code_reference(vm, hd_vm_symbol(vm, loaders[i]), n);
            struct hd_error other = {0};
            if (reference && vm_try(vm, reference, exported || i || n ? &other : &first)) /* the likeliest one tells most */
                return true;
        }
    if (err)
        *err = first;
    return false;
}

bool hd_vm_scan_data(struct hd_vm *vm, bool (*each)(struct hd_vm *vm, uint64_t addr, void *data), void *data)
{
    uint64_t inside = hd_vm_symbol(vm, "rb_cObject"); /* a variable of libruby: in its .bss or .data */
    const struct hd_mapping *m = vm->memory->mappings;
    size_t count = vm->memory->mapping_count, at = 0;
    while (at < count && !(inside >= m[at].start && inside < m[at].end))
        at++;
    if (at == count)
        return false;
    size_t from = at, to = at;
    while (from > 0 && m[from - 1].end == m[from].start && m[from - 1].writable && m[from - 1].named)
        from--;
    while (to + 1 < count && m[to + 1].start == m[to].end && m[to + 1].writable && (m[to].named || m[to + 1].named))
        to++;
    uint64_t left = DATA_MAX;
    for (size_t i = from; i <= to && left; i++) {
        uint64_t bytes = m[i].end - m[i].start < left ? m[i].end - m[i].start : left;
        for (uint64_t addr = m[i].start; addr + 8 <= m[i].start + bytes && !hd_memory_exhausted(vm->memory); addr += 8)
            if (each(vm, addr, data))
                return true;
        left -= bytes;
    }
    return false;
}

void hd_vm_copy(struct hd_vm *copy, const struct hd_vm *vm, struct hd_memory *memory, struct hd_arena *arena)
{
    *memory = *vm->memory;
    *copy = *vm;
    copy->memory = memory; /* which has a cache */
    copy->arena = arena;
    copy->shape_names = NULL;
    copy->shape_names_room = 0;
}

bool hd_vm_open(struct hd_vm *vm, struct hd_memory *memory, struct hd_arena *arena, const struct hd_dump_target *target,
                const struct hd_layout *layout, struct hd_error *err)
{
    memset(vm, 0, sizeof *vm);
    vm->memory = memory;
    vm->arena = arena;
    vm->live = target->live;
    vm->image = target->image;
    vm->chunks = target->glibc;
    vm->threads = target->threads;
    vm->layout = layout;
    if (getrandom(vm->hash_key, sizeof vm->hash_key, GRND_NONBLOCK) != (ssize_t)sizeof vm->hash_key)
        vm->hash_key[0] = (uint64_t)(uintptr_t)vm; /* a machine that has just been started: hard to guess, too */
    if (!hd_self_check_code(vm, err) || !vm_find(vm, err) || !hd_shapes_open(vm, err) || !hd_symbols_open(vm, err)
        || !hd_variant_choose(vm, err) || !hd_self_check(vm, err))
        return false;
    vm->string_class = hd_memory_u64(memory, hd_vm_symbol(vm, "rb_cString"));
    vm->number_compare = hd_vm_symbol(vm, "rb_st_numcmp");
    vm->serial_members = hd_symbol_serial(vm, "__members__");
    hd_generic_ivars_open(vm);
    hd_object_ids_open(vm);
    hd_globals_open(vm);
    return true;
}
