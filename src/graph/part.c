/* Growing vectors. See part.h. */
#include "graph/part.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_CAPACITY ((uint64_t)1 << 16)

void hd_part_deinit(struct hd_part *part)
{
    free(part->records);
    free(part->to);
    free(part->name);
    hd_names_deinit(&part->names);
    *part = (struct hd_part){.head_name = HD_NAMES_NONE};
}

struct hd_part_record *hd_part_add_record(struct hd_part *part)
{
    if (part->record_count == part->record_capacity) {
        uint64_t capacity = part->record_capacity ? part->record_capacity * 2 : FIRST_CAPACITY;
        void *grown = realloc(part->records, capacity * sizeof *part->records);
        if (!grown) {
            part->failed = true;
            return NULL;
        }
        part->records = grown;
        part->record_capacity = capacity;
    }
    struct hd_part_record *record = &part->records[part->record_count++];
    *record = (struct hd_part_record){.label = HD_NAMES_NONE};
    return record;
}

bool hd_part_grow_edges(struct hd_part *part)
{
    uint64_t capacity = part->edge_capacity ? part->edge_capacity * 2 : FIRST_CAPACITY;
    void *to = realloc(part->to, capacity * sizeof *part->to);
    if (to)
        part->to = to;
    void *name = realloc(part->name, capacity * sizeof *part->name);
    if (name)
        part->name = name;
    if (!to || !name) {
        part->failed = true;
        return false;
    }
    part->edge_capacity = capacity;
    return true;
}

void hd_part_release(void *from, void *to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page, last = (uintptr_t)to / page * page;
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}
