/*
 * Opens a dump to be asked: the graph, its dominators, and what must be said about them.
 *
 * Owns both, the words of the warnings, how people write an object's id and how an object stands in JSON. Must not know what is asked
 * of it nor by whom.
 */
#ifndef HD_VIEW_OPEN_H
#define HD_VIEW_OPEN_H

#include "graph/groups.h"
#include "view/basis.h"

#include <stdio.h>

enum { HD_OPEN_WARNINGS = 5, HD_OPEN_TITLE = HD_GROUPS_TITLE };

struct hd_open {
    const char *path; /* as people know it */
    const char *dump; /* what to read again: the path, but for a copy of standard input */
    struct hd_basis *basis;
    struct hd_graph graph;           /* the basis's */
    struct hd_dominators dominators; /* the same */
    struct hd_derived *derived;      /* the same: classes, sums, paths: ask graph/derived.h */
    struct hd_index *index;          /* the same; NULL: there is none */
    struct hd_index_key key;
    const char *warnings[HD_OPEN_WARNINGS]; /* sentences; the first warning_count of them */
    int warning_count;
    bool redacted; /* nothing that the program put into it is told: see view/redact.h, which owns these */
    uint64_t *redacted_start;
    char *redacted_bytes;
};

/*
 * False and *err set if the dump cannot be read; then there is nothing to close. Maps the index of the dump if there is a
 * fitting one; else the graph is built, and saved as one.
 */
bool hd_open_read(struct hd_open *open, const char *path, struct hd_error *err);

/*
 * The same for a command that wants less: what it does not need may be NULL in the graph and the dominators, and is
 * read neither from the disk nor from the index (enum hd_index_need says what it gets).
 */
bool hd_open_read_for(struct hd_open *open, const char *path, enum hd_index_need need, struct hd_error *err);

/*
 * After hd_open_read_for less: what is needed, unless it is there. What `derived` has handed out is not there any more. The graph is built if the index proves damaged; nodes keep
 * their numbers. False and *err if the dump cannot be read any more, or has changed; then the counts are all there is, as before.
 */
bool hd_open_whole(struct hd_open *open, enum hd_index_need need, struct hd_error *err);

/*
 * Opens a dump for what is asked of one object, the one an argument names by its id (as hd_open_node). With an index it is an excerpt that
 * is cut out for it, where there is one, else `need` of the whole. False and *err if that cannot be opened or has no such object; then
 * there is nothing to close.
 */
bool hd_open_object(struct hd_open *open, const char *path, const char *id, hd_basis_cut *cut, enum hd_index_need need,
                    uint32_t *node, struct hd_error *err);

/* The second step of hd_open_object, after hd_open_read_for HD_INDEX_SUMS or more; whatever it says, the dump stays open. */
bool hd_open_excerpt(struct hd_open *open, const char *id, hd_basis_cut *cut, enum hd_index_need need, uint32_t *node,
                     struct hd_error *err);

/* The number that the object with that id has in the whole graph, which need not be there. False if it is not known: hd_open_node says why. */
bool hd_open_find(const struct hd_open *open, const char *id, uint32_t *node);

/* False and *err, as of hd_open_node, if what is open of the dump tells that no object has that id. */
bool hd_open_may_have(const struct hd_open *open, const char *id, struct hd_error *err);

/*
 * For what is to be said of these nodes alone, after hd_open_read_for less than HD_INDEX_NODES: an excerpt with them, in which they have other
 * numbers, or HD_INDEX_NODES of the whole.
 */
bool hd_open_nodes(struct hd_open *open, uint32_t *nodes, uint32_t count, struct hd_error *err);

/* Another excerpt about them, after hd_open_read_for HD_INDEX_SUMS. False, and nothing has changed, if there is none: they are too many. */
bool hd_open_several(struct hd_open *open, hd_basis_cut_several *cut, uint32_t *nodes, uint32_t count);

/*
 * For what is to be said of these paths to a node alone, all in the numbers of the whole graph: an excerpt of them, whose numbers they have then, or
 * HD_INDEX_GRAPH of the whole. After hd_open_read_for HD_INDEX_SUMS, or in place of an excerpt.
 */
bool hd_open_along(struct hd_open *open, struct hd_path *list, uint32_t count, uint32_t *node, struct hd_error *err);
bool hd_open_tree(struct hd_open *open, struct hd_path_tree *tree, struct hd_error *err); /* the same for a tree of them */

/* Waits until the index is saved, unless that is put off (view/basis.h). What was printed is flushed before. */
void hd_open_close(struct hd_open *open);

/*
 * While it is true, a mark stands for the path in what is printed, so that a text can be kept for whoever asks for the same dump by
 * another name: as JSON, for people, and quoted for a shell. No text has such bytes itself.
 */
extern bool hd_open_name_marks;
enum { HD_OPEN_NAME_JSON = 3, HD_OPEN_NAME_CLEAN = 4, HD_OPEN_NAME_QUOTED = 5 };

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
