/*
 * Reads the lines of ObjectSpace.dump_all's files, Ruby 2.1 to 4.0.
 *
 * A line is {"address":"0x7f…", "type":"STRING", "class":"0x…", "references":["0x…", …], "memsize":40, "flags":{…}}, or
 * {"type":"ROOT", "root":"vm", "references":[…]}; with allocation tracing it has "file", "line", "method" and
 * "generation"; since 3.2 there are lines of type SHAPE. Not every line is JSON: Rubies before 2.7 wrote control characters
 * and bytes that are not UTF-8 into strings, some wrote the C text of a type's name unescaped. So nothing is validated
 * here that is not needed, and a broken line says so and gives what was found before the damage.
 * Must not know what becomes of an object. Reads nothing behind the end of the line; allocates nothing.
 */
#ifndef HD_DUMP_OBJSPACE_READER_H
#define HD_DUMP_OBJSPACE_READER_H

#include "dump/json_reader.h"

enum hd_objspace_kind {
    HD_OBJSPACE_OBJECT,
    HD_OBJSPACE_ROOT,
    HD_OBJSPACE_OTHER,  /* a shape, an empty slot, an empty line */
    HD_OBJSPACE_BROKEN  /* no object can be made of it */
};

struct hd_objspace_line {
    enum hd_objspace_kind kind;
    bool broken; /* the line is damaged, though there is an object in it */
    uint64_t address, class_address, superclass, memsize;
    enum hd_bt bt;
    bool frozen, singleton;
    struct hd_json_text name;  /* of a class or module, as written (escapes are not resolved) */
    struct hd_json_text type_name; /* of a T_DATA ("struct") or T_IMEMO */
    struct hd_json_text root;  /* the category */
    const char *reference, *reference_end; /* for hd_objspace_reader_next */
};

void hd_objspace_reader_parse(const char *text, size_t length, struct hd_objspace_line *line);

/* The next reference; false when there is none. */
bool hd_objspace_reader_next(struct hd_objspace_line *line, uint64_t *address);

/* True if a file that begins so is one of dump_all's. */
bool hd_objspace_reader_recognise(const char *text, size_t length);

#endif
