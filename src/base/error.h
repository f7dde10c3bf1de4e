/*
 * Errors by value: a code, the errno it came from, the target address it concerns and one finished sentence.
 *
 * Owns the list of everything that can go wrong and how each is shown to a shell (exit status) and to Ruby
 * (exception). Must not know where an error came from. Nothing in here allocates, so an error survives fork,
 * longjmp and a full heap, and may live in memory shared between processes.
 */
#ifndef HD_BASE_ERROR_H
#define HD_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * X(code, exit status, Ruby exception, what it means).
 * The exit statuses are documented in docs/exit-status.md and the man page; change them together.
 */
#define HD_ERROR_LIST(X) \
    X(USAGE,       2, "ArgumentError",                   "the command or its options make no sense") \
    X(BAD_DUMP,    3, "HeapDump::Error",                 "the file is not a valid dump") \
    X(IO,          4, "SystemCallError",                 "reading or writing a file failed") \
    X(UNSUPPORTED, 5, "HeapDump::UnsupportedError",      "this Ruby, file or platform is not supported, or a part was not built in") \
    X(SELF_CHECK,  5, "HeapDump::UnsupportedError",      "the layout table does not fit this Ruby") \
    X(MEMORY,      6, "NoMemoryError",                   "out of memory") \
    X(TARGET,      7, "HeapDump::Error",                 "the process being dumped could not be read") \
    X(CHILD,       7, "HeapDump::Error",                 "the process that writes the dump failed") \
    X(LIMIT,       8, "HeapDump::Error",                 "it would have taken more time or memory than it was allowed") \
    X(INTERRUPTED, 130, "Interrupt",                     "it was interrupted") \
    X(INTERNAL,   70, "HeapDump::Error",                 "a bug in heap_dump")

enum hd_error_code {
    HD_OK = 0,
#define HD_ERROR_ENUM(name, status, exception, meaning) HD_ERROR_##name,
    HD_ERROR_LIST(HD_ERROR_ENUM)
#undef HD_ERROR_ENUM
    HD_ERROR_COUNT
};

struct hd_error {
    enum hd_error_code code;
    int errno_value; /* 0 if no system call failed */
    uint64_t addr;   /* target address concerned, 0 if none */
    char text[480];  /* one sentence: what is wrong and what to do; no final newline */
};

/* Both fill *err (which may be NULL) and return false, so that `return hd_error_set(…)` reads well. */
bool hd_error_set(struct hd_error *err, enum hd_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As hd_error_set, but appends ": " and the text of errno_value. */
bool hd_error_set_errno(struct hd_error *err, enum hd_error_code code, int errno_value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

int hd_error_exit_status(enum hd_error_code code);
const char *hd_error_exception(enum hd_error_code code);

#endif
