/* `heap_dump check`: is a file a valid dump? */
#include "cli/cli.h"

#include "dump/check.h"

#include <getopt.h>
#include <time.h>

static const char help[] =
    "Usage: heap_dump check [--json] [--quiet] FILE|-\n"
    "\n"
    "Checks that FILE (or standard input) is a whole and valid dump: well-formed lines, ids\n"
    "unique, every reference on a line, _END_ in agreement. Files compressed with gzip or zstd\n"
    "are recognised by their content.\n"
    "\n"
    "  -j, --json   the result as one JSON object, also when the dump is not valid\n"
    "  -q, --quiet  print nothing on standard output; the exit status is the result\n"
    "  -h, --help   this help\n"
    "\n"
    "Exit status: 0 valid, 2 wrong options, 3 not a valid dump, 4 the file could not be read.\n";

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
    printf("%s: valid, ", report->path);
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
    if (!json && err.code == HD_ERROR_BAD_DUMP)
        fprintf(stderr, "heap_dump check: %s: %s\n", path, err.text);
    else if (!json || quiet)
        hd_cli_fail("check", &err);
    return hd_error_exit_status(err.code);
}

int hd_cli_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false, quiet = false;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":jqh", options, NULL)) != -1;) {
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'q':
            quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return hd_cli_bad_option("check", argv, option);
        }
    }
    if (optind == argc)
        return hd_cli_usage("check", "a file is missing");
    if (optind + 1 < argc)
        return hd_cli_usage("check", "one file at a time, but there is also %s", argv[optind + 1]);
    return check(argv[optind], json, quiet);
}
