/*
 * The command line tool: finds the command and runs it.
 *
 * Owns the table of commands and the help. Must not know what a command does or which options it has.
 */
#include "cli/cli.h"

#include "heap_dump.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static int help_command(int argc, char **argv);

static const struct command commands[] = {
    {"summary", hd_cli_summary, "what is in a dump: process, objects, bytes, types"},
    {"top", hd_cli_top, "which classes or types take and retain the most"},
    {"show", hd_cli_show, "everything about one object: contents, sizes, references, referrers"},
    {"path", hd_cli_path, "what keeps an object, or the objects of a class, alive"},
    {"check", hd_cli_check, "check that a dump is whole and valid"},
    {"layout", hd_cli_layout, "make a table of Ruby's internals from debug information"},
    {"version", hd_cli_version, "the version of heap_dump and of its libraries"},
    {"help", help_command, "this help, or `heap_dump help COMMAND`"},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static void print_help(FILE *file)
{
    fprintf(file, "Usage: heap_dump COMMAND [options] FILE\n\n"
                  "Looks into complete dumps of a Ruby heap.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(file, "\n`heap_dump COMMAND --help` has the options of a command.\n");
}

/* How many letters must be added, dropped, changed or swapped to make one word of the other. */
static size_t distance(const char *from, const char *to)
{
    enum { LONGEST = 24 };
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t width = strlen(to);
    if (width > LONGEST || strlen(from) > LONGEST)
        return LONGEST;
    for (size_t k = 0; k <= width; k++)
        above[k] = k;
    for (size_t i = 1; from[i - 1]; i++) {
        row[0] = i;
        for (size_t k = 1; k <= width; k++) {
            size_t best = above[k - 1] + (from[i - 1] != to[k - 1]);
            if (above[k] + 1 < best)
                best = above[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            if (i > 1 && k > 1 && from[i - 1] == to[k - 2] && from[i - 2] == to[k - 1] && before[k - 2] + 1 < best)
                best = before[k - 2] + 1;
            row[k] = best;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[width];
}

static int unknown(const char *name)
{
    const struct command *nearest = &commands[0];
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t letters = distance(name, commands[i].name);
        if (letters < least) {
            least = letters;
            nearest = &commands[i];
        }
    }
    if (least <= 3 && least < strlen(name))
        fprintf(stderr, "heap_dump: there is no command %s, did you mean `heap_dump %s`?\n", name, nearest->name);
    else
        fprintf(stderr, "heap_dump: there is no command %s; `heap_dump help` lists them\n", name);
    return hd_error_exit_status(HD_ERROR_USAGE);
}

static int help_command(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help(stdout);
        return 0;
    }
    const struct command *command = find(argv[1]);
    if (!command)
        return unknown(argv[1]);
    char option[] = "--help";
    char *arguments[] = {argv[1], option, NULL};
    return command->run(2, arguments);
}

/* What a command printed must have arrived, or its exit status would lie. */
static int finish(int status)
{
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fclose(stdout) != 0 || failed) {
        if (errno != EPIPE)
            fprintf(stderr, "heap_dump: cannot write to standard output%s%s\n", errno ? ": " : "",
                    errno ? strerror(errno) : "");
        return status ? status : hd_error_exit_status(HD_ERROR_IO);
    }
    return status;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* writing to a closed pipe is an error like any other */
    if (argc < 2) {
        print_help(stderr);
        return hd_error_exit_status(HD_ERROR_USAGE);
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        printf("heap_dump %s\n", HEAP_DUMP_VERSION);
        return finish(0);
    }
    const struct command *command = find(name);
    if (!command)
        return unknown(name);
    return finish(command->run(argc - 1, argv + 1));
}
