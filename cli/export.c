/*
 * `heap_dump export`: a dump in the form of another tool. The targets are those of store/exporter.h, whose table the help,
 * the options and the completion of this command are made from.
 */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "cli/help.h"
#include "cli/open.h"
#include "cli/table.h"
#include "cli/twice.h"
#include "store/exporter.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPTIONS = 22, TEXT = 8192, NAME_WIDTH = 34 };
enum { OPTION_LIST = HD_CALL_NO_LETTER, OPTION_FIRST }; /* from OPTION_FIRST on: those of the exporters */

struct given {
    const char *name, *value;
};

struct request {
    const char *path, *to;
    bool json, list;
    struct given given[OPTIONS];
    int given_count;
};

/* ---- the tables that are made of the table of exporters ---- */

static struct hd_option options[OPTIONS + 1] = {
    {'t', "to", "TARGET:WHERE", "what to write and where, see below", NULL, NULL},
    HD_OPTION_JSON,
    {OPTION_LIST, "list", NULL, "the targets with all they take, nothing is written", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_END};

static char targets[TEXT] = "Targets:\n\n";
static char target_names[HD_EXPORTERS_MAX + 1][32], option_helps[OPTIONS][200];
static const char *offered[HD_EXPORTERS_MAX + 1];

static int option_count(void)
{
    int count = 0;
    while (options[count].letter)
        count++;
    return count;
}

/* An option that several exporters take is there once, and says who takes it. */
static void option_add(const struct hd_exporter *exporter, const struct hd_exporter_option *option)
{
    int count = option_count(), at = 0;
    while (at < count && strcmp(options[at].name, option->name) != 0)
        at++;
    if (at == OPTIONS)
        return;
    char *help = option_helps[at];
    size_t size = sizeof option_helps[at], used = strlen(help);
    if (at < count)
        snprintf(help + used - 1, size - used + 1, ", %s)", exporter->name);
    else
        snprintf(help, size, "%s (%s)", option->help, exporter->name);
    options[at] = (struct hd_option){OPTION_FIRST + at, option->name, option->argument, help, NULL, NULL};
}

static void target_text(char *text, size_t size, const struct hd_exporter *exporter)
{
    snprintf(text, size, "%s:%s", exporter->name, exporter->where);
}

static void target_add(const struct hd_exporter *exporter, int number)
{
    char name[128];
    size_t used = strlen(targets);
    target_text(name, sizeof name, exporter);
    snprintf(targets + used, sizeof targets - used, "  %-*s%s%s\n", NAME_WIDTH, name, exporter->help,
             exporter->run ? "" : " (not built in)");
    snprintf(target_names[number], sizeof target_names[number], "%s:", exporter->name);
    offered[number] = target_names[number];
}

static void prepare(void)
{
    if (options[0].choices)
        return;
    for (int i = 0; hd_exporters[i] && i < HD_EXPORTERS_MAX; i++) {
        target_add(hd_exporters[i], i);
        for (int k = 0; hd_exporters[i]->options && hd_exporters[i]->options[k].name; k++)
            option_add(hd_exporters[i], &hd_exporters[i]->options[k]);
    }
    options[0].choices = offered;
}

/* ---- --list ---- */

static void list_json(const struct hd_exporter *exporter)
{
    printf("{\"name\":\"%s\",\"target\":\"%s:%s\",\"help\":", exporter->name, exporter->name, exporter->where);
    hd_cli_print_json_string(stdout, exporter->help);
    printf(",\"built_in\":%s,\"options\":[", exporter->run ? "true" : "false");
    for (int i = 0; exporter->options && exporter->options[i].name; i++) {
        const struct hd_exporter_option *option = &exporter->options[i];
        printf("%s{\"option\":\"--%s%s%s\",\"help\":", i ? "," : "", option->name, option->argument ? " " : "",
               option->argument ? option->argument : "");
        hd_cli_print_json_string(stdout, option->help);
        printf("}");
    }
    printf("]}");
}

static void list_text(const struct hd_exporter *exporter)
{
    printf("%s:%s\n  %s\n", exporter->name, exporter->where, exporter->help);
    for (int i = 0; exporter->options && exporter->options[i].name; i++) {
        const struct hd_exporter_option *option = &exporter->options[i];
        printf("    --%s%s%s  %s\n", option->name, option->argument ? " " : "", option->argument ? option->argument : "",
               option->help);
    }
    if (!exporter->run)
        printf("  not built in: needs %s\n", exporter->missing);
}

static int list(bool json)
{
    printf("%s", json ? "{\"targets\":[" : "");
    for (int i = 0; hd_exporters[i]; i++) {
        if (json && i)
            printf(",");
        (json ? list_json : list_text)(hd_exporters[i]);
    }
    printf("%s", json ? "]}\n" : "");
    return 0;
}

/* ---- signals and progress ---- */

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

/*
 * The first one lets the exporter end and leave nothing behind, a second one ends us as ever. Where there is nothing to
 * clean up, standard output, signals are left alone: a full pipe would hold us.
 */
static void signals_catch(struct sigaction old[3])
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    stop_signal = 0;
    for (int i = 0; i < 3; i++)
        if (sigaction(numbers[i], NULL, &old[i]) == 0 && old[i].sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
}

static void signals_restore(const struct sigaction old[3])
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++)
        sigaction(numbers[i], &old[i], NULL);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double progress_next; /* when to say something; 0: nothing was said so far */
