/* See twice.h. */
#define _GNU_SOURCE
#include "cli/twice.h"

#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- standard input --- */

/* Into a file that is gone when we are, as compressed as it comes. */
bool hd_twice_copy(int *copy, char path[HD_TWICE_PATH], struct hd_error *err)
{
    char block[1 << 16];
    *copy = hd_spool_open(err);
    if (*copy < 0)
        return false;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, block, sizeof block);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 ? !hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read standard input")
                    : !hd_spool_write(*copy, block, (size_t)got, err)) {
            close(*copy);
            *copy = -1;
            return false;
        }
    }
    snprintf(path, HD_TWICE_PATH, "/proc/self/fd/%d", *copy);
    return true;
}

/* --- opening --- */

/* Messages must name what the user named. */
static void rename_in(struct hd_error *err, const char *from, const char *to)
{
    char *at = *from ? strstr(err->text, from) : NULL, rest[sizeof err->text];
    if (!at)
        return;
    snprintf(rest, sizeof rest, "%s", at + strlen(from));
    snprintf(at, sizeof err->text - (size_t)(at - err->text), "%s%s", to, rest);
}

void hd_twice_close_copy(int copy, const char *path, struct hd_error *err)
{
    rename_in(err, path, "standard input");
    if (copy >= 0)
        close(copy);
}

bool hd_twice_open(struct hd_twice *twice, const char *path, struct hd_error *err)
{
    *twice = (struct hd_twice){.copy = -1};
    const char *dump = path;
    if (!strcmp(path, "-")) {
        if (!hd_twice_copy(&twice->copy, twice->path, err))
            return false;
        dump = twice->path;
    }
    if (!hd_open_read_for(&twice->open, dump, HD_INDEX_SUMS, err)) {
        hd_twice_close_copy(twice->copy, twice->path, err);
        return false;
    }
    twice->open.path = path;
    return true;
}

void hd_twice_close(struct hd_twice *twice)
{
    hd_open_close(&twice->open);
    if (twice->copy >= 0)
        close(twice->copy);
}

/* --- holders --- */

void hd_twice_add_way(struct hd_table *table, const struct hd_shown_way *first, uint64_t count)
{
    char number[HD_TABLE_NUMBER];
    if (!count)
        hd_table_add_string(table, "nothing");
    else
        hd_table_add(table, first->words.data, first->words.length);
    if (count < 2)
        return;
    hd_table_append_string(table, ", ");
    hd_table_append_string(table, hd_table_count(number, count - 1));
    hd_table_append_string(table, count == 2 ? " other way" : " other ways");
}
