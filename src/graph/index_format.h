/*
 * What is in an index file and what must hold there; for graph/index*.c. The places of the file are graph/index.c's.
 *
 * The file, all numbers in the byte order of the machine that wrote it:
 *
 *     0     struct hd_index_header, zeros up to HD_INDEX_ALIGN
 *     …     the block sums: a hash of each block of each section, in their order; zeros up to HD_INDEX_ALIGN
 *     …     the sections, in the order of HD_INDEX_SECTIONS, each followed by zeros up to HD_INDEX_ALIGN
 *     …     answers (graph/index_answers.c), which are appended later, or nothing
 *
 * A section is a column of struct hd_graph or struct hd_dominators; or `depth`: [node_count] how many steps a node is from the
 * root in the dominator tree, UINT32_MAX for the unreachable, with which one pass shows that the tree is one; or what
 * graph/derived.h makes: columns of struct hd_paths, the groups by class, and a struct hd_retained_group for each class and type.
 * Where each section begins follows from the counts in the header, so there is no table of offsets to be
 * wrong; the file must be at least as long as follows from them. A block is HD_INDEX_BLOCK bytes of a section, the last one what is left.
 *
 * Nothing is believed: header.sum covers the header and the block sums, those cover the sections, and every number that
 * is used to look something up is compared with what it counts (graph/index_check.c). That takes some 100 ms per GB and
 * core, so only the sections that are wanted are looked at, when they are. What cannot be seen in the file is whether it belongs to this dump: the header says of which file, in which state.
 */
#ifndef HD_GRAPH_INDEX_FORMAT_H
#define HD_GRAPH_INDEX_FORMAT_H

#include "graph/index.h"

#define HD_INDEX_MAGIC "hd index"
#define HD_INDEX_VERSION 6u /* raise it when the format changes, or what the builder or the dominators make of a dump */
#define HD_INDEX_WORD 0x01020304u
#define HD_INDEX_ALIGN ((uint64_t)4096)
#define HD_INDEX_BLOCK ((uint64_t)1 << 13) /* a few of them are looked at for one object; what a second look finds in the cache still */

/* X(name, bytes per element, number of elements, where its pointer is) with `h` the header, `g` and `d` what is saved. */
#define HD_INDEX_SECTIONS(X) \
    X(ADDRESS, 8, h->node_count, g->node_address) \
    X(SIZE, 8, h->node_count, g->node_size) \
    X(LINE, 8, h->node_count, g->node_line) \
    X(CLASS, 4, h->node_count, g->node_class) \
    X(LABEL, 4, h->node_count, g->node_label) \
    X(TYPE, 1, h->node_count, g->node_type) \
    X(FLAGS, 1, h->node_count, g->node_flags) \
    X(EDGE_START, 8, h->node_count + 1, g->edge_start) \
    X(EDGE_TO, 4, h->edge_count, g->edge_to) \
    X(EDGE_NAME, 4, h->edge_count, g->edge_name) \
    X(NAME_START, 8, h->name_count + 1, g->name_start) \
    X(NAME_BYTES, 1, h->name_bytes, g->name_bytes) \
    X(PARENT, 4, h->node_count, d->parent) \
    X(RETAINED, 8, h->node_count, d->retained) \
    X(CHILD_START, 4, h->node_count + 1, d->child_start) \
    X(CHILD, 4, h->reachable - 1, d->child)

/* X(name, bytes per element, number of elements, where its data are) with `h` as above and `c` the struct content of graph/index.c. */
#define HD_INDEX_DERIVED_SECTIONS(X) \
    X(DEPTH, 4, h->node_count, c->depth) \
    X(PATH_PARENT, 4, h->node_count, c->derived->paths->parent) \
    X(PATH_EDGE, 8, h->node_count, c->derived->paths->edge) \
    X(PATH_ORDER, 4, h->reachable, c->derived->paths->order) \
    X(PATH_FROM, 4, h->reachable, c->derived->paths->from) \
    X(CLASS_NUMBER, 4, h->node_count, c->derived->classes->number) \
    X(CLASS_NAME_START, 8, h->class_count + 1, c->class_name_start) \
    X(CLASS_NAME_BYTES, 1, h->class_name_bytes, c->class_name_bytes) \
    X(CLASS_SUMS, sizeof(struct hd_retained_group), h->class_count, c->derived->class_sums) \
    X(TYPE_SUMS, sizeof(struct hd_retained_group), HD_BT_COUNT, c->derived->type_sums)

enum hd_index_section {
#define HD_INDEX_ENUM(name, width, count, place) HD_INDEX_##name,
    HD_INDEX_SECTIONS(HD_INDEX_ENUM)
    HD_INDEX_DERIVED_SECTIONS(HD_INDEX_ENUM)
#undef HD_INDEX_ENUM
    HD_INDEX_SECTION_COUNT
};

/* Sets of sections. */
#define HD_INDEX_BIT(name) ((uint64_t)1 << HD_INDEX_##name)
#define HD_INDEX_SECTIONS_SUMS \
    (HD_INDEX_BIT(NAME_START) | HD_INDEX_BIT(NAME_BYTES) | HD_INDEX_BIT(CLASS_NAME_START) \
     | HD_INDEX_BIT(CLASS_NAME_BYTES) | HD_INDEX_BIT(CLASS_SUMS) | HD_INDEX_BIT(TYPE_SUMS))
