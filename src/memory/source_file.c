/* See source_file.h. libelf reads the headers and checks their bounds; the bytes are read when they are asked for. */
#define _GNU_SOURCE
#include "memory/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far from any address that a file could mean for itself. */
static const uint64_t BASE = 1ull << 40;

static bool segments_map(struct hd_memory_file *file, struct hd_memory *memory, struct hd_arena *arena, Elf *elf, uint64_t size)
{
    enum { SEGMENTS_MAX = 64 };
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0 || !count || count > SEGMENTS_MAX)
        return false;
    memory->ranges = hd_arena_alloc(arena, count, sizeof *memory->ranges);
    if (!memory->ranges)
        return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD || !segment.p_filesz || segment.p_offset > size
            || segment.p_filesz > size - segment.p_offset || segment.p_vaddr >= BASE)
            continue;
        struct hd_range *range = &memory->ranges[memory->range_count], *before = range - 1;
        *range = (struct hd_range){.start = BASE + segment.p_vaddr, .end = BASE + segment.p_vaddr + segment.p_filesz};
        if (memory->range_count && range->start < before->end) /* sorted, as the ELF specification wants them, or not at all */
            return false;
        hd_memory_reserve(range, arena, file->fd, segment.p_offset);
        memory->range_count++;
        if (segment.p_offset == 0)
            file->start = BASE + segment.p_vaddr;
    }
    return memory->range_count && file->start;
}

bool hd_memory_open_file(struct hd_memory_file *file, struct hd_memory *memory, struct hd_arena *arena, const char *path,
                         struct hd_error *err)
{
    struct stat status;
    *memory = (struct hd_memory){0};
    *file = (struct hd_memory_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %s", path);
    elf_version(EV_CURRENT);
    Elf *elf = S_ISREG(status.st_mode) ? elf_begin(file->fd, ELF_C_READ, NULL) : NULL;
    bool good = elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64
                && segments_map(file, memory, arena, elf, (uint64_t)status.st_size);
    elf_end(elf);
    return good || hd_error_set(err, HD_ERROR_UNSUPPORTED, "%s is no program or library of 64 bits", path);
}

void hd_memory_close_file(struct hd_memory_file *file, struct hd_memory *memory)
{
    if (memory->ranges)
        hd_memory_close(memory);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
