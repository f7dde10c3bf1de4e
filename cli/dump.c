/* `heap_dump dump`: a dump of a Ruby that has never heard of us, or of what is left of one. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "capture/keeper.h"
#include "capture/outside.h"
#include "capture/room.h"
#include "capture/stop.h"
#include "capture/target.h"
#include "cli/table.h"
#include "dump/text.h"
#include "memory/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOMENTS = 4, NEXT_MOMENT_NS = 20000000 };
static const char *const methods[] = {"fork", "stop", NULL};

struct request {
    const char *output, *core, *sysroot, *executable;
    const char *why; /* another method than the one asked for; NULL */
    pid_t pid;
    int method;
    int moment; /* which of those that are tried, from 0 */
    bool redact, all, json;
    uint64_t string_limit;
};

/* What was dumped, however it was reached. */
struct session {
    const struct request *request;
    struct hd_arena arena;
    struct hd_memory memory;
    struct hd_outside outside;
    struct hd_keeper keeper;
    struct hd_core core;
    struct hd_output_shared shared;
    struct hd_output output;
    struct hd_outside_result result;
    struct hd_buffer extra; /* members of the first line */
    double time;
    bool memory_open, outside_open, output_open;
};

/* --- what /proc tells of a process --- */

static void command_line_note(struct session *session, pid_t pid)
{
    char path[64], bytes[8192];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    hd_text_literal(&session->extra, "\"cmdline\":[");
    for (ssize_t at = 0; at < length;) {
        size_t word = strnlen(bytes + at, (size_t)(length - at));
        if (at)
            hd_text_literal(&session->extra, ",");
        hd_text_literal(&session->extra, "\"");
        hd_text_escape_any(&session->extra, bytes + at, word);
        hd_text_literal(&session->extra, "\"");
        at += (ssize_t)word + 1;
    }
    hd_text_literal(&session->extra, "]");
}

/* --- the steps --- */

/*
 * Is it a Ruby that we can read? Looked at while it runs, as only what does not change is: a process that is none must not be
 * stopped for that. Whoever gave the pid of a shell or of a supervisor may have meant its child.
 */
static bool process_look(pid_t pid, struct hd_error *err)
{
    struct hd_arena arena = {0};
    struct hd_memory memory = {0};
    struct hd_outside outside = {0};
    char path[64];
    if (!hd_target_check(pid, err))
        return false;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd < 0 ? hd_target_refused(pid, errno, err) : hd_memory_open_process(&memory, &arena, pid, fd, err);
    if (fd >= 0 && !good && err->code != HD_ERROR_MEMORY) /* no list of mappings */
        hd_target_refused(pid, ESRCH, err);
    if (good) {
        good = hd_outside_open(&outside, &memory, err);
        bool there = good || hd_target_check(pid, err); /* it may be ending: that is then why */
        pid_t child = good || !there || outside.found ? 0 : hd_target_ruby_below(pid);
        if (child)
            hd_error_set(err, HD_ERROR_UNSUPPORTED, "process %d is not a Ruby, but its descendant %d seems to be one: heap_dump dump --pid %d", pid,
                         child, child);
        hd_outside_close(&outside);
        hd_memory_close(&memory);
    }
    if (fd >= 0)
        close(fd);
    hd_arena_deinit(&arena);
    return good;
}

/* Is there twice the memory that the process has, for us? */
static bool room_for(pid_t pid)
{
    char value[64] = "";
    uint64_t resident = hd_stop_status(pid, "VmRSS", value, sizeof value) ? strtoull(value, NULL, 10) * 1024 : 0;
    return resident && hd_room_left(getpid()) > 2 * resident;
}

/* A process that could not be copied need not stand still until all is written: what can change is read at once, if it fits. */
static bool stop_shorten(struct session *session, struct hd_error *err)
{
    if (session->keeper.method != HD_COPY_STOP || !room_for(session->request->pid))
        return true;
    hd_memory_fetch_writable(&session->memory);
    return hd_keeper_let_go(&session->keeper, err);
}

/* Whoever runs out of memory in the middle does it in the control group of the process, perhaps. */
static bool room_check(pid_t pid, struct hd_error *err)
{
    char needed[HD_TABLE_NUMBER], there[HD_TABLE_NUMBER];
    uint64_t most = hd_room_of(pid), left = hd_room_left(getpid());
    if (left >= most)
        return true;
    hd_table_bytes(needed, most);
    hd_table_bytes(there, left);
    return hd_error_set(err, HD_ERROR_MEMORY, "to read process %d may take %s of memory, and only %s are left here: run this where there is more, "
                        "not in the container of the process but outside of it", pid, needed, there);
}

