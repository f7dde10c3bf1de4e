/*
 * Reading /proc/PID/smaps. See smaps.h. Documentation/filesystems/proc.rst: a line as in maps, then "Name: N kB" for each fact; the
 * lines of one mapping follow one another.
 */
#define _GNU_SOURCE
#include "memory/smaps.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, LINE_MAX_BYTES = 1 << 14 };

struct reading {
    hd_smaps_each *each;
    void *data;
    struct hd_smaps_mapping mapping;
    char path[LINE_MAX_BYTES]; /* the line of a mapping is gone when its facts have been read */
    bool open;
};

static bool begins(const char *text, size_t length, const char *prefix)
{
    size_t wanted = strlen(prefix);
    return length >= wanted && !memcmp(text, prefix, wanted);
}

enum hd_smaps_kind hd_smaps_kind_of(const char *path, size_t length, bool executable)
{
    if (!length || begins(path, length, "[anon:"))
        return executable ? HD_SMAPS_CODE : HD_SMAPS_ANONYMOUS;
    if (begins(path, length, "[heap]"))
        return HD_SMAPS_HEAP;
    if (begins(path, length, "[stack"))
        return HD_SMAPS_STACK;
    if (begins(path, length, "[anon_shmem:") || begins(path, length, "/dev/zero (deleted)") || begins(path, length, "/dev/shm/")
        || begins(path, length, "/memfd:") || begins(path, length, "/SYSV"))
        return HD_SMAPS_SHARED;
    if (path[0] == '[' || begins(path, length, "anon_inode:"))
        return HD_SMAPS_KERNEL;
    return begins(path, length, "/dev/") ? HD_SMAPS_DEVICE : HD_SMAPS_FILE;
}

static const char *hex(const char *p, const char *end, uint64_t *value)
{
    for (*value = 0; p < end; p++) {
        int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
        if (digit < 0)
            break;
        *value = *value << 4 | (uint64_t)digit;
    }
    return p;
}

/* "START-END rwxp OFFSET MAJ:MIN INODE   PATH"; false for any other line. */
static bool mapping_begin(struct reading *reading, const char *p, const char *end)
{
    struct hd_smaps_mapping mapping = {0};
    const char *at = hex(p, end, &mapping.start);
    if (at == p || at >= end || *at != '-')
        return false;
    p = at + 1;
    at = hex(p, end, &mapping.end);
    if (at == p || end - at < 6 || *at != ' ')
        return false;
    mapping.readable = at[1] == 'r';
    mapping.writable = at[2] == 'w';
    mapping.executable = at[3] == 'x';
    p = hex(at + 6, end, &mapping.offset);
    for (int field = 0; field < 3; field++) { /* the rest of the offset, device, inode */
        while (p < end && *p != ' ')
            p++;
        while (p < end && *p == ' ')
            p++;
    }
    mapping.path_length = (size_t)(end - p) < sizeof reading->path ? (size_t)(end - p) : sizeof reading->path;
    memcpy(reading->path, p, mapping.path_length);
    mapping.path = reading->path;
    mapping.kind = hd_smaps_kind_of(mapping.path, mapping.path_length, mapping.executable);
    reading->mapping = mapping;
    return true;
}

static void fact_note(struct hd_smaps_mapping *mapping, const char *p, const char *end)
{
    const struct {
        const char *name;
        uint64_t *value;
    } facts[] = {{"Rss:", &mapping->rss},           {"Pss:", &mapping->pss},          {"Private_Dirty:", &mapping->dirty},
                 {"Anonymous:", &mapping->anonymous}, {"LazyFree:", &mapping->lazy_free}, {"Swap:", &mapping->swap}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (!begins(p, (size_t)(end - p), facts[i].name))
            continue;
        uint64_t value = 0;
        for (p += strlen(facts[i].name); p < end && *p == ' '; p++)
            ;
        for (; p < end && *p >= '0' && *p <= '9' && value < UINT64_MAX / 16384; p++)
            value = value * 10 + (uint64_t)(*p - '0');
        *facts[i].value = value * 1024;
        return;
    }
}

static bool mapping_end(struct reading *reading)
{
    bool go_on = !reading->open || reading->each(reading->data, &reading->mapping);
    reading->open = false;
    return go_on;
}

static bool line_take(struct reading *reading, const char *p, const char *end)
{
    bool digit = p < end && ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f')); /* facts begin with capitals */
    if (!digit) {
        if (reading->open)
            fact_note(&reading->mapping, p, end);
        return true;
    }
    if (!mapping_end(reading))
        return false;
    reading->open = mapping_begin(reading, p, end);
    return true;
}

/* Takes the whole lines; *at is where the rest begins. False to stop. */
static bool lines_take(struct reading *reading, const char *text, size_t length, size_t *at)
{
    for (*at = 0;;) {
        const char *from = text + *at, *end = memchr(from, '\n', length - *at);
        if (!end)
            return true;
        if (!line_take(reading, from, end))
            return false;
        *at = (size_t)(end - text) + 1;
    }
}

bool hd_smaps_parse(const char *text, size_t length, hd_smaps_each *each, void *data)
{
    struct reading reading = {.each = each, .data = data};
    size_t at;
    bool good = lines_take(&reading, text, length, &at);
    return good && at == length && mapping_end(&reading);
}

bool hd_smaps_read(const char *path, hd_smaps_each *each, void *data, struct hd_error *err)
{
    struct reading reading = {.each = each, .data = data};
    struct hd_buffer text = {0};
    ssize_t got = 0;
    int number = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot open %s", path);
    while (hd_buffer_reserve(&text, BLOCK)) {
        got = read(fd, text.data + text.length, BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        number = errno;
        if (got <= 0)
            break;
        text.length += (size_t)got;
        size_t at;
        if (!lines_take(&reading, text.data, text.length, &at))
            break;
        memmove(text.data, text.data + at, text.length - at);
        text.length -= at;
        if (text.length >= LINE_MAX_BYTES) /* no line of a kernel is longer */
            break;
    }
    close(fd);
    bool failed = text.failed;
    hd_buffer_deinit(&text);
    if (got == 0)
        mapping_end(&reading);
    if (got < 0)
        return hd_error_set_errno(err, HD_ERROR_TARGET, number, "cannot read %s", path);
    return !failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory while reading %s", path);
}
