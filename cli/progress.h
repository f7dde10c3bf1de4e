/*
 * Says on a terminal how far long work is, on one line of standard error that goes before anything else is printed.
 *
 * Owns that line. Must not know what the work is (base/progress.h). Nothing is said in the first second, and nothing where standard
 * error is no terminal.
 */
#ifndef HD_CLI_PROGRESS_H
#define HD_CLI_PROGRESS_H

#include <stdbool.h>

/* From here to the end what this thread does is watched. */
void hd_cli_progress_begin(void);
void hd_cli_progress_end(void);

/*
 * The same for what is only done for later: the line says so, and an interrupt ends the work and not the process (a second one
 * does), so that its exit status stays that of what was printed.
 */
void hd_cli_progress_begin_ahead(void);
bool hd_cli_progress_interrupted(void);

#endif
