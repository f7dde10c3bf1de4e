/*
 * A second pass over a dump: the lines of chosen objects, field by field, for what the columns of a graph do not hold.
 *
 * Owns the reading and which line belongs to which node; both kinds of dump look alike behind it. Must not know what a
 * field is for. A plain file is read where chosen lines are, a compressed one once as far as the last of them; lines of other objects are
 * not parsed. Who watches the thread is told how far it is, and may end it (base/progress.h).
 * Invariant: every chosen node is reported exactly once, in the order of the file, or the pass fails: a file that changed
 * since the graph was built is an error. (A line that is damaged in ObjectSpace's dump reports what is before the damage.)
 */
#ifndef HD_GRAPH_REPLAY_H
#define HD_GRAPH_REPLAY_H

#include "dump/json_reader.h"
#include "graph/graph.h"

/* A callback that returns false (and sets *err) ends the pass. */
struct hd_replay_visitor {
    void *data;
    /*
     * Each field of the object's line and of the lines that continue it. Texts live until the call returns. Of
     * ObjectSpace's maps and arrays the elements are not counted.
     */
    bool (*field)(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err);
    bool (*end)(void *data, uint32_t node, struct hd_error *err); /* the object is complete */
    /* NULL, or called before the pass: so many of the job's objects come before this visitor's, in the order of the file. */
    void (*begin)(void *data, uint32_t first);
    /* NULL, or the object's own line as JSON, before its fields. Who has this is told the fields of ObjectSpace's lines alone. */
    bool (*line)(void *data, uint32_t node, struct hd_graph_text object, struct hd_error *err);
};

/* `path` can be read again (not "-"). `nodes` are objects, each once, and come back in the order of the file. */
bool hd_replay(const char *path, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
               const struct hd_replay_visitor *visitor, struct hd_error *err);

/*
 * The same for several visitors, who each have a share of the nodes in that order (hd_replay_visitor.begin says where it begins) and
 * are called at the same time if the file is plain; else the first has all. `visitors` is at most HD_REPLAY_VISITORS.
 */
enum { HD_REPLAY_VISITORS = 8, HD_REPLAY_JOBS = 4 };
bool hd_replay_shared(const char *path, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
                      const struct hd_replay_visitor *visitor, unsigned visitors, struct hd_error *err);

/* Several of these in one pass: each line is read once, and its fields are told to all whose node it is. All have `visitors` visitors. */
struct hd_replay_job {
    uint32_t *nodes;
    uint32_t count;
    const struct hd_replay_visitor *visitor; /* [visitors] */
};
bool hd_replay_jobs(const char *path, const struct hd_graph *graph, const struct hd_replay_job *jobs, unsigned job_count,
                    unsigned visitors, struct hd_error *err);

/* As many visitors as pay: for many nodes one per processor. */
unsigned hd_replay_visitors(uint32_t count);

/* True if ObjectSpace wrote the dump: its lines have other fields. */
static inline bool hd_replay_is_objspace(const struct hd_graph *graph)
{
    return graph->head_name == HD_NAME_MASK;
}

/*
 * Nodes of one builtin type, or of two, and those of T_DATA whose label it is (HD_NODE_NONE: none), that a root leads to; all of them where
 * no root leads anywhere. To be freed.
 */
uint32_t *hd_replay_choose(const struct hd_graph *graph, const uint32_t *dominator, enum hd_bt first, enum hd_bt second,
                           uint32_t label, uint32_t *count, uint64_t *unreachable, struct hd_error *err);

#endif
