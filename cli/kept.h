/*
 * Runs a command, or says again what it said: answers that took a while are kept in the index of the dump.
 *
 * Owns what makes two questions the same: the options and operands, the very state of each dump, and the program; not by which name
 * a single dump goes. Must not know
 * any command. A command whose table says `kept` answers by nothing but its words and its dumps.
 */
#ifndef HD_CLI_KEPT_H
#define HD_CLI_KEPT_H

#include "cli/command.h"

/* Set by a command whose answer is made of what is kept in the index already: its words are not worth a place of their own. */
extern bool hd_kept_by_parts;

/* As command->run; the same output and exit status, whether it was run or not. */
int hd_kept_run(const struct hd_command *command, int argc, char **argv);

/* Has the command answer now, for whoever asks later; nothing is printed. Its exit status; at once if it has answered before. */
int hd_kept_ahead(const struct hd_command *command, int argc, char **argv);

/* Writes what is to be kept into the index; after hd_basis_wait, when it is there. */
void hd_kept_settle(void);

#endif
