/* `heap_dump version`: what this tool is and what it was built with. */
#include "cli/cli.h"

#include "dump/input.h"
#include "dump/json_reader.h"
#include "heap_dump.h"

#include <getopt.h>

static const char help[] =
    "Usage: heap_dump version [--json]\n"
    "\n"
    "Prints the version of heap_dump, the format it reads and the libraries it runs with.\n"
    "\n"
    "  -j, --json   as one JSON object\n"
    "  -h, --help   this help\n";

static void print_text(const char *reader)
{
    printf("heap_dump %s\n", HEAP_DUMP_VERSION);
    printf("format    1\n");
    printf("libraries %s, zlib %s, zstd %s\n", reader, hd_input_zlib_version(), hd_input_zstd_version());
}

static void print_json(const char *reader)
{
    printf("{\"version\":\"%s\",\"format\":1,\"json\":", HEAP_DUMP_VERSION);
    hd_cli_print_json_string(stdout, reader);
    printf(",\"zlib\":\"%s\",\"zstd\":\"%s\"}\n", hd_input_zlib_version(), hd_input_zstd_version());
}

int hd_cli_version(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":jh", options, NULL)) != -1;) {
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return hd_cli_bad_option("version", argv, option);
        }
    }
    if (optind < argc)
        return hd_cli_usage("version", "it takes no arguments, but there is %s", argv[optind]);
    char reader[64];
    hd_json_reader_library(reader, sizeof reader);
    if (json)
        print_json(reader);
    else
        print_text(reader);
    return 0;
}
