/*
 * `heap_dump layout`: makes a layout table out of debug information, or lists the tables there are.
 *
 * Owns the command's options and words. Must not know DWARF or how a table is written (ruby/layout_table.h).
 */
#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/layout_check.h"
#include "ruby/elf_identity.h"
#include "ruby/layout_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_IDS_MAX = 16, GO_ON = -1 };

struct options {
    const char *ruby;
    const char *platform;
    const char *origin;
    const char *corrections;
    const char *output;
    bool quiet;
    const char *build_ids[BUILD_IDS_MAX + 1];
    size_t build_id_count;
    struct hd_elf_identity identities[BUILD_IDS_MAX];
    size_t identity_count;
};

static bool build_id_add(struct options *options, const char *build_id, struct hd_error *err)
{
    if (options->build_id_count == BUILD_IDS_MAX)
        return hd_error_set(err, HD_ERROR_USAGE, "more than %d build-ids", BUILD_IDS_MAX);
    if (!*build_id || build_id[strspn(build_id, "0123456789abcdef")])
        return hd_error_set(err, HD_ERROR_USAGE, "a build-id is lower-case hexadecimal, not %s", build_id);
    options->build_ids[options->build_id_count++] = build_id;
    return true;
}

/* Takes release and build-id from a library; contradictions are errors. */
static bool library_add(struct options *options, const char *path, bool must_be_ruby, struct hd_error *err)
{
    struct hd_elf_identity *identity;

    if (options->identity_count == BUILD_IDS_MAX)
        return hd_error_set(err, HD_ERROR_USAGE, "more than %d libraries", BUILD_IDS_MAX);
    identity = &options->identities[options->identity_count];
    if (!hd_elf_identity_read(path, identity, err))
        return false;
    if (!*identity->ruby)
        return !must_be_ruby ||
               hd_error_set(err, HD_ERROR_USAGE, "%s is not a libruby: it exports no ruby_version", path);
    options->identity_count++;
    if (options->ruby && strcmp(options->ruby, identity->ruby) != 0)
        return hd_error_set(err, HD_ERROR_USAGE, "%s is Ruby %s, not %s", path, identity->ruby, options->ruby);
    options->ruby = identity->ruby;
    return !*identity->build_id || build_id_add(options, identity->build_id, err);
}

static int tables_list(void)
{
    for (const struct hd_layout *const *table = hd_layout_all(); *table; table++)
        for (const struct hd_layout_release *release = (*table)->releases; release->ruby; release++) {
            printf("%-8s %-18s %s\n", release->ruby, (*table)->platform, release->origin);
            for (const char *const *id = release->build_ids; *id; id++)
                printf("         build-id %s\n", *id);
        }
    return ferror(stdout) || fflush(stdout) ? hd_error_exit_status(HD_ERROR_IO) : 0;
}

static int tables_json(void)
{
    const char *between = "";
    printf("{\"tables\":[");
    for (const struct hd_layout *const *table = hd_layout_all(); *table; table++)
        for (const struct hd_layout_release *release = (*table)->releases; release->ruby; release++, between = ",") {
            printf("%s{\"ruby\":\"%s\",\"platform\":\"%s\",\"shared\":\"%s\",\"origin\":", between, release->ruby, (*table)->platform,
                   (*table)->ruby);
            hd_cli_print_json_string(stdout, release->origin);
            printf(",\"build_ids\":[");
            for (const char *const *id = release->build_ids; *id; id++)
                printf("%s\"%s\"", id == release->build_ids ? "" : ",", *id);
            printf("]}");
        }
    printf("]}\n");
    return ferror(stdout) || fflush(stdout) ? hd_error_exit_status(HD_ERROR_IO) : 0;
}

static int probe_print(void)
{
    hd_layout_table_write_probe(stdout);
    return ferror(stdout) || fflush(stdout) ? hd_error_exit_status(HD_ERROR_IO) : 0;
}

