/* See core.h. libelf reads the headers and notes and checks their bounds; the memory itself is read piece by piece. */
#define _GNU_SOURCE
#include "memory/core.h"

#include "memory/core_library.h"
#include "memory/core_unpack.h"
#include "memory/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 1 << 20, MAPPINGS_MAX = 1 << 20, THREADS_MAX = 1 << 20, FILES_MAX = 1024, PARTS_OF_IMAGE = 64 };
static const uint64_t NOTES_BYTES_MAX = 512ull << 20; /* some 15 kB for each thread */

/* Of NT_FILE: a part of a file that was mapped. */
struct file_part {
    uint64_t start, end, offset;
    const char *path; /* terminated, in the note */
};

struct reading {
    struct hd_core *core;
    struct hd_memory *memory;
    struct hd_arena *arena;
    const struct hd_core_options *options;
    Elf *elf;
    uint64_t file_size;
    GElf_Phdr *segments;
    size_t segment_count;
    struct file_part *parts;
    size_t part_count;
    size_t range_capacity;
    uint64_t notes_bytes, taken; /* of the file, by notes and by memory */
};

/* --- notes --- */

static uint64_t word(const char *bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

/* fs/binfmt_elf.c, fill_files_note: count, page size, count times (start, end, offset in pages), then the names. */
static void files_note(struct reading *reading, const char *bytes, size_t size)
{
    uint64_t count = size >= 16 ? word(bytes, 0) : 0, page = size >= 16 ? word(bytes, 8) : 0;
    if (!count || count > MAPPINGS_MAX || count > (size - 16) / 24 || reading->parts)
        return;
    reading->parts = hd_arena_alloc(reading->arena, count, sizeof *reading->parts);
    const char *name = bytes + 16 + 24 * count, *end = bytes + size;
    for (uint64_t i = 0; reading->parts && i < count && name < end; i++) {
        size_t length = strnlen(name, (size_t)(end - name));
        if (name + length == end)
            return;
        size_t at = 16 + 24 * i;
        reading->parts[reading->part_count++] =
            (struct file_part){word(bytes, at), word(bytes, at + 8), word(bytes, at + 16) * page, name};
        name += length + 1;
    }
}

static void thread_note(struct hd_core *core, const char *bytes, size_t size)
{
    struct elf_prstatus status;
    struct user_regs_struct r;
    if (size < sizeof status || core->stack_count == THREADS_MAX)
        return;
    if (core->stack_count % 64 == 0) {
        struct hd_stack *grown = realloc(core->stacks, (core->stack_count + 64) * sizeof *grown);
        if (!grown)
            return;
        core->stacks = grown;
    }
    memcpy(&status, bytes, sizeof status);
    memcpy(&r, &status.pr_reg, sizeof r);
    const uint64_t registers[] = {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8,
                                  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    struct hd_stack *stack = &core->stacks[core->stack_count++];
    *stack = (struct hd_stack){.pointer = r.rsp, .register_count = (int)(sizeof registers / sizeof *registers)};
    memcpy(stack->registers, registers, sizeof registers);
    if (!core->pid)
        core->pid = status.pr_pid;
}

static void process_note(struct hd_core *core, const char *bytes, size_t size)
{
    struct elf_prpsinfo info;
    if (size < sizeof info)
        return;
    memcpy(&info, bytes, sizeof info);
    core->pid = info.pr_pid;
    memcpy(core->command, info.pr_psargs, sizeof info.pr_psargs);
    core->command[sizeof info.pr_psargs] = 0;
}

static void notes_read(struct reading *reading, const GElf_Phdr *segment)
{
    if (segment->p_offset > reading->file_size || segment->p_filesz > reading->file_size - segment->p_offset
        || segment->p_filesz > NOTES_BYTES_MAX - reading->notes_bytes)
        return;
    reading->notes_bytes += segment->p_filesz; /* libelf keeps them all */
    Elf_Data *data = elf_getdata_rawchunk(reading->elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_NHDR);
    GElf_Nhdr note;
    size_t name, description;
    for (size_t at = 0; data && (at = gelf_getnote(data, at, &note, &name, &description)) > 0;) {
        const char *bytes = (const char *)data->d_buf + description;
        if (note.n_type == NT_FILE)
            files_note(reading, bytes, note.n_descsz);
        else if (note.n_type == NT_PRSTATUS)
            thread_note(reading->core, bytes, note.n_descsz);
        else if (note.n_type == NT_PRPSINFO)
            process_note(reading->core, bytes, note.n_descsz);
    }
}

/* --- memory --- */

/* To be settled by ranges_settle. */
static void range_add(struct reading *reading, uint64_t start, uint64_t end, int source, uint64_t offset)
{
    struct hd_memory *memory = reading->memory;
    if (memory->range_count < reading->range_capacity && end > start)
        memory->ranges[memory->range_count++] = (struct hd_range){.start = start, .end = end, .source = source, .offset = offset};
}

/* What a segment has in the core itself. All of them together have no more than the file, or the same bytes are memory twice. */
static void segment_take(struct reading *reading, const GElf_Phdr *segment)
{
    struct hd_core *core = reading->core;
    uint64_t bytes = segment->p_filesz < segment->p_memsz ? segment->p_filesz : segment->p_memsz;
    uint64_t there = segment->p_offset < reading->file_size ? reading->file_size - segment->p_offset : 0;
    if (bytes <= UINT64_MAX - segment->p_offset && segment->p_offset + bytes > core->whole)
        core->whole = segment->p_offset + bytes;
    if (bytes > there) {
        core->truncated = true;
        bytes = there;
    }
    uint64_t left = reading->file_size - reading->taken;
    core->overlapping += bytes > left ? bytes - left : 0;
    bytes = bytes > left ? left : bytes;
    reading->taken += bytes;
    range_add(reading, segment->p_vaddr, segment->p_vaddr + bytes, core->fd, segment->p_offset);
}

static const struct file_part *part_at(const struct reading *reading, uint64_t addr)
{
    size_t low = 0, high = reading->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr < reading->parts[middle].start)
            high = middle;
        else if (addr >= reading->parts[middle].end)
            low = middle + 1;
        else
            return &reading->parts[middle];
    }
    return NULL;
}

