/*
 * Who an ELF file says it is: its build-id, its platform and, for a libruby, its Ruby release.
 *
 * Owns nothing that lasts. Must not know what the answers are used for. Needs libelf and libdw, so it is linked
 * into the command line tool only, never into the Ruby extension.
 */
#ifndef HD_RUBY_ELF_IDENTITY_H
#define HD_RUBY_ELF_IDENTITY_H

#include "base/error.h"

#include <stdbool.h>

/* A text is empty if the file does not say. */
struct hd_elf_identity {
    char build_id[65]; /* lower-case hex */
    char ruby[16];     /* "3.1.7": what the exported string ruby_version holds */
    char platform[32]; /* "x86_64-linux-gnu" */
};

bool hd_elf_identity_read(const char *path, struct hd_elf_identity *out, struct hd_error *err);

#endif
