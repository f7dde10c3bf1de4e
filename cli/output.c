/* How the commands say things: errors, numbers. See cli.h. */
#include "cli/cli.h"

#include "cli/table.h"

#include <errno.h>
#include <stdio_ext.h>
#include <string.h>

void hd_cli_print_clean(FILE *file, const char *text)
{
    struct hd_buffer clean = {0};
    hd_table_clean(&clean, text, strlen(text));
    fputs(clean.data ? (const char *)clean.data : "", file);
    hd_buffer_deinit(&clean);
}

int hd_cli_fail(const char *command, const struct hd_error *err)
{
    fprintf(stderr, "heap_dump %s: ", command);
    hd_cli_print_clean(stderr, err->text); /* names of files are in it */
    fputc('\n', stderr);
    return hd_error_exit_status(err->code);
}

int hd_cli_fail_stdout(const char *command, const struct hd_error *err)
{
    if (ferror(stdout)) { /* main would complain again */
        __fpurge(stdout);
        clearerr(stdout);
    }
    return err->errno_value == EPIPE ? hd_error_exit_status(err->code) : hd_cli_fail(command, err);
}

void hd_cli_print_count(FILE *file, unsigned long long count)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%llu", count);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            fputc(',', file);
        fputc(digits[i], file);
    }
}
