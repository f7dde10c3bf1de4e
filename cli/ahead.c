/* See ahead.h. */
#include "cli/ahead.h"

#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/progress.h"
#include "graph/suspects.h"
#include "store/tree_options.h"
#include "view/basis.h"
#include "view/facet_sums.h"
#include "view/tree_view.h"
#include "web/kept.h"

#include <stdio.h>

enum { MANY = 300000 }; /* objects; with fewer no question takes so long that it pays */

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
    {.from = HD_NODE_ROOT, .depth = HD_TREE_VIEW_DEPTH, .entries = true, .fold = true},
    {.from = HD_NODE_ROOT, .depth = HD_TREE_DEPTH, .entries = true, .fold = true}};

static int ask(unsigned number, char *path)
{
    char *argv[5] = {(char *)questions[number].command->name};
    int argc = 1;
    for (int i = 0; i < 2 && questions[number].words[i]; i++)
        argv[argc++] = (char *)questions[number].words[i];
    argv[argc++] = path;
    return hd_kept_ahead(questions[number].command, argc, argv);
}

unsigned hd_ahead_count(void)
{
    return QUESTIONS;
}

bool hd_ahead(const char *path, bool page, struct hd_error *err)
{
    struct hd_basis *basis = hd_basis_open(path, HD_INDEX_TREE, err);
    if (!basis)
        return false;
    if (basis->index) /* else what is made here could not be kept */
        basis->lines = hd_lines_create(HD_FACET_SUMS, basis->path, &basis->graph, basis->dominators.parent, err);
    if (basis->lines)
        basis->trees = hd_trees_ahead_begin(&basis->derived, shapes, sizeof shapes / sizeof *shapes);
    hd_basis_lend(basis);
    bool ok = true;
    for (unsigned i = 0; i < QUESTIONS && !hd_cli_progress_interrupted(); i++)
        if (ask(i, (char *)path))
            ok = hd_error_set(err, HD_ERROR_BAD_DUMP, "`heap_dump %s` has no answer for this dump: ask it to learn why",
                              questions[i].command->name);
    if (page && ok && !hd_cli_progress_interrupted())
        ok = hd_web_kept_ahead(path, err);
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
