/*
 * Writes a command's table for people and shells: help, manual page, completion.
 *
 * Owns the forms. Must not know which commands there are: it is given their list, NULL at the end.
 */
#ifndef HD_CLI_HELP_H
#define HD_CLI_HELP_H

#include "cli/command.h"

#include <stddef.h>
#include <stdio.h>

/* What `heap_dump COMMAND --help` prints. */
void hd_help_print(FILE *file, const struct hd_command *command);

/* The synopsis and the section on commands of the manual page, as mdoc; man/heap_dump.1.in has the rest. */
void hd_help_man(FILE *file, const struct hd_command *const *commands);

/* A script for the shell to source. */
void hd_help_bash(FILE *file, const struct hd_command *const *commands);
void hd_help_zsh(FILE *file, const struct hd_command *const *commands);

/* What the forms share. The options of a command and --help: i from 0; NULL at the end. */
const struct hd_option *hd_help_option(const struct hd_command *command, int i);

/* The next paragraph of `text`, which ends at a blank line; NULL after the last one. The one after it begins at + *length. */
const char *hd_help_paragraph(const char *text, size_t *length);

#endif