static void value_print(bool found, int64_t value)
{
    if (found)
        fprintf(stderr, "%" PRId64, value);
    else
        fputs("absent", stderr);
}

static size_t warnings_print(const struct hd_layout_table *table, bool quiet)
{
    size_t found = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct hd_layout_row *row = &table->rows[i];
        const struct hd_dwarf_answer *answer = &row->answer;

        found += hd_layout_has(row->value);
        if (quiet || row->reason)
            continue;
        if (answer->is_bitfield)
            fprintf(stderr, "%s: is a bit-field and has no offset (%s)\n", row->name, row->members);
        else if (!answer->found)
            fprintf(stderr, "%s: not found (%s%s%s)\n", row->name, row->types ? row->types : "constant",
                    row->types ? ": " : " ", row->members);
        if (answer->other_file) {
            fprintf(stderr, "%s: ", row->name);
            value_print(answer->found, answer->value);
            fprintf(stderr, " in %s, but ", answer->file);
            value_print(answer->other_found, answer->other_value);
            fprintf(stderr, " in %s; the first decides\n", answer->other_file);
        }
    }
    return found;
}

/* The file appears whole or not at all. */
static bool table_save(const struct hd_layout_table *table, const struct hd_layout_table_head *head, const char *path,
                       struct hd_error *err)
{
    size_t size = strlen(path) + sizeof ".tmp" + 20;
    char *temporary = malloc(size);
    FILE *out;
    bool good;

    if (!temporary)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    snprintf(temporary, size, "%s.tmp%ld", path, (long)getpid());
    out = fopen(temporary, "wxe");
    if (!out) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot create %s", temporary);
        free(temporary);
        return false;
    }
    hd_layout_table_write(table, head, out);
    good = !ferror(out);
    good = fclose(out) == 0 && good;
    if (!good || rename(temporary, path) != 0) {
        good = hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write %s", path);
        unlink(temporary);
    }
    free(temporary);
    return good;
}

static bool table_finish(struct hd_layout_table *table, const struct options *options, struct hd_error *err)
{
    const struct hd_layout_table_head head = {
        .ruby = options->ruby,
        .platform = options->platform,
        .origin = options->origin ? options->origin : "debug information",
        .build_ids = options->build_ids,
    };
    size_t found;

    if (options->corrections && !hd_layout_table_correct(table, options->corrections, err))
        return false;
    found = warnings_print(table, options->quiet);
    fprintf(stderr, "heap_dump layout: Ruby %s: %zu of %zu names found\n", options->ruby, found, table->count);
    if (found == 0)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "this debug information is not of a Ruby");
    if (options->output)
        return table_save(table, &head, options->output, err);
    hd_layout_table_write(table, &head, stdout);
    if (ferror(stdout) || fflush(stdout))
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write the table");
    return true;
}

