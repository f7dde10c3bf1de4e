/*
 * What the commands of the command line tool share.
 *
 * A command is a function that reads its own options, prints its own words and returns an exit status
 * (docs/exit-status.md). It owns no logic: that is the library's. Results go to stdout, complaints to stderr.
 */
#ifndef HD_CLI_H
#define HD_CLI_H

#include "base/error.h"

#include <stdio.h>

/* argv[0] is the command's name. */
int hd_cli_check(int argc, char **argv);
int hd_cli_layout(int argc, char **argv);
int hd_cli_path(int argc, char **argv);
int hd_cli_show(int argc, char **argv);
int hd_cli_summary(int argc, char **argv);
int hd_cli_top(int argc, char **argv);
int hd_cli_version(int argc, char **argv);

/* Prints "heap_dump COMMAND: the sentence" to stderr and returns the exit status of the error. */
int hd_cli_fail(const char *command, const struct hd_error *err);

/* The same for a wrong call, with a hint at `heap_dump COMMAND --help`. Returns the status for it (2). */
int hd_cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Complains about what getopt_long did not take (option '?' or ':'); its own messages must be off (opterr = 0). */
int hd_cli_bad_option(const char *command, char **argv, int option);

/* Writes a string as JSON, quoted. Bytes that are not UTF-8 become U+FFFD. */
void hd_cli_print_json_string(FILE *file, const char *string);

/* Writes a count with commas: 1,234,567. */
void hd_cli_print_count(FILE *file, unsigned long long count);

#endif