static int by_part(const void *left, const void *right)
{
    uint64_t a = ((const struct file_part *)left)->start, b = ((const struct file_part *)right)->start;
    return (a > b) - (a < b);
}

/* As the kernel has them; who knows who wrote this core. */
static void parts_sort(struct reading *reading)
{
    size_t kept = 0;
    if (reading->part_count)
        qsort(reading->parts, reading->part_count, sizeof *reading->parts, by_part);
    for (size_t i = 0; i < reading->part_count; i++) {
        const struct file_part part = reading->parts[i];
        if (part.end > part.start && (!kept || part.start >= reading->parts[kept - 1].end))
            reading->parts[kept++] = part;
    }
    reading->part_count = kept;
}

/* Sorted by address, which the look-up needs, and none over another: a core may say anything. */
static int by_start(const void *left, const void *right)
{
    const struct hd_range *a = left, *b = right;
    return a->start != b->start ? (a->start > b->start) - (a->start < b->start) : (a->offset > b->offset) - (a->offset < b->offset);
}

/* Does `range` go on where `before` ends, in the file, too? One mapping for both then: a process may have only so many. */
static bool continues(const struct hd_range *before, const struct hd_range *range)
{
    return !before->chunks && !range->chunks && before->source == range->source && before->end == range->start
           && before->offset + (before->end - before->start) == range->offset;
}

/* Of what lies over another one, the first is kept. Those that have no place in our memory yet get one. */
static void ranges_settle(struct reading *reading)
{
    struct hd_memory *memory = reading->memory;
    size_t kept = 0;
    qsort(memory->ranges, memory->range_count, sizeof *memory->ranges, by_start);
    for (size_t i = 0; i < memory->range_count; i++) {
        struct hd_range range = memory->ranges[i], *before = kept ? &memory->ranges[kept - 1] : NULL;
        uint64_t over = before && before->end > range.start ? (before->end < range.end ? before->end : range.end) - range.start : 0;
        reading->core->overlapping += over;
        range.start += over;
        range.offset += over;
        if (before && continues(before, &range))
            before->end = range.end;
        else if (range.end > range.start)
            memory->ranges[kept++] = range;
    }
    memory->range_count = kept;
    for (size_t i = 0; i < kept; i++) {
        struct hd_range *range = &memory->ranges[i];
        uint64_t bytes = range->end - range->start;
        if (!range->chunks)
            hd_memory_reserve(range, reading->arena, range->source, range->offset);
        reading->core->missing += bytes - (range->end - range->start); /* there is no room for it here */
    }
}

