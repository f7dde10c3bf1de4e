/*
 * The memory of this very process: the ranges of /proc/self/maps, read where they are.
 *
 * Uses system calls only (no stdio, no malloc): it runs in a raw clone of a multithreaded process.
 * Device and special mappings are left out: reading them can have effects or fault.
 */
#define _GNU_SOURCE
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool file_read(const char *path, struct hd_buffer *text, struct hd_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot open %s (is /proc mounted?)", path);
    for (;;) {
        if (!hd_buffer_reserve(text, 1 << 16))
            break;
        ssize_t got = read(fd, text->data + text->length, 1 << 16);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int error = errno;
            close(fd);
            return hd_error_set_errno(err, HD_ERROR_TARGET, error, "cannot read %s", path);
        }
        text->length += got;
    }
    close(fd);
    return text->failed ? hd_error_set(err, HD_ERROR_MEMORY, "out of memory while reading %s", path) : true;
}

static const char *hex_parse(const char *p, const char *end, uint64_t *value)
{
    *value = 0;
    for (; p < end; p++) {
        int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
        if (digit < 0)
            break;
        *value = *value << 4 | (uint64_t)digit;
    }
    return p;
}

static bool prefixed(const char *text, const char *end, const char *prefix)
{
    size_t length = strlen(prefix);
    return (size_t)(end - text) >= length && memcmp(text, prefix, length) == 0;
}

/* "START-END rwxp OFFSET MAJ:MIN INODE   PATH"; false for a line that is not worth reading from. */
static bool line_parse(const char *p, const char *end, struct hd_mapping *mapping)
{
    p = hex_parse(p, end, &mapping->start);
    if (p >= end || *p != '-')
        return false;
    p = hex_parse(p + 1, end, &mapping->end);
    if (end - p < 6 || p[1] != 'r')
        return false;
    mapping->writable = p[2] == 'w';
    p += 6;
    for (int field = 0; field < 3; field++) { /* offset, device, inode */
        while (p < end && *p != ' ')
            p++;
        while (p < end && *p == ' ')
            p++;
    }
    mapping->named = p < end && *p == '/';
    return !(prefixed(p, end, "/dev/") && !prefixed(p, end, "/dev/shm/") && !prefixed(p, end, "/dev/zero"))
           && !prefixed(p, end, "[v"); /* [vvar], [vdso], [vsyscall] */
}

static void mappings_parse(struct hd_memory *memory, const struct hd_buffer *text)
{
    const char *p = text->data, *stop = text->data + text->length;
    while (p < stop) {
        const char *end = memchr(p, '\n', stop - p);
        if (!end)
            end = stop;
        struct hd_mapping *mapping = &memory->mappings[memory->mapping_count];
        if (line_parse(p, end, mapping) && mapping->end > mapping->start)
            memory->mapping_count++;
        p = end + 1;
    }
}

static void ranges_merge(struct hd_memory *memory)
{
    for (size_t i = 0; i < memory->mapping_count; i++) {
        const struct hd_mapping *mapping = &memory->mappings[i];
        struct hd_range *last = memory->range_count ? &memory->ranges[memory->range_count - 1] : NULL;
        if (last && last->end == mapping->start)
            last->end = mapping->end;
        else
            memory->ranges[memory->range_count++] = (struct hd_range){
                mapping->start, mapping->end, (const uint8_t *)(uintptr_t)mapping->start};
    }
}

bool hd_memory_open_self(struct hd_memory *memory, struct hd_arena *arena, struct hd_error *err)
{
    struct hd_buffer text = {0};
    memset(memory, 0, sizeof *memory);
    if (!file_read("/proc/self/maps", &text, err)) {
        hd_buffer_deinit(&text);
        return false;
    }
    size_t lines = 1;
    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    memory->mappings = hd_arena_alloc(arena, lines, sizeof *memory->mappings);
    memory->ranges = hd_arena_alloc(arena, lines, sizeof *memory->ranges);
    if (memory->mappings && memory->ranges) {
        mappings_parse(memory, &text);
        ranges_merge(memory);
    }
    hd_buffer_deinit(&text);
    if (!memory->range_count)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of this process's mappings");
    return true;
}
