/*
 * What the SQL tables have in common and make only when a query needs it: nodes sorted by group, who refers to whom,
 * strings that repeat, stacks, and the lines of the dump.
 *
 * Owns all of that for one connection; made once, kept until hd_sql_heap_deinit. Must not know SQLite. Nothing here costs
 * anything until it is asked for. One thread at a time.
 */
#ifndef HD_STORE_SQL_HEAP_H
#define HD_STORE_SQL_HEAP_H

#include "dump/json_reader.h"
#include "graph/referrers.h"
#include "graph/stacks.h"
#include "graph/strings.h"
#include "store/sql.h"

/* Nodes by group: those of group i are node[start[i]] … node[start[i + 1] - 1], ascending. */
struct hd_sql_order {
    uint32_t *start; /* [count + 1]; NULL: not made yet */
    uint32_t *node;
    uint32_t count;
};

/* All references to each node, with their edges: to_id = ? in one look. */
struct hd_sql_incoming {
    struct hd_referrers referrers; /* start NULL: not made yet */
    uint32_t *place; /* [edge_count] which of the referrer's references it is: the edge is edge_start[from] + place */
    unsigned asked;  /* how often: one pass over all edges answers the first time */
};

struct hd_sql_heap {
    struct hd_sql_source source;
    const struct hd_groups *classes;
    uint32_t *class_rank;         /* [classes->count] place of a class among all by name */
    struct hd_sql_order by_class; /* group: rank */
    uint8_t type_rank[HD_BT_COUNT];
    struct hd_sql_order by_type; /* group: rank of the type by name */
    struct hd_sql_order by_dominator, by_class_id;
    struct hd_sql_incoming incoming;
    uint32_t *referrer_count;     /* [node_count] */
    struct hd_stacks stacks;
    bool has_stacks;
    uint32_t *thread_order; /* [stacks.thread_count] numbers of the threads, by node */
    struct hd_strings strings;
    uint32_t *string_group;       /* [node_count] group of strings of the same contents + 1, 0: none; NULL: not made yet */
    uint8_t *string_known;        /* [node_count] its contents are in the dump */
    int lines;                    /* what the lines are read from; -1: not open yet */
    struct hd_error err;          /* of what failed last in a table */
    unsigned passes;              /* over a section of an index of which not all has been looked at */
    uint64_t rows;                /* that cursors have gone through, for who wants to know how far they are */
    bool declaring;               /* a table tells SQLite of itself, which is no statement of anybody's */
};

void hd_sql_heap_init(struct hd_sql_heap *heap, const struct hd_sql_source *source);
void hd_sql_heap_deinit(struct hd_sql_heap *heap);

/* From now on the graph has its columns, if it had not; false and heap->err if they cannot be had. All below needs it. */
bool hd_sql_heap_whole(struct hd_sql_heap *heap);

/* Each makes what it is named after if it is not there; false and heap->err if it cannot be made. */
bool hd_sql_heap_classes(struct hd_sql_heap *heap);
bool hd_sql_heap_by_class(struct hd_sql_heap *heap);
bool hd_sql_heap_by_type(struct hd_sql_heap *heap);
bool hd_sql_heap_by_dominator(struct hd_sql_heap *heap); /* group: node of the dominator */
bool hd_sql_heap_by_class_id(struct hd_sql_heap *heap);  /* group: node of the class */
bool hd_sql_heap_incoming(struct hd_sql_heap *heap);
bool hd_sql_heap_referrer_count(struct hd_sql_heap *heap);
bool hd_sql_heap_stacks(struct hd_sql_heap *heap);

/* The number of the thread that is that node; HD_NODE_NONE if none is. After hd_sql_heap_stacks. */
uint32_t hd_sql_heap_thread(const struct hd_sql_heap *heap, uint32_t node);

/* Which strings say the same. */
bool hd_sql_heap_strings(struct hd_sql_heap *heap);

/* --- the lines of the dump --- */

/* A place in the file, with what was read around it. A zeroed struct is ready for use. */
struct hd_sql_reader {
    char *buffer;
    size_t capacity, length;
    uint64_t offset; /* in the dump, of the buffer */
    uint32_t node;   /* whose line is at hand; HD_NODE_ROOT: none */
    uint64_t address; /* the same's */
    struct hd_graph_text object;
    uint64_t next;   /* where the line behind it begins */
};

void hd_sql_reader_deinit(struct hd_sql_reader *reader);

/*
 * The line of a node as JSON, until the next call. A plain file is read where the line is; a compressed one is unpacked, once, into a
 * temporary file that has no name ($TMPDIR, or /var/tmp).
 */
bool hd_sql_reader_line(struct hd_sql_heap *heap, struct hd_sql_reader *reader, uint32_t node);

/* The line that continues the one at hand (docs/format.md, "Big values"); object.data NULL if none does. */
bool hd_sql_reader_more(struct hd_sql_heap *heap, struct hd_sql_reader *reader);

/* The values of some fields, in one walk; data NULL where there is none. `name` ends with NULL. */
void hd_sql_fields(struct hd_graph_text object, const char *const *name, struct hd_graph_text *value);

/* A non-negative integer as it is written; false if it is none. */
bool hd_sql_fields_integer(struct hd_graph_text value, uint64_t *number);

#endif
