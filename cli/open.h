/*
 * What commands that open a dump (view/open.h) have in common.
 *
 * Owns their option and operand, and where errors, warnings and the next command are said.
 */
#ifndef HD_CLI_OPEN_H
#define HD_CLI_OPEN_H

#include "cli/command.h"
#include "view/open.h"

#include <stdio.h>

/* What commands that open one dump have in their tables (cli/command.h). */
#define HD_OPERAND_DUMP_FILE {"FILE|-", "a file", HD_OPERAND_DUMP, false, false, NULL}
#define HD_OPEN_NO_INDEX \
    {HD_CALL_NO_LETTER + 99, "no-index", NULL, "neither use nor leave an index beside the dump", NULL, \
     &hd_open_without_index}
#define HD_OPEN_OPTIONS_LIMIT(words) {'l', "limit", "N", words, NULL, NULL}, HD_OPEN_NO_INDEX, HD_OPTION_JSON, HD_OPTION_END
#define HD_OPEN_STATUSES "0 fine, 2 wrong options, 3 not a dump, 4 the file could not be read."

/* What many of them are asked: HD_OPEN_OPTIONS_LIMIT, and the file. */
struct hd_open_request {
    const char *path;
    unsigned long limit;
    bool json;
};

/* An option that stands in HD_OPEN_OPTIONS_LIMIT. */
void hd_open_take(struct hd_open_request *request, struct hd_call *call, int letter);

/* The operands; call->status says what is to be returned if it is false. */
bool hd_open_operands(struct hd_open_request *request, struct hd_call *call);

/* All of it, for a command that has no other options. */
bool hd_open_request(struct hd_open_request *request, struct hd_call *call, const struct hd_command *command, int argc, char **argv);

/* The error's sentence: on stderr, or with --json as {"status":N,"error":"…"} on stdout. Returns the exit status. */
int hd_open_fail(const char *command, bool json, const struct hd_error *err);

/* Each warning as a line on stderr. */
void hd_open_warn(const struct hd_open *open, const char *command);

/* A file's name as the shell takes it, clean. */
void hd_open_print_quoted(FILE *file, const char *path);

/* Prints "next: heap_dump COMMAND FILE REST", FILE as the shell takes it. */
void hd_open_next(FILE *file, const struct hd_open *open, const char *command, const char *rest);

#endif
