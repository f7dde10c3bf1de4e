/*
 * Writes a command's table for people and shells: help, manual page, completion.
 *
 * Owns the forms. Must not know which commands there are: it is given their list, NULL at the end.
 */
#ifndef HD_CLI_HELP_H
#define HD_CLI_HELP_H

#include "cli/command.h"

#include <stdio.h>

/* What `heap_dump COMMAND --help` prints. */
void hd_help_print(FILE *file, const struct hd_command *command);

/* The synopsis and the section on commands of the manual page, as mdoc; man/heap_dump.1.in has the rest. */
void hd_help_man(FILE *file, const struct hd_command *const *commands);

void hd_help_bash(FILE *file, const struct hd_command *const *commands);
void hd_help_zsh(FILE *file, const struct hd_command *const *commands);

#endif
