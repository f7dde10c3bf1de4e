/*
 * What the commands of the command line tool share.
 *
 * A command is a function that reads its own options, prints its own words and returns an exit status
 * (docs/exit-status.md). It owns no logic: that is the library's. Results go to stdout, complaints to stderr.
 */
#ifndef HD_CLI_H
#define HD_CLI_H

#include "base/error.h"
#include "cli/command.h"
#include "view/json.h"

#include <stdio.h>

/* The commands; cli/main.c has their order. */
extern const struct hd_command hd_command_check;
extern const struct hd_command hd_command_collections;
extern const struct hd_command hd_command_diff;
extern const struct hd_command hd_command_dump;
extern const struct hd_command hd_command_export;
extern const struct hd_command hd_command_find;
extern const struct hd_command hd_command_flame;
extern const struct hd_command hd_command_index;
extern const struct hd_command hd_command_layout;
extern const struct hd_command hd_command_memory;
extern const struct hd_command hd_command_path;
extern const struct hd_command hd_command_report;
extern const struct hd_command hd_command_serve;
extern const struct hd_command hd_command_show;
extern const struct hd_command hd_command_summary;
extern const struct hd_command hd_command_sql;
extern const struct hd_command hd_command_strings;
extern const struct hd_command hd_command_suspects;
extern const struct hd_command hd_command_threads;
extern const struct hd_command hd_command_top;
extern const struct hd_command hd_command_tree;
extern const struct hd_command hd_command_version;

/* Prints "heap_dump COMMAND: the sentence" to stderr and returns the exit status of the error. */
int hd_cli_fail(const char *command, const struct hd_error *err);

/*
 * The same for what went to standard output and may be half there: said once, and not at all if the reader has closed the
 * pipe.
 */
int hd_cli_fail_stdout(const char *command, const struct hd_error *err);

/* Writes a text with nothing in it that a terminal would obey. */
void hd_cli_print_clean(FILE *file, const char *text);

/* What the commands call view/json.h's by. */
static inline void hd_cli_print_json_string(FILE *file, const char *string)
{
    hd_json_string(file, string);
}

/* Writes a count with commas: 1,234,567. */
void hd_cli_print_count(FILE *file, unsigned long long count);

#endif
