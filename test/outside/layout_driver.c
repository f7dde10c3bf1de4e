/*
 * Tries wrong layout tables on a process: each member of its table in turn is moved, each constant changed, and the check that
 * comes before every dump has to refuse it.
 *
 *   layout_driver PID                    prints "NAME refused SENTENCE" or "NAME accepted" for each; the true table first ("-")
 *   layout_driver PID BYTES              as if its jmp_buf had so many bytes more: prints where the table has a fiber's members,
 *                                        and where they were found
 */
#include "capture/copy.h"
#include "capture/outside.h"
#include "ruby/layout.h"
#include "ruby/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct damage {
    const char *name;
    size_t offset; /* in struct hd_layout */
    bool constant;
};

static const struct damage damages[] = {
#define MEMBER(name, types, members) {#name, offsetof(struct hd_layout, name), false},
    HD_LAYOUT_FIELDS(MEMBER)
#define CONSTANT(name) {"k_" #name, offsetof(struct hd_layout, k_##name), true},
    HD_LAYOUT_CONSTS(CONSTANT)
};

/* False where the release has no such member. */
static bool damage(struct hd_layout *layout, const struct damage *what)
{
    int64_t *value = (int64_t *)((char *)layout + what->offset);
    if (!hd_layout_has(*value))
        return false;
    *value = what->constant ? (*value ? *value * 2 : 4) : *value + 8;
    return true;
}

/* One try to open the machine with a table; what it needs is its own. */
struct attempt {
    struct hd_vm vm;
    struct hd_arena arena;
    struct hd_error err;
    struct hd_memory memory;
};

static bool attempt(struct attempt *one, const struct hd_outside *outside, const struct hd_layout *layout)
{
    *one = (struct attempt){.memory = *outside->memory};
    const struct hd_dump_target target = {.memory = &one->memory, .image = &outside->image, .glibc = true};
    hd_memory_limit(&one->memory);
    return hd_vm_open(&one->vm, &one->memory, &one->arena, &target, layout, &one->err);
}

static void try_table(struct hd_outside *outside, const struct hd_layout *layout, const char *name)
{
    struct attempt one;
    if (attempt(&one, outside, layout))
        printf("%s accepted\n", name);
    else
        printf("%s refused %s %s\n", name, one.err.code == HD_ERROR_SELF_CHECK ? "self-check:" : "otherwise:", one.err.text);
    hd_arena_deinit(&one.arena);
}

/* What a table for another size of jmp_buf says of a fiber, and what becomes of it. */
static void try_jmp_buf(struct hd_outside *outside, struct hd_layout layout, int64_t more)
{
    struct attempt one;
    printf("%lld %lld\n", (long long)layout.fiber_first_proc, (long long)layout.fiber_status_bit);
    layout.fiber_first_proc += more;
    layout.fiber_prev += more;
    layout.fiber_resuming += more;
    layout.fiber_size += more;
    layout.fiber_status_bit += 8 * more;
    if (attempt(&one, outside, &layout))
        printf("%lld %lld\n", (long long)one.vm.layout->fiber_first_proc, (long long)one.vm.layout->fiber_status_bit);
    else
        printf("%s\n", one.err.text);
    hd_arena_deinit(&one.arena);
}

int main(int argc, char **argv)
{
    struct hd_error err = {0};
    struct hd_copy copy;
    struct hd_arena arena = {0};
    struct hd_memory memory;
    struct hd_outside outside;
    bool good = argc > 1 && hd_copy_take(&copy, atoi(argv[1]), HD_COPY_FORK, &err);
    if (!good || !hd_memory_open_process(&memory, &arena, copy.process, copy.memory, &err) || !hd_outside_open(&outside, &memory, &err)) {
        fprintf(stderr, "layout_driver: %s\n", err.text);
        return 1;
    }
    const struct hd_layout *table = hd_layout_find(outside.ruby, outside.image.build_id);
    if (argc > 2) {
        try_jmp_buf(&outside, *table, atoi(argv[2]));
        hd_copy_release(&copy);
        return 0;
    }
    try_table(&outside, table, "-");
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct hd_layout wrong = *table;
        if (damage(&wrong, &damages[i]))
            try_table(&outside, &wrong, damages[i].name);
        fflush(stdout);
    }
    hd_copy_release(&copy);
    return 0;
}
