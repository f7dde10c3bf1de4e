/*
 * Fuzz target: a real core file, changed in some places, read as `heap_dump dump --core` does. It must end with a dump that
 * passes the check or with one sentence, in bounded time and memory, without a sanitizer's complaint.
 *
 * A core is far too big to be an input. The input is a list of changes of eight bytes each, made to a core of a small Ruby that
 * fuzz/run takes (HD_FUZZ_CORE names it, HD_FUZZ_SYSROOT where its libraries are) and taken back afterwards. They know where objects lie and what those point to, as blind
 * ones would mostly hit code.
 */
#define _GNU_SOURCE
#include "fuzz/fuzz_target.h"

#include "capture/outside.h"
#include "dump/check.h"
#include "dump/input.h"
#include "memory/core.h"
#include "ruby/vm.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHANGE_BYTES = 8, CHANGES_MAX = 256, PLACES_MAX = 1 << 16, SEGMENTS_MAX = 4096 };

struct segment {
    uint64_t start, end, offset;
};

static struct {
    uint8_t *bytes; /* of the core: a copy that we may change, shared with the file behind `fd` */
    uint64_t size;
    char path[64];
    struct segment segments[SEGMENTS_MAX];
    size_t segment_count;
    uint64_t headers, header_bytes; /* of all segments, in the file */
    uint64_t *slots; /* addresses of objects */
    size_t slot_count;
    uint64_t vm, objspace;
} core;

static void require(bool truth, const char *what, const char *text)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz_core: %s (%s)\n", what, text);
    abort();
}

/* Where the core keeps the bytes of an address; its size if it does not. */
static uint64_t offset_of(uint64_t addr)
{
    for (size_t i = 0; i < core.segment_count; i++)
        if (addr >= core.segments[i].start && addr + 8 <= core.segments[i].end)
            return core.segments[i].offset + (addr - core.segments[i].start);
    return core.size;
}

/* The other way round; 0 where it is no memory. */
static uint64_t address_of(uint64_t offset)
{
    for (size_t i = 0; i < core.segment_count; i++)
        if (offset >= core.segments[i].offset && offset - core.segments[i].offset < core.segments[i].end - core.segments[i].start)
            return core.segments[i].start + (offset - core.segments[i].offset);
    return 0;
}

static uint64_t word_of(uint64_t addr)
{
    uint64_t value = 0, at = offset_of(addr);
    if (at + sizeof value <= core.size)
        memcpy(&value, core.bytes + at, sizeof value);
    return value;
}

static void segments_note(void)
{
    Elf64_Ehdr header;
    memcpy(&header, core.bytes, sizeof header);
    core.headers = header.e_phoff;
    core.header_bytes = header.e_phnum * sizeof(Elf64_Phdr);
    for (int i = 0; i < header.e_phnum && core.segment_count < SEGMENTS_MAX; i++) {
        Elf64_Phdr part;
        memcpy(&part, core.bytes + header.e_phoff + (uint64_t)i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD && part.p_filesz && part.p_offset + part.p_filesz <= core.size)
            core.segments[core.segment_count++] = (struct segment){part.p_vaddr, part.p_vaddr + part.p_filesz, part.p_offset};
    }
}

/* Where the objects are in the core as it was. */
static void places_note(void)
{
    struct hd_core file;
    struct hd_memory memory;
    struct hd_arena arena = {0};
    struct hd_outside outside;
    struct hd_vm vm;
    struct hd_error err = {0};
    const struct hd_core_options none = {.sysroot = getenv("HD_FUZZ_SYSROOT")};
    require(hd_core_open(&file, &memory, &arena, core.path, &none, &err), "the core is not read", err.text);
    require(hd_outside_open(&outside, &memory, &err), "there is no Ruby in the core", err.text);
    struct hd_dump_target target = {.memory = &memory, .image = &outside.image, .glibc = true};
    require(hd_vm_open(&vm, &memory, &arena, &target, hd_layout_find(outside.ruby, outside.image.build_id), &err), "its Ruby is not read", err.text);
    core.slots = calloc(PLACES_MAX, sizeof *core.slots);
    require(core.slots != NULL, "no memory", "");
    for (size_t i = 0; i < vm.page_count; i++)
        for (uint32_t k = 0; k < vm.pages[i].slot_count && core.slot_count < PLACES_MAX; k++)
            core.slots[core.slot_count++] = vm.pages[i].start + (uint64_t)k * vm.pages[i].slot_size;
    core.vm = vm.addr;
    core.objspace = vm.objspace;
    hd_outside_close(&outside);
    hd_core_close(&file, &memory);
    hd_arena_deinit(&arena);
}