static void mapping_add(struct hd_memory *memory, const GElf_Phdr *segment, const struct file_part *part)
{
    struct hd_mapping *mapping = &memory->mappings[memory->mapping_count++];
    *mapping = (struct hd_mapping){.start = segment->p_vaddr, .end = segment->p_vaddr + segment->p_memsz,
                                   .writable = segment->p_flags & PF_W, .executable = segment->p_flags & PF_X};
    if (!part)
        return;
    mapping->named = part->path[0] == '/';
    mapping->path = part->path;
    mapping->path_length = (uint32_t)strlen(part->path);
    mapping->offset = part->offset + (segment->p_vaddr - part->start);
}

/* --- libraries --- */

/* The build-id that the process's own copy of the file says it has; "" if its first page is not in the core. */
static void build_id_of_part(const struct reading *reading, const char *path, char id[65])
{
    *id = 0;
    for (size_t i = 0; i < reading->part_count; i++) {
        const struct file_part *part = &reading->parts[i];
        if (part->offset || strcmp(part->path, path) != 0)
            continue;
        struct hd_image image;
        hd_image_open(&image, reading->memory, part->start); /* its tables may be missing; the notes stand in the first page */
        snprintf(id, 65, "%.64s", image.build_id);
        return;
    }
}

struct library {
    const char *path;
    int fd; /* -1: not there, or another build */
    uint64_t bytes; /* of it that were taken */
};

static int library_open(struct reading *reading, const char *path)
{
    char id[65];
    struct hd_error ignored = {0};
    bool program = reading->part_count && !strcmp(reading->parts[0].path, path);
    build_id_of_part(reading, path, id);
    /* only Ruby's own is missed if it is wrong; of the others just what lies in them */
    return hd_core_library_open(path, id, program, reading->options, strstr(path, "ruby") ? &reading->core->wrong : &ignored);
}

/* Fills what the core leaves out of mapped files. */
static void library_add(struct reading *reading, struct library *libraries, size_t *count, uint64_t from, uint64_t to)
{
    const struct file_part *part = part_at(reading, from);
    size_t i = 0;
    if (!part || part->path[0] != '/')
        return;
    while (i < *count && strcmp(libraries[i].path, part->path) != 0)
        i++;
    if (i == *count) {
        if (*count == FILES_MAX)
            return;
        libraries[(*count)++] = (struct library){.path = part->path, .fd = library_open(reading, part->path)};
    }
    enum { TIMES = 4 }; /* it may be mapped in pieces that overlap, or twice; not a thousand times */
    struct stat status = {0};
    uint64_t offset = part->offset + (from - part->start);
    if (to > part->end)
        to = part->end;
    if (libraries[i].fd >= 0 && !fstat(libraries[i].fd, &status) && offset + (to - from) > (uint64_t)status.st_size)
        to = (uint64_t)status.st_size > offset ? from + ((uint64_t)status.st_size - offset) : from; /* the last page */
    libraries[i].bytes += to - from;
    if (libraries[i].fd >= 0 && libraries[i].bytes <= TIMES * (uint64_t)status.st_size)
        range_add(reading, from, to, libraries[i].fd, offset);
    else
        reading->core->missing += to - from;
}

/*
 * The kernel leaves the pages of files out of a core that nobody has changed, gcore leaves out the whole segment: what
 * NT_FILE says was mapped and no segment has is in the file.
 */
