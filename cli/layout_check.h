/* `heap_dump layout --check`: does a layout table fit this Ruby? */
#ifndef HD_CLI_LAYOUT_CHECK_H
#define HD_CLI_LAYOUT_CHECK_H

#include <stdbool.h>

/* `what` is the path of a libruby (or of a program that has Ruby in it), or a process's number. Returns the exit status. */
int hd_cli_layout_check(const char *what, bool json);

#endif
