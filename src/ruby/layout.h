/*
 * Where Ruby's internals are: tables of offsets and constants, each for the exact Ruby releases that it names.
 *
 * Owns the tables and the choice among them. Must not read memory: whether a chosen table fits the process
 * at hand is calibrated and self-checked in vm.c before anything is decoded with it.
 * Invariant: a table is never edited by hand; `heap_dump layout` writes it from debug information. Releases share a table
 * only if what was written for each of them is the same, value by value.
 */
#ifndef HD_RUBY_LAYOUT_H
#define HD_RUBY_LAYOUT_H

#include "base/error.h"
#include "ruby/layout_fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_ABSENT INT64_MIN

struct hd_layout_release {
    const char *ruby;             /* "3.1.7" */
    const char *origin;           /* where the debug information came from, for people */
    const char *const *build_ids; /* libruby build-ids (hex) that it was verified with; ends with NULL */
};

struct hd_layout {
    const char *ruby;      /* all its releases, for people: "3.3.1 to 3.3.11, 3.3.14" */
    const char *platform;  /* "x86_64-linux-gnu" */
    const struct hd_layout_release *releases; /* one at least, oldest first; ends with one whose ruby is NULL */
#define HD_LAYOUT_MEMBER(name, types, members) int64_t name;
    HD_LAYOUT_FIELDS(HD_LAYOUT_MEMBER)
#undef HD_LAYOUT_MEMBER
#define HD_LAYOUT_CONSTANT(name) int64_t k_##name;
    HD_LAYOUT_CONSTS(HD_LAYOUT_CONSTANT)
#undef HD_LAYOUT_CONSTANT
};

/* True if the release has the member or constant: hd_layout_has(layout->iseq_body_mandatory). */
static inline bool hd_layout_has(int64_t value)
{
    return value != HD_ABSENT;
}

/*
 * The table for a Ruby release ("3.1.7") or a libruby build-id (hex, may be NULL); the build-id wins.
 * NULL if there is none. Never a table of another release: patch releases differ.
 */
const struct hd_layout *hd_layout_find(const char *ruby, const char *build_id);

/* The release that the table was chosen for, by build-id or else by name; the first one if it serves neither. */
const struct hd_layout_release *hd_layout_release(const struct hd_layout *layout, const char *ruby, const char *build_id);

/* Always false: HD_ERROR_UNSUPPORTED and a sentence that says which releases of its series have a table, and what to do. */
bool hd_layout_missing(const char *ruby, struct hd_error *err);

/* All tables, NULL-terminated, oldest release first. */
const struct hd_layout *const *hd_layout_all(void);

#endif
