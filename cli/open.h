/*
 * Opens a dump for a command: the graph, its dominators, and what must be said about them.
 *
 * Owns both, the words of the warnings, and how people write an object's id. Must not know what a command asks.
 */
#ifndef HD_CLI_OPEN_H
#define HD_CLI_OPEN_H

#include "cli/command.h"
#include "graph/builder.h"
#include "graph/dominators.h"
#include "graph/derived.h"
#include "graph/index.h"
#include "graph/titles.h"

#include <pthread.h>
#include <stdio.h>

enum { HD_OPEN_WARNINGS = 5, HD_OPEN_TITLE = HD_TITLE_SIZE };

struct hd_open {
    const char *path;
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_dominators dominators;
    const char *warnings[HD_OPEN_WARNINGS]; /* sentences; the first warning_count of them */
    int warning_count;
    struct hd_derived derived; /* classes, sums, paths: ask graph/derived.h */
    struct hd_index *index; /* what graph and dominators lie in; NULL: in memory of their own */
    struct hd_index_key key;
    pthread_t saver; /* saves the index while the command is at work */
    bool saving;
};

/* What commands that open one dump have in their tables (cli/command.h). */
#define HD_OPERAND_DUMP_FILE {"FILE|-", "a file", HD_OPERAND_DUMP, false, false, NULL}
#define HD_OPEN_NO_INDEX \
    {HD_CALL_NO_LETTER + 99, "no-index", NULL, "neither use nor leave an index beside the dump", NULL, \
     &hd_open_without_index}
#define HD_OPEN_STATUSES "0 fine, 2 wrong options, 3 not a dump, 4 the file could not be read."
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

/* Waits until the index is saved. What was printed is flushed before. */
void hd_open_close(struct hd_open *open);

/* The error's sentence: on stderr, or with --json as {"status":N,"error":"…"} on stdout. Returns the exit status. */
int hd_open_fail(const char *command, bool json, const struct hd_error *err);

/* Each warning as a line on stderr. */
void hd_open_warn(const struct hd_open *open, const char *command);

/* `"file":"…","warnings":["…"]`, what every result as JSON begins with. */
void hd_open_json_head(FILE *file, const struct hd_open *open);

/* The text as an id, decimal or 0x…; false if it is none. */
bool hd_open_parse_id(const char *text, uint64_t *id);

/* The node an argument names by its id; false and *err (HD_ERROR_USAGE) if it is no id or no object has it. */
bool hd_open_node(const struct hd_open *open, const char *text, uint32_t *node, struct hd_error *err);

/* What to call a node: its class, and for classes and modules their own name behind it. Returns `title`; may be cut. */
char *hd_open_title(char title[HD_OPEN_TITLE], const struct hd_open *open, uint32_t node);

/* `"id":N,"hex":"0x…","class":"…","type":"…","size":N,"retained":N`; "label", too: the own name of what has one. */
void hd_open_json_node(FILE *file, const struct hd_open *open, uint32_t node);

/* A file's name as the shell takes it, clean. */
void hd_open_print_quoted(FILE *file, const char *path);

/* Prints "next: heap_dump COMMAND FILE REST", FILE as the shell takes it. */
void hd_open_next(FILE *file, const struct hd_open *open, const char *command, const char *rest);

#endif
