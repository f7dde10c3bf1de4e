/*
 * A core file: the memory of a process that is no more, and what else the kernel or gcore wrote down of it.
 *
 * Owns reading the ELF of the core, and finding the libraries whose code is not in it. Must not know Ruby. A core may be anybody's:
 * every offset and count in it is checked, and a truncated one is read as far as it goes.
 */
#ifndef HD_MEMORY_CORE_H
#define HD_MEMORY_CORE_H

#include "dump/dump.h"
#include "memory/memory.h"

struct hd_core_options {
    const char *sysroot;    /* libraries are looked for below it first; NULL */
    const char *executable; /* the program, if it is not where it was; NULL */
};

struct hd_core {
    int fd;
    struct hd_stack *stacks;
    size_t stack_count;
    int pid;           /* 0 if the core does not say */
    char command[81];  /* the beginning of its command line */
    double time;       /* of the file */
    bool truncated;    /* its end is missing */
    uint64_t size, whole;  /* bytes of it that are there, and that there were to be */
    uint64_t overlapping;  /* bytes that segments claim which others have already: left out, as it is damaged or made up */
    uint64_t missing;  /* bytes of mappings that are neither in the core nor in a file that was found */
    int *files;        /* descriptors of libraries */
    size_t file_count;
    struct hd_error wrong; /* the first library that was found but is another build; code HD_OK if there is none */
};

/* The memory lasts until hd_core_close. */
bool hd_core_open(struct hd_core *core, struct hd_memory *memory, struct hd_arena *arena, const char *path,
                  const struct hd_core_options *options, struct hd_error *err);
void hd_core_close(struct hd_core *core, struct hd_memory *memory);

#endif
