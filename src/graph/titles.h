/*
 * What nodes and groups of nodes are called, one short text for each.
 *
 * Owns the words. Must not know where they are shown: a text is as the dump has it, and may hold anything but a NUL.
 */
#ifndef HD_GRAPH_TITLES_H
#define HD_GRAPH_TITLES_H

#include "base/arena.h"
#include "graph/tree.h"

enum { HD_TITLE_SIZE = 512 };

/* Its class, and for classes, modules and what a T_DATA is its own name behind it. Returns `title`; may be cut. */
char *hd_title_node(char title[HD_TITLE_SIZE], const struct hd_graph *graph, uint32_t node);

/* True if the node has a name of its own that its class does not say. */
bool hd_title_is_own(const struct hd_graph *graph, uint32_t node);

/* Appends "val[] → Shop::Order" with that arrow; "… Shop::Cart → val[] → Shop::Order" is one of several ways there. */
void hd_title_group(struct hd_buffer *out, const struct hd_graph *graph, const struct hd_tree *tree, uint32_t number,
                    const char *arrow);

#endif
