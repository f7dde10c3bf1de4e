/*
 * Reads DT_GNU_HASH, the table every current Linux linker writes: a header of four words {buckets, first
 * symbol, bloom words, bloom shift}, the bloom filter, the buckets (each the first symbol of a chain), and one
 * hash per symbol whose lowest bit ends a chain. See loaded.h.
 */
#define _GNU_SOURCE
#include "capture/loaded.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

static uint64_t dynamic_address(const struct link_map *map, uint64_t value)
{
    return value < map->l_addr ? map->l_addr + value : value; /* glibc relocates most of them in place */
}

static void object_add(struct hd_loaded *loaded, const struct link_map *map)
{
    struct hd_loaded_object object = {.base = map->l_addr};
    for (const ElfW(Dyn) *dynamic = map->l_ld; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        uint64_t address = dynamic_address(map, dynamic->d_un.d_ptr);
        if (dynamic->d_tag == DT_SYMTAB)
            object.symbols = (const void *)address;
        else if (dynamic->d_tag == DT_STRTAB)
            object.strings = (const void *)address;
        else if (dynamic->d_tag == DT_GNU_HASH)
            object.hash = (const void *)address;
    }
    if (object.symbols && object.strings && object.hash && loaded->count < HD_LOADED_OBJECTS)
        loaded->objects[loaded->count++] = object;
}

void hd_loaded_find(struct hd_loaded *loaded, const void *address)
{
    Dl_info info;
    struct link_map *own = NULL;
    memset(loaded, 0, sizeof *loaded);
    if (!dladdr1(address, &info, (void **)&own, RTLD_DL_LINKMAP) || !own)
        return;
    struct link_map *program = own;
    while (program->l_prev)
        program = program->l_prev;
    object_add(loaded, program);
    if (own != program)
        object_add(loaded, own);
}

static uint64_t object_symbol(const struct hd_loaded_object *object, const char *name)
{
    uint32_t wanted = 5381, buckets = object->hash[0], first = object->hash[1], blooms = object->hash[2];
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        wanted = wanted * 33 + *c;
    const uint32_t *bucket = object->hash + 4 + (size_t)blooms * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chain = bucket + buckets;
    uint32_t i = buckets ? bucket[wanted % buckets] : 0;
    if (i < first)
        return 0;
    for (;; i++) {
        const ElfW(Sym) *symbol = (const ElfW(Sym) *)object->symbols + i;
        uint32_t hash = chain[i - first];
        int type = symbol->st_info & 15; /* the same in both ELF classes */
        if ((hash | 1) == (wanted | 1) && symbol->st_shndx != SHN_UNDEF && type != STT_TLS && type != STT_GNU_IFUNC &&
            !strcmp(object->strings + symbol->st_name, name))
            return object->base + symbol->st_value;
        if (hash & 1)
            return 0;
    }
}

uint64_t hd_loaded_symbol(const struct hd_loaded *loaded, const char *name)
{
    for (int i = 0; i < loaded->count; i++) {
        uint64_t address = object_symbol(&loaded->objects[i], name);
        if (address)
            return address;
    }
    return 0;
}
