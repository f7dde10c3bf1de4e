/*
 * What the files of the extension share. They own the meeting point of Ruby and the library: VALUEs, the GVL,
 * exceptions; they decide nothing about heaps, files or formats.
 */
#ifndef HD_EXT_H
#define HD_EXT_H

#include <ruby.h>

#include "base/arena.h"
#include "base/error.h"
#include "capture/inside.h"
#include "dump/dump.h"
#include "heap_dump.h"

#define HD_EXPORTED __attribute__((visibility("default")))

/* Ruby exports these and declares them in headers it does not install (gc.h, internal/gc.h). */
size_t rb_obj_memsize_of(VALUE value);
void rb_objspace_reachable_objects_from(VALUE value, void (*each)(VALUE child, void *data), void *data);
void rb_objspace_reachable_objects_from_root(void (*each)(const char *category, VALUE child, void *data), void *data);
void rb_objspace_each_objects(int (*each)(void *start, void *end, size_t stride, void *data), void *data);
const char *rb_objspace_data_type_name(VALUE value);

/* heap_dump.c */
extern VALUE hd_ext_module;
_Noreturn void hd_ext_raise(const struct hd_error *err);
HD_EXPORTED void Init_heap_dump(void);

/* rb_dump.c: what HeapDump.dump asks for, and what it tells */
struct hd_ext_request {
    VALUE path; /* a String */
    bool gc, fork, redact, all;
    bool hold; /* wait without giving up the GVL: a debugger's thread may not even have it, and must not get it */
    uint64_t string_limit;
};

struct hd_ext_result {
    struct hd_error error; /* code HD_OK if there is a dump */
    uint64_t objects, references, unreadable, bytes, plain_bytes;
    double seconds, pause, gc_seconds;
    bool unnamed;
};

/* Takes the dump. Ruby exceptions that arrive meanwhile (Timeout, Thread#kill) pass through, cleaned up after. */
void hd_ext_dump(const struct hd_ext_request *request, struct hd_ext_result *result);

/* rb_live.c: before each dump, in the process itself */
void hd_ext_live_prepare(struct hd_live *live);

/* rb_extra.c: further members of the _DUMP_ line (command line, GC counters), ready-made JSON with a final NUL */
void hd_ext_extra_build(struct hd_buffer *json, bool redact);

/* rb_public.c: a dump through Ruby's public functions alone, for a Ruby without a layout */
struct hd_ext_public {
    struct hd_buffer pages;
    const struct hd_dump_options *options;
};
extern const struct hd_inside_writer hd_ext_public_writer; /* its data is a struct hd_ext_public */
void hd_ext_public_prepare(struct hd_ext_public *state);   /* notes the heap's pages; holds them until deinit */
void hd_ext_public_deinit(struct hd_ext_public *state);

/* rb_count.c */
const char *hd_ext_type_name(int type); /* "T_STRING"; NULL for what is not an object */
VALUE hd_ext_count_objects(VALUE names); /* an Array of Modules, Strings and Symbols */

#endif
