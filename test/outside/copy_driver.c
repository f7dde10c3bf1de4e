/*
 * Copies a process again and again and looks at the copy: for the test of what that does to the process.
 *
 *   copy_driver PID COUNT [stop]     prints the median and the longest time it stood still
 */
#include "capture/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 1;
    double *stopped = calloc((size_t)count + 1, sizeof *stopped);
    if (argc < 3 || !stopped)
        return 2;
    for (int i = 0; i < count; i++) {
        struct hd_copy copy;
        struct hd_error err = {0};
        uint64_t word = 0;
        if (!hd_copy_take(&copy, atoi(argv[1]), argc > 3 ? HD_COPY_STOP : HD_COPY_FORK, &err)) {
            fprintf(stderr, "copy_driver: %s\n", err.text);
            return 1;
        }
        if (copy.method != (argc > 3 ? HD_COPY_STOP : HD_COPY_FORK) || !copy.stack_count
            || pread(copy.memory, &word, sizeof word, (off_t)copy.stacks[0].pointer) != (ssize_t)sizeof word) {
            fprintf(stderr, "copy_driver: copy %d cannot be read: %s\n", i, copy.note);
            return 1;
        }
        hd_copy_release(&copy);
        stopped[i] = copy.stopped;
        usleep(2000);
    }
    qsort(stopped, (size_t)count, sizeof *stopped, ascending);
    printf("%d copies, %.2f ms median, %.2f ms longest\n", count, stopped[count / 2] * 1e3, stopped[count - 1] * 1e3);
    free(stopped);
    return 0;
}
