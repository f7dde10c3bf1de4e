/*
 * What one reader has read of a dump: objects and edges in the order of the file, still by address.
 *
 * Owns its vectors and its names. Must not know the file's format. The edges of record n follow those of record n-1.
 * Invariant: the sum of all edge_counts is edge_count, but while a record is being added to; an object's address is
 * never 0: that is the root, of which there may be many records.
 */
#ifndef HD_GRAPH_PART_H
#define HD_GRAPH_PART_H

#include "graph/graph.h"
#include "graph/names.h"

#define HD_PARTS_MAX 16u /* readers of one file */

struct hd_part_record {
    uint64_t address; /* 0: the root */
    uint64_t size, line;
    uint64_t class_address; /* 0 if it has none */
    uint32_t label;         /* of the part's names; HD_NAMES_NONE */
    uint32_t edge_count;
    uint32_t node; /* set when the graph is put together; HD_NODE_NONE: left out */
    uint8_t type, flags;
};

/* What is left of a record once its node has been filled; written over the front of the records. */
struct hd_part_link {
    uint32_t node, edge_count;
};

struct hd_part {
    struct hd_part_record *records;
    uint64_t record_count, record_capacity;
    uint64_t *to;   /* addresses */
    uint32_t *name; /* of the part's names, and HD_NAME_WEAK */
    uint64_t edge_count, edge_capacity;
    struct hd_names names;
    uint32_t head_name; /* HD_NAMES_NONE */
    uint64_t low, high; /* heap as the dump says; 0 if it does not */
    uint64_t bad_lines;
    bool saw_end, redacted, unnamed;
    bool failed; /* sticky: memory ran out */
    uint64_t root_at; /* when the graph is put together: where its edges of the root go */
};

/* A zeroed struct is ready for use, but for head_name. */
void hd_part_deinit(struct hd_part *part);

/* A further record; NULL if memory ran out. Valid until the next. */
struct hd_part_record *hd_part_add_record(struct hd_part *part);
bool hd_part_grow_edges(struct hd_part *part);

/* Gives the whole pages in [from, to) back to the kernel; their content is lost. */
void hd_part_release(void *from, void *to);

/* An edge of the record added last. */
static inline void hd_part_add_edge(struct hd_part *part, uint64_t to, uint32_t name)
{
    if (__builtin_expect(part->edge_count == part->edge_capacity, 0) && !hd_part_grow_edges(part))
        return;
    part->to[part->edge_count] = to;
    part->name[part->edge_count++] = name;
    part->records[part->record_count - 1].edge_count++;
}

/* Takes the record added last away again, with its edges. */
static inline void hd_part_drop_record(struct hd_part *part)
{
    part->edge_count -= part->records[--part->record_count].edge_count;
}

static inline bool hd_part_failed(const struct hd_part *part)
{
    return part->failed || part->names.failed;
}

#endif
