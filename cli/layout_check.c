/*
 * Does a layout table fit a given Ruby, a file or a running process?
 *
 * Owns the verdict and its words. Must not know how a process is copied (capture/keeper.h) nor what is checked
 * (ruby/calibrate.h, ruby/self_check.h). Invariant: it says "fits" only if nothing contradicts the table and either the
 * table was verified with this very build, or a process of it passed the self-check.
 */
#define _GNU_SOURCE
#include "cli/layout_check.h"

#include "capture/keeper.h"
#include "capture/outside.h"
#include "capture/target.h"
#include "cli/cli.h"
#include "memory/source_file.h"
#include "ruby/calibrate.h"
#include "ruby/layout.h"
#include "ruby/vm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 256 };

struct check {
    pid_t pid; /* 0: a file */
    char library[TEXT], ruby[TEXT], build_id[HD_BUILD_ID_TEXT];
    const struct hd_layout *table; /* NULL if there is none for it */
    const struct hd_layout_release *release; /* what of it was chosen */
    bool by_build_id;
    struct hd_calibration_row rows[HD_CALIBRATION_ROWS];
    bool looked, self_checked; /* a process; its self-check was passed */
    uint64_t pages, symbols;
    double stopped;
    struct hd_error wrong; /* why the table does not fit; code HD_OK if nothing says so */
};

/* --- finding out --- */

struct image_memory {
    const struct hd_image *image;
    struct hd_memory *memory;
};

static uint64_t image_symbol(void *data, const char *name)
{
    const struct image_memory *both = data;
    return hd_image_symbol(both->image, both->memory, name);
}

static void table_choose(struct check *check, const struct hd_image *image, struct hd_memory *memory)
{
    struct image_memory both = {image, memory};
    check->table = hd_layout_find(check->ruby, *check->build_id ? check->build_id : NULL);
    if (!check->table) {
        hd_layout_missing(check->ruby, &check->wrong);
        return;
    }
    check->release = hd_layout_release(check->table, check->ruby, check->build_id);
    for (const char *const *id = check->release->build_ids; *id; id++)
        check->by_build_id |= !strcmp(*id, check->build_id);
    hd_calibrate(memory, image_symbol, &both, check->table, check->rows);
    for (int i = 0; i < HD_CALIBRATION_ROWS; i++)
        if (check->rows[i].differs && check->wrong.code == HD_OK)
            hd_error_set(&check->wrong, HD_ERROR_SELF_CHECK, "the layout table of Ruby %s does not fit this build: the code of %s has %s at "
                         "%" PRId64 ", not at %" PRId64 "; make one for it as docs/layouts.md says", check->table->ruby, check->rows[i].function,
                         check->rows[i].member, check->rows[i].code, check->rows[i].table);
}

static bool file_look(struct check *check, const char *path, struct hd_error *err)
{
    struct hd_arena arena = {0};
    struct hd_memory memory;
    struct hd_memory_file file;
    struct hd_image image;
    const char *text;
    bool good = hd_memory_open_file(&file, &memory, &arena, path, err);
    if (good) {
        bool is_ruby = hd_image_open(&image, &memory, file.start) && hd_image_symbol(&image, &memory, "rb_cObject");
        int64_t length = is_ruby ? hd_memory_cstring(&memory, hd_image_symbol(&image, &memory, "ruby_version"), 32, &text) : -1;
        good = length > 0 || hd_error_set(err, HD_ERROR_UNSUPPORTED, "%.150s is not a libruby: it exports no rb_cObject and no ruby_version", path);
        if (good) {
            snprintf(check->ruby, sizeof check->ruby, "%.*s", (int)length, text);
            snprintf(check->build_id, sizeof check->build_id, "%s", image.build_id);
            table_choose(check, &image, &memory);
        }
    }
    hd_memory_close_file(&file, &memory);
    hd_arena_deinit(&arena);
    return good;
}

/* All that a dump would need, and no dump. */
static void self_check(struct check *check, struct hd_outside *outside, struct hd_memory *memory, const struct hd_keeper *keeper)
{
    struct hd_vm vm;
    struct hd_arena arena = {0};
    struct hd_dump_target target = {.memory = memory, .image = &outside->image, .stacks = keeper->stacks, .stack_count = keeper->stack_count,
                                    .glibc = !strcmp(outside->allocator, "glibc")};
    struct hd_error err = {0}; /* has something in it even if all went well in the end */
    check->self_checked = hd_vm_open(&vm, memory, &arena, &target, check->table, &err);
    check->looked = true;
    if (!check->self_checked)
        check->wrong = err;
    if (check->self_checked) {
        check->pages = vm.page_count;
        for (uint64_t i = 0; i < vm.symbol_count; i++)
            check->symbols += vm.symbol_names[i].data != NULL;
    }
    hd_arena_deinit(&arena);
}