static bool progress_shown;

static void progress(const char *what, uint64_t done, uint64_t total)
{
    double time = now();
    char left[HD_TABLE_NUMBER], right[HD_TABLE_NUMBER];
    if (progress_next == 0)
        progress_next = time + 1;
    if (time < progress_next)
        return;
    progress_next = time + 0.2;
    progress_shown = true;
    fprintf(stderr, "\r%3u %%  %s of %s %s\033[K", (unsigned)(total ? 100.0 * (double)done / (double)total : 100.0),
            hd_table_count(left, done), hd_table_count(right, total), what);
}

static void progress_end(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}

/* ---- one export ---- */

static bool is_file(const struct hd_export *export)
{
    return export->exporter->flags & (HD_EXPORTER_FILE | HD_EXPORTER_PATH);
}

/* "next: go tool pprof -top out.pb.gz": %s is the file. */
static void print_next(const struct hd_export *export)
{
    const char *text = export->exporter->next;
    const char *place = text ? strstr(text, "%s") : NULL;
    if (!text)
        return;
    printf("\nnext: %.*s", place ? (int)(place - text) : (int)strlen(text), text);
    if (place) {
        hd_open_print_quoted(stdout, export->where);
        fputs(place + 2, stdout);
    }
    printf("\n");
}

static void report(const struct request *request, const struct hd_open *open, const struct hd_export *export)
{
    if (request->json) {
        printf("{");
        hd_open_json_head(stdout, open);
        printf(",\"to\":\"%s\"", export->exporter->name);
        if (is_file(export)) {
            printf(",\"where\":");
            hd_cli_print_json_string(stdout, export->where);
        }
        printf(",\"summary\":");
        hd_cli_print_json_string(stdout, export->summary);
        printf("%s}\n", export->fields);
        return;
    }
    if (is_file(export)) {
        hd_cli_print_clean(stdout, export->where);
        fputs(": ", stdout);
    }
    hd_cli_print_clean(stdout, export->summary);
    fputs("\n", stdout);
    print_next(export);
}

/* Ends as the signal would have ended us, so that a shell sees it. */
static void die_of_signal(void)
{
    int number = stop_signal;
    fflush(stderr);
    signal(number, SIG_DFL);
    raise(number);
}

