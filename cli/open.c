/* See open.h. */
#include "cli/open.h"

#include "cli/cli.h"
#include "cli/table.h"

#include <string.h>

void hd_open_take(struct hd_open_request *request, struct hd_call *call, int letter)
{
    if (letter == 'l')
        request->limit = hd_call_count(call);
    else
        request->json = true;
}

bool hd_open_operands(struct hd_open_request *request, struct hd_call *call)
{
    bool fine = hd_call_operands(call);
    if (fine)
        request->path = call->operand[0];
    return fine;
}

bool hd_open_request(struct hd_open_request *request, struct hd_call *call, const struct hd_command *command, int argc, char **argv)
{
    hd_call_begin(call, command, argc, argv);
    for (int letter; (letter = hd_call_option(call)) != 0;)
        hd_open_take(request, call, letter);
    return hd_open_operands(request, call);
}

int hd_open_fail(const char *command, bool json, const struct hd_error *err)
{
    if (!json)
        return hd_cli_fail(command, err);
    printf("{\"status\":%d,\"error\":", hd_error_exit_status(err->code));
    hd_cli_print_json_string(stdout, err->text);
    printf("}\n");
    return hd_error_exit_status(err->code);
}

void hd_open_warn(const struct hd_open *open, const char *command)
{
    for (int i = 0; i < open->warning_count; i++) {
        fprintf(stderr, "heap_dump %s: ", command);
        if (hd_open_name_marks)
            fputc(HD_OPEN_NAME_CLEAN, stderr);
        else
            hd_cli_print_clean(stderr, open->path);
        fprintf(stderr, ": %s\n", open->warnings[i]);
    }
}

void hd_open_print_quoted(FILE *file, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:@%,~";
    struct hd_buffer quoted = {0};
    if (strspn(path, plain) == strlen(path)) {
        fputs(path, file);
        return;
    }
    for (const char *at = path; *at; at++)
        hd_buffer_append(&quoted, *at == '\'' ? "'\\''" : at, *at == '\'' ? 4 : 1);
    hd_buffer_append(&quoted, "", 1);
    fputc('\'', file);
    hd_cli_print_clean(file, quoted.failed ? "…" : (const char *)quoted.data);
    fputc('\'', file);
    hd_buffer_deinit(&quoted);
}

void hd_open_next(FILE *file, const struct hd_open *open, const char *command, const char *rest)
{
    fprintf(file, "\nnext: heap_dump %s ", command);
    if (hd_open_name_marks)
        fputc(HD_OPEN_NAME_QUOTED, file);
    else
        hd_open_print_quoted(file, open->path);
    fprintf(file, "%s%s\n", *rest ? " " : "", rest);
}