static bool process_reach(struct session *session, struct hd_error *err)
{
    const struct request *request = session->request;
    struct hd_keeper *keeper = &session->keeper;
    hd_room_volunteer();
    if (!process_look(request->pid, err) || !room_check(request->pid, err) || !hd_keeper_start(keeper, request->pid, (enum hd_copy_method)request->method, err))
        return false;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    session->time = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
    if (!request->redact)
        command_line_note(session, request->pid);
    session->memory_open = hd_memory_open_process(&session->memory, &session->arena, keeper->copy, keeper->memory, err);
    return session->memory_open && stop_shorten(session, err);
}

static bool core_reach(struct session *session, struct hd_error *err)
{
    const struct request *request = session->request;
    const struct hd_core_options options = {.sysroot = request->sysroot, .executable = request->executable};
    session->memory_open = hd_core_open(&session->core, &session->memory, &session->arena, request->core, &options, err);
    if (!session->memory_open)
        return false;
    session->time = session->core.time;
    if (request->redact || !*session->core.command)
        return true;
    hd_text_literal(&session->extra, "\"cmdline\":[\"");
    hd_text_escape_any(&session->extra, session->core.command, strlen(session->core.command));
    hd_text_literal(&session->extra, "\"]");
    return true;
}

/* A core that was cut off says nothing of Ruby: what it has not, and why there may be none. */
static bool truncated_say(const struct session *session, struct hd_error *err)
{
    static const char again[] = "look for what limits its size (ulimit -c, the disk) and take another; while the process lives, `heap_dump dump "
                                "--pid` needs none";
    const struct hd_image *image = &session->outside.image;
    char there[HD_TABLE_NUMBER], whole[HD_TABLE_NUMBER];
    bool found = session->outside.found, variables = found;
    struct hd_memory memory = session->memory;
    for (int i = 0; i < image->data_count && variables; i++)
        variables = hd_memory_at(&memory, image->data[i].start, image->data[i].end - image->data[i].start) != NULL;
    hd_table_bytes(there, session->core.size);
    hd_table_bytes(whole, session->core.whole);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the core is truncated, it has %s of %s, and %s: %s", there, whole,
                        !found ? "no Ruby is in what is left of it" : !variables ? "ends before the variables of Ruby's library, which lead to "
                        "all objects" : "what is left is too little to find Ruby's objects", again);
}

/* What is missing from a core says more than that no Ruby was found in what is there. */
static bool ruby_find(struct session *session, struct hd_error *err)
{
    session->outside_open = hd_outside_open(&session->outside, &session->memory, err);
    if (!session->outside_open && session->core.wrong.code != HD_OK)
        *err = session->core.wrong;
    else if (!session->outside_open && session->core.truncated)
        truncated_say(session, err);
    else if (!session->outside_open && session->request->core && session->core.missing)
        hd_error_set(err, HD_ERROR_UNSUPPORTED, "no Ruby was found in the core: the code of libraries is not in it, and the files were not "
                     "found where the process had them; give their folder with --sysroot, or the program with --exe");
    return session->outside_open;
}

static bool write_dump(struct session *session, struct hd_error *err)
{
    const struct request *request = session->request;
    struct hd_dump_options options = {.redact = request->redact, .all = request->all, .string_limit = request->string_limit,
                                      .source = request->core ? "core" : "process",
                                      .pid = request->core ? session->core.pid : request->pid, .time = session->time};
    if (session->extra.length)
        hd_text_literal(&session->extra, ",");
    hd_text_literal(&session->extra, "\"malloc\":\"");
    hd_text_escape_any(&session->extra, session->outside.allocator, strlen(session->outside.allocator));
    hd_text_literal(&session->extra, "\"");
    hd_buffer_append(&session->extra, "", 1);
    options.extra = session->extra.failed || session->extra.length < 2 ? NULL : session->extra.data;
    if (getrandom(options.redact_key, sizeof options.redact_key, 0) != (ssize_t)sizeof options.redact_key && request->redact)
        return hd_error_set(err, HD_ERROR_INTERNAL, "the kernel gave no random key for the redaction");
    session->output_open = hd_output_open(&session->output, request->output, &session->shared, err);
    const struct hd_stack *stacks = request->core ? session->core.stacks : session->keeper.stacks;
    size_t count = request->core ? session->core.stack_count : session->keeper.stack_count;
    bool good = session->output_open
                && hd_outside_dump(&session->outside, stacks, count, &options, &session->output, 0, &session->result, err);
    if (!good && err->code == HD_ERROR_SELF_CHECK && session->core.truncated)
        truncated_say(session, err);
    return good;
}

