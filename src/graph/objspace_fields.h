/*
 * The top-level fields of a line of ObjectSpace.dump_all, which may be no JSON.
 *
 * Must not know what a field means (dump/objspace_reader.h knows those that every object has). Reads nothing behind the end.
 */
#ifndef HD_GRAPH_OBJSPACE_FIELDS_H
#define HD_GRAPH_OBJSPACE_FIELDS_H

#include "dump/json_reader.h"

struct hd_objspace_fields {
    const char *at, *end;
    char *buffer; /* texts without their escapes */
    size_t capacity;
    bool out_of_memory;
};

/* Begins with another line; the buffer is kept. A zeroed struct is ready for it. */
void hd_objspace_fields_begin(struct hd_objspace_fields *fields, const char *text, size_t length);
void hd_objspace_fields_deinit(struct hd_objspace_fields *fields);

/* The next field, valid until the next call. False at the end, and where the line is damaged. */
bool hd_objspace_fields_next(struct hd_objspace_fields *fields, struct hd_json_field *field);

#endif
