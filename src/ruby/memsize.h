/* The bytes an object owns, slot and all, for a Ruby that cannot be asked. See memsize.c. */
#ifndef HD_RUBY_MEMSIZE_H
#define HD_RUBY_MEMSIZE_H

#include "ruby/vm.h"

uint64_t hd_memsize(struct hd_vm *vm, const struct hd_page *page, const uint8_t *object, uint64_t addr);

#endif
