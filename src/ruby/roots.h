/* The GC roots of a VM, by category. See roots.c. */
#ifndef HD_RUBY_ROOTS_H
#define HD_RUBY_ROOTS_H

#include "dump/line.h"

struct hd_root {
    const char *category;
    uint64_t value;
};

struct hd_roots {
    struct hd_vm *vm;
    struct hd_root *items; /* live objects only, in Ruby's order */
    uint64_t count, capacity;
    bool failed; /* memory ran out */
};

bool hd_roots_collect(struct hd_roots *roots, struct hd_vm *vm);

/* The _ROOTS_ line. */
void hd_roots_write(struct hd_line *line, const struct hd_roots *roots);

#endif
