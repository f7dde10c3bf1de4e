/* See core_library.h. */
#define _GNU_SOURCE
#include "memory/core_library.h"

#include "ruby/elf_identity.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 8192 };

/* Where libraries are on the systems we know. */
static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib",
                                      "/lib", "/usr/lib64", "/lib64"};
enum { FOLDERS = sizeof folders / sizeof *folders, WAYS = 5 + FOLDERS };

static void debuginfod_path(char place[PATH_BYTES], const char *build_id)
{
    const char *own = getenv("DEBUGINFOD_CACHE_PATH"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own && *own)
        snprintf(place, PATH_BYTES, "%s/%s/executable", own, build_id);
    else if (cache && *cache)
        snprintf(place, PATH_BYTES, "%s/debuginfod_client/%s/executable", cache, build_id);
    else if (home && *home)
        snprintf(place, PATH_BYTES, "%s/.cache/debuginfod_client/%s/executable", home, build_id);
}

/* The n-th place; "" if that way leads nowhere. Places that only the name fits are for those who can be proved right. */
static void place_name(char place[PATH_BYTES], int way, const char *path, const char *build_id, bool program, const struct hd_core_options *options)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *root = options->sysroot ? options->sysroot : "";
    *place = 0;
    if (way == 0 && options->executable && program)
        snprintf(place, PATH_BYTES, "%s", options->executable);
    else if (way == 1 && *root)
        snprintf(place, PATH_BYTES, "%s%s", root, path);
    else if (way == 2 && *root)
        snprintf(place, PATH_BYTES, "%s/%s", root, base);
    else if (way == 3)
        snprintf(place, PATH_BYTES, "%s", path);
    else if (way == 4 && *build_id)
        debuginfod_path(place, build_id);
    else if (way > 4 && *build_id)
        snprintf(place, PATH_BYTES, "%s%s/%s", root, folders[way - 5], base);
}

/* A program or library, and nothing else: opening a device may have effects, /proc/kcore and cores are ELF files, too. */
static int elf_open(const char *place)
{
    struct stat status;
    Elf64_Ehdr header;
    if (stat(place, &status) || !S_ISREG(status.st_mode))
        return -1;
    int fd = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) && pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header
        && !memcmp(header.e_ident, ELFMAG, SELFMAG) && (header.e_type == ET_DYN || header.e_type == ET_EXEC))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What was upgraded or removed while the process had it: the kernel says so behind the name. */
static void name_it_had(char name[PATH_BYTES / 2], const char *path)
{
    static const char gone[] = " (deleted)";
    size_t length = strnlen(path, PATH_BYTES / 2 - 1), ending = sizeof gone - 1;
    if (length > ending && !strcmp(path + length - ending, gone))
        length -= ending;
    memcpy(name, path, length);
    name[length] = 0;
}

int hd_core_library_open(const char *path, const char *build_id, bool program, const struct hd_core_options *options, struct hd_error *wrong)
{
    char place[PATH_BYTES], name[PATH_BYTES / 2];
    name_it_had(name, path);
    for (int way = 0; way < WAYS; way++) {
        struct hd_elf_identity identity = {0};
        place_name(place, way, name, build_id, program, options);
        int fd = *place ? elf_open(place) : -1;
        if (fd < 0)
            continue;
        if (!*build_id || (hd_elf_identity_read(place, &identity, NULL) && !strcmp(identity.build_id, build_id)))
            return fd;
        close(fd);
        if (wrong->code == HD_OK)
            hd_error_set(wrong, HD_ERROR_UNSUPPORTED, "%.150s is not the file that the process had: its build-id is %.40s, the process's %.40s; "
                         "give the folder that has the right files with --sysroot, or the program with --exe", place,
                         *identity.build_id ? identity.build_id : "unknown", build_id);
    }
    return -1;
}