static void gaps_fill(struct reading *reading, struct library *libraries)
{
    struct hd_memory *memory = reading->memory;
    size_t count = 0, there = memory->range_count, at = 0;
    for (size_t i = 0; i < reading->part_count; i++) {
        const struct file_part *part = &reading->parts[i];
        uint64_t from = part->start;
        while (at > 0 && memory->ranges[at - 1].end > from)
            at--;
        while (at < there && memory->ranges[at].end <= from)
            at++;
        for (size_t k = at; from < part->end; k++) {
            uint64_t to = k < there && memory->ranges[k].start < part->end ? memory->ranges[k].start : part->end;
            if (to > from)
                library_add(reading, libraries, &count, from, to);
            from = k < there ? memory->ranges[k].end : part->end;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (libraries[i].fd >= 0)
            reading->core->files[reading->core->file_count++] = libraries[i].fd;
}

static int by_mapping(const void *left, const void *right)
{
    uint64_t a = ((const struct hd_mapping *)left)->start, b = ((const struct hd_mapping *)right)->start;
    return (a > b) - (a < b);
}

/* --- a core without a list of files: gcore writes it last, so one that was cut off has none --- */

static size_t images_most(const struct reading *reading)
{
    return reading->segment_count < FILES_MAX ? reading->segment_count : FILES_MAX;
}

/* The parts of the ELF file whose first page is mapped at `start`, by its own headers. */
static void parts_of_image(struct reading *reading, uint64_t start)
{
    enum { NAME_MAX_BYTES = 256, PAGE = 4096 };
    struct hd_memory *memory = reading->memory;
    struct hd_image image;
    Elf64_Ehdr header;
    const char *name;
    hd_image_open(&image, memory, start);
    const uint8_t *bytes = hd_memory_at(memory, start, sizeof header);
    if (!bytes || !image.wide)
        return;
    memcpy(&header, bytes, sizeof header);
    int64_t length = image.soname ? hd_memory_cstring(memory, image.soname, NAME_MAX_BYTES, &name) : 0;
    char *path = hd_arena_alloc(reading->arena, NAME_MAX_BYTES + 2, 1);
    bytes = header.e_phnum <= PARTS_OF_IMAGE ? hd_memory_at(memory, start + header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)) : NULL;
    if (!path || !bytes)
        return;
    path[0] = '/';
    memcpy(path + 1, length > 0 ? name : "program", length > 0 ? (size_t)length : 7);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr part;
        memcpy(&part, bytes + (size_t)i * sizeof part, sizeof part);
        uint64_t skip = part.p_vaddr % PAGE, from = image.base + part.p_vaddr - skip;
        if (part.p_type == PT_LOAD && part.p_offset >= skip && part.p_filesz < 1ull << 40)
            reading->parts[reading->part_count++] = (struct file_part){from, from + ((skip + part.p_filesz + PAGE - 1) & ~(PAGE - 1ull)),
                                                                       part.p_offset - skip, path};
    }
}

static void parts_guess(struct reading *reading)
{
    reading->parts = hd_arena_alloc(reading->arena, images_most(reading) * PARTS_OF_IMAGE + 1, sizeof *reading->parts);
    for (size_t i = 0, seen = 0; reading->parts && i < reading->segment_count && seen < images_most(reading); i++) {
        uint64_t start = reading->segments[i].p_vaddr;
        const uint8_t *magic = reading->segments[i].p_type == PT_LOAD ? hd_memory_at(reading->memory, start, SELFMAG) : NULL;
        if (!magic || memcmp(magic, ELFMAG, SELFMAG))
            continue;
        seen++;
        parts_of_image(reading, start);
    }
    parts_sort(reading);
}

/* Those of the segments, and of the files that have none. */
static void mappings_make(struct reading *reading)
{
    struct hd_memory *memory = reading->memory;
    for (size_t i = 0; i < reading->segment_count; i++)
        if (reading->segments[i].p_type == PT_LOAD && reading->segments[i].p_memsz)
            mapping_add(memory, &reading->segments[i], part_at(reading, reading->segments[i].p_vaddr));
    size_t segments = memory->mapping_count;
    qsort(memory->mappings, segments, sizeof *memory->mappings, by_mapping);
    for (size_t i = 0; i < reading->part_count; i++) {
        const struct file_part *part = &reading->parts[i];
        const GElf_Phdr whole = {.p_vaddr = part->start, .p_memsz = part->end - part->start, .p_flags = PF_R};
        const struct hd_mapping key = {.start = part->start};
        if (part->end > part->start && !bsearch(&key, memory->mappings, segments, sizeof key, by_mapping))
            mapping_add(memory, &whole, part);
    }
    qsort(memory->mappings, memory->mapping_count, sizeof *memory->mappings, by_mapping);
}

