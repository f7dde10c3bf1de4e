/*
 * Making a layout table: every name of layout_fields.h looked up in debug information, and written as C.
 *
 * Owns the values and where each came from. Must not know options or files other than through hd_dwarf.
 * Needs hd_dwarf, so it is linked into the command line tool only. Invariant: what was not found is HD_ABSENT,
 * never a guess.
 */
#ifndef HD_RUBY_LAYOUT_TABLE_H
#define HD_RUBY_LAYOUT_TABLE_H

#include "ruby/dwarf.h"
#include "ruby/layout.h"

#include <stdio.h>

/* What the probe's enumerators are called: this and the constant's name. */
#define HD_LAYOUT_TABLE_PROBE "hd_probe_"

struct hd_layout_row {
    const char *name;    /* as in struct hd_layout: "vm_objspace", "k_Qnil" */
    const char *types;   /* NULL for a constant */
    const char *members; /* a constant: its name */
    int64_t value;
    char *reason;        /* why the value was set by hand; NULL if the debug information gave it */
    struct hd_dwarf_answer answer;
};

struct hd_layout_table {
    struct hd_layout_row *rows;
    size_t count;
    char *remarks; /* lines for the table's comment, each with its newline; NULL if none */
};

/* Looks everything up; fails only for want of memory. */
bool hd_layout_table_init(struct hd_layout_table *table, struct hd_dwarf *dwarf, struct hd_error *err);
void hd_layout_table_deinit(struct hd_layout_table *table);

/*
 * Reads a file of corrections. "# …" lines become the table's remarks; "NAME VALUE REASON…" lines replace a value,
 * VALUE being a number or "absent". A line without a reason is refused, and so is one that changes nothing.
 */
bool hd_layout_table_correct(struct hd_layout_table *table, const char *path, struct hd_error *err);

struct hd_layout_table_head {
    const char *ruby;
    const char *platform;
    const char *origin;
    const char *const *build_ids; /* ends with NULL */
};

/* Writes the C definition of the table; check the stream's error afterwards. */
void hd_layout_table_write(const struct hd_layout_table *table, const struct hd_layout_table_head *head, FILE *out);

/*
 * Writes C that turns each constant that is a macro into an enumerator. Include it after Ruby's own source in a
 * file compiled with -g, and the macros are in the debug information.
 */
void hd_layout_table_write_probe(FILE *out);

#endif
