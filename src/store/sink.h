/*
 * Where an export goes: a file that appears whole or not at all, or a stream; compressed by the name's ending.
 *
 * Owns the block at hand and one sticky error, so that writers append without asking and look once per object. Must not
 * know what is written. Until hd_sink_commit returns true the file under the final name is the old one, or none
 * (dump/output.h).
 */
#ifndef HD_STORE_SINK_H
#define HD_STORE_SINK_H

#include "base/arena.h"
#include "base/error.h"
#include "dump/output.h"

#include <signal.h>
#include <stdio.h>

enum { HD_SINK_BLOCK = 1 << 20 };

struct hd_sink {
    FILE *stream; /* NULL: the file */
    struct hd_output out;
    struct hd_output_shared shared;
    struct hd_buffer block; /* append to it, then call hd_sink_flow */
    const volatile sig_atomic_t *signal;
    uint64_t written; /* bytes before compression, less the block */
    struct hd_error err; /* sticky: its code */
};

/* "-" is the stream. `signal` is looked at with each block: if it is not 0 that is an error. NULL: none comes. */
bool hd_sink_open(struct hd_sink *sink, const char *where, FILE *stream, const volatile sig_atomic_t *signal,
                  struct hd_error *err);

/* Writes the block, however small. False if anything failed since the sink was opened. */
bool hd_sink_flush(struct hd_sink *sink);

/* Call it between appends: writes the block when it is big. False as above. */
static inline bool hd_sink_flow(struct hd_sink *sink)
{
    return sink->block.length < HD_SINK_BLOCK && !sink->block.failed ? sink->err.code == HD_OK : hd_sink_flush(sink);
}

static inline void hd_sink_append(struct hd_sink *sink, const void *data, size_t length)
{
    hd_buffer_append(&sink->block, data, length);
    hd_sink_flow(sink);
}

#define hd_sink_literal(sink, text) hd_sink_append((sink), "" text, sizeof(text) - 1)

/* hd_sink_flow with the error copied, for writers that end at once. */
static inline bool hd_sink_good(struct hd_sink *sink, struct hd_error *err)
{
    if (hd_sink_flow(sink))
        return true;
    *err = sink->err;
    return false;
}

/* The rest is written and the file takes its name. False and *err: the sticky error, and nothing is left. */
bool hd_sink_commit(struct hd_sink *sink, struct hd_error *err);

/* Nothing is left of it. May be called at any time after hd_sink_open, also after commit. */
void hd_sink_abort(struct hd_sink *sink);

/* The error of a signal: "interrupted". Always returns false. */
bool hd_sink_interrupted(struct hd_error *err);

#endif
