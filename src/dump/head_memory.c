/*
 * Bytes in memory (RSS) by kind of mapping, from /proc/PID/smaps.
 *
 * A dump from inside is written by a clone, from outside by the tool; both ask for the process itself: in a copy, mappings of files that
 * were not changed are not in memory, though they are in the process. RSS does not change by being copied; what is private and what is
 * shared does, so that is not written. Neither locks nor allocates, as all that runs in a clone.
 */
#include "dump/head_memory.h"

#include "dump/text.h"
#include "memory/smaps.h"

enum { PATH_BYTES = 256 };

struct sums {
    uint64_t anonymous, brk, stack, code, libraries, libraries_own, files, shared, kernel, swap;
    /* the file at hand, which is mapped in several parts */
    char path[PATH_BYTES];
    size_t path_length;
    uint64_t file, file_own;
    bool library;
};

static void file_end(struct sums *sums)
{
    if (sums->library) {
        sums->libraries_own += sums->file_own;
        sums->libraries += sums->file - sums->file_own;
    } else {
        sums->files += sums->file;
    }
    sums->file = sums->file_own = 0;
    sums->library = false;
}

static void file_add(struct sums *sums, const struct hd_smaps_mapping *mapping)
{
    size_t length = mapping->path_length < PATH_BYTES ? mapping->path_length : PATH_BYTES;
    if (length != sums->path_length || memcmp(sums->path, mapping->path, length)) {
        file_end(sums);
        memcpy(sums->path, mapping->path, length);
        sums->path_length = length;
    }
    sums->file += mapping->rss;
    sums->file_own += mapping->anonymous < mapping->rss ? mapping->anonymous : mapping->rss;
    sums->library |= mapping->executable;
}

static bool mapping_add(void *data, const struct hd_smaps_mapping *mapping)
{
    struct sums *sums = data;
    uint64_t *const sum[] = {[HD_SMAPS_ANONYMOUS] = &sums->anonymous, [HD_SMAPS_HEAP] = &sums->brk, [HD_SMAPS_STACK] = &sums->stack,
                             [HD_SMAPS_CODE] = &sums->code, [HD_SMAPS_FILE] = NULL, [HD_SMAPS_SHARED] = &sums->shared,
                             [HD_SMAPS_DEVICE] = &sums->files, [HD_SMAPS_KERNEL] = &sums->kernel};
    sums->swap += mapping->swap;
    if (sum[mapping->kind])
        *sum[mapping->kind] += mapping->rss;
    else
        file_add(sums, mapping);
    return true;
}

static void member(struct hd_buffer *out, const char *key, uint64_t value)
{
    hd_buffer_append(out, key, strlen(key));
    hd_text_uint(out, value);
}

void hd_head_memory_write(struct hd_buffer *out, int pid)
{
    static const char before[] = "/proc/", after[] = "/smaps";
    struct sums s = {0};
    struct hd_buffer path = {0};
    hd_buffer_append(&path, before, sizeof before - 1);
    hd_text_uint(&path, (uint64_t)pid);
    hd_buffer_append(&path, after, sizeof after);
    bool known = !path.failed && hd_smaps_read(path.data, mapping_add, &s, NULL);
    hd_buffer_deinit(&path);
    file_end(&s);
    uint64_t rss = s.anonymous + s.brk + s.stack + s.code + s.libraries + s.libraries_own + s.files + s.shared + s.kernel;
    if (!known || !rss)
        return;
    member(out, ",\"memory\":{\"rss\":", rss);
    member(out, ",\"swap\":", s.swap);
    member(out, ",\"anonymous\":", s.anonymous);
    member(out, ",\"brk\":", s.brk);
    member(out, ",\"stack\":", s.stack);
    member(out, ",\"code\":", s.code);
    member(out, ",\"libraries\":", s.libraries);
    member(out, ",\"libraries_own\":", s.libraries_own);
    member(out, ",\"files\":", s.files);
    member(out, ",\"shared\":", s.shared);
    member(out, ",\"kernel\":", s.kernel);
    hd_text_literal(out, "}");
}
