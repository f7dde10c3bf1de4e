/* `heap_dump memory`: where is the memory that the kernel says a process has? */
#define _GNU_SOURCE
#include "cli/memory.h"

#include "cli/open.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const methods[] = {"fork", "stop", NULL};

struct request {
    struct hd_view_memory_options options;
    bool json;
};

/* A number that is no file's name is a process's. */
static int pid_of(const char *operand)
{
    char *end;
    unsigned long pid = strtoul(operand, &end, 10);
    bool number = *operand >= '0' && *operand <= '9' && !*end && pid > 0 && pid < 1ul << 30;
    return number && access(operand, F_OK) != 0 ? (int)pid : 0;
}

static int memory(const char *operand, const struct request *request)
{
    struct hd_view_memory view;
    struct hd_error err = {0};
    int pid = pid_of(operand);
    bool core, done = pid ? hd_view_memory_process(&view, pid, &request->options, &err)
                          : hd_view_memory_is_core(operand, &core, &err)
                                && (core ? hd_view_memory_core(&view, operand, &request->options, &err)
                                         : hd_view_memory_dump(&view, operand, &err));
    if (!done)
        return hd_open_fail("memory", request->json, &err);
    if (request->json)
        hd_view_memory_json(stdout, &view);
    else
        hd_memory_print(&view);
    hd_view_memory_free(&view);
    return 0;
}

enum { SYSROOT = HD_CALL_NO_LETTER, EXE };

static int run(int argc, char **argv)
{
    struct request request = {0};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_memory, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 'm':
            request.options.method = call.choice;
            break;
        case SYSROOT:
            request.options.sysroot = call.value;
            break;
        case EXE:
            request.options.executable = call.value;
            break;
        default:
            request.json = true;
        }
    }
    return hd_call_operands(&call) ? memory(call.operand[0], &request) : call.status;
}

static const struct hd_option options[] = {
    {'m', "method", NULL, "of a process, read a copy, or stop it for as long as it takes (fork)", methods, NULL},
    {SYSROOT, "sysroot", "DIR", "for a core: where the libraries of the process are", NULL, NULL},
    {EXE, "exe", "FILE", "for a core: the program that ran", NULL, NULL},
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_memory = {
    .name = "memory",
    .run = run,
    .summary = "where the memory is that a process, a core or a dump has, as a table that adds up",
    .about = "Divides what the kernel says a process has in memory (RSS): Ruby's heap pages, what objects own outside of them, code, stacks, "
             "what malloc has given out and what it holds though it is free, libraries and files. Says in plain words what that means.",
    .operands = {{"PID|CORE|DUMP", "a process's number, a core file or a dump", HD_OPERAND_DUMP, false, false, NULL}},
    .options = options,
    .notes = "A process is copied and let go as `dump` does, and needs the same permission. Of a core, what it holds is divided: a core of the "
             "kernel has a page for each one that was in memory, and pages of zeros for the others. A dump says how much the process had in memory and "
             "what Ruby's heap pages and objects had of it; what malloc held free it does not know.",
    .statuses = "0 fine, 2 wrong options, 3 neither a process's number, a core nor a dump, 4 the file could not be read, 5 a dump of "
                "ObjectSpace, 7 the process could not be read."};
