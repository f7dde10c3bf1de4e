/*
 * The messages of a pprof profile (github.com/google/pprof, proto/profile.proto) in the wire format of protocol buffers.
 *
 * Owns the encoding, the table of texts and that of functions and places in them. Must not know what is in a profile. The
 * fields of a profile may come in any order, so each part is written as soon as it is known.
 */
#ifndef HD_STORE_PPROF_MESSAGE_H
#define HD_STORE_PPROF_MESSAGE_H

#include "graph/names.h"
#include "store/sink.h"

enum { HD_PPROF_VALUES = 6 };

struct hd_pprof {
    struct hd_sink *sink;
    struct hd_buffer message; /* the one at hand */
    struct hd_buffer key;
    struct hd_names texts;     /* "" is 0 */
    struct hd_names functions; /* name and file */
    struct hd_names places;    /* function and line */
};

/* Begins a profile. The sink has its errors; memory of the tables is *failed*, asked by hd_pprof_failed. */
void hd_pprof_init(struct hd_pprof *pprof, struct hd_sink *sink);
void hd_pprof_deinit(struct hd_pprof *pprof);
bool hd_pprof_failed(const struct hd_pprof *pprof);

/* What the values of the samples are, in their order: "objects", "count". */
void hd_pprof_value_type(struct hd_pprof *pprof, const char *type, const char *unit);
void hd_pprof_default_type(struct hd_pprof *pprof, const char *type);

/* What pprof calls the file that was profiled. To be called once, all places belong to it. */
void hd_pprof_program(struct hd_pprof *pprof, const char *name);

/* Nanoseconds since 1970. */
void hd_pprof_time(struct hd_pprof *pprof, uint64_t time);
void hd_pprof_comment(struct hd_pprof *pprof, const char *text);

/* The number of a place: a line of a function in a file. Texts become safe to print, and are cut if they are very long. */
uint64_t hd_pprof_place(struct hd_pprof *pprof, const char *name, size_t name_length, const char *file, size_t file_length,
                        uint64_t line);

/* The innermost place first. */
void hd_pprof_sample(struct hd_pprof *pprof, const uint64_t *places, uint32_t place_count, const uint64_t *values,
                     uint32_t value_count);

#endif
