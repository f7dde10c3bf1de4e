/* `heap_dump report`: the page and its answers in one file, for a ticket or a build's artifacts. */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "dump/output.h"
#include "view/redact.h"
#include "web/report.h"

#include <stdlib.h>
#include <string.h>

struct request {
    const char *file;
    char **path;
    int path_count;
    bool redact, json;
};

static bool dumps_open(const struct request *request, struct hd_web_site *site, struct hd_error *err)
{
    for (int i = 0; i < request->path_count; i++) {
        if (!hd_web_site_add(site, request->path[i], err))
            return false;
        if (request->redact && !hd_redact_open(&site->dump[i].open, err))
            return false;
    }
    return true;
}

/* In memory first: it is small, and what is not whole goes nowhere. */
static bool make(const struct request *request, struct hd_web_report *report, char **text, size_t *length, struct hd_error *err)
{
    struct hd_web_site *site = calloc(1, sizeof *site);
    FILE *out = open_memstream(text, length);
    bool done = site && out;
    if (!done)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    done = done && dumps_open(request, site, err);
    for (unsigned i = 0; done && i < site->count; i++)
        hd_open_warn(&site->dump[i].open, "report");
    done = done && hd_web_report_write(report, site, out, err);
    if (out && fclose(out) != 0 && done)
        done = hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (site)
        hd_web_site_close(site);
    free(site);
    return done;
}

static bool save(const struct request *request, const char *text, size_t length, struct hd_error *err)
{
    struct hd_output out;
    struct hd_output_shared shared = {0};
    if (!strcmp(request->file, "-"))
        return fwrite(text, 1, length, stdout) == length || hd_error_set(err, HD_ERROR_IO, "cannot write to standard output");
    if (!hd_output_open(&out, request->file, &shared, err))
        return false;
    bool done = hd_output_write(&out, text, length, err) && hd_output_commit(&out, err);
    hd_output_abort(&out);
    return done;
}

static void say(const struct request *request, const struct hd_web_report *report, size_t length)
{
    char size[HD_TABLE_NUMBER], objects[HD_TABLE_NUMBER];
    if (request->json) {
        printf("{\"file\":");
        hd_cli_print_json_string(stdout, request->file);
        printf(",\"bytes\":%zu,\"answers\":%u,\"objects\":%u,\"redacted\":%s}\n", length, report->answers, report->objects,
               request->redact ? "true" : "false");
        return;
    }
    hd_cli_print_clean(stdout, request->file);
    printf(": %s, with %s objects and %s; open it in a browser\n", hd_table_bytes(size, length),
           hd_table_count(objects, report->objects), request->redact ? "no contents of strings" : "what is in them");
}

static int run_report(const struct request *request)
{
    struct hd_web_report report = {.redacted = request->redact};
    struct hd_error err = {0};
    char *text = NULL;
    size_t length = 0;
    bool done = hd_web_report_available(&err) && make(request, &report, &text, &length, &err)
                && save(request, text, length, &err);
    free(text);
    if (!done)
        return hd_open_fail("report", request->json, &err);
    if (strcmp(request->file, "-"))
        say(request, &report, length);
    return 0;
}

static int run(int argc, char **argv)
{
    struct request request = {0};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_report, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'o')
            request.file = call.value;
        else if (letter == 'r')
            request.redact = true;
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    if (!request.file)
        hd_call_refuse(&call, "-o FILE is missing: where to write the report");
    else if (request.json && !strcmp(request.file, "-"))
        hd_call_refuse(&call, "--json and the report cannot both go to standard output: name a file");
    request.path = call.operand;
    request.path_count = call.operand_count;
    for (int i = 0; i < call.operand_count; i++)
        if (!strcmp(call.operand[i], "-"))
            hd_call_refuse(&call, "a dump from standard input cannot be read again: give a file");
    return call.stopped ? call.status : run_report(&request);
}

static const struct hd_option options[] = {
    {'o', "output", "FILE", "write there; - for standard output", NULL, NULL},
    {'r', "redact", NULL, "without what the program put there: contents of strings, keys of hashes, names of threads and their variables", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_report = {
    .name = "report",
    .run = run,
    .summary = "the page with its answers in one file, for a ticket or a build's artifacts",
    .about = "Writes one file that shows the dump in a browser as `heap_dump serve` does, with no server and no network: suspects, "
             "the top of the dominator tree, classes, threads, strings, and the objects these name. With two or three dumps, what "
             "grew. It stays below 5 MB, whatever the dump is; what is left out is counted.",
    .operands = {{"FILE", "a file", HD_OPERAND_DUMP, false, false, NULL},
                 {"FILE", "a file", HD_OPERAND_DUMP, true, false, NULL},
                 {"FILE", "a file", HD_OPERAND_DUMP, true, false, NULL}},
    .options = options,
    .notes = "The file has mode 0600 and takes its name only when it is whole. It holds contents of strings, as the dump does; --redact leaves them out, also "
             "of a dump that has them. Names of classes, methods, constants, variables and source files stay.",
    .statuses = "0 fine, 2 wrong options, 3 not a dump, 4 a file could not be read or written, 5 built without the page."};