static bool process_look(struct check *check, struct hd_error *err)
{
    struct hd_arena arena = {0};
    struct hd_memory memory = {0};
    struct hd_outside outside = {0};
    struct hd_keeper keeper = {.channel = -1, .memory = -1};
    struct hd_error lost = {0};
    if (!hd_target_check(check->pid, err) || !hd_keeper_start(&keeper, check->pid, HD_COPY_FORK, err))
        return false;
    bool open = hd_memory_open_process(&memory, &arena, keeper.copy, keeper.memory, err);
    bool good = open && (hd_outside_open(&outside, &memory, err) || (outside.found && *outside.ruby));
    if (good) {
        snprintf(check->library, sizeof check->library, "%s", outside.library);
        snprintf(check->ruby, sizeof check->ruby, "%s", outside.ruby);
        snprintf(check->build_id, sizeof check->build_id, "%s", outside.image.build_id);
        table_choose(check, &outside.image, &memory);
        if (check->wrong.code == HD_OK)
            self_check(check, &outside, &memory, &keeper);
    }
    bool whole = hd_keeper_finish(&keeper, &lost);
    check->stopped = keeper.stopped;
    if (!whole)
        *err = lost;
    hd_outside_close(&outside);
    if (open)
        hd_memory_close(&memory);
    hd_arena_deinit(&arena);
    return good && whole;
}

/* --- saying it --- */

static const char *verdict(const struct check *check)
{
    if (check->wrong.code != HD_OK)
        return check->table ? "does not fit" : "no table";
    return check->by_build_id || check->self_checked ? "fits" : "not contradicted";
}

static void print_text(const struct check *check)
{
    if (check->pid)
        printf("Ruby %s of process %d, %s\n", check->ruby, check->pid, check->library);
    else
        printf("Ruby %s, %s\n", check->ruby, check->library);
    printf("build-id    %s\n", *check->build_id ? check->build_id : "none");
    if (!check->table)
        return;
    printf("table       Ruby %s, chosen by %s (%s)\n", check->table->ruby, check->by_build_id ? "build-id" : "release", check->release->origin);
    for (int i = 0; i < HD_CALIBRATION_ROWS; i++) {
        const struct hd_calibration_row *row = &check->rows[i];
        if (!row->function)
            printf("%-11s %s: no code that tells it was understood\n", i ? "" : "code", row->member);
        else
            printf("%-11s %s at %" PRId64 ", %s the table says (%s)\n", i ? "" : "code", row->member, row->code, row->differs ? "NOT as" : "as",
                   row->function);
    }
    if (check->self_checked)
        printf("self-check  passed: %" PRIu64 " heap pages, %" PRIu64 " symbols, classes, methods, shapes, threads (it stood still for %.1f ms)\n",
               check->pages, check->symbols, check->stopped * 1000);
    if (check->wrong.code != HD_OK)
        return;
    if (check->by_build_id)
        puts("the table fits: it was verified with this very build");
    else if (check->self_checked)
        puts("the table fits: all that was looked at in the process is as it says");
    else
        puts("nothing contradicts the table, but it was not verified with this build: check a running process of it\n"
             "next: heap_dump layout --check PID");
}

static void print_json(const struct check *check)
{
    printf("{\"ruby\":");
    hd_cli_print_json_string(stdout, check->ruby);
    printf(",\"library\":");
    hd_cli_print_json_string(stdout, check->library);
    printf(",\"build_id\":\"%s\",\"pid\":", check->build_id);
    printf(check->pid ? "%d" : "null", check->pid);
    printf(",\"table\":");
    if (check->table)
        printf("\"%s\",\"chosen_by\":\"%s\"", check->table->ruby, check->by_build_id ? "build_id" : "release");
    else
        printf("null");
    printf(",\"code\":[");
    for (int i = 0, n = 0; check->table && i < HD_CALIBRATION_ROWS; i++)
        if (check->rows[i].function)
            printf("%s{\"member\":\"%s\",\"function\":\"%s\",\"code\":%" PRId64 ",\"table\":%" PRId64 ",\"differs\":%s}", n++ ? "," : "",
                   check->rows[i].member, check->rows[i].function, check->rows[i].code, check->rows[i].table,
                   check->rows[i].differs ? "true" : "false");
    printf("],\"self_check\":%s", !check->looked ? "null" : check->self_checked ? "true" : "false");
    printf(",\"verdict\":\"%s\",\"fits\":%s,\"error\":", verdict(check), check->wrong.code == HD_OK ? "true" : "false");
    if (check->wrong.code == HD_OK)
        printf("null");
    else
        hd_cli_print_json_string(stdout, check->wrong.text);
    printf("}\n");
}

/* A number is a process, unless there is a file of that name. */
static pid_t process_number(const char *what)
{
    if (!*what || what[strspn(what, "0123456789")] || access(what, F_OK) == 0)
        return 0;
    unsigned long number = strtoul(what, NULL, 10);
    return number < 1ul << 30 ? (pid_t)number : 0;
}

int hd_cli_layout_check(const char *what, bool json)
{
    struct check check = {.pid = process_number(what)};
    struct hd_error err = {0};
    snprintf(check.library, sizeof check.library, "%s", what);
    if (!(check.pid ? process_look(&check, &err) : file_look(&check, what, &err)))
        return hd_cli_fail("layout", &err);
    if (json)
        print_json(&check);
    else
        print_text(&check);
    if (check.wrong.code == HD_OK)
        return 0;
    fflush(stdout);
    return hd_cli_fail("layout", &check.wrong);
}
