/* `heap_dump diff`: what grew from one dump to the next, what holds it, and what of it stayed? */
#include "cli/cli.h"

#include "cli/diff_text.h"
#include "cli/open.h"

#include <string.h>

struct request {
    struct hd_diff_request diff;
    bool json;
};

/* Times in UTC are in order as texts. */
static bool is_earlier(const struct hd_diff_dump *one, const struct hd_diff_dump *other)
{
    size_t length = strlen(one->time);
    return length > 0 && length == strlen(other->time) && one->time[length - 1] == 'Z' &&
           other->time[length - 1] == 'Z' && strcmp(one->time, other->time) < 0;
}

/* What makes figures of two dumps differ though nothing in the process did. */
static void warn(const struct hd_diff_request *request, const struct hd_diff_result *result)
{
    const struct hd_diff_dump *dump = result->diff.dump;
    bool formats = false, roots = false, turned = false;
    for (unsigned i = 0; i < request->count; i++) {
        hd_open_warn(&result->open[i], "diff");
        formats = formats || dump[i].foreign != dump[0].foreign;
        roots = roots || dump[i].rooted != dump[0].rooted;
        turned = turned || (i > 0 && is_earlier(&dump[i], &dump[i - 1]));
    }
    if (turned)
        fprintf(stderr, "heap_dump diff: the dumps are not in the order they were taken in, so growth is the other way round\n");
    if (formats)
        fprintf(stderr, "heap_dump diff: the dumps are of different formats, heap_dump's and ObjectSpace's: small changes of "
                        "internal objects may be theirs\n");
    if (roots)
        fprintf(stderr, "heap_dump diff: not all dumps have roots, so all objects count as live and paths cannot be compared\n");
}

static int diff(const struct request *request)
{
    struct hd_diff_result result;
    struct hd_error err = {0};
    bool done = hd_view_diff_read(&request->diff, &result, &err), failed = done && result.failed;
    if (done && request->json) {
        hd_view_diff_json(stdout, &request->diff, &result);
    } else if (done) {
        warn(&request->diff, &result);
        hd_diff_print_text(&request->diff, &result);
    }
    hd_view_diff_free(&result);
    if (!done)
        return hd_open_fail("diff", request->json, &err);
    return failed ? 1 : 0;
}

static void files_take(struct hd_call *call, struct request *request)
{
    int piped = 0;
    for (int i = 0; i < call->operand_count; i++) {
        piped += !strcmp(call->operand[i], "-");
        request->diff.path[request->diff.count++] = call->operand[i];
    }
    if (piped > 1)
        hd_call_refuse(call, "only one of the dumps can come from standard input");
}

static int run(int argc, char **argv)
{
    struct request request = {.diff.limit = 15};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_diff, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 's':
            request.diff.sort = call.choice;
            break;
        case 'l':
            request.diff.limit = hd_call_count(&call);
            break;
        case 'f':
            request.diff.guarded = true;
            request.diff.fail_above = hd_call_bytes(&call);
            break;
        default:
            request.json = true;
        }
    }
    if (!hd_call_operands(&call))
        return call.status;
    files_take(&call, &request);
    return call.stopped ? call.status : diff(&request);
}

static const struct hd_option options[] = {
    {'s', "sort", NULL, "the order of classes (retained)", hd_diff_sort_names, NULL},
    {'l', "limit", "N", "rows of each table (15); 0 for all", NULL, NULL},
    {'f', "fail-above", "SIZE", "end with status 1 if live bytes grew by more: 500kB, 10MB, 1GB", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_diff = {
    .name = "diff",
    .run = run,
    .kept = true,
    .summary = "what grew from one dump to the next",
    .about = "Says what grew from one dump to another: by class, and by the path that retains it. With a third "
             "dump of the same process: which objects that came between the first two are still there.",
    .operands = {{"BEFORE", "a file", HD_OPERAND_DUMP, false, false, NULL},
                 {"AFTER", "the file to compare with", HD_OPERAND_DUMP, false, false, NULL},
                 {"FINAL", "a third file", HD_OPERAND_DUMP, true, false, NULL}},
    .options = options,
    .notes = "Growth is that from the first dump to the last, of what a root leads to: garbage is left out. Paths are compared by the names of references "
             "and classes, so dumps may be of different processes. In their table `grown` counts every byte "
             "once: what came with new objects is counted where those are. What several ways lead to is called by a "
             "constant or variable of a class if there is one, else `(several ways)`.\n\n"
             "Objects are compared by address: another type, class or name there means that one was freed and another "
             "made. That a new object of the same class took a freed one's place cannot be seen: it looks like the "
             "old one, unless that was frozen.\n\n"
             "--fail-above looks at the bytes reached from roots, all classes together, in the first dump and the "
             "last: status 1 if they are more than SIZE apart, 0 if they are not or have shrunk, 3 if one of "
             "the dumps is truncated.",
    .statuses = "0 fine, 1 grew by more than SIZE, 2 wrong options, 3 not a dump or not all of it with --fail-above, 4 "
                "the file could not be read."};