static void prepare(void)
{
    const char *path = getenv("HD_FUZZ_CORE");
    int from = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, fd = memfd_create("core", 0);
    struct stat status;
    require(from >= 0 && fd >= 0 && !fstat(from, &status), "HD_FUZZ_CORE does not name a core file", path ? path : "");
    core.size = (uint64_t)status.st_size;
    for (uint64_t done = 0; done < core.size;) {
        static char block[1 << 20];
        ssize_t got = read(from, block, sizeof block);
        bool zeros = got > 0 && !*block && !memcmp(block, block + 1, (size_t)got - 1); /* which take no memory */
        require(got > 0 && (zeros || pwrite(fd, block, (size_t)got, (off_t)done) == got), "the core cannot be copied", path);
        done += (uint64_t)got;
    }
    close(from);
    require(ftruncate(fd, (off_t)core.size) == 0, "the core cannot be copied", path);
    core.bytes = mmap(NULL, core.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    require(core.bytes != MAP_FAILED, "the core cannot be mapped", path);
    snprintf(core.path, sizeof core.path, "/proc/self/fd/%d", fd);
    segments_note();
    places_note();
}

/* --- changes --- */

struct change {
    uint64_t offset, before;
};

static uint64_t place(unsigned kind, uint32_t a, uint32_t b)
{
    uint64_t slot = core.slots[b % core.slot_count], word = a & 7, further = 8 * (uint64_t)(a >> 3 & 63);
    switch (kind) {
    case 8: case 9: return offset_of(slot); /* flags: embedded or not, lengths, shapes */
    case 10: return core.headers + 8 * ((uint64_t)b % (core.header_bytes / 8));
    case 11: return offset_of(word_of(core.vm + 8 * (uint64_t)(a & 255)) + 8 * (uint64_t)(b & 255));
    case 12: return offset_of(word_of(core.objspace + 8 * (uint64_t)(a & 255)) + 8 * (uint64_t)(b & 255));
    case 13: return offset_of(word_of(word_of(core.vm + 8 * (uint64_t)(a & 255)) + 8 * (uint64_t)(b & 63)) + 8 * (uint64_t)(b >> 8 & 63));
    case 0: return a % 65536; /* headers and notes */
    case 1: return 8 * ((uint64_t)b % (core.size / 8));
    case 2: return offset_of(core.vm + 8 * (uint64_t)(a & 255));
    case 3: return offset_of(core.objspace + 8 * (uint64_t)(a & 255));
    case 4: return offset_of(word_of(word_of(slot + 8 * word) + 8 * (uint64_t)(b >> 28)) + further); /* two hops */
    case 5: case 6: return offset_of(word_of(slot + 8 * word) + further);
    default: return offset_of(slot + 8 * (uint64_t)(a % 5));
    }
}

static uint64_t changed(unsigned kind, uint64_t at, uint64_t before, uint32_t a, uint32_t b)
{
    switch (kind) {
    case 8: return before ^ (uint64_t)b << 12; /* flags and what is counted in them */
    case 9: return b;
    case 10: return at; /* to itself: a circle */
    case 11: return 0 - (uint64_t)(b & 0xffff);
    case 12: return core.segments[b % core.segment_count].end - (a & 0x7f); /* the last bytes that there are */
    case 13: return core.segments[b % core.segment_count].start;
    case 14: return core.slots[b % core.slot_count] + (a & 0x3f); /* into the middle of one */
    case 15: return 1ull << (a & 63);
    case 0: return before ^ 1ull << (a & 63);
    case 1: return 0;
    case 2: return ~0ull >> (a & 63);
    case 3: return b & 0xff;
    case 4: return before + (uint64_t)(int64_t)(int8_t)a;
    case 5: return core.slots[(b ^ a * 40503u) % core.slot_count];
    case 6: return word_of(core.slots[(b ^ a * 40503u) % core.slot_count] + 8 * (uint64_t)(a & 3));
    default: return (before & ~0x1full) | (a & 31); /* another type */
    }
}

static size_t apply(const uint8_t *data, size_t size, struct change changes[CHANGES_MAX])
{
    size_t count = 0;
    for (; size >= CHANGE_BYTES && count < CHANGES_MAX; data += CHANGE_BYTES, size -= CHANGE_BYTES) {
        uint32_t a = data[2] | (uint32_t)data[3] << 8, b;
        memcpy(&b, data + 4, sizeof b);
        uint64_t at = place(data[0] & 15, a, b), before, after;
        if (at + 8 > core.size)
            continue;
        memcpy(&before, core.bytes + at, 8);
        after = changed(data[1] & 15, address_of(at), before, a, b);
        memcpy(core.bytes + at, &after, 8);
        changes[count++] = (struct change){at, before};
    }
    return count;
}

/* --- one run --- */

static void check(const struct hd_output *output)
{
    struct hd_check_result result = {0};
    struct hd_error err = {0};
    int fd = dup(output->fd);
    lseek(fd, 0, SEEK_SET);
    struct hd_input *input = hd_input_open_fd(fd, "fuzz", &err);
    bool valid = input && hd_check_input(input, &result, &err);
    if (!valid) { /* to be looked at */
        int kept = open("fuzz-core-invalid.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        off_t from = 0;
        while (kept >= 0 && sendfile(kept, fd, &from, 1 << 20) > 0)
            continue;
    }
    require(valid, "the dump is not valid", err.text);
    hd_input_close(input);
    close(fd);
}

static void dump(bool all, bool redact)
{
    struct hd_core file;
    struct hd_memory memory;
    struct hd_arena arena = {0};
    struct hd_outside outside;
    struct hd_output output;
    struct hd_output_shared shared = {0};
    struct hd_outside_result result;
    struct hd_error err = {0};
    const struct hd_core_options none = {.sysroot = getenv("HD_FUZZ_SYSROOT")};
    struct hd_dump_options options = {.source = "core", .all = all, .redact = redact, .string_limit = 4096, .pid = 1};
    if (!hd_core_open(&file, &memory, &arena, core.path, &none, &err)) {
        require(err.text[0] != 0, "refused without a sentence", "");
        hd_arena_deinit(&arena);
        return;
    }
    bool open = hd_outside_open(&outside, &memory, &err), good = open && hd_output_open(&output, "fuzz-core.json", &shared, &err);
    if (good) { /* by several threads and by one, which reads and traces without them */
        good = hd_outside_dump(&outside, file.stacks, file.stack_count, &options, &output, all ? 2 : 1, &result, &err);
        if (good)
            check(&output);
        hd_output_abort(&output);
    }
    require(good == (err.code == HD_OK) && good == !err.text[0], "the result and the sentence disagree", err.text);
    if (open)
        hd_outside_close(&outside);
    hd_core_close(&file, &memory);
    hd_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct change changes[CHANGES_MAX];
    if (!core.bytes)
        prepare();
    if (!size)
        return 0;
    size_t count = apply(data + 1, size - 1, changes);
    dump(data[0] & 1, data[0] & 2);
    while (count-- > 0) /* the last first: a place may have been changed twice */
        memcpy(core.bytes + changes[count].offset, &changes[count].before, 8);
    return 0;
}
