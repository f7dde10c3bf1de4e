/*
 * Residency from /proc/PID/pagemap. See resident.h. Documentation/admin-guide/mm/pagemap.rst: 64 bits per page; bit 63 says that it is
 * in memory, bits 0 to 54 are its frame, 0 for those who may not know.
 */
#define _GNU_SOURCE
#include "rss/resident.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = HD_RESIDENT_PAGE, BLOCK_PAGES = 1 << 14 };
static const uint64_t PRESENT = 1ull << 63, FRAME = (1ull << 55) - 1;

static bool text_keep(struct hd_arena *arena, struct hd_smaps_mapping *facts)
{
    char *kept = hd_arena_alloc(arena, facts->path_length + 1, 1);
    if (kept && facts->path_length)
        memcpy(kept, facts->path, facts->path_length);
    facts->path = kept;
    return kept != NULL;
}

/* The list doubles; what it leaves behind goes with the arena. */
static struct hd_resident_mapping *mapping_add(struct hd_resident *resident, const struct hd_smaps_mapping *facts)
{
    if (resident->count == resident->capacity) {
        size_t capacity = resident->capacity ? 2 * resident->capacity : 1024;
        struct hd_resident_mapping *grown = hd_arena_alloc(resident->arena, capacity, sizeof *grown);
        if (!grown)
            return NULL;
        if (resident->count)
            memcpy(grown, resident->mappings, resident->count * sizeof *grown);
        resident->mappings = grown;
        resident->capacity = capacity;
    }
    struct hd_resident_mapping *mapping = &resident->mappings[resident->count];
    *mapping = (struct hd_resident_mapping){.facts = *facts};
    if (!text_keep(resident->arena, &mapping->facts))
        return NULL;
    resident->count++;
    return mapping;
}

static bool smaps_take(void *data, const struct hd_smaps_mapping *facts)
{
    struct hd_resident *resident = data;
    if (facts->end <= facts->start || (resident->count && facts->start < resident->mappings[resident->count - 1].facts.end))
        return true; /* [vsyscall] stands apart; the rest is sorted */
    resident->failed = !mapping_add(resident, facts);
    return !resident->failed;
}

bool hd_resident_read(struct hd_resident *resident, struct hd_arena *arena, const char *smaps, size_t length, struct hd_error *err)
{
    *resident = (struct hd_resident){.arena = arena};
    bool whole = hd_smaps_parse(smaps, length, smaps_take, resident);
    if (resident->failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of mappings of the process");
    return (whole && resident->count) || hd_error_set(err, HD_ERROR_TARGET, "the kernel's list of mappings of the process could not be read");
}

/* --- pages --- */

static bool divided(const struct hd_smaps_mapping *facts)
{
    return facts->rss && (facts->kind == HD_SMAPS_ANONYMOUS || facts->kind == HD_SMAPS_HEAP || facts->kind == HD_SMAPS_STACK
                          || facts->kind == HD_SMAPS_CODE);
}

static bool bits_make(struct hd_resident *resident, struct hd_resident_mapping *mapping)
{
    uint64_t pages = (mapping->facts.end - mapping->facts.start) / PAGE;
    mapping->bits = hd_arena_alloc(resident->arena, pages / 64 + 1, sizeof *mapping->bits);
    return mapping->bits != NULL;
}

/* The frame of the page of zeros that all memory is until it is written to; 0 if we may not know. */
static uint64_t zero_frame(void)
{
    uint64_t entry = 0;
    volatile uint8_t *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (page != MAP_FAILED && fd >= 0 && page[0] == 0
        && pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)page / PAGE * sizeof entry)) != (ssize_t)sizeof entry)
        entry = 0;
    if (fd >= 0)
        close(fd);
    if (page != MAP_FAILED)
        munmap((void *)(uintptr_t)page, PAGE);
    return entry & FRAME;
}

static bool mapping_look(struct hd_resident_mapping *mapping, int fd, uint64_t *entries, uint64_t zero)
{
    uint64_t first = mapping->facts.start / PAGE, pages = (mapping->facts.end - mapping->facts.start) / PAGE;
    uint64_t left = mapping->facts.rss / PAGE;
    for (uint64_t done = 0; done < pages && left;) {
        uint64_t count = pages - done < BLOCK_PAGES ? pages - done : BLOCK_PAGES;
        ssize_t got = pread(fd, entries, count * sizeof *entries, (off_t)((first + done) * sizeof *entries));
        if (got <= 0)
            return false;
        for (uint64_t i = 0; i < (uint64_t)got / sizeof *entries && left; i++) {
            if (!(entries[i] & PRESENT) || (zero && (entries[i] & FRAME) == zero))
                continue;
            mapping->bits[(done + i) / 64] |= 1ull << ((done + i) % 64);
            left--; /* no more pages than the kernel counts */
        }
        done += (uint64_t)got / sizeof *entries;
    }
    return true;
}

bool hd_resident_look(struct hd_resident *resident, int pid, struct hd_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot open %s", path);
    uint64_t *entries = malloc(BLOCK_PAGES * sizeof *entries), zero = zero_frame();
    bool good = entries != NULL;
    for (size_t i = 0; good && i < resident->count; i++) {
        struct hd_resident_mapping *mapping = &resident->mappings[i];
        if (!divided(&mapping->facts))
            continue;
        good = bits_make(resident, mapping);
        if (good && !mapping_look(mapping, fd, entries, zero))
            mapping->bits = NULL; /* gone meanwhile: not divided */
    }
    free(entries);
    close(fd);
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of pages of process %d", pid);
}

/* --- cores --- */

static bool all_zero(const uint8_t *page)
{
    return page[0] == 0 && !memcmp(page, page + 1, PAGE - 1);
}

