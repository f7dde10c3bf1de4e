/*
 * Where a process's memory is: what `memory` shows.
 *
 * Owns reaching a process, a core or a dump (memory_dump.c) for it, and its JSON. Must not know how it is printed for people.
 */
#ifndef HD_VIEW_MEMORY_H
#define HD_VIEW_MEMORY_H

#include "view/memory_findings.h"
#include "view/words.h"

#include <stdio.h>

struct hd_view_memory {
    enum hd_findings_source source;
    const char *name;     /* the process's number, or the path of the file */
    int pid;              /* 0 if not known */
    int ruby_pid;         /* of a process that is no Ruby: a descendant that seems to be one; 0 */
    char ruby[256];       /* "ruby 3.1.2p20 (…)"; "" if there is none */
    char allocator[64];
    char title[256];      /* the process's command line, cut; may hold anything */
    char note[500];       /* why something is missing; "" */
    char stopped_note[256]; /* why it was stopped and not copied; "" */
    char moment[32];      /* of a dump: the moment it shows, as it says */
    bool rss_known;       /* of a dump: it says what the kernel counted */
    double time;          /* the moment, seconds since the epoch */
    double stopped;       /* seconds that the process stood still */
    bool truncated;       /* the core is cut off */
    struct hd_rss rss;
    struct hd_findings findings;
    struct hd_arena arena;
};

struct hd_view_memory_options {
    int method;             /* enum hd_copy_method */
    const char *sysroot, *executable; /* for cores, as in struct hd_core_options */
};

/* False and *err if it cannot be looked at; then there is nothing to free. */
bool hd_view_memory_process(struct hd_view_memory *view, int pid, const struct hd_view_memory_options *options, struct hd_error *err);
bool hd_view_memory_core(struct hd_view_memory *view, const char *path, const struct hd_view_memory_options *options, struct hd_error *err);
/* `path` may be "-". HD_ERROR_UNSUPPORTED for a dump of ObjectSpace. */
bool hd_view_memory_dump(struct hd_view_memory *view, const char *path, struct hd_error *err);

/* Is the file a core, and not a dump? Both may be compressed. False if it cannot be read. */
bool hd_view_memory_is_core(const char *path, bool *core, struct hd_error *err);

void hd_view_memory_free(struct hd_view_memory *view);

/* One object, and a line's end. */
void hd_view_memory_json(FILE *file, const struct hd_view_memory *view);

#endif
