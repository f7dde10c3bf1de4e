/*
 * The memory of a Ruby process as sorted ranges of readable addresses.
 *
 * Owns which addresses can be read and how. Must not know what lies there. Each kind of source (this process,
 * another one, a core file) fills the ranges; nobody above knows which it is.
 * Invariant: hd_memory_at never returns a pointer to fewer than the bytes asked for, and a failed read is
 * ordinary: it is counted, never fatal. What it returned stays valid until the memory is closed.
 */
#ifndef HD_MEMORY_MEMORY_H
#define HD_MEMORY_MEMORY_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hd_range {
    uint64_t start, end;  /* target addresses, [start, end) */
    const uint8_t *data;  /* the bytes of [start, end) in this process */
    uint8_t *chunks;      /* enum hd_chunk of each HD_CHUNK_BYTES of it; NULL: all are there */
    int source;           /* descriptor that chunks are fetched from */
    uint64_t offset;      /* where [start, …) begins in it */
};

/* What is known of the bytes of another process: they are fetched when they are first asked for. */
enum { HD_CHUNK_BYTES = 1 << 16 };
enum hd_chunk { HD_CHUNK_UNREAD, HD_CHUNK_PRESENT, HD_CHUNK_UNREADABLE };

/* A mapping as the kernel lists it, before neighbours are merged: for finding a library's data segment. */
struct hd_mapping {
    uint64_t start, end;
    uint64_t offset;      /* in the file */
    const char *path;     /* not terminated; "[stack]" and the like, too */
    uint32_t path_length; /* 0 for anonymous memory */
    bool writable, executable;
    bool named; /* backed by a file */
};

struct hd_memory {
    struct hd_range *ranges; /* sorted, disjoint, neighbours merged */
    size_t range_count;
    size_t last; /* the range of the last hit: reads cluster */
    struct hd_mapping *mappings;
    size_t mapping_count;
    uint64_t unreadable; /* reads that failed */
    uint64_t looked;     /* bytes that were asked for so far, of which many more than once */
    uint64_t limit;      /* of `looked`; 0: none */
    uint64_t limit_text; /* bytes that can be said of one object; 0: any */
    bool incomplete;     /* some of what the process had is known to be missing */
};

/* This process. The ranges are those at the time of the call; memory mapped later is not seen. */
bool hd_memory_open_self(struct hd_memory *memory, struct hd_arena *arena, struct hd_error *err);

/*
 * Another process, which stands still as long as this is used. `mem` is a descriptor of its /proc/PID/mem, which the caller
 * closes after hd_memory_close; HD_ERROR_MEMORY where there is no room for them here. Bytes are copied when they are first asked for and stay where they are; several
 * threads may read, each with a copy of *memory.
 */
bool hd_memory_open_process(struct hd_memory *memory, struct hd_arena *arena, int pid, int mem, struct hd_error *err);

/* Reserves space here for a range's bytes, which are to be fetched from `source`; the range is empty if there is none. */
void hd_memory_reserve(struct hd_range *range, struct hd_arena *arena, int source, uint64_t offset);

/* Copies all that can still change, so that the process may go on while it is looked at. Takes as much memory here as it has there. */
void hd_memory_fetch_writable(struct hd_memory *memory);

/* Gives back what was copied. Not needed for this process's own memory. */
void hd_memory_close(struct hd_memory *memory);

/*
 * For memory that may be anybody's: honest data is looked at a few times, but made-up lengths and pointers can have the same bytes
 * looked at for ever. Loops over what the memory says ask hd_memory_exhausted and end.
 */
void hd_memory_limit(struct hd_memory *memory);

/* To be told of work that is not looking at memory. */
static inline void hd_memory_worked(struct hd_memory *memory, uint64_t bytes)
{
    memory->looked += bytes;
}

static inline bool hd_memory_exhausted(const struct hd_memory *memory)
{
    return memory->limit && memory->looked > memory->limit;
}

const uint8_t *hd_memory_at_slow(struct hd_memory *memory, uint64_t addr, uint64_t length);

/* The `length` bytes at `addr`, or NULL (and counted) where they are not all readable. */
static inline const uint8_t *hd_memory_at(struct hd_memory *memory, uint64_t addr, uint64_t length)
{
    const struct hd_range *range = &memory->ranges[memory->last];
    memory->looked += length < HD_CHUNK_BYTES ? length : HD_CHUNK_BYTES; /* more only if it is there: lengths may be nonsense */
    if (addr >= range->start && addr < range->end && length <= range->end - addr) {
        uint64_t offset = addr - range->start, last = offset + length - (length != 0);
        if (!range->chunks
            || (offset / HD_CHUNK_BYTES == last / HD_CHUNK_BYTES
                && __atomic_load_n(&range->chunks[offset / HD_CHUNK_BYTES], __ATOMIC_ACQUIRE) == HD_CHUNK_PRESENT))
            return range->data + offset;
    }
    return hd_memory_at_slow(memory, addr, length);
}

/* Unaligned loads; false (and *value = 0) where the address is not readable. */
#define HD_MEMORY_LOAD(name, type)                                                            \
    static inline bool name(struct hd_memory *memory, uint64_t addr, type *value)             \
    {                                                                                         \
        const uint8_t *p = hd_memory_at(memory, addr, sizeof *value);                         \
        if (!p) {                                                                             \
            *value = 0;                                                                       \
            return false;                                                                     \
        }                                                                                     \
        memcpy(value, p, sizeof *value);                                                      \
        return true;                                                                          \
    }
HD_MEMORY_LOAD(hd_memory_load_u64, uint64_t)
HD_MEMORY_LOAD(hd_memory_load_u32, uint32_t)
HD_MEMORY_LOAD(hd_memory_load_u16, uint16_t)
HD_MEMORY_LOAD(hd_memory_load_u8, uint8_t)
#undef HD_MEMORY_LOAD

/* The same, 0 where the address is not readable: for members whose 0 means "none". */
static inline uint64_t hd_memory_u64(struct hd_memory *memory, uint64_t addr)
{
    uint64_t value;
    hd_memory_load_u64(memory, addr, &value);
    return value;
}

static inline uint32_t hd_memory_u32(struct hd_memory *memory, uint64_t addr)
{
    uint32_t value;
    hd_memory_load_u32(memory, addr, &value);
    return value;
}

/* The length of the C string at addr, or -1 if it does not end within `limit` readable bytes. */
int64_t hd_memory_cstring(struct hd_memory *memory, uint64_t addr, size_t limit, const char **text);

#endif
