/*
 * A dump of a Ruby that none of our code runs in: its memory, as another process or a core file has it.
 *
 * Owns finding Ruby in that memory, the choice of the layout table, and the writers (threads of ours). Must not know where the
 * memory comes from (memory/memory.h) nor how a process is made to stand still (capture/copy.h).
 */
#ifndef HD_CAPTURE_OUTSIDE_H
#define HD_CAPTURE_OUTSIDE_H

#include "base/arena.h"
#include "dump/dump.h"
#include "dump/output.h"
#include "memory/image.h"

enum { HD_OUTSIDE_TEXT = 256 };

struct hd_outside {
    struct hd_memory *memory;
    struct hd_arena arena;
    bool found;                        /* a Ruby is there, if perhaps not one that can be read */
    struct hd_image image;             /* the file that has Ruby in it */
    char library[HD_OUTSIDE_TEXT];     /* its path, as the process sees it; may be cut */
    char ruby[HD_OUTSIDE_TEXT];        /* "3.1.2" */
    char description[HD_OUTSIDE_TEXT]; /* "ruby 3.1.2p20 (…)" */
    char platform[HD_OUTSIDE_TEXT];    /* "x86_64-linux-gnu" */
    char allocator[HD_OUTSIDE_TEXT];   /* "glibc", "jemalloc", …, "unknown" */
};

/*
 * Looks for Ruby. HD_ERROR_UNSUPPORTED if there is none, or one we cannot read, with what to do in the sentence. The memory must
 * live as long as this.
 */
bool hd_outside_open(struct hd_outside *outside, struct hd_memory *memory, struct hd_error *err);
void hd_outside_close(struct hd_outside *outside);

struct hd_outside_result {
    uint64_t objects, references, unreadable, bytes;
    uint64_t lost_pages; /* of the heap, missing from a core */
    double seconds;
};

/*
 * Writes the dump to `output`, which is open, and does not commit it. Of `options` the caller sets what it wants and what it knows of
 * the process (source, pid, time, extra); the rest is filled in here. `threads` 0: one per core.
 */
bool hd_outside_dump(struct hd_outside *outside, const struct hd_stack *stacks, size_t stack_count, struct hd_dump_options *options,
                     struct hd_output *output, int threads, struct hd_outside_result *result, struct hd_error *err);

#endif
