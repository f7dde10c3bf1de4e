/*
 * The memory that a built graph's columns lie in. For the files that build graphs.
 */
#ifndef HD_GRAPH_STORAGE_H
#define HD_GRAPH_STORAGE_H

#include <stddef.h>
#include <stdint.h>

#define HD_STORAGE_COLUMNS 16

struct hd_graph_storage {
    void *columns[HD_STORAGE_COLUMNS];
    unsigned count;
};

/* Zeroed memory that is freed with the storage; NULL if there is none. */
void *hd_storage_column(struct hd_graph_storage *storage, size_t count, size_t size);

/* Takes over memory from malloc. */
void hd_storage_adopt(struct hd_graph_storage *storage, void *memory);

/*
 * Memory of its own, not zeroed, for a column that is read in no order: big ones lie in big pages, else most of the time
 * would go into address translation. Freed with free(); NULL if there is none.
 */
void *hd_storage_scratch(uint64_t count, size_t size);

#endif
