/* See asked.h. */
#include "view/asked.h"

#include <sys/stat.h>

bool hd_asked_program(struct hd_buffer *text)
{
    struct stat status;
    if (stat("/proc/self/exe", &status))
        return false;
    const uint64_t program[] = {status.st_ino, (uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec,
                                (uint64_t)status.st_mtim.tv_nsec};
    hd_buffer_append(text, program, sizeof program);
    return true;
}

bool hd_asked_dump(struct hd_buffer *text, const struct hd_index_key *key)
{
    const uint64_t state[] = {key->device, key->inode, key->size, key->modified, key->changed, key->ends};
    hd_buffer_append(text, state, sizeof state);
    return key->settled;
}
