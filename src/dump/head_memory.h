/* What the kernel says of the memory of the process that is dumped, for the first line of the dump. See head_memory.c. */
#ifndef HD_DUMP_HEAD_MEMORY_H
#define HD_DUMP_HEAD_MEMORY_H

#include "base/arena.h"

/* `,"memory":{…}` of a process that is alive; nothing if the kernel does not tell. */
void hd_head_memory_write(struct hd_buffer *out, int pid);

#endif
