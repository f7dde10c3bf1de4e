/*
 * Which memory outside the slots belongs to which objects.
 *
 * Owns what each type of object keeps where: its buffers, tables and what those lead to. Must not know malloc, nor what of it is
 * in memory. What it finds are marks (rss/marks.h).
 */
#ifndef HD_RSS_OWNERS_H
#define HD_RSS_OWNERS_H

#include "rss/glibc.h"
#include "ruby/vm.h"

/* A mark for each buffer that a slot points to. False if memory ran out. */
bool hd_owners_mark(struct hd_vm *vm, struct hd_marks *marks, struct hd_error *err);

/* Goes where the marks lead, until they lead nowhere new. The marks are sorted then. */
bool hd_owners_follow(struct hd_vm *vm, const struct hd_glibc *glibc, struct hd_window *window, struct hd_marks *marks,
                      struct hd_error *err);

/* Bytes of an st_table's bins and entries, which two allocations hold; false if it makes no sense. `head` has l->st_size bytes. */
bool hd_owners_table(const struct hd_layout *layout, const uint8_t *head, uint64_t *bins, uint64_t *entries);

#endif
