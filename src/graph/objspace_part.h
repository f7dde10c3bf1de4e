/*
 * Lines of ObjectSpace.dump_all into a part. References have no names there: an edge is called "ref", but for
 * "class" and "super", which the line tells, and the roots' categories.
 */
#ifndef HD_GRAPH_OBJSPACE_PART_H
#define HD_GRAPH_OBJSPACE_PART_H

#include "graph/part.h"

#include <stddef.h>

/* One line, less its newline. False if it is broken: it is counted in the part, and what can be used of it was. */
bool hd_objspace_part_line(struct hd_part *part, const char *text, size_t length, uint64_t offset);

#endif
