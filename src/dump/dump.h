/*
 * What a dump is made of and what was asked for: the options, the counts, and the steps that turn a readable
 * Ruby (see ruby/vm.h) into lines.
 *
 * A dump is written by one or more workers that share nothing but a struct hd_dump_progress, which may lie in
 * memory shared between processes. Nothing below calls malloc, so all of it may run in a raw clone of a
 * multithreaded process, unless struct hd_dump_target allows threads.
 */
#ifndef HD_DUMP_DUMP_H
#define HD_DUMP_DUMP_H

#include "base/arena.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hd_output;

struct hd_dump_options {
    bool redact;           /* no contents of strings and the like; see FORMAT "Redaction" */
    bool all;              /* keep unreachable objects, marked "garbage":true */
    bool collected;        /* a full garbage collection ran just before, so every slot in use is live */
    uint64_t string_limit; /* bytes of a string that are written, the rest is "truncated":true */
    uint64_t redact_key[2]; /* random, for val_hash; only used with redact */
    /* For the _DUMP_ line: */
    const char *source;    /* "self", "process", "core" */
    const char *ruby;      /* RUBY_VERSION, "3.1.7" */
    const char *build_id;  /* of libruby, hex; NULL if unknown */
    const char *description; /* RUBY_DESCRIPTION */
    const char *platform;  /* RUBY_PLATFORM */
    const char *extra;     /* further ready-made JSON members ("\"gc\":{…},\"cmdline\":…") or NULL */
    int pid;
    double time;           /* seconds since the epoch, of the moment the dump shows */
};

/* What the workers add up. Plain atomics: safe in memory shared between processes. */
struct hd_dump_progress {
    _Atomic uint64_t next_page; /* the next heap page nobody has taken */
    _Atomic uint64_t objects;
    _Atomic uint64_t references;
    _Atomic uint64_t unreadable; /* reads that failed and references that led to no object */
    _Atomic int stop;            /* set by a writer that failed, so that the others need not finish */
    _Atomic uint64_t heartbeat;  /* grows as long as a worker gets on: a watcher can tell "slow" from "hung" */
};

/*
 * What only a living Ruby can answer, called from the process (or the copy of it) that is being dumped.
 * All NULL when the heap is read from outside. Addresses are VALUEs.
 */
struct hd_live {
    /* takes and gives back the lock that the calls below take: hangs where a thread that is no more held it */
    void (*lock_probe)(void);
    /* bytes owned by the object: rb_obj_memsize_of */
    uint64_t (*memsize)(uint64_t value);
    /* every object it marks: rb_objspace_reachable_objects_from */
    void (*reachable)(uint64_t value, void (*each)(uint64_t child, void *data), void *data);
    /* every GC root with its category ("vm", "global_tbl", …): rb_objspace_reachable_objects_from_root */
    void (*roots)(void (*each)(const char *category, uint64_t child, void *data), void *data);
    /* name of an encoding by its index, NULL if unknown: rb_enc_from_index */
    const char *(*encoding_name)(int index);
    /* address of an exported symbol of the process, 0 if there is none: dlsym */
    uint64_t (*symbol)(const char *name);
    /* where an object was allocated if ObjectSpace.trace_object_allocations ran; false if unknown.
     * file and method may be NULL; they stay valid until the next call. */
    bool (*allocation)(uint64_t value, const char **file, uint64_t *line, const char **method, uint64_t *generation);
};

struct hd_memory;
struct hd_image;

enum { HD_STACK_REGISTERS = 24 };

/* A native thread of a Ruby that is read from outside: where its stack ends, and what may refer to objects beside it. */
struct hd_stack {
    uint64_t pointer;
    uint64_t registers[HD_STACK_REGISTERS];
    int register_count;
};

/* Whose heap is dumped. From inside only `live` is set; from outside all but `live`. */
struct hd_dump_target {
    const struct hd_live *live;
    struct hd_memory *memory;
    const struct hd_image *image;  /* the one that has Ruby in it */
    const struct hd_stack *stacks;
    size_t stack_count;
    bool glibc;                    /* its malloc is glibc's, so sizes of chunks can be read */
    int threads;                   /* that may read it at once, HD_CREW_MAX at most; 0 as 1, for a process that may make none */
};

struct hd_dumper; /* the prepared, read-only state of one dump */

/*
 * Finds the VM, checks the layout against it and builds the look-up tables. Allocates from `arena`.
 * Fails with HD_ERROR_SELF_CHECK or HD_ERROR_UNSUPPORTED if this Ruby cannot be decoded: nothing has been
 * written then.
 */
struct hd_dumper *hd_dumper_create(struct hd_arena *arena, const struct hd_dump_target *target,
                                   const struct hd_dump_options *options, struct hd_dump_progress *progress,
                                   struct hd_error *err);

/* Writes the _DUMP_ and _ROOTS_ lines. Call once, before any worker runs. */
bool hd_dumper_write_head(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                          struct hd_error *err);

/*
 * Takes pages until none is left and writes their objects. Run it in as many processes at once as there are
 * cores; each needs its own copy of *dumper (a fork has one; hd_dumper_copy makes one for a thread).
 */
bool hd_dumper_write_objects(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                             struct hd_error *err);

/* For another thread of this process. NULL if memory ran out. */
struct hd_dumper *hd_dumper_copy(const struct hd_dumper *dumper, struct hd_arena *arena);

/* Pages of the heap that are missing from a core: what was on them is not in the dump. */
uint64_t hd_dumper_lost_pages(const struct hd_dumper *dumper);

/* Writes the _END_ line and the closing bracket, after every worker has ended. */
bool hd_dumper_write_end(struct hd_dumper *dumper, struct hd_output *out, struct hd_dump_progress *progress,
                         struct hd_error *err);

#endif
