/*
 * Where Ruby's internals are: one table of offsets and constants per exact Ruby release.
 *
 * Owns the tables and the choice among them. Must not read memory: whether a chosen table fits the process
 * at hand is calibrated and self-checked in vm.c before anything is decoded with it.
 * Invariant: a table is never edited by hand; `heap_dump layout` writes it from debug information.
 */
#ifndef HD_RUBY_LAYOUT_H
#define HD_RUBY_LAYOUT_H

#include "base/error.h"
#include "ruby/layout_fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_ABSENT INT64_MIN

struct hd_layout {
    const char *ruby;      /* "3.1.7" */
    const char *platform;  /* "x86_64-linux-gnu" */
    const char *origin;    /* where the debug information came from, for people */
    const char *const *build_ids; /* libruby build-ids (hex) this table was verified with; ends with NULL */
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

/* All tables, NULL-terminated, oldest release first. */
const struct hd_layout *const *hd_layout_all(void);

#endif
