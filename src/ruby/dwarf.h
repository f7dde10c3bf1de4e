/*
 * Looking up types and enumerators by name in the debug information of object files or libraries.
 *
 * Owns the open files and an index of their global type names. Must not know which names the layout wants,
 * nor anything about Ruby. Needs libdw and libelf, so it is linked into the command line tool only, never into
 * the Ruby extension.
 * Invariant: files are asked in the order in which they were given, and the first one that defines a type or a
 * name decides about it alone, also when it decides that a member does not exist.
 */
#ifndef HD_RUBY_DWARF_H
#define HD_RUBY_DWARF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hd_dwarf;

/* Opens all files; fails if one cannot be read or has no debug information. */
bool hd_dwarf_open(struct hd_dwarf **out, const char *const *paths, size_t count, struct hd_error *err);
void hd_dwarf_close(struct hd_dwarf *dwarf);

/* The answer to one question; `file` is NULL if no file knows the type or name at all. */
struct hd_dwarf_answer {
    bool found;
    bool is_bitfield;       /* the member exists, but has no byte offset (then found is false) */
    int64_t value;          /* meaningful if found */
    const char *file;       /* the file that decided */
    const char *other_file; /* the first later file that says something else, NULL if all agree */
    bool other_found;
    int64_t other_value;
};

/*
 * The byte offset of the first of `members` that exists in the first of `types` that has one. Both are lists
 * separated by commas. A type is "struct NAME", "union NAME" or the name of a typedef. A member is a path with
 * dots; members of anonymous structs and unions are found by their own names; "NAME[]" goes on in what NAME
 * points to, or is an array of, and counts from there; "@size" is the size of the type reached. A bit-field has
 * no byte offset: ask for "NAME.@bit", its first bit counted from the least significant bit of the byte at 0, and
 * "NAME.@bits", its width.
 */
struct hd_dwarf_answer hd_dwarf_member(struct hd_dwarf *dwarf, const char *types, const char *members);

/* The value of the enumerator PREFIX + NAME, or of the constant variable of that name if its value is recorded. */
struct hd_dwarf_answer hd_dwarf_constant(struct hd_dwarf *dwarf, const char *prefix, const char *name);

#endif
