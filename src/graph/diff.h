/*
 * What changed from dump to dump of one process, or between two processes.
 *
 * Owns what is known of each dump (graph/diff_part.h), so that only one graph need be in memory at a time, and the sums.
 * Must not know how a change is shown. Two things are compared: sums by class and by way (graph/path_keys.h), which needs
 * no addresses, and objects by address, where the dumps are of one process that did not compact its heap.
 * Garbage, what no root leads to, is left out of both, unless one of the dumps has no roots.
 * An object of the same address, type, class and name is taken for the same; another there was made anew. That an
 * object of the same class took a freed one's place cannot be seen, but for frozen ones, which stay so.
 */
#ifndef HD_GRAPH_DIFF_H
#define HD_GRAPH_DIFF_H

#include "graph/diff_part.h"

enum { HD_DIFF_DUMPS = 3 };

/* Why objects of two dumps cannot be compared by address. */
enum hd_diff_apart {
    HD_DIFF_TOGETHER,  /* they can */
    HD_DIFF_PIDS,      /* the process ids differ */
    HD_DIFF_HEAPS,     /* their heaps lie at different addresses */
    HD_DIFF_CLASSES,   /* the classes lie at different addresses */
    HD_DIFF_COMPACTED  /* the heap was compacted in between */
};

/* From one dump to the next, by address; all 0 where they are apart. */
struct hd_diff_change {
    enum hd_diff_apart apart;
    uint64_t kept;   /* the same object in both */
    uint64_t made;   /* only in the later one, those of `reused` included */
    uint64_t freed;  /* only in the earlier one, those of `reused` included */
    uint64_t reused; /* addresses where an object was freed and another made */
};

struct hd_diff_side;

/* For each class (number: of keys.titles) or way (number: of keys.key). */
struct hd_diff_sums {
    struct hd_retained_group *group;
    uint64_t *sample; /* of the last dump, else NULL: the address of the member that retains most, of new ones if there are */
    bool live;        /* hd_diff_group leaves out what no root leads to */
    uint32_t count;
};

struct hd_diff {
    struct hd_path_keys keys;
    unsigned count, expected; /* dumps added, and how many there are to be */
    bool damaged; /* an index that a part's columns lie in: then a part that is made of the graph will do */
    struct hd_diff_dump dump[HD_DIFF_DUMPS];
    struct hd_diff_change change[HD_DIFF_DUMPS - 1]; /* [i]: from dump i to dump i + 1 */
    struct hd_diff_sums class[HD_DIFF_DUMPS], way[HD_DIFF_DUMPS];
    /* Objects made between the first and the second dump that are in the third, as they are there. */
    bool has_survivors; /* three dumps, none of them apart */
    struct hd_diff_sums surviving_class, surviving_way;
    uint64_t survivors, survivor_bytes;
    struct hd_diff_side *side[HD_DIFF_DUMPS];
};

bool hd_diff_init(struct hd_diff *diff, unsigned expected, struct hd_error *err);
void hd_diff_deinit(struct hd_diff *diff);

/* The address of an object of that number in the last dump, 0 if there is none. */
uint64_t hd_diff_sample(const struct hd_diff_sums *sums, uint32_t number);

/*
 * The next dump; takes its part. The index that its columns lie in, if there is one, must be mapped until the next dump was added, too;
 * a graph is not looked at after this.
 */
bool hd_diff_add(struct hd_diff *diff, struct hd_diff_part *part, struct hd_error *err);

/* The sums of a number, without garbage where `live` is set; zeroed if it is none of them: dumps that were added later have more numbers. */
struct hd_retained_group hd_diff_group(const struct hd_diff_sums *sums, uint32_t number);

/*
 * Shares the growth of live bytes from the first to the last dump out among the ways: grown[number] of each. What came
 * with something else is counted for that: the lines of new orders for the orders, which are more than before; but where
 * there is more of it for each order than before, it is counted where it is. *grown is to be freed; the sum of all is the
 * growth of the bytes reached from the roots.
 */
bool hd_diff_origins(const struct hd_diff *diff, int64_t **grown, struct hd_error *err);

#endif
