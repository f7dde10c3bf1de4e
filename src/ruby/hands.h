/*
 * A machine that is read by several threads at once.
 *
 * Owns what each of them needs for itself: a copy of the machine with its own caches. Must not know what they read.
 * Invariant: afterwards the memory has counted what all of them looked at, as if one had done it all.
 */
#ifndef HD_RUBY_HANDS_H
#define HD_RUBY_HANDS_H

#include "base/crew.h"
#include "ruby/vm.h"

/* To be aligned to by what a thread writes all the time: in one line of a cache with another's, both would wait for each other. */
enum { HD_HANDS_APART = 128 };

/* How many will work: vm->threads, 1 to HD_CREW_MAX. */
int hd_hands_count(const struct hd_vm *vm);

/*
 * Calls run(machine, work) once in each of hd_hands_count threads (fewer, where there are none to be had), the first time with `vm`
 * itself in this thread. `works` are as many structs of `size` bytes, one for each.
 */
void hd_hands_run(struct hd_vm *vm, void (*run)(struct hd_vm *vm, void *work), void *works, size_t size);

#endif
