/*
 * How much memory a process may still take before the kernel begins to kill: in its control groups, and on the machine.
 *
 * A copy of a process takes memory of its control group (page tables, then what the process changes); where there is none, the kernel
 * does not refuse the copy, it kills, and the process may be the first. Owns finding that out beforehand. Must not know
 * what is copied. Versions 1 and 2 of control groups.
 */
#ifndef HD_CAPTURE_ROOM_H
#define HD_CAPTURE_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that are left to process `pid`, the page cache counted as free. What cannot be seen from here counts as no limit. */
uint64_t hd_room_left(pid_t pid);

/* What the process has that is nowhere else: memory that a reader, or in the end a copy, may need once more. 0 if it is gone. */
uint64_t hd_room_of(pid_t pid);

/*
 * Bytes that a copy of the process needs at once, and a part of what it may need while the process goes on; and how little may be
 * left when the copy must go. 0 if it is gone.
 */
uint64_t hd_room_needed(pid_t pid, uint64_t *least);

/* How many mappings it has, 0 if it is gone. */
uint64_t hd_room_mappings(pid_t pid);

/* Whoever reads takes much memory, perhaps of the same control group. If it runs out we are to go first, not the process. */
void hd_room_volunteer(void);
void hd_room_stay(void); /* for a part of us that must not */

/* For tests: the same with another folder than "" in front of /proc and of where control groups are mounted. */
uint64_t hd_room_left_below(const char *root, pid_t pid);

#endif
