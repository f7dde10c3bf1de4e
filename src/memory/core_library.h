/*
 * Finding the very file that a process had mapped, for a core that leaves out its bytes.
 *
 * Owns where such a file may be, and the proof that it is the same build. Must not know what is done with it. A path comes from
 * the core, which may be anybody's: nothing but an ELF file is ever opened for long.
 */
#ifndef HD_MEMORY_CORE_LIBRARY_H
#define HD_MEMORY_CORE_LIBRARY_H

#include "memory/core.h"

/*
 * A descriptor of the file that was at `path`, or -1. `build_id` is what the process's own copy says, "" if that is not in the
 * core. `program`: it is the one that ran, for which the options may name a file. The first file that is another build is
 * told in *wrong, if that has none yet.
 */
int hd_core_library_open(const char *path, const char *build_id, bool program, const struct hd_core_options *options, struct hd_error *wrong);

#endif
