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
    uint64_t *threads; /* every T_DATA that is a Thread, in the order of their addresses; since hd_roots_threads_find */
    uint64_t thread_count;
    bool threads_found;
    bool failed; /* memory ran out */
};

/* `target` says whom to ask, or where the stacks are. */
bool hd_roots_collect(struct hd_roots *roots, struct hd_vm *vm, const struct hd_dump_target *target);

/* Those of a Ruby that cannot be asked; roots_outside.c. */
void hd_roots_collect_outside(struct hd_roots *roots, const struct hd_dump_target *target);
/* Looks at each slot in use, once. */
void hd_roots_threads_find(struct hd_roots *roots);
void hd_roots_add(struct hd_roots *roots, const char *category, uint64_t value);

/* Calls each() with the serial number of the name and the value of every global variable. */
void hd_globals_each(struct hd_vm *vm, hd_table_each *each, void *data);

/* The _ROOTS_ line. */
void hd_roots_write(struct hd_line *line, struct hd_roots *roots);

#endif