/* The part [start, end) of a mapping is in the core at `offset`. */
static bool part_look(struct hd_resident_mapping *mapping, const struct hd_range *range, uint64_t start, uint64_t end, uint8_t *block)
{
    enum { BLOCK = 64 * PAGE };
    for (uint64_t at = start; at < end;) {
        uint64_t length = end - at < BLOCK ? end - at : BLOCK;
        ssize_t got = pread(range->source, block, length, (off_t)(range->offset + (at - range->start)));
        if (got < PAGE)
            return false;
        for (uint64_t k = 0; k + PAGE <= (uint64_t)got; k += PAGE) {
            uint64_t page = (at + k - mapping->facts.start) / PAGE;
            mapping->facts.rss += PAGE;
            if (all_zero(block + k))
                mapping->zeros += PAGE;
            else
                mapping->bits[page / 64] |= 1ull << (page % 64);
        }
        at += (uint64_t)got / PAGE * PAGE;
    }
    return true;
}

static bool is_elf(struct hd_memory *memory, uint64_t addr)
{
    uint64_t unreadable = memory->unreadable;
    const uint8_t *magic = hd_memory_at(memory, addr, 4);
    memory->unreadable = unreadable;
    return magic && !memcmp(magic, "\x7f" "ELF", 4);
}

static void core_mapping_look(struct hd_resident_mapping *mapping, const struct hd_core *core, const struct hd_memory *memory,
                              size_t *from, uint8_t *block)
{
    while (*from < memory->range_count && memory->ranges[*from].end <= mapping->facts.start)
        ++*from;
    for (size_t i = *from; i < memory->range_count && memory->ranges[i].start < mapping->facts.end; i++) {
        const struct hd_range *range = &memory->ranges[i];
        uint64_t start = range->start > mapping->facts.start ? range->start : mapping->facts.start;
        uint64_t end = range->end < mapping->facts.end ? range->end : mapping->facts.end;
        if (range->source == core->fd && end > start)
            part_look(mapping, range, start, end, block);
    }
}

bool hd_resident_of_core(struct hd_resident *resident, struct hd_arena *arena, const struct hd_core *core, struct hd_memory *memory,
                         struct hd_error *err)
{
    *resident = (struct hd_resident){.arena = arena};
    uint8_t *block = malloc(64 * PAGE);
    bool good = block != NULL;
    size_t from = 0;
    for (size_t i = 0; good && i < memory->mapping_count; i++) {
        const struct hd_mapping *at = &memory->mappings[i];
        struct hd_smaps_mapping facts = {.start = at->start & ~(uint64_t)(PAGE - 1), .end = at->end & ~(uint64_t)(PAGE - 1),
                                         .offset = at->offset, .readable = true, .writable = at->writable, .executable = at->executable,
                                         .path = at->path, .path_length = at->path_length};
        if (facts.end <= facts.start || (resident->count && facts.start < resident->mappings[resident->count - 1].facts.end))
            continue;
        facts.kind = hd_smaps_kind_of(facts.path, facts.path_length, facts.executable);
        if (facts.kind == HD_SMAPS_CODE && is_elf(memory, facts.start)) /* a core does not name the vDSO */
            facts.kind = HD_SMAPS_KERNEL;
        struct hd_resident_mapping *mapping = mapping_add(resident, &facts);
        good = mapping != NULL;
        size_t first = from;
        bool there = false; /* address space that nothing of is in the core needs no bits */
        for (; first < memory->range_count && memory->ranges[first].start < facts.end && !there; first++)
            there = memory->ranges[first].end > facts.start && memory->ranges[first].source == core->fd;
        if (!good || !there)
            continue;
        good = bits_make(resident, mapping);
        if (good)
            core_mapping_look(mapping, core, memory, &from, block);
        mapping->facts.anonymous = mapping->facts.rss;
    }
    free(block);
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of pages of the core");
}

/* --- look-up --- */

struct hd_resident_mapping *hd_resident_at(struct hd_resident *resident, uint64_t addr)
{
    if (resident->last < resident->count) {
        struct hd_resident_mapping *mapping = &resident->mappings[resident->last];
        if (addr >= mapping->facts.start && addr < mapping->facts.end)
            return mapping;
    }
    size_t low = 0, high = resident->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct hd_resident_mapping *mapping = &resident->mappings[middle];
        if (addr < mapping->facts.start) {
            high = middle;
        } else if (addr >= mapping->facts.end) {
            low = middle + 1;
        } else {
            resident->last = middle;
            return mapping;
        }
    }
    return NULL;
}

static bool page_there(const struct hd_resident_mapping *mapping, uint64_t page)
{
    return mapping->bits[page / 64] >> (page % 64) & 1;
}

uint64_t hd_resident_bytes(const struct hd_resident_mapping *mapping, uint64_t start, uint64_t end)
{
    start = start > mapping->facts.start ? start : mapping->facts.start;
    end = end < mapping->facts.end ? end : mapping->facts.end;
    if (!mapping->bits || start >= end)
        return 0;
    uint64_t from = start - mapping->facts.start, to = end - mapping->facts.start, bytes = 0;
    uint64_t page = from / PAGE, last = (to - 1) / PAGE;
    if (page == last)
        return page_there(mapping, page) ? to - from : 0;
    if (page_there(mapping, page))
        bytes += (page + 1) * PAGE - from;
    if (page_there(mapping, last))
        bytes += to - last * PAGE;
    for (page++; page < last && page % 64; page++)
        bytes += page_there(mapping, page) ? PAGE : 0;
    for (; page + 64 <= last; page += 64)
        bytes += (uint64_t)__builtin_popcountll(mapping->bits[page / 64]) * PAGE;
    for (; page < last; page++)
        bytes += page_there(mapping, page) ? PAGE : 0;
    return bytes;
}
