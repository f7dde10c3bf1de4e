/* Look-up in sorted ranges, and fetching what is not here yet. See memory.h. */
#define _GNU_SOURCE
#include "memory/memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FETCH_MAX = 16, /* chunks that are fetched by one system call */
    /* Zeros behind a range: an object in its last slot may claim more elements (127 at most) than the slot has room for. */
    SLACK = 4096
};

/* Zeros need no memory of ours: the mirror is made of them. Much of what a process has reserved was never touched. */
static void zeros_drop(const struct hd_range *range, uint64_t chunk, uint64_t end)
{
    const uint8_t *bytes = range->data + chunk * HD_CHUNK_BYTES;
    uint64_t length = (chunk + 1) * HD_CHUNK_BYTES < end ? HD_CHUNK_BYTES : end - chunk * HD_CHUNK_BYTES;
    if (!*bytes && !memcmp(bytes, bytes + 1, length - 1))
        madvise((void *)(uintptr_t)bytes, length, MADV_DONTNEED);
}

/*
 * The chunks [from, to), none of them read yet. What comes after one that cannot be read is for the caller to try again: another thread
 * that asks meanwhile must not be told that it is not there.
 */
static void chunks_fetch(const struct hd_range *range, uint64_t from, uint64_t to)
{
    uint64_t start = from * HD_CHUNK_BYTES, end = to * HD_CHUNK_BYTES;
    if (end > range->end - range->start)
        end = range->end - range->start;
    uint64_t done = start;
    while (done < end) {
        /* The pages of our copy are our own: range->data is const for all others. */
        ssize_t got = pread(range->source, (uint8_t *)(uintptr_t)range->data + done, end - done,
                            (off_t)(range->offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (uint64_t)got;
    }
    for (uint64_t i = from; i < to; i++) {
        uint64_t chunk_end = (i + 1) * HD_CHUNK_BYTES < end ? (i + 1) * HD_CHUNK_BYTES : end;
        if (done < chunk_end && to - from > 1)
            return;
        if (done >= chunk_end)
            zeros_drop(range, i, end);
        __atomic_store_n(&range->chunks[i], done >= chunk_end ? HD_CHUNK_PRESENT : HD_CHUNK_UNREADABLE, __ATOMIC_RELEASE);
    }
}

/* True if all of them are here then. One bad page must not hide what was asked for together with it. */
static bool chunks_need(const struct hd_range *range, uint64_t from, uint64_t to)
{
    bool all = true;
    for (uint64_t i = from; i < to; i++) {
        uint64_t run = i;
        while (run < to && run - i < FETCH_MAX && __atomic_load_n(&range->chunks[run], __ATOMIC_ACQUIRE) == HD_CHUNK_UNREAD)
            run++;
        if (run > i)
            chunks_fetch(range, i, run);
        for (uint64_t k = i; k < (run > i ? run : i + 1); k++) {
            if (__atomic_load_n(&range->chunks[k], __ATOMIC_ACQUIRE) == HD_CHUNK_UNREAD)
                chunks_fetch(range, k, k + 1);
            all &= __atomic_load_n(&range->chunks[k], __ATOMIC_ACQUIRE) == HD_CHUNK_PRESENT;
        }
        i = run > i ? run - 1 : i;
    }
    return all;
}

const uint8_t *hd_memory_at_slow(struct hd_memory *memory, uint64_t addr, uint64_t length)
{
    size_t low = 0, high = memory->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hd_range *range = &memory->ranges[middle];
        if (addr < range->start) {
            high = middle;
        } else if (addr >= range->end) {
            low = middle + 1;
        } else {
            if (length > range->end - addr)
                break;
            uint64_t offset = addr - range->start;
            if (range->chunks
                && !chunks_need(range, offset / HD_CHUNK_BYTES, (offset + length + HD_CHUNK_BYTES - 1) / HD_CHUNK_BYTES))
                break;
            memory->last = middle;
            memory->looked += length;
            return range->data + offset;
        }
    }
    memory->unreadable++;
    return NULL;
}

void hd_memory_limit(struct hd_memory *memory)
{
    enum { TIMES = 64, TIMES_TEXT = 8 };
    uint64_t bytes = 0;
    for (size_t i = 0; i < memory->range_count; i++)
        bytes += memory->ranges[i].end - memory->ranges[i].start;
    memory->limit = (64ull << 30) + TIMES * bytes;
    memory->limit_text = (512ull << 20) + TIMES_TEXT * bytes;
}

void hd_memory_fetch_writable(struct hd_memory *memory)
{
    size_t at = 0;
    for (size_t i = 0; i < memory->mapping_count; i++) {
        const struct hd_mapping *mapping = &memory->mappings[i];
        while (at < memory->range_count && memory->ranges[at].end <= mapping->start)
            at++;
        if (at == memory->range_count)
            return;
        const struct hd_range *range = &memory->ranges[at];
        if (!mapping->writable || !range->chunks || mapping->start < range->start || mapping->end > range->end)
            continue;
        chunks_need(range, (mapping->start - range->start) / HD_CHUNK_BYTES,
                    (mapping->end - range->start + HD_CHUNK_BYTES - 1) / HD_CHUNK_BYTES);
    }
}

void hd_memory_reserve(struct hd_range *range, struct hd_arena *arena, int source, uint64_t offset)
{
    uint64_t bytes = range->end - range->start;
    void *mirror = bytes > INT64_MAX ? MAP_FAILED
                                     : mmap(NULL, bytes + SLACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    range->chunks = hd_arena_alloc(arena, bytes / HD_CHUNK_BYTES + 1, 1);
    range->source = source;
    range->offset = offset;
    if (mirror != MAP_FAILED && range->chunks) {
        range->data = mirror;
        return;
    }
    if (mirror != MAP_FAILED)
        munmap(mirror, bytes + SLACK);
    range->end = range->start; /* too much for us: nothing of it is readable */
}

void hd_memory_close(struct hd_memory *memory)
{
    for (size_t i = 0; i < memory->range_count; i++)
        if (memory->ranges[i].chunks && memory->ranges[i].data)
            munmap((void *)(uintptr_t)memory->ranges[i].data, memory->ranges[i].end - memory->ranges[i].start + SLACK);
    memory->range_count = 0;
}

int64_t hd_memory_cstring(struct hd_memory *memory, uint64_t addr, size_t limit, const char **text)
{
    enum { STEP = 64 };
    for (size_t length = 0; length < limit; length += STEP) {
        const uint8_t *p = hd_memory_at(memory, addr, 1);
        if (!p)
            return -1;
        const struct hd_range *range = &memory->ranges[memory->last];
        uint64_t most = range->end - addr;
        if (most > length + STEP)
            most = length + STEP;
        if (most > limit)
            most = limit;
        if (most <= length || !hd_memory_at(memory, addr, most))
            return -1;
        const void *end = memchr(p + length, 0, most - length);
        if (end) {
            *text = (const char *)p;
            return (const uint8_t *)end - p;
        }
    }
    return -1;
}
