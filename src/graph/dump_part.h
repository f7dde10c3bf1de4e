/*
 * Lines of our own dumps into a part: which field becomes which column, and how people write an edge's path.
 *
 * Owns the line reader. Must not know where lines come from. See docs/format.md for the lines.
 */
#ifndef HD_GRAPH_DUMP_PART_H
#define HD_GRAPH_DUMP_PART_H

#include "dump/json_reader.h"
#include "graph/part.h"

#define HD_DUMP_PART_NAMES 1000000u /* so many names; of further keys the edges are called "val{}" */

struct hd_dump_part {
    struct hd_part *part;
    struct hd_json_reader *reader;
    struct hd_json_line line;
    struct hd_part_record *record; /* of the line at hand; NULL if it is none */
    uint32_t last_name;            /* the name of the edge before, which the next one often has, too */
    uint32_t last_length;
    char last_path[120];
};

bool hd_dump_part_init(struct hd_dump_part *lines, struct hd_part *part, struct hd_error *err);
void hd_dump_part_deinit(struct hd_dump_part *lines);

/* One line as it is in the file, less its newline; HD_JSON_PADDING bytes behind it may be read. */
bool hd_dump_part_line(struct hd_dump_part *lines, const char *text, size_t length, uint64_t offset,
                       struct hd_error *err);

#endif
