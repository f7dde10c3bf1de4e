/* See storage.h. */
#include "graph/storage.h"

#include "graph/builder.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *hd_storage_column(struct hd_graph_storage *storage, size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    hd_storage_adopt(storage, memory);
    return memory;
}

void hd_storage_adopt(struct hd_graph_storage *storage, void *memory)
{
    if (storage->count == HD_STORAGE_COLUMNS)
        abort(); /* a fixed number of columns is made: a bug here */
    storage->columns[storage->count++] = memory;
}

void hd_graph_storage_destroy(struct hd_graph_storage *storage)
{
    if (!storage)
        return;
    for (unsigned i = 0; i < storage->count; i++)
        free(storage->columns[i]);
    free(storage);
}

void *hd_storage_scratch(uint64_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count ? count : 1, size, &bytes))
        return NULL;
    if (bytes < 4 * HUGE_PAGE)
        return malloc(bytes);
    void *data = NULL;
    if (posix_memalign(&data, HUGE_PAGE, bytes))
        return NULL;
    madvise(data, bytes, MADV_HUGEPAGE);
    return data;
}
