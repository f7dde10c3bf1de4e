/* See image.h. The tables' addresses are in the dynamic section, which glibc relocates in place; others do not. */
#include "memory/image.h"

#include <elf.h>

enum { HEADERS_MAX = 64, DYNAMIC_MAX = 512, NOTE_MAX = 4096, NAME_MAX_BYTES = 512, SYMBOLS_MAX = 1 << 20, CHAIN_MAX = 1 << 12 };

static bool load(struct hd_memory *memory, uint64_t addr, void *out, uint64_t size)
{
    const uint8_t *bytes = hd_memory_at(memory, addr, size);
    if (bytes)
        memcpy(out, bytes, size);
    return bytes != NULL;
}

static void build_id_read(struct hd_image *image, struct hd_memory *memory, uint64_t addr, uint64_t size)
{
    const uint8_t *notes = size <= NOTE_MAX ? hd_memory_at(memory, addr, size) : NULL;
    for (uint64_t at = 0; notes && at + sizeof(Elf64_Nhdr) <= size;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        uint64_t name = at + sizeof note, bytes = name + ((note.n_namesz + 3ull) & ~3ull);
        if (bytes > size || note.n_descsz > size - bytes)
            return;
        bool gnu = note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(notes + name, "GNU", 4);
        for (uint32_t i = 0; gnu && i < note.n_descsz && 2 * i + 2 < HD_BUILD_ID_TEXT; i++) {
            static const char digits[] = "0123456789abcdef";
            image->build_id[2 * i] = digits[notes[bytes + i] >> 4];
            image->build_id[2 * i + 1] = digits[notes[bytes + i] & 15];
        }
        at = bytes + ((note.n_descsz + 3ull) & ~3ull);
    }
}

static void dynamic_read(struct hd_image *image, struct hd_memory *memory, uint64_t addr, uint64_t size)
{
    uint64_t count = size / sizeof(Elf64_Dyn), soname = 0;
    for (uint64_t i = 0; i < count && i < DYNAMIC_MAX; i++) {
        Elf64_Dyn entry;
        if (!load(memory, addr + i * sizeof entry, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            break;
        uint64_t value = entry.d_un.d_ptr;
        uint64_t there = value < image->base ? value + image->base : value;
        if (entry.d_tag == DT_SYMTAB)
            image->symbols = there;
        else if (entry.d_tag == DT_STRTAB)
            image->strings = there;
        else if (entry.d_tag == DT_STRSZ)
            image->strings_size = value;
        else if (entry.d_tag == DT_GNU_HASH)
            image->hash = there;
        else if (entry.d_tag == DT_SONAME)
            soname = value;
    }
    image->soname = soname && image->strings ? image->strings + soname : 0;
}

static bool headers_read(struct hd_image *image, struct hd_memory *memory, uint64_t start, const Elf64_Ehdr *header)
{
    Elf64_Phdr headers[HEADERS_MAX];
    uint16_t count = header->e_phnum;
    if (header->e_phentsize != sizeof *headers || !count || count > HEADERS_MAX
        || !load(memory, start + header->e_phoff, headers, (uint64_t)count * sizeof *headers))
        return false;
    bool based = false;
    for (int i = 0; i < count && !based; i++) /* the first segment of the file tells the base */
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0) {
            image->base = start - headers[i].p_vaddr;
            based = true;
        }
    for (int i = 0; i < count; i++) {
        uint64_t addr = image->base + headers[i].p_vaddr;
        if (headers[i].p_type == PT_DYNAMIC)
            dynamic_read(image, memory, addr, headers[i].p_memsz);
        else if (headers[i].p_type == PT_NOTE)
            build_id_read(image, memory, addr, headers[i].p_memsz);
        else if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_W && image->data_count < HD_IMAGE_SEGMENTS)
            image->data[image->data_count++] = (struct hd_image_segment){addr, addr + headers[i].p_memsz};
    }
    return based;
}