static int run_open(const struct request *request, struct hd_export *export, struct hd_open *open)
{
    struct sigaction old[3];
    struct hd_error err = {0};
    export->open = open;
    export->progress = isatty(STDERR_FILENO) ? progress : NULL;
    bool streams = export->exporter->flags & HD_EXPORTER_FILE && !strcmp(export->where, "-");
    export->signal = &stop_signal;
    bool alone = export->exporter->flags & HD_EXPORTER_ALONE;
    if (!alone)
        hd_open_warn(open, "export");
    if (!streams)
        signals_catch(old);
    bool ok = hd_exporter_run(export, stdout, &err);
    progress_end();
    if (alone) /* it has found out what there is to say */
        hd_open_warn(open, "export");
    if (!ok && stop_signal) {
        hd_cli_fail("export", &err);
        die_of_signal();
    }
    if (!streams)
        signals_restore(old);
    if (!ok)
        return streams ? hd_cli_fail_stdout("export", &err) : hd_open_fail("export", request->json, &err);
    if (!streams)
        report(request, open, export);
    return 0;
}

static int run_export(const struct request *request, struct hd_export *export)
{
    struct hd_open open;
    struct hd_error err = {0};
    char copy_path[HD_TWICE_PATH] = "";
    int copy = -1;
    if (export->exporter->flags & HD_EXPORTER_ALONE) {
        open = (struct hd_open){.path = request->path};
        return run_open(request, export, &open);
    }
    bool keep = export->exporter->flags & HD_EXPORTER_LINES && !strcmp(request->path, "-");
    if (keep && !hd_twice_copy(&copy, copy_path, &err))
        return hd_open_fail("export", request->json, &err);
    if (!hd_open_read_for(&open, keep ? copy_path : request->path, export->exporter->need, &err)) {
        hd_twice_close_copy(copy, copy_path, &err);
        return hd_open_fail("export", request->json, &err);
    }
    open.path = request->path;
    int status = run_open(request, export, &open);
    hd_open_close(&open);
    hd_twice_close_copy(copy, copy_path, &err);
    return status;
}

static bool check(const struct request *request, struct hd_export *export, struct hd_error *err)
{
    if (!hd_exporter_find(export, request->to, err))
        return false;
    for (int i = 0; i < request->given_count; i++)
        if (!hd_exporter_set(export, request->given[i].name, request->given[i].value, err))
            return false;
    bool streams = !strcmp(export->where, "-");
    if (streams && request->json)
        return hd_error_set(err, HD_ERROR_USAGE, "--json and the export cannot both go to standard output: name a file");
    if (streams && export->exporter->flags & HD_EXPORTER_BINARY && isatty(STDOUT_FILENO))
        return hd_error_set(err, HD_ERROR_USAGE, "%s is nothing to read on a terminal: name a file, --to %s:%s",
                            export->exporter->name, export->exporter->name, export->exporter->where);
    return true;
}

static int run(int argc, char **argv)
{
    struct request request = {0};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_export, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 't')
            request.to = call.value;
        else if (letter == 'j')
            request.json = true;
        else if (letter == OPTION_LIST)
            request.list = true;
        else if (request.given_count < OPTIONS)
            request.given[request.given_count++] = (struct given){call.option->name, call.value};
    }
    if (!call.stopped && request.list)
        return list(request.json);
    if (!hd_call_operands(&call))
        return call.status;
    if (!request.to) {
        hd_call_refuse(&call, "--to TARGET:WHERE is missing");
        return call.status;
    }
    struct hd_export export = {0};
    struct hd_error err = {0};
    request.path = call.operand[0];
    return check(&request, &export, &err) ? run_export(&request, &export) : hd_open_fail("export", request.json, &err);
}

const struct hd_command hd_command_export = {
    .name = "export",
    .run = run,
    .prepare = prepare,
    .summary = "the dump for other tools: DevTools, pprof, SQLite, MongoDB, …",
    .about = "Writes the dump in the form of another tool. WHERE is a file or, for most targets, `-` for standard output, "
             "which is also what a target without WHERE means; a name that ends in .gz or .zst is compressed.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = targets,
    .statuses = "0 fine, 2 wrong options, 3 not a dump, 4 a file could not be read or written, 5 the target was not built in."};