/* Why it was not the method asked for; "" if it was. */
static const char *note_of(const struct session *session)
{
    return session->request->why ? session->request->why : session->keeper.note;
}

static void print_text(const struct session *session)
{
    char objects[HD_TABLE_NUMBER], bytes[HD_TABLE_NUMBER];
    printf("%s: %s objects, %s, %s, in %.2f s\n", session->request->output, hd_table_count(objects, session->result.objects),
           hd_table_bytes(bytes, session->result.bytes), session->outside.description, session->result.seconds);
    if (!session->request->core) {
        bool stopped = session->keeper.method == HD_COPY_STOP;
        printf("the process stood still for %.1f ms%s\n", session->keeper.stopped * 1000,
               stopped ? " while it was read" : " while it was copied");
        if (*note_of(session))
            printf("--method stop was used, as it could not be copied: %s\n", note_of(session));
    }
    if (session->core.truncated)
        printf("the core is truncated: %llu pages of Ruby's heap are missing, and objects that only a missing stack keeps alive are not\n"
               "in the dump (--all keeps them)\n", (unsigned long long)session->result.lost_pages);
    if (session->core.overlapping) {
        char over[HD_TABLE_NUMBER];
        printf("the core is damaged or made up: %s of its segments lie over others and were left out\n",
               hd_table_bytes(over, session->core.overlapping));
    }
    if (strcmp(session->outside.allocator, "glibc") != 0)
        printf("its malloc is %s: the size of memory that C code owns is not known and counts nothing, nor what C extensions refer to\n",
               strcmp(session->outside.allocator, "unknown") ? session->outside.allocator : "none that heap_dump knows");
    printf("next: heap_dump suspects %s\n", session->request->output);
}

static void print_json(const struct session *session)
{
    const struct hd_outside_result *result = &session->result;
    printf("{\"file\":");
    hd_cli_print_json_string(stdout, session->request->output);
    printf(",\"objects\":%llu,\"references\":%llu,\"unreadable\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"ruby\":",
           (unsigned long long)result->objects, (unsigned long long)result->references, (unsigned long long)result->unreadable,
           (unsigned long long)result->bytes, result->seconds);
    hd_cli_print_json_string(stdout, session->outside.ruby);
    printf(",\"library\":");
    hd_cli_print_json_string(stdout, session->outside.library);
    if (session->request->core)
        printf(",\"truncated\":%s,\"lost_pages\":%llu,\"overlapping\":%llu", session->core.truncated ? "true" : "false",
               (unsigned long long)session->result.lost_pages, (unsigned long long)session->core.overlapping);
    printf(",\"build_id\":\"%s\",\"malloc\":\"%s\"", session->outside.image.build_id, session->outside.allocator);
    if (!session->request->core) {
        printf(",\"method\":\"%s\",\"stopped_ms\":%.3f,\"window_ms\":%.3f,\"note\":", methods[session->keeper.method],
               session->keeper.stopped * 1000, session->keeper.foreign * 1000);
        hd_cli_print_json_string(stdout, note_of(session));
    }
    printf("}\n");
}

