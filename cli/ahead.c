/* See ahead.h. */
#include "cli/ahead.h"

#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/progress.h"
#include "graph/suspects.h"
#include "view/basis.h"
#include "view/diff_kept.h"
#include "view/exact_sums.h"
#include "view/facet_sums.h"
#include "view/path.h"
#include "view/values.h"
#include "web/kept.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 300000, /* objects; with fewer no question takes so long that it pays */
       CLASSES = 16 };

static const struct {
    const struct hd_command *command;
    const char *words[2]; /* in front of the file */
} questions[] = {{&hd_command_top, {"--by", "file"}},   {&hd_command_top, {"--by", "gem"}},
                 {&hd_command_top, {"--by", "method"}}, {&hd_command_top, {"--by", "shape"}},
                 {&hd_command_strings, {NULL}},         {&hd_command_collections, {NULL}},
                 {&hd_command_suspects, {NULL}},        {&hd_command_tree, {NULL}},
                 {&hd_command_threads, {NULL}},         {&hd_command_flame, {NULL}}};
enum { QUESTIONS = sizeof questions / sizeof *questions };

/* The order is that of the questions. */
static const struct hd_tree_shape shapes[] = {
    HD_SUSPECTS_SHAPE,
    {.from = HD_NODE_ROOT, .depth = UINT32_MAX, .entries = true, .fold = true}}; /* `tree` and `flame` look at it, the page takes it */
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int ask(unsigned number, char *path)
{
    char *argv[5] = {(char *)questions[number].command->name};
    int argc = 1;
    for (int i = 0; i < 2 && questions[number].words[i]; i++)
        argv[argc++] = (char *)questions[number].words[i];
    argv[argc++] = path;
    return hd_kept_ahead(questions[number].command, argc, argv);
}

/* Those that have most objects, first; at most CLASSES. */
static uint32_t choose_classes(const struct hd_groups *classes, const struct hd_retained_group *sums, uint32_t chosen[CLASSES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < classes->count; i++) {
        uint32_t at = count;
        if (sums[i].count < HD_VIEW_PATH_MANY || sums[i].count == sums[i].unreachable)
            continue;
        for (; at > 0 && sums[i].count > sums[chosen[at - 1]].count; at--)
            if (at < CLASSES)
                chosen[at] = chosen[at - 1];
        if (at < CLASSES)
            chosen[at] = i;
        count += count < CLASSES;
    }
    return count;
}

/* What keeps the objects of a class alive is what people ask about the first rows of `top`; of few objects it is quickly found. */
static void merge_paths(const char *path)
{
    struct hd_open open;
    struct hd_view_class_path tree;
    struct hd_error err;
    if (!hd_open_read(&open, path, &err))
        return;
    const struct hd_groups *classes = hd_derived_classes(open.derived, NULL);
    const struct hd_retained_group *sums = classes ? hd_derived_class_sums(open.derived, NULL) : NULL;
    uint32_t chosen[CLASSES], count = sums ? choose_classes(classes, sums, chosen) : 0;
    for (uint32_t i = 0; i < count && !hd_cli_progress_interrupted(); i++) {
        struct hd_graph_text text = classes->name[chosen[i]];
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(text.length < sizeof name ? text.length : sizeof name), text.data);
        if (hd_view_class_path_make(&tree, &open, name, true, &err)) /* not, if that is no name to be asked by */
            hd_paths_merged_free(&tree.merged);
    }
    hd_open_close(&open);
}

unsigned hd_ahead_count(void)
{
    return QUESTIONS;
}

/* What all questions need. Without an index what is made here could not be kept. */
static void read_lines(struct hd_basis *basis, struct hd_error *err)
{
    struct hd_open open;
    if (!basis->index || !hd_open_read_for(&open, basis->path, HD_INDEX_TREE, err))
        return;
    struct hd_exact_ahead *exact = hd_exact_ahead_begin(&open);
    basis->lines = hd_values_lines(basis, HD_FACET_SUMS, err);
    if (basis->lines)
        basis->trees = hd_trees_ahead_begin(&basis->derived, shapes, SHAPES);
    hd_exact_ahead_end(exact);
    hd_open_close(&open);
}

bool hd_ahead(const char *path, bool page, struct hd_error *err)
{
    struct hd_basis *basis = hd_basis_open(path, HD_INDEX_TREE, err);
    if (!basis)
        return false;
    struct hd_open open;
    hd_basis_lend(basis);
    bool opened = hd_open_read(&open, path, err);
    struct hd_diff_ahead *diff = opened ? hd_diff_ahead_begin(&open) : NULL; /* while the dump is read */
    read_lines(basis, err);
    hd_diff_ahead_end(diff); /* before the rows that questions keep: those take what room there is */
    bool ok = true;
    merge_paths(path);
    for (unsigned i = 0; i < QUESTIONS && !hd_cli_progress_interrupted(); i++)
        if (ask(i, (char *)path))
            ok = hd_error_set(err, HD_ERROR_BAD_DUMP, "`heap_dump %s` has no answer for this dump: ask it to learn why",
                              questions[i].command->name);
    if (page && ok && !hd_cli_progress_interrupted())
        ok = hd_web_kept_ahead(path, err);
    if (opened)
        hd_open_close(&open);
    hd_basis_lend(NULL);
    hd_basis_close(basis);
    hd_kept_settle();
    return ok;
}

void hd_ahead_rest(void)
{
    char path[PATH_MAX];
    struct hd_error err;
    FILE *nobody = fopen("/dev/null", "w"); /* commands print, and standard output is closed */
    if (nobody)
        stdout = nobody;
    hd_cli_progress_begin_ahead();
    hd_basis_wait();
    hd_kept_settle();
    while (nobody && !hd_cli_progress_interrupted() && hd_basis_saved(MANY, path))
        hd_ahead(path, false, &err);
    hd_cli_progress_end();
}
