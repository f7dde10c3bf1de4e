/*
 * Opens a dump to be asked: the graph, its dominators, and what must be said about them.
 *
 * Owns both, the words of the warnings, how people write an object's id and how an object stands in JSON. Must not know what is asked
 * of it nor by whom.
 */
#ifndef HD_VIEW_OPEN_H
#define HD_VIEW_OPEN_H

#include "graph/builder.h"
#include "graph/dominators.h"
#include "graph/derived.h"
#include "graph/groups.h"
#include "graph/index.h"

#include <pthread.h>
#include <stdio.h>

enum { HD_OPEN_WARNINGS = 5, HD_OPEN_TITLE = HD_GROUPS_TITLE };

struct hd_open {
    const char *path; /* as people know it */
    const char *dump; /* what to read again: the path, but for a copy of standard input */
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_dominators dominators;
    const char *warnings[HD_OPEN_WARNINGS]; /* sentences; the first warning_count of them */
    int warning_count;
    struct hd_derived derived; /* classes, sums, paths: ask graph/derived.h */
    struct hd_index *index; /* what graph and dominators lie in; NULL: in memory of their own */
    struct hd_index *discarded; /* one that proved damaged later: what it gave out before is right, and still there */
    struct hd_index_key key;
    pthread_t saver; /* saves the index while the command is at work */
    bool saving;
    bool redacted; /* nothing that the program put into it is told: see view/redact.h, which owns these */
    uint64_t *redacted_start;
    char *redacted_bytes;
};

/* Neither use nor leave an index beside dumps that are opened from now on. */
extern bool hd_open_without_index;

/*
 * False and *err set if the dump cannot be read; then there is nothing to close. Maps the index of the dump if there is a
 * fitting one; else the graph is built, and saved as one. `open` must stay where it is until it is closed.
 */
bool hd_open_read(struct hd_open *open, const char *path, struct hd_error *err);

/*
 * The same for a command that wants less: what it does not need may be NULL in the graph and the dominators, and is
 * read neither from the disk nor from the index (enum hd_index_need says what it gets).
 */
bool hd_open_read_for(struct hd_open *open, const char *path, enum hd_index_need need, struct hd_error *err);

/*
 * After hd_open_read_for less: HD_INDEX_GRAPH or HD_INDEX_TREE, unless it is there; before anything was asked of `derived`. The graph is built if the index proves damaged; nodes keep
 * their numbers. False and *err if the dump cannot be read any more, or has changed; then the counts are all there is, as before.
 */
bool hd_open_whole(struct hd_open *open, enum hd_index_need need, struct hd_error *err);

/* Waits until the index is saved. What was printed is flushed before. */
void hd_open_close(struct hd_open *open);

/* `"file":"…","warnings":["…"]`, what every result as JSON begins with. */
void hd_open_json_head(FILE *file, const struct hd_open *open);

/* The text as an id, decimal or 0x…; false if it is none. */
bool hd_open_parse_id(const char *text, uint64_t *id);

/* The node an argument names by its id, or by "@N", its id in a heap snapshot that was made of this dump; false and *err (HD_ERROR_USAGE) if it is no id or no object has it. */
bool hd_open_node(const struct hd_open *open, const char *text, uint32_t *node, struct hd_error *err);

/* What to call a node: its class, and for classes and modules their own name behind it. Returns `title`; may be cut. */
char *hd_open_title(char title[HD_OPEN_TITLE], const struct hd_open *open, uint32_t node);

/* `"id":N,"hex":"0x…","class":"…","type":"…","size":N,"retained":N`; "label", too: the own name of what has one. */
void hd_open_json_node(FILE *file, const struct hd_open *open, uint32_t node);

#endif