#define HD_INDEX_SECTIONS_SIZES (HD_INDEX_SECTIONS_SUMS | HD_INDEX_BIT(SIZE) | HD_INDEX_BIT(TYPE) | HD_INDEX_BIT(RETAINED))
#define HD_INDEX_SECTIONS_LABELS (HD_INDEX_SECTIONS_SIZES | HD_INDEX_BIT(LABEL))
#define HD_INDEX_SECTIONS_WAYS \
    (HD_INDEX_SECTIONS_SUMS | HD_INDEX_BIT(CLASS_NUMBER) | HD_INDEX_BIT(SIZE) | HD_INDEX_BIT(CLASS) | HD_INDEX_BIT(LABEL) \
     | HD_INDEX_BIT(TYPE) | HD_INDEX_BIT(EDGE_NAME) | HD_INDEX_SECTIONS_ORDER)
#define HD_INDEX_SECTIONS_GRAPH \
    ((HD_INDEX_BIT(PARENT) - 1) | HD_INDEX_BIT(PARENT) | HD_INDEX_BIT(RETAINED)) /* all before PARENT are the graph's */
#define HD_INDEX_SECTIONS_NODES \
    (HD_INDEX_SECTIONS_GRAPH & ~(HD_INDEX_BIT(EDGE_START) | HD_INDEX_BIT(EDGE_TO) | HD_INDEX_BIT(EDGE_NAME)))
#define HD_INDEX_SECTIONS_TREE \
    (HD_INDEX_SECTIONS_GRAPH | HD_INDEX_BIT(CHILD_START) | HD_INDEX_BIT(CHILD) | HD_INDEX_BIT(DEPTH))
#define HD_INDEX_SECTIONS_ORDER (HD_INDEX_BIT(PATH_EDGE) | HD_INDEX_BIT(PATH_ORDER) | HD_INDEX_BIT(PATH_FROM))
#define HD_INDEX_SECTIONS_PATHS (HD_INDEX_BIT(PATH_PARENT) | HD_INDEX_SECTIONS_ORDER)
#define HD_INDEX_SECTIONS_CLASSES \
    (HD_INDEX_BIT(CLASS_NUMBER) | HD_INDEX_BIT(CLASS_NAME_START) | HD_INDEX_BIT(CLASS_NAME_BYTES))

struct hd_index_header {
    char magic[8];
    uint32_t version, word;
    char release[16]; /* of heap_dump */
    uint64_t sum;     /* of the header with 0 here, and of the block sums */
    /* the dump */
    uint64_t inode, size, modified, changed, ends;
    /* the graph */
    uint64_t node_count, edge_count, name_count, name_bytes;
    uint64_t dump_bytes, heap_low, heap_high, dangling, bad_lines;
    uint64_t reachable, reachable_size;
    uint64_t class_count, class_name_bytes;
    struct hd_index_marks marks;
    uint32_t head_name;
    uint8_t truncated, redacted, unnamed, unused;
};

/* Where everything is in the file. */
struct hd_index_plan {
    uint64_t offset[HD_INDEX_SECTION_COUNT], bytes[HD_INDEX_SECTION_COUNT];
    uint64_t first_block[HD_INDEX_SECTION_COUNT + 1]; /* number of a section's first block; the last is their number */
    uint64_t length;                                  /* of the file */
};

/* False if the counts in the header are none a graph can have. */
bool hd_index_plan(struct hd_index_plan *plan, const struct hd_index_header *header);

/* Hash of some bytes that differs, for sure, when they differ in one word of 8, and else but for one chance in 2^64. */
uint64_t hd_index_hash(const void *data, uint64_t length, uint64_t seed);

/* One hash for the header, with 0 as its sum, and the block sums. */
uint64_t hd_index_header_sum(const struct hd_index_header *header, const uint64_t *block_sums, uint64_t count);

/*
 * Do the sections of a set hold what the block sums say, and only what can be followed? In as many threads as there are
 * processors. Of the tree all sections must be in the set, or none.
 */
bool hd_index_check(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file,
                    uint64_t sections);

/* The same for a single block, by its number, and not beyond the section it is in. */
bool hd_index_check_block(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file, uint64_t number);

/*
 * Elements [at, at + count) of a section of a mapped index, of which each block is checked when it is first looked at. NULL if there are none
 * or one does not hold, which condemns the index. By several threads once a first call has returned.
 */
const void *hd_index_elements(struct hd_index *index, enum hd_index_section which, uint64_t at, uint64_t count);

/*
 * hd_index_check of one section, and where in it that number stands: how often, and the first `limit` places, ascending.
 * A section of 4 bytes per element.
 */
bool hd_index_check_search(const struct hd_index_header *header, const struct hd_index_plan *plan, const char *file,
                           enum hd_index_section which, uint32_t wanted, uint64_t *list, uint64_t limit, uint64_t *count);

/* The same of a mapped index; false condemns it. */
bool hd_index_search(struct hd_index *index, enum hd_index_section which, uint32_t wanted, uint64_t *list, uint64_t limit,
                     uint64_t *count);

/* Whether all of a set of sections hold; those of a tree, and of the paths, only as hd_index_check says. By all processors; false condemns it. */
bool hd_index_hold(struct hd_index *index, uint64_t sections);

/* It is not to be used again: it is removed when it is unmapped. */
void hd_index_condemn(struct hd_index *index);

/* Bytes per element. */
uint64_t hd_index_width(enum hd_index_section which);

/* Of a mapped index. */
const struct hd_index_header *hd_index_header_of(const struct hd_index *index);

/* What lies behind the sections of a mapped index, and where in the file that begins. */
const char *hd_index_rest(const struct hd_index *index, uint64_t *offset, uint64_t *length);

/* Computes the block sums of what is to be saved; data[section] is where each lies. */
void hd_index_sum_blocks(const struct hd_index_plan *plan, const void *const *data, uint64_t *sums);

#endif
