/* See ahead.h. */
#include "cli/ahead.h"

#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/progress.h"
#include "graph/suspects.h"
#include "store/tree_options.h"
#include "view/basis.h"
#include "view/exact_sums.h"
#include "view/facet_sums.h"
#include "view/tree_view.h"
#include "web/kept.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 300000, /* objects; with fewer no question takes so long that it pays */
       CLASSES = 8 };

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
    {.from = HD_NODE_ROOT, .depth = HD_TREE_DEPTH, .entries = true, .fold = true},
    /* the page's */
    {.from = HD_NODE_ROOT, .depth = UINT32_MAX, .entries = true, .fold = true},
    HD_SUSPECTS_SHAPE};
enum { SHAPES = sizeof shapes / sizeof *shapes, PAGE_SHAPES = 2 };

static int ask(unsigned number, char *path)
{
    char *argv[5] = {(char *)questions[number].command->name};
    int argc = 1;
    for (int i = 0; i < 2 && questions[number].words[i]; i++)
        argv[argc++] = (char *)questions[number].words[i];
    argv[argc++] = path;
    return hd_kept_ahead(questions[number].command, argc, argv);
}

/* Those that retain most, first; at most CLASSES. */
static uint32_t choose_classes(const struct hd_groups *classes, const struct hd_retained_group *sums, uint32_t chosen[CLASSES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < classes->count; i++) {
        uint32_t at = count;
        for (; at > 0 && sums[i].retained > sums[chosen[at - 1]].retained; at--)
            if (at < CLASSES)
                chosen[at] = chosen[at - 1];
        if (at < CLASSES)
            chosen[at] = i;
        count += count < CLASSES;
    }
    return count;
}

/* What keeps the objects of a class alive is what people ask about the first rows of `top`. A class that has no answer is none of theirs. */
static void ask_paths(struct hd_basis *basis, char *path)
{
    const struct hd_groups *classes = hd_derived_classes(&basis->derived, NULL);
    const struct hd_retained_group *sums = classes ? hd_derived_class_sums(&basis->derived, NULL) : NULL;
    uint32_t chosen[CLASSES], count = sums ? choose_classes(classes, sums, chosen) : 0;
    for (uint32_t i = 0; i < count && !hd_cli_progress_interrupted(); i++) {
        struct hd_graph_text text = classes->name[chosen[i]];
        char name[256], *argv[4] = {(char *)hd_command_path.name, path, name, NULL};
        bool plain = text.length > 0 && text.length < sizeof name && !memchr(text.data, 0, text.length) && text.data[0] != '-'
                     && text.data[0] != '@' && !(text.data[0] >= '0' && text.data[0] <= '9');
        if (!plain)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)text.length, text.data);
        hd_kept_ahead(&hd_command_path, 3, argv);
    }
}

unsigned hd_ahead_count(void)
{
    return QUESTIONS;
}

/* What all questions need. Without an index what is made here could not be kept. */
static void read_lines(struct hd_basis *basis, bool page, struct hd_error *err)
{
    struct hd_open open;
    if (!basis->index || !hd_open_read_for(&open, basis->path, HD_INDEX_TREE, err))
        return;
    struct hd_exact_ahead *exact = hd_exact_ahead_begin(&open);
    basis->lines = hd_lines_create(HD_FACET_SUMS, basis->path, &basis->graph, basis->dominators.parent, err);
    if (basis->lines)
        basis->trees = hd_trees_ahead_begin(&basis->derived, shapes, page ? SHAPES : SHAPES - PAGE_SHAPES);
    hd_exact_ahead_end(exact);
    hd_open_close(&open);
}

bool hd_ahead(const char *path, bool page, struct hd_error *err)
{
    struct hd_basis *basis = hd_basis_open(path, HD_INDEX_TREE, err);
    if (!basis)
        return false;
    hd_basis_lend(basis);
    read_lines(basis, page, err);
    bool ok = true;
    ask_paths(basis, (char *)path);
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
