/*
 * Addresses of exported symbols of the objects loaded into this process, looked up in their ELF tables.
 *
 * dlsym does the same, but takes the dynamic linker's lock and allocates: in a clone of a multithreaded
 * process that may block for ever. Must not know what the symbols are for.
 */
#ifndef HD_CAPTURE_LOADED_H
#define HD_CAPTURE_LOADED_H

#include <stdbool.h>
#include <stdint.h>

enum { HD_LOADED_OBJECTS = 2 };

struct hd_loaded_object {
    uint64_t base;
    const void *symbols; /* ElfW(Sym) [] */
    const char *strings;
    const uint32_t *hash; /* the DT_GNU_HASH section */
};

/* The main program, then the object of an address, in the order the dynamic linker asks them. */
struct hd_loaded {
    struct hd_loaded_object objects[HD_LOADED_OBJECTS];
    int count;
};

/* Uses the dynamic linker: call it before the clone. `address` is a function or variable of the object wanted. */
void hd_loaded_find(struct hd_loaded *loaded, const void *address);

/* The symbol's address, 0 if none of the objects defines it. Neither locks nor allocates. */
uint64_t hd_loaded_symbol(const struct hd_loaded *loaded, const char *name);

#endif
