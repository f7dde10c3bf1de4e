/*
 * Reads the identity of an ELF file from its notes, header and dynamic symbols.
 *
 * Owns the file only while it reads. Invariant: what is not there, or does not fit, is an empty text.
 */
#include "ruby/elf_identity.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

static void build_id_read(Elf *elf, struct hd_elf_identity *out)
{
    static const char digits[] = "0123456789abcdef";
    const void *id;
    ssize_t length = dwelf_elf_gnu_build_id(elf, &id);

    if (length <= 0 || (size_t)length * 2 >= sizeof out->build_id)
        return;
    for (ssize_t i = 0; i < length; i++) {
        unsigned char byte = ((const unsigned char *)id)[i];

        out->build_id[i * 2] = digits[byte >> 4];
        out->build_id[i * 2 + 1] = digits[byte & 15];
    }
    out->build_id[length * 2] = '\0';
}

static void platform_read(Elf *elf, struct hd_elf_identity *out)
{
    static const struct {
        unsigned machine;
        const char *platform;
    } platforms[] = {{EM_X86_64, "x86_64-linux-gnu"}, {EM_AARCH64, "aarch64-linux-gnu"}};
    GElf_Ehdr header;

    if (!gelf_getehdr(elf, &header))
        return;
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (header.e_machine == platforms[i].machine)
            strcpy(out->platform, platforms[i].platform);
}

/* The bytes of a section from a virtual address on; NULL if the address is in none that has bytes. */
static const char *address_data(Elf *elf, GElf_Addr address, size_t *left)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS || !(header.sh_flags & SHF_ALLOC) ||
            address < header.sh_addr || address - header.sh_addr >= header.sh_size)
            continue;
        data = elf_rawdata(section, NULL);
        if (!data || !data->d_buf || address - header.sh_addr >= data->d_size)
            return NULL;
        *left = data->d_size - (size_t)(address - header.sh_addr);
        return (const char *)data->d_buf + (address - header.sh_addr);
    }
    return NULL;
}

static bool version_copy(Elf *elf, GElf_Addr address, struct hd_elf_identity *out)
{
    size_t left = 0, length;
    const char *text = address_data(elf, address, &left);

    if (!text)
        return false;
    length = strnlen(text, left);
    if (length == left || length == 0 || length >= sizeof out->ruby)
        return false;
    memcpy(out->ruby, text, length + 1);
    return true;
}

static void version_read(Elf *elf, struct hd_elf_identity *out)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM || !header.sh_entsize ||
            !(data = elf_getdata(section, NULL)))
            continue;
        for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym symbol;
            const char *name;

            if (!gelf_getsym(data, (int)i, &symbol))
                break;
            name = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (name && strcmp(name, "ruby_version") == 0 && version_copy(elf, symbol.st_value, out))
                return;
        }
    }
}

bool hd_elf_identity_read(const char *path, struct hd_elf_identity *out, struct hd_error *err)
{
    int fd;
    Elf *elf;

    memset(out, 0, sizeof *out);
    elf_version(EV_CURRENT);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %s", path);
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf || elf_kind(elf) != ELF_K_ELF) {
        elf_end(elf);
        close(fd);
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "%s is not an ELF object file or library", path);
    }
    build_id_read(elf, out);
    platform_read(elf, out);
    version_read(elf, out);
    elf_end(elf);
    close(fd);
    return true;
}
