/* `heap_dump version`: what this tool is and what it was built with. */
#include "cli/cli.h"

#include "dump/input.h"
#include "dump/json_reader.h"
#include "heap_dump.h"

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

static int run(int argc, char **argv)
{
    bool json = false;
    struct hd_call call;
    hd_call_begin(&call, &hd_command_version, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'j')
            json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    char reader[64];
    hd_json_reader_library(reader, sizeof reader);
    if (json)
        print_json(reader);
    else
        print_text(reader);
    return 0;
}

static const struct hd_option options[] = {
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_version = {
    .name = "version",
    .run = run,
    .summary = "the version of heap_dump and of its libraries",
    .about = "Prints the version of heap_dump, the format it reads and the libraries it runs with.",
    .options = options};