static int dump(const struct request *request)
{
    struct session session = {.request = request, .keeper = {.channel = -1, .memory = -1}, .core = {.fd = -1}};
    struct hd_error err = {0};
    bool done = (request->core ? core_reach(&session, &err) : process_reach(&session, &err)) && ruby_find(&session, &err);
    done = done && write_dump(&session, &err);
    struct hd_error lost = {0};
    if (!hd_keeper_finish(&session.keeper, &lost)) { /* the target first: writing to disk may take its time */
        done = false;
        err = lost; /* whatever was found wrong came from that */
    }
    done = done && hd_output_commit(&session.output, &err);
    if (session.output_open)
        hd_output_abort(&session.output);
    if (done && request->json)
        print_json(&session);
    else if (done)
        print_text(&session);
    if (session.outside_open)
        hd_outside_close(&session.outside);
    if (request->core)
        hd_core_close(&session.core, &session.memory);
    else if (session.memory_open)
        hd_memory_close(&session.memory);
    hd_arena_deinit(&session.arena);
    hd_buffer_deinit(&session.extra);
    if (session.keeper.lost) {
        struct request again = *request;
        again.method = HD_COPY_STOP;
        again.why = "the copy was given up, as memory ran short";
        return dump(&again);
    }
    /* GC.compact locks pages away while it moves what is in them, a program that just begins has not made all of them: not this moment */
    if (!done && request->pid && err.code == HD_ERROR_SELF_CHECK && request->moment + 1 < MOMENTS) {
        struct request again = *request;
        again.moment++;
        nanosleep(&(struct timespec){0, NEXT_MOMENT_NS}, NULL);
        return dump(&again);
    }
    return done ? 0 : hd_cli_fail("dump", &err);
}

static void pid_take(struct hd_call *call, pid_t *pid)
{
    unsigned long number = hd_call_count(call);
    if (!call->stopped && (number == 0 || number > 1ul << 30))
        hd_call_refuse(call, "--pid takes a process's number, not %s", call->value);
    *pid = (pid_t)number;
}

enum { SYSROOT = HD_CALL_NO_LETTER, EXE };

static int run(int argc, char **argv)
{
    struct request request = {.output = "dump.json", .string_limit = 4096};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_dump, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 'p':
            pid_take(&call, &request.pid);
            break;
        case 'c':
            request.core = call.value;
            break;
        case SYSROOT:
            request.sysroot = call.value;
            break;
        case EXE:
            request.executable = call.value;
            break;
        case 'o':
            request.output = call.value;
            break;
        case 'm':
            request.method = call.choice;
            break;
        case 'r':
            request.redact = true;
            break;
        case 'a':
            request.all = true;
            break;
        case 's':
            request.string_limit = hd_call_bytes(&call);
            break;
        default:
            request.json = true;
        }
    }
    if (!hd_call_operands(&call))
        return call.status;
    if (!request.pid == !request.core)
        hd_call_refuse(&call, request.pid ? "either --pid or --core, not both" : "what? give --pid or --core");
    return call.stopped ? call.status : dump(&request);
}

static const struct hd_option options[] = {
    {'p', "pid", "PID", "the process", NULL, NULL},
    {'c', "core", "FILE", "a core file instead, of gcore or of a crash; may be compressed", NULL, NULL},
    {SYSROOT, "sysroot", "DIR", "for a core: where the libraries of the process are", NULL, NULL},
    {EXE, "exe", "FILE", "for a core: the program that ran", NULL, NULL},
    {'o', "output", "FILE", "where to write it (dump.json); .gz and .zst compress", NULL, NULL},
    {'m', "method", NULL, "read a copy of the process, or stop it for as long as it takes (fork)", methods, NULL},
    {'r', "redact", NULL, "no contents of strings", NULL, NULL},
    {'a', "all", NULL, "keep unreachable objects, marked", NULL, NULL},
    {'s', "string-limit", "SIZE", "bytes of a string that are written (4096)", NULL, NULL},
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_dump = {
    .name = "dump",
    .run = run,
    .summary = "dump a running Ruby from outside with nothing loaded into it, or a core file",
    .about = "Writes a complete dump of a Ruby process that has not loaded heap_dump. Its threads are stopped for a moment, one "
             "of them makes a copy of the process, all go on, and the frozen copy is read. Nothing of ours runs in it, nothing is "
             "written into it. A core file is read the same way.",
    .operands = {{NULL, NULL, HD_OPERAND_WORD, false, false, NULL}},
    .options = options,
    .notes = "Needs root, or to be the process's user where kernel.yama.ptrace_scope is 0. Where the process cannot be copied (a "
             "seccomp filter, a limit of its control group), it is stopped while it is read, and the output says so. "
             "No garbage can be collected from outside: what is alive is found by a trace from the roots. References that were "
             "only found by their looks stand under \"inferred\".",
    .statuses = "0 fine, 2 wrong options, 4 the dump could not be written, 5 not a Ruby, or one that is not supported, 7 the "
                "process could not be read."};
