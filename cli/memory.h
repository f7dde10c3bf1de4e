/* The table of `memory` for people. */
#ifndef HD_CLI_MEMORY_H
#define HD_CLI_MEMORY_H

#include "cli/cli.h"
#include "view/memory.h"

void hd_memory_print(const struct hd_view_memory *view);

#endif
