/* See hands.h. */
#include "ruby/hands.h"

struct hand {
    _Alignas(HD_HANDS_APART) void (*run)(struct hd_vm *vm, void *work);
    struct hd_vm *vm;
    void *work;
    struct hd_vm copy;
    struct hd_memory memory;
    struct hd_arena arena;
};

int hd_hands_count(const struct hd_vm *vm)
{
    return vm->threads < 1 ? 1 : vm->threads > HD_CREW_MAX ? HD_CREW_MAX : vm->threads;
}

static void hand_run(void *data)
{
    struct hand *hand = data;
    hand->run(hand->vm, hand->work);
}

void hd_hands_run(struct hd_vm *vm, void (*run)(struct hd_vm *vm, void *work), void *works, size_t size)
{
    struct hand hands[HD_CREW_MAX] = {{.run = run, .vm = vm, .work = works}};
    uint64_t looked = vm->memory->looked, unreadable = vm->memory->unreadable;
    int count = hd_hands_count(vm);
    for (int i = 1; i < count; i++) {
        hands[i] = (struct hand){.run = run, .vm = &hands[i].copy, .work = (char *)works + (size_t)i * size};
        hd_vm_copy(&hands[i].copy, vm, &hands[i].memory, &hands[i].arena);
    }
    hd_crew_run(hand_run, hands, sizeof *hands, count);
    for (int i = 1; i < count; i++) {
        vm->memory->looked += hands[i].memory.looked - looked;
        vm->memory->unreadable += hands[i].memory.unreadable - unreadable;
        hd_arena_deinit(&hands[i].arena);
    }
}
