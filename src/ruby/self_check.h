/*
 * Proves that a layout table fits the Ruby at hand before a byte is written with it: wrong offsets mostly give plausible lies.
 *
 * Owns what must be true of every Ruby. Must not change what is read. Invariant: after it has returned true, all that a
 * dump's names stand on has been decoded once and was as it must be.
 */
#ifndef HD_RUBY_SELF_CHECK_H
#define HD_RUBY_SELF_CHECK_H

#include "ruby/vm.h"

/* What the code of the process itself says of its layout (calibrate.h); before anything is looked for. */
bool hd_self_check_code(struct hd_vm *vm, struct hd_error *err);

/* Pages, slots, classes, symbols, shapes, tables, methods, strings, threads. HD_ERROR_SELF_CHECK says what is not as it must be. */
bool hd_self_check(struct hd_vm *vm, struct hd_error *err);

/* Part of it (self_check_objects.c): false with the kind of objects of which `*wrong` of `*looked` are not what they say. */
bool hd_self_check_objects(struct hd_vm *vm, const char **kind, uint64_t *wrong, uint64_t *looked);

#endif
