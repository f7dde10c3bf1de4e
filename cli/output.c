/* How the commands say things: errors, JSON strings, numbers. See cli.h. */
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

/* Length of the UTF-8 character at `text`, 0 if there is none. */
static size_t character(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead, length;
        unsigned least;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((text[0] & forms[i].mask) != forms[i].lead)
            continue;
        unsigned code = text[0] & (unsigned char)~forms[i].mask;
        for (size_t k = 1; k < forms[i].length; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text[k] & 0x3f);
        }
        bool surrogate = code >= 0xd800 && code < 0xe000;
        return code < forms[i].least || code > 0x10ffff || surrogate ? 0 : forms[i].length;
    }
    return 0;
}

void hd_cli_print_json_string(FILE *file, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    fputc('"', file);
    while (*at) {
        size_t length = character(at);
        if (length == 0)
            fputs("\\ufffd", file);
        else if (*at == '"' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(file, "\\u%04x", *at);
        else
            fwrite(at, 1, length, file);
        at += length ? length : 1;
    }
    fputc('"', file);
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
