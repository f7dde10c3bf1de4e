/*
 * The stacks of a Ruby: machine stacks of threads and fibers, and Ruby's own stacks, which hold its frames and local variables.
 *
 * Owns finding them. VM stacks become marks, as most lie in malloc's memory or on a machine stack; machine stacks are address ranges. Must
 * not know how much of them is in memory.
 */
#ifndef HD_RSS_STACKS_H
#define HD_RSS_STACKS_H

#include "rss/marks.h"
#include "rss/resident.h"
#include "ruby/vm.h"

struct hd_stacks {
    struct hd_buffer ranges; /* struct hd_stack_range */
    size_t count;
    uint64_t threads, fibers; /* Ruby's; a thread that has ended has no stack and is not counted */
    uint64_t native;          /* threads of the operating system; 0 if not known */
};

struct hd_stack_range {
    uint64_t start, end;
};

/* `vm` may be NULL: then there are only the stacks that the threads of the system are on. False if memory ran out. */
bool hd_stacks_find(struct hd_stacks *stacks, struct hd_vm *vm, struct hd_memory *memory, struct hd_resident *resident,
                    const struct hd_stack *native, size_t native_count, struct hd_marks *marks, struct hd_error *err);
void hd_stacks_deinit(struct hd_stacks *stacks);

#endif
