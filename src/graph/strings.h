/*
 * Which strings have the same contents, and how many bytes the copies take.
 *
 * Owns the table of contents: 24 bytes per string while it is made, and 40 per group of equal ones after. Two strings are equal if their
 * encodings, lengths and two independent keyed 64-bit hashes of their bytes are: by chance that happens never, and nobody
 * who writes a dump can make it happen, for the keys are random.
 * Must not know who holds a string (graph/holders.h) nor how one is shown.
 * Of truncated strings length and beginning are compared; of redacted ones the hashes that the dump has. A dump of
 * ObjectSpace lacks the contents of some strings: those are counted, and are in no group.
 */
#ifndef HD_GRAPH_STRINGS_H
#define HD_GRAPH_STRINGS_H

#include "dump/json_reader.h"
#include "graph/graph.h"
#include "graph/replay.h"

/* Flags of a member. */
enum { HD_STRINGS_FSTRING = 1, HD_STRINGS_PREFIX = 2, HD_STRINGS_EMPTY = 4 };

struct hd_strings_member {
    uint64_t hash, check;
    uint32_t node;
    uint32_t flags;
};

/* Strings of the same contents. One has to stay: one that Ruby shares already (an fstring), or else the biggest. */
struct hd_strings_group {
    uint64_t first; /* of its members in `members` */
    uint32_t count;
    uint32_t kept;    /* node of the one that stays */
    uint64_t bytes;   /* of all */
    uint64_t wasted;  /* of all but the one that stays */
    uint32_t frozen;  /* members that are frozen, fstrings included */
    uint32_t fstrings;
    bool by_prefix; /* truncated: only length and beginning agree */
};

struct hd_strings_sum {
    uint64_t count, bytes;
};

struct hd_strings {
    struct hd_strings_member *members; /* equal ones together */
    uint64_t member_count;
    struct hd_strings_group *groups; /* of two and more; those that waste most first */
    uint32_t group_count;
    struct hd_strings_sum all, unknown; /* unknown: the dump does not have their contents */
    struct hd_strings_sum copies, frozen_copies; /* all but one of each group; the frozen ones among them */
    uint64_t distinct;
    uint64_t unreachable; /* strings left out: nothing leads to them */
    uint32_t *biggest;    /* nodes */
    uint32_t biggest_count;
};

/* What a pass over the dump is to find: the strings that are reachable, in the order of the file, and what is in each. */
struct hd_strings_found {
    struct hd_strings_member *members;
    uint64_t member_count;
    uint32_t *nodes; /* also of those without contents */
    uint32_t count;
    struct hd_strings_sum all, unknown;
    uint64_t unreachable;
    struct hd_strings_build *build; /* while the pass runs */
    struct hd_replay_visitor visitor[HD_REPLAY_VISITORS];
    unsigned visitors;
};

/* Before a pass and after it; *job is for hd_replay_jobs. `wanted`: only these, NULL: all. To be freed whether it succeeds or not. */
bool hd_strings_find(struct hd_strings_found *found, const struct hd_graph *graph, const uint32_t *dominator, const uint8_t *wanted,
                     unsigned visitors, struct hd_replay_job *job, struct hd_error *err);
void hd_strings_found_all(struct hd_strings_found *found);
void hd_strings_found_free(struct hd_strings_found *found);

/*
 * `dominator` is the parent column of the dominators. At most `biggest` nodes of big strings, 0 for all. `found`: what a pass found
 * in all strings; NULL: it is made here.
 */
bool hd_strings_create(struct hd_strings *strings, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                       uint32_t biggest, const struct hd_strings_found *found, struct hd_error *err);
void hd_strings_destroy(struct hd_strings *strings);

/* What can be said of one string. */
struct hd_strings_text {
    uint32_t node;
    uint64_t bytesize;
    enum { HD_STRINGS_UNKNOWN, HD_STRINGS_TEXT, HD_STRINGS_BASE64, HD_STRINGS_HASH } form;
    bool truncated;
    char *beginning; /* at most HD_STRINGS_BEGINNING bytes of whole characters; not terminated */
    uint32_t length;
    char *file; /* where it was allocated, if the dump knows; terminated */
    uint64_t line;
};

enum { HD_STRINGS_BEGINNING = 300 };

/* One more pass, for the strings of nodes[0 … count - 1], which may repeat; texts[i] is that of nodes[i]. */
bool hd_strings_read(const char *path, const struct hd_graph *graph, const uint32_t *nodes, uint32_t count,
                     struct hd_strings_text **texts, struct hd_error *err);
void hd_strings_free(struct hd_strings_text *texts, uint32_t count);

#endif