bool hd_image_open(struct hd_image *image, struct hd_memory *memory, uint64_t start)
{
    Elf64_Ehdr header;
    uint64_t unreadable = memory->unreadable;
    *image = (struct hd_image){0};
    bool good = load(memory, start, &header, sizeof header) && !memcmp(header.e_ident, ELFMAG, SELFMAG);
    if (good) {
        image->machine = header.e_machine; /* at the same place in both classes */
        image->wide = header.e_ident[EI_CLASS] == ELFCLASS64;
        good = image->wide && header.e_ident[EI_DATA] == ELFDATA2LSB && headers_read(image, memory, start, &header);
    }
    memory->unreadable = unreadable; /* looking is not failing */
    return good && image->symbols && image->strings && image->hash;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool symbol_named(const struct hd_image *image, struct hd_memory *memory, const Elf64_Sym *symbol, const char *name)
{
    size_t length = strlen(name) + 1;
    if (symbol->st_name >= image->strings_size || length > image->strings_size - symbol->st_name)
        return false;
    const uint8_t *text = hd_memory_at(memory, image->strings + symbol->st_name, length);
    return text && !memcmp(text, name, length);
}

uint64_t hd_image_symbol(const struct hd_image *image, struct hd_memory *memory, const char *name)
{
    uint32_t head[4], index, hash = gnu_hash(name); /* buckets, first symbol, words of the filter, its shift */
    if (!load(memory, image->hash, head, sizeof head) || !head[0])
        return 0;
    uint64_t buckets = image->hash + sizeof head + 8ull * head[2], chains = buckets + 4ull * head[0];
    if (!load(memory, buckets + 4ull * (hash % head[0]), &index, 4) || index < head[1])
        return 0;
    for (uint32_t steps = 0; steps < CHAIN_MAX; steps++, index++) {
        uint32_t chain;
        Elf64_Sym symbol;
        if (!load(memory, chains + 4ull * (index - head[1]), &chain, 4))
            return 0;
        if ((chain | 1) == (hash | 1) && load(memory, image->symbols + index * sizeof symbol, &symbol, sizeof symbol)
            && symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) != STT_TLS
            && symbol_named(image, memory, &symbol, name))
            return image->base + symbol.st_value;
        if (chain & 1)
            return 0;
    }
    return 0;
}

/* The hash table's last chain ends where the symbols end. */
static uint32_t symbol_count(const struct hd_image *image, struct hd_memory *memory)
{
    uint32_t head[4], last = 0, chain;
    if (!load(memory, image->hash, head, sizeof head))
        return 0;
    uint64_t buckets = image->hash + sizeof head + 8ull * head[2], chains = buckets + 4ull * head[0];
    for (uint32_t i = 0; i < head[0] && i < SYMBOLS_MAX; i++) {
        uint32_t first;
        if (!load(memory, buckets + 4ull * i, &first, 4))
            return 0;
        last = first > last ? first : last;
    }
    for (uint32_t steps = 0; last >= head[1] && steps < CHAIN_MAX; steps++, last++)
        if (!load(memory, chains + 4ull * (last - head[1]), &chain, 4) || chain & 1)
            return last + 1;
    return 0;
}

void hd_image_variables_each(const struct hd_image *image, struct hd_memory *memory,
                             bool (*each)(void *data, const char *name, uint64_t addr, uint64_t size), void *data)
{
    uint32_t count = symbol_count(image, memory);
    for (uint32_t i = 0; i < count; i++) {
        Elf64_Sym symbol;
        const char *name;
        if (!load(memory, image->symbols + i * sizeof symbol, &symbol, sizeof symbol))
            return;
        if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_name >= image->strings_size
            || hd_memory_cstring(memory, image->strings + symbol.st_name, NAME_MAX_BYTES, &name) < 0)
            continue;
        if (!each(data, name, image->base + symbol.st_value, symbol.st_size))
            return;
    }
}

bool hd_image_next(struct hd_image *image, struct hd_memory *memory, size_t *at, const char **path, uint32_t *length)
{
    for (; *at < memory->mapping_count; ++*at) {
        const struct hd_mapping *mapping = &memory->mappings[*at];
        if (mapping->offset || !mapping->named || !hd_image_open(image, memory, mapping->start))
            continue;
        *path = mapping->path;
        *length = mapping->path_length;
        ++*at;
        return true;
    }
    return false;
}
