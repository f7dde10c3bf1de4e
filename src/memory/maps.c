/* Reading /proc/PID/maps. See maps.h. Device and special mappings are left out: reading them can have effects or fault. */
#define _GNU_SOURCE
#include "memory/maps.h"

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
    mapping->executable = p[3] == 'x';
    p = hex_parse(p + 6, end, &mapping->offset);
    for (int field = 0; field < 3; field++) { /* the rest of the offset, device, inode */
        while (p < end && *p != ' ')
            p++;
        while (p < end && *p == ' ')
            p++;
    }
    mapping->named = p < end && *p == '/';
    mapping->path = p;
    mapping->path_length = (uint32_t)(end - p);
    return !(prefixed(p, end, "/dev/") && !prefixed(p, end, "/dev/shm/") && !prefixed(p, end, "/dev/zero"))
           && !prefixed(p, end, "[v"); /* [vvar], [vdso], [vsyscall] */
}

static void mappings_parse(struct hd_memory *memory, const char *text, size_t length)
{
    const char *p = text, *stop = text + length;
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

/* The paths point into the text, which goes with the arena. */
static const char *text_keep(struct hd_arena *arena, const struct hd_buffer *text)
{
    char *kept = hd_arena_alloc(arena, text->length + 1, 1);
    return kept && text->length ? memcpy(kept, text->data, text->length) : kept;
}

bool hd_maps_read(struct hd_memory *memory, struct hd_arena *arena, const char *path, struct hd_error *err)
{
    struct hd_buffer text = {0};
    if (!file_read(path, &text, err)) {
        hd_buffer_deinit(&text);
        return false;
    }
    size_t lines = 1;
    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    const char *kept = text_keep(arena, &text);
    memory->mappings = hd_arena_alloc(arena, lines, sizeof *memory->mappings);
    memory->ranges = hd_arena_alloc(arena, lines, sizeof *memory->ranges);
    if (kept && memory->mappings && memory->ranges)
        mappings_parse(memory, kept, text.length);
    hd_buffer_deinit(&text);
    if (!memory->mapping_count)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of mappings in %s", path);
    return true;
}

void hd_maps_merge(struct hd_memory *memory)
{
    for (size_t i = 0; i < memory->mapping_count; i++) {
        const struct hd_mapping *mapping = &memory->mappings[i];
        struct hd_range *last = memory->range_count ? &memory->ranges[memory->range_count - 1] : NULL;
        if (last && last->end == mapping->start)
            last->end = mapping->end;
        else
            memory->ranges[memory->range_count++] = (struct hd_range){.start = mapping->start, .end = mapping->end};
    }
}
