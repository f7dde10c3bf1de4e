/* Turns an error code into a sentence, an exit status and an exception name. See error.h. */
#define _GNU_SOURCE
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Not strerror: that one translates, which takes locks and memory, and an error may be set where both are forbidden. */
static const char *errno_text(int errno_value)
{
#if defined __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
    const char *text = strerrordesc_np(errno_value);
    return text ? text : "unknown error";
#endif
#endif
    return strerror(errno_value);
}

static void vset(struct hd_error *err, enum hd_error_code code, int errno_value, const char *format, va_list args)
{
    err->code = code;
    err->errno_value = errno_value;
    err->addr = 0;
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    if (errno_value && used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - used, ": %s", errno_text(errno_value));
}

bool hd_error_set(struct hd_error *err, enum hd_error_code code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vset(err, code, 0, format, args);
        va_end(args);
    }
    return false;
}

bool hd_error_set_errno(struct hd_error *err, enum hd_error_code code, int errno_value, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vset(err, code, errno_value, format, args);
        va_end(args);
    }
    return false;
}

static const struct {
    int status;
    const char *exception;
} kinds[HD_ERROR_COUNT] = {
    [HD_OK] = {0, NULL},
#define HD_ERROR_KIND(name, status, exception, meaning) [HD_ERROR_##name] = {status, exception},
    HD_ERROR_LIST(HD_ERROR_KIND)
#undef HD_ERROR_KIND
};

int hd_error_exit_status(enum hd_error_code code)
{
    return code >= 0 && code < HD_ERROR_COUNT ? kinds[code].status : 70;
}

const char *hd_error_exception(enum hd_error_code code)
{
    return code >= 0 && code < HD_ERROR_COUNT && kinds[code].exception ? kinds[code].exception : "HeapDump::Error";
}
