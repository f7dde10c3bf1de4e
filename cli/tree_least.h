/* How `tree` and `flame` read their --min. */
#ifndef HD_CLI_TREE_LEAST_H
#define HD_CLI_TREE_LEAST_H

#include "cli/command.h"
#include "view/tree_view.h"

/* Reads "500kB" or "0.5%"; stops the call if it is neither. */
void hd_tree_least_read(struct hd_call *call, struct hd_tree_least *least);

#endif
