/* See collapsed.h; and the exporter that writes them. */
#include "store/collapsed.h"

#include "store/exporter.h"
#include "store/tree_options.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>

struct writer {
    struct hd_collapsed *collapsed;
    struct hd_sink *sink;
    struct hd_buffer stack; /* the frames down to the group at hand */
    struct hd_buffer name, clean; /* of the frame at hand; kept, for a buffer's memory is the kernel's */
    size_t *length;         /* [depth of the tree + 1] of the stack at each depth */
};

static void frame_push(struct writer *writer, const char *text, size_t length)
{
    struct hd_buffer *clean = &writer->clean;
    clean->length = 0;
    hd_words_clean(clean, text, length);
    if (clean->failed) {
        writer->stack.failed = 1;
        return;
    }
    clean->length--; /* less its NUL */
    for (size_t i = 0; i < clean->length; i++)
        clean->data[i] = clean->data[i] == ';' ? ',' : clean->data[i] == ' ' ? '_' : clean->data[i];
    if (writer->stack.length)
        hd_buffer_append(&writer->stack, ";", 1);
    hd_buffer_append(&writer->stack, clean->data, clean->length);
}

static bool enter(void *data, uint32_t number, uint32_t depth, struct hd_error *err)
{
    struct writer *writer = data;
    const struct hd_tree_view *view = writer->collapsed->view;
    struct hd_buffer *name = &writer->name;
    writer->stack.length = depth ? writer->length[depth - 1] : 0;
    if (number > 0 || view->from != HD_NODE_ROOT) {
        name->length = 0;
        hd_tree_view_name(name, view, number, "→");
        frame_push(writer, name->data ? name->data : "", name->length);
    }
    writer->length[depth] = writer->stack.length;
    return !(writer->stack.failed || name->failed) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static bool weigh(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight,
                  struct hd_error *err)
{
    struct writer *writer = data;
    struct hd_collapsed *collapsed = writer->collapsed;
    uint64_t number = collapsed->count ? weight.objects : weight.bytes;
    char text[32];
    if (number == 0)
        return true;
    writer->stack.length = writer->length[depth];
    if (part != HD_TREE_WALK_OWN)
        frame_push(writer, hd_tree_walk_words[part], strlen(hd_tree_walk_words[part]));
    hd_sink_append(writer->sink, writer->stack.data, writer->stack.length);
    int digits = snprintf(text, sizeof text, " %llu\n", (unsigned long long)number);
    hd_sink_append(writer->sink, text, (size_t)digits);
    collapsed->total += number;
    collapsed->lines++;
    if (writer->stack.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return hd_sink_good(writer->sink, err);
}

bool hd_collapsed_write(struct hd_collapsed *collapsed, struct hd_sink *sink, struct hd_error *err)
{
    struct writer writer = {.collapsed = collapsed, .sink = sink};
    struct hd_tree_walker walker = {.data = &writer, .enter = enter, .weigh = weigh};
    writer.length = calloc((size_t)hd_tree_walk_depth(&collapsed->view->tree) + 1, sizeof *writer.length);
    bool ok = writer.length ? hd_tree_walk(&collapsed->view->tree, collapsed->least, &walker, err)
                            : hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    free(writer.length);
    hd_buffer_deinit(&writer.stack);
    hd_buffer_deinit(&writer.name);
    hd_buffer_deinit(&writer.clean);
    return ok;
}

/* ---- the exporter ---- */

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct hd_tree_view view;
    struct hd_collapsed collapsed = {.view = &view};
    if (!hd_tree_options_make(export, &view, &collapsed.least, err))
        return false;
    collapsed.count = hd_export_option(export, "count") != NULL;
    bool ok = hd_collapsed_write(&collapsed, export->sink, err);
    hd_tree_view_free(&view);
    char stacks[HD_WORDS_NUMBER], total[HD_WORDS_NUMBER];
    hd_export_summarize(export, "%s stacks, %s %s", hd_words_count(stacks, collapsed.lines),
                        hd_words_count(total, collapsed.total), collapsed.count ? "objects" : "bytes");
    return ok;
}

static const struct hd_exporter_option options[] = {
    HD_TREE_OPTION_DEPTH, HD_TREE_OPTION_MIN, {"count", NULL, "the numbers are objects, not bytes"}, {NULL, NULL, NULL}};

const struct hd_exporter hd_exporter_collapsed = {
    .name = "collapsed",
    .where = "FILE|-",
    .help = "stacks for flamegraph.pl and inferno, those of `heap_dump flame`",
    .next = "flamegraph.pl %s > heap.svg",
    .flags = HD_EXPORTER_FILE,
    .need = HD_INDEX_TREE,
    .options = options,
    .run = run};