static bool memory_read(struct reading *reading, struct hd_error *err)
{
    struct hd_memory *memory = reading->memory;
    struct library *libraries = hd_arena_alloc(reading->arena, FILES_MAX, sizeof *libraries);
    parts_sort(reading);
    size_t parts = reading->part_count ? reading->part_count : images_most(reading) * PARTS_OF_IMAGE;
    reading->range_capacity = 2 * (reading->segment_count + parts) + 1;
    memory->ranges = hd_arena_alloc(reading->arena, reading->range_capacity, sizeof *memory->ranges);
    memory->mappings = hd_arena_alloc(reading->arena, reading->segment_count + parts + 1, sizeof *memory->mappings);
    reading->core->files = calloc(FILES_MAX, sizeof *reading->core->files);
    if (!libraries || !memory->ranges || !memory->mappings || !reading->core->files)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of the core's segments");
    for (size_t i = 0; i < reading->segment_count; i++) {
        const GElf_Phdr *segment = &reading->segments[i];
        if (segment->p_type == PT_LOAD && segment->p_memsz && segment->p_memsz <= UINT64_MAX - segment->p_vaddr)
            segment_take(reading, segment);
    }
    ranges_settle(reading); /* what is there tells which build of a library the rest must be from */
    if (!reading->part_count)
        parts_guess(reading);
    mappings_make(reading);
    gaps_fill(reading, libraries);
    ranges_settle(reading);
    return memory->range_count > 0 || hd_error_set(err, HD_ERROR_BAD_DUMP, reading->core->truncated
                                                   ? "the core is truncated at its very beginning, nothing of the memory is in it: look for what "
                                                     "limits its size (ulimit -c, the disk) and take another" : "the core file has no memory in it");
}

/* --- the file --- */

static bool headers_read(struct reading *reading, const char *path, struct hd_error *err)
{
    GElf_Ehdr header;
    if (elf_kind(reading->elf) != ELF_K_ELF || !gelf_getehdr(reading->elf, &header) || header.e_type != ET_CORE)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is not a core file", path);
    if (gelf_getclass(reading->elf) != ELFCLASS64 || header.e_machine != EM_X86_64)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "%.200s is the core of a 32-bit process or of another machine: only x86-64 is read", path);
    size_t count = 0;
    if (elf_getphdrnum(reading->elf, &count) || !count || count > SEGMENTS_MAX)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has no list of segments: it is damaged or cut off at its very beginning", path);
    reading->segments = hd_arena_alloc(reading->arena, count, sizeof *reading->segments);
    if (!reading->segments)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the %zu segments of %.200s", count, path);
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(reading->elf, (int)i, &reading->segments[reading->segment_count]))
            reading->segment_count++;
    reading->core->truncated = reading->segment_count < count;
    return true;
}

bool hd_core_open(struct hd_core *core, struct hd_memory *memory, struct hd_arena *arena, const char *path,
                  const struct hd_core_options *options, struct hd_error *err)
{
    struct reading reading = {.core = core, .memory = memory, .arena = arena, .options = options};
    struct stat status;
    *core = (struct hd_core){.fd = hd_core_unpack(path, err)};
    memset(memory, 0, sizeof *memory);
    if (core->fd < 0)
        return false;
    elf_version(EV_CURRENT);
    reading.elf = elf_begin(core->fd, ELF_C_READ, NULL);
    bool good = !fstat(core->fd, &status) && reading.elf;
    if (!good)
        hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is not a core file", path);
    reading.file_size = core->size = good ? (uint64_t)status.st_size : 0;
    core->time = good ? (double)status.st_mtim.tv_sec : 0;
    good = good && headers_read(&reading, path, err);
    for (size_t i = 0; good && i < reading.segment_count; i++)
        if (reading.segments[i].p_type == PT_NOTE)
            notes_read(&reading, &reading.segments[i]);
    good = good && memory_read(&reading, err);
    memory->incomplete = core->truncated || core->missing || core->overlapping;
    if (good) /* the names in NT_FILE go with the Elf: the mappings' paths must outlive it */
        for (size_t i = 0; i < memory->mapping_count; i++) {
            struct hd_mapping *mapping = &memory->mappings[i];
            char *kept = mapping->path ? hd_arena_alloc(arena, mapping->path_length + 1, 1) : NULL;
            if (kept)
                memcpy(kept, mapping->path, mapping->path_length);
            mapping->path = kept ? kept : "";
            mapping->path_length = kept ? mapping->path_length : 0;
        }
    if (reading.elf)
        elf_end(reading.elf);
    if (!good)
        hd_core_close(core, memory);
    return good;
}

void hd_core_close(struct hd_core *core, struct hd_memory *memory)
{
    hd_memory_close(memory);
    for (size_t i = 0; i < core->file_count; i++)
        close(core->files[i]);
    if (core->fd >= 0)
        close(core->fd);
    free(core->files);
    free(core->stacks);
    *core = (struct hd_core){.fd = -1};
}
