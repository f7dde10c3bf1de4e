/*
 * Threads and fibers with their frames and local variables, read from their lines.
 *
 * Owns what a frame is called and what stands for a variable. Must not know how it is shown. All texts point into the lines, as
 * they are written there (escaped JSON), and live until the destroy. Frames that did not fit into the thread's own line (over 65,536 of
 * them) are not read; `cut` tells.
 */
#ifndef HD_GRAPH_STACKS_H
#define HD_GRAPH_STACKS_H

#include "base/arena.h"
#include "graph/graph.h"

struct hd_stacks_variable {
    struct hd_graph_text name;  /* less its quotes */
    struct hd_graph_text value; /* as written: an id, or what is no object of its own */
    uint32_t node;              /* HD_NODE_NONE if the value is no id of an object */
};

struct hd_stacks_frame {
    struct hd_graph_text method, label, file; /* less their quotes; data NULL if there is none */
    uint64_t line;
    bool native; /* a C function: it stands at its caller's line */
    struct hd_stacks_variable self;
    struct hd_stacks_variable *locals;
    uint32_t local_count;
};

struct hd_stacks_thread {
    uint32_t node;
    bool fiber;  /* a fiber that does not run: a running one's frames are its thread's */
    bool cut;
    struct hd_graph_text name, status;
    struct hd_stacks_frame *frames; /* the newest first */
    uint32_t frame_count;
    struct hd_stacks_variable *variables; /* Thread#[] and Thread#thread_variable_get */
    uint32_t variable_count;
};

struct hd_stacks {
    struct hd_stacks_thread *threads; /* those that retain most first, fibers last */
    uint32_t thread_count;
    struct hd_arena arena;
};

/* `retained` is the dominators' column. False if the dump cannot be read again. */
bool hd_stacks_create(struct hd_stacks *stacks, const char *path, const struct hd_graph *graph, const uint64_t *retained,
                      struct hd_error *err);
void hd_stacks_destroy(struct hd_stacks *stacks);

/* Appends what a frame is called: "block in Orders#index". */
void hd_stacks_frame_name(struct hd_buffer *out, const struct hd_stacks_frame *frame);

#endif
