/*
 * The line of an object laid out for people. Must not know which fields there are (view/readable.h).
 */
#ifndef HD_CLI_READABLE_H
#define HD_CLI_READABLE_H

#include "view/readable.h"

#include <stdio.h>

/* Prints the fields one below the other, long lists and maps cut. */
void hd_readable_print(FILE *file, struct hd_graph_text object);

#endif
