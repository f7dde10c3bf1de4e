/*
 * The command line tool: finds the command and runs it.
 *
 * Owns the table of commands and the help. Must not know what a command does or which options it has.
 */
#include "cli/cli.h"

#include "cli/ahead.h"
#include "cli/help.h"
#include "cli/kept.h"
#include "cli/progress.h"
#include "heap_dump.h"
#include "view/basis.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct hd_command help_command;

static const struct hd_command *const commands[] = {
    &hd_command_dump,
    &hd_command_memory,
    &hd_command_summary,
    &hd_command_suspects,
    &hd_command_top,
    &hd_command_tree,
    &hd_command_show,
    &hd_command_path,
    &hd_command_find,
    &hd_command_diff,
    &hd_command_threads,
    &hd_command_strings,
    &hd_command_collections,
    &hd_command_flame,
    &hd_command_serve,
    &hd_command_report,
    &hd_command_sql,
    &hd_command_export,
    &hd_command_index,
    &hd_command_check,
    &hd_command_layout,
    &hd_command_version,
    &help_command,
    NULL};

static const struct hd_command *find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static void print_help(FILE *file)
{
    fprintf(file, "Usage: heap_dump COMMAND [options] FILE\n\n"
                  "Looks into complete dumps of a Ruby heap.\n\n");
    for (size_t i = 0; commands[i]; i++)
        fprintf(file, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
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
    const struct hd_command *nearest = commands[0];
    size_t least = SIZE_MAX;
    for (size_t i = 0; commands[i]; i++) {
        size_t letters = distance(name, commands[i]->name);
        if (letters < least) {
            least = letters;
            nearest = commands[i];
        }
    }
    if (least <= 3 && least < strlen(name))
        fprintf(stderr, "heap_dump: there is no command %s, did you mean `heap_dump %s`?\n", name, nearest->name);
    else
        fprintf(stderr, "heap_dump: there is no command %s; `heap_dump help` lists them\n", name);
    return hd_error_exit_status(HD_ERROR_USAGE);
}

/* Text for people and for what else knows commands: the manual page's part that is made of them, completion. */
static const char *const formats[] = {"text", "man", "bash", "zsh", NULL};
enum { TEXT, MAN, BASH, ZSH };

static int help(const struct hd_call *call, int format)
{
    if (format != TEXT) {
        void (*const print[])(FILE *, const struct hd_command *const *) = {
            [MAN] = hd_help_man, [BASH] = hd_help_bash, [ZSH] = hd_help_zsh};
        print[format](stdout, commands);
        return 0;
    }
    if (!call->operand_count || !strcmp(call->operand[0], "help")) {
        print_help(stdout);
        return 0;
    }
    const struct hd_command *command = find(call->operand[0]);
    if (!command)
        return unknown(call->operand[0]);
    hd_help_print(stdout, command);
    return 0;
}

static int help_run(int argc, char **argv)
{
    int format = TEXT;
    struct hd_call call;
    hd_call_begin(&call, &help_command, argc, argv);
    while (hd_call_option(&call))
        format = call.choice;
    return hd_call_operands(&call) ? help(&call, format) : call.status;
}

static const struct hd_option help_options[] = {
    {'f', "format", NULL, "text for people, the commands' part of the manual page, completion for a shell (text)",
     formats, NULL},
    HD_OPTION_END};

static const struct hd_command help_command = {
    .name = "help",
    .run = help_run,
    .summary = "this help, or that of a command",
    .about = "Lists the commands, or says what one of them does.",
    .operands = {{"COMMAND", "a command", HD_OPERAND_WORD, true, false, NULL}},
    .options = help_options,
    .statuses = "0 fine, 2 wrong options or no such command."};

/* Nobody reads any more, `head` for one: no reason to complain. */
static bool reader_left(void)
{
    struct pollfd output = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&output, 1, 0) == 1 && output.revents & POLLERR;
}

/* What a command printed must have arrived, or its exit status would lie. */
static int finish(int status)
{
    errno = 0;
    bool failed = ferror(stdout) != 0, left = reader_left();
    if (fclose(stdout) != 0 || failed) {
        if (errno != EPIPE && !left)
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
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->prepare)
            commands[i]->prepare();
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        printf("heap_dump %s\n", HEAP_DUMP_VERSION);
        return finish(0);
    }
    const struct hd_command *command = find(name);
    if (!command)
        return unknown(name);
    hd_basis_put_off();
    hd_cli_progress_begin();
    int status = hd_kept_run(command, argc - 1, argv + 1);
    hd_cli_progress_end();
    status = finish(status); /* whoever reads has all of it now */
    if (command->kept || command == &hd_command_summary)
        hd_ahead_rest();
    else
        hd_basis_wait();
    return status;
}