static bool table_make(struct options *options, char **objects, size_t count, struct hd_error *err)
{
    struct hd_layout_table table = {0};
    struct hd_elf_identity first;
    struct hd_dwarf *dwarf = NULL;
    bool good;

    if (!hd_elf_identity_read(objects[0], &first, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!library_add(options, objects[i], false, err))
            return false;
    if (!options->platform)
        options->platform = first.platform;
    if (!options->ruby)
        return hd_error_set(err, HD_ERROR_USAGE, "say which Ruby this is: --ruby RELEASE");
    if (!*options->platform)
        return hd_error_set(err, HD_ERROR_USAGE, "say which platform this is: --platform NAME");
    good = hd_dwarf_open(&dwarf, (const char *const *)objects, count, err) &&
           hd_layout_table_init(&table, dwarf, err) && table_finish(&table, options, err);
    hd_layout_table_deinit(&table);
    hd_dwarf_close(dwarf);
    return good;
}

enum { PLATFORM = HD_CALL_NO_LETTER, ORIGIN, BUILD_ID, VERIFIED, CORRECTIONS, PROBE };

static int run(int argc, char **argv)
{
    struct options options = {0};
    struct hd_error err = {0};
    bool good = true, json = false, list = false;
    const char *check = NULL;
    struct hd_call call;
    hd_call_begin(&call, &hd_command_layout, argc, argv);
    for (int letter; good && (letter = hd_call_option(&call)) != 0;)
        switch (letter) {
        case 'r': options.ruby = call.value; break;
        case 'o': options.output = call.value; break;
        case 'q': options.quiet = true; break;
        case 'l': list = true; break;
        case 'c': check = call.value; break;
        case 'j': json = true; break;
        case PLATFORM: options.platform = call.value; break;
        case ORIGIN: options.origin = call.value; break;
        case BUILD_ID: good = build_id_add(&options, call.value, &err); break;
        case VERIFIED: good = library_add(&options, call.value, true, &err); break;
        case CORRECTIONS: options.corrections = call.value; break;
        default: return probe_print();
        }
    if (call.stopped)
        return call.status;
    if (list)
        return json ? tables_json() : tables_list();
    if (check)
        return hd_cli_layout_check(check, json);
    if (json && good) {
        hd_call_refuse(&call, "--json goes with --check and --list");
        return call.status;
    }
    if (good && !hd_call_operands(&call))
        return call.status;
    if (!good || !table_make(&options, call.operand, (size_t)call.operand_count, &err))
        return hd_cli_fail("layout", &err);
    return 0;
}

static const struct hd_option options[] = {
    {'r', "ruby", "RELEASE", "the exact release, as 3.1.7 (what a libruby among the files says)", NULL, NULL},
    {PLATFORM, "platform", "NAME", "the first OBJECT's if not given, as x86_64-linux-gnu", NULL, NULL},
    {ORIGIN, "origin", "TEXT", "where the debug information came from, for people", NULL, NULL},
    {BUILD_ID, "build-id", "HEX", "a libruby the table was verified with (repeatable)", NULL, NULL},
    {VERIFIED, "verified-with", "FILE", "the same, read from the file, which must be of that release (repeatable)", NULL, NULL},
    {CORRECTIONS, "corrections", "FILE", "remarks (# lines) and values set by hand, each with its reason", NULL, NULL},
    {'o', "output", "FILE", "write to FILE instead of standard output", NULL, NULL},
    {'q', "quiet", NULL, "do not name members that were not found", NULL, NULL},
    {'l', "list", NULL, "list the built-in tables", NULL, NULL},
    {'c', "check", "LIBRUBY|PID", "does a built-in table fit this library, or this running process?", NULL, NULL},
    {'j', "json", NULL, "with --check or --list: as one JSON object", NULL, NULL},
    {PROBE, "probe", NULL, "write the C source that makes macros show in debug information", NULL, NULL},
    HD_OPTION_END};

const struct hd_command hd_command_layout = {
    .name = "layout",
    .run = run,
    .summary = "make a table of Ruby's internals from debug information, or check whether one fits",
    .about = "Writes the layout table of a Ruby (where its internal structures have their members) as C, from "
             "the debug information of object files of Ruby compiled with -g, or of a libruby that has debug "
             "information. The first OBJECT that defines a type decides about it. docs/layouts.md describes "
             "the whole recipe.\n\n"
             "With --check it says whether a table that is built in fits a Ruby: it is chosen by the library's build-id, else by the exact "
             "release, compared with offsets that stand in the code of exported functions, and for a process everything is done that comes "
             "before a dump is written, on a copy of it. A table that does not fit is refused there, too.",
    .operands = {{"OBJECT", "an object file", HD_OPERAND_FILE, false, true, NULL}},
    .options = options,
    .statuses = "0 fine (with --check: nothing contradicts the table), 2 wrong options, 4 a file could not be read, 5 debug information "
                "that is not of a Ruby, no table, or one that does not fit, 7 the process could not be read."};
