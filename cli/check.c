/* `heap_dump check`: is a file a valid dump? */
#include "cli/cli.h"

#include "dump/check.h"

#include <time.h>

struct report {
    const char *path;
    const struct hd_check_result *result;
    const struct hd_error *err; /* code HD_OK if the dump is valid */
    double seconds;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print_json(const struct report *report)
{
    const struct hd_check_result *result = report->result;
    bool valid = report->err->code == HD_OK;
    printf("{\"file\":");
    hd_cli_print_json_string(stdout, report->path);
    printf(",\"valid\":%s,\"objects\":%llu,\"references\":%llu,\"unreadable\":%llu,\"lines\":%llu,\"bytes\":%llu",
           valid ? "true" : "false", (unsigned long long)result->objects, (unsigned long long)result->references,
           (unsigned long long)result->unreadable, (unsigned long long)result->lines,
           (unsigned long long)result->bytes);
    printf(",\"ruby\":");
    hd_cli_print_json_string(stdout, result->ruby);
    printf(",\"redacted\":%s,\"truncated\":%s,\"compression\":\"%s\",\"seconds\":%.3f",
           result->redacted ? "true" : "false", result->truncated ? "true" : "false", result->compression,
           report->seconds);
    if (!valid) {
        printf(",\"status\":%d,\"line\":%llu,\"id\":%llu,\"error\":", hd_error_exit_status(report->err->code),
               (unsigned long long)result->lines, (unsigned long long)result->id);
        hd_cli_print_json_string(stdout, report->err->text);
    }
    printf("}\n");
}

static void print_text(const struct report *report)
{
    const struct hd_check_result *result = report->result;
    hd_cli_print_clean(stdout, report->path);
    printf(": valid, ");
    hd_cli_print_count(stdout, result->objects);
    printf(" objects, ");
    hd_cli_print_count(stdout, result->references);
    printf(" references, %.1f MB", (double)result->bytes / 1e6);
    if (result->ruby[0])
        printf(", Ruby %s", result->ruby);
    if (result->unreadable) {
        printf(", ");
        hd_cli_print_count(stdout, result->unreadable);
        printf(" places its writer could not read");
    }
    printf("%s (%.1f s)\n", result->redacted ? ", redacted" : "", report->seconds);
}

static int check(const char *path, bool json, bool quiet)
{
    struct hd_check_result result;
    struct hd_error err = {0};
    double start = now();
    bool valid = hd_check_run(path, &result, &err);
    struct report report = {path, &result, &err, now() - start};
    if (json && !quiet)
        print_json(&report);
    else if (valid && !quiet)
        print_text(&report);
    if (valid)
        return 0;
    if (!json && err.code == HD_ERROR_BAD_DUMP) {
        fputs("heap_dump check: ", stderr);
        hd_cli_print_clean(stderr, path);
        fputs(": ", stderr);
        hd_cli_print_clean(stderr, err.text);
        fputc('\n', stderr);
    } else if (!json || quiet)
        hd_cli_fail("check", &err);
    return hd_error_exit_status(err.code);
}

static int run(int argc, char **argv)
{
    bool json = false, quiet = false;
    struct hd_call call;
    hd_call_begin(&call, &hd_command_check, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'q')
            quiet = true;
        else
            json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    return check(call.operand[0], json, quiet);
}

static const struct hd_option options[] = {
    {'j', "json", NULL, "the result as one JSON object, also when the dump is not valid", NULL, NULL},
    {'q', "quiet", NULL, "print nothing on standard output; the exit status is the result", NULL, NULL},
    HD_OPTION_END};

const struct hd_command hd_command_check = {
    .name = "check",
    .run = run,
    .summary = "check that a dump is whole and valid",
    .about = "Checks that FILE (or standard input) is a whole and valid dump: well-formed lines, ids unique, "
             "every reference on a line, _END_ in agreement. Files compressed with gzip or zstd are recognised "
             "by their content.",
    .operands = {{"FILE|-", "a file", HD_OPERAND_DUMP, false, false, NULL}},
    .options = options,
    .statuses = "0 valid, 2 wrong options, 3 not a valid dump, 4 the file could not be read."};
