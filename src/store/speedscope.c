/*
 * A file for speedscope: the dominator tree as two flame graphs, of bytes and of objects.
 *
 * The format (its file-format-schema.json): one JSON object. A profile is a list of events, `O` opens a frame, `C` closes the
 * innermost one, at a place that only grows: here the bytes or objects so far, so that the width of a frame is what it retains.
 * Frames are numbers of `shared.frames`, which stands last here: they are known by then.
 */
#include "store/exporter.h"

#include "dump/text.h"
#include "graph/names.h"
#include "heap_dump.h"
#include "store/json_text.h"
#include "store/tree_options.h"
#include "store/tree_walk.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 2000 };

struct writer {
    struct hd_export *export;
    struct hd_sink *sink;
    struct hd_tree_view view;
    struct hd_names frames;
    struct hd_buffer name;
    uint32_t *open; /* [depth of the tree + 2] frames that are open */
    uint32_t open_count;
    bool objects;   /* the profile at hand counts objects */
    uint64_t at, events;
};

static bool good(struct writer *writer, struct hd_error *err)
{
    if (writer->frames.failed || writer->name.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return hd_sink_good(writer->sink, err);
}

static void event(struct writer *writer, char type, uint32_t frame)
{
    struct hd_buffer *out = &writer->sink->block;
    if (writer->events++)
        hd_text_literal(out, ",\n");
    hd_text_literal(out, "{\"type\":\"");
    hd_buffer_append(out, &type, 1);
    hd_text_literal(out, "\",\"frame\":");
    hd_text_uint(out, frame);
    hd_text_literal(out, ",\"at\":");
    hd_text_uint(out, writer->at);
    hd_text_literal(out, "}");
}

static void frame_open(struct writer *writer, const char *name, size_t length)
{
    uint32_t frame = hd_names_intern(&writer->frames, name, length > NAME_MAX_BYTES ? NAME_MAX_BYTES : length);
    writer->open[writer->open_count++] = frame;
    event(writer, 'O', frame);
}

static void close_to(struct writer *writer, uint32_t count)
{
    while (writer->open_count > count)
        event(writer, 'C', writer->open[--writer->open_count]);
}

static bool enter(void *data, uint32_t number, uint32_t depth, struct hd_error *err)
{
    struct writer *writer = data;
    if (writer->view.tree.group[number].sample == HD_NODE_ROOT)
        return true;
    close_to(writer, depth - 1);
    writer->name.length = 0;
    hd_tree_view_name(&writer->name, &writer->view, number, " → ");
    frame_open(writer, writer->name.data ? writer->name.data : "", writer->name.length);
    return good(writer, err);
}

/* The group's own is in its frame, what is put together has a frame for itself. */
static bool weigh(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight,
                  struct hd_error *err)
{
    struct writer *writer = data;
    const char *word = hd_tree_walk_words[part];
    close_to(writer, depth);
    if (word)
        frame_open(writer, word, strlen(word));
    writer->at += writer->objects ? weight.objects : weight.bytes;
    if (word)
        close_to(writer, depth);
    return good(writer, err);
}

/* The end is known when the events are written, so it stands behind them. */
static bool profile_write(struct writer *writer, uint64_t least, bool objects, struct hd_error *err)
{
    struct hd_tree_walker walker = {.data = writer, .enter = enter, .weigh = weigh};
    writer->objects = objects;
    writer->at = writer->events = 0;
    hd_sink_literal(writer->sink, "{\"type\":\"evented\",\"startValue\":0,\"events\":[");
    if (!hd_tree_walk(&writer->view.tree, least, &walker, err))
        return false;
    close_to(writer, 0);
    hd_sink_literal(writer->sink, "],\n\"endValue\":");
    hd_text_uint(&writer->sink->block, writer->at);
    if (objects)
        hd_sink_literal(writer->sink, ",\"unit\":\"none\",\"name\":\"objects retained\"}");
    else
        hd_sink_literal(writer->sink, ",\"unit\":\"bytes\",\"name\":\"bytes retained\"}");
    return good(writer, err);
}

static bool frames_write(struct writer *writer, struct hd_error *err)
{
    const struct hd_names *frames = &writer->frames;
    hd_sink_literal(writer->sink, "],\n\"shared\":{\"frames\":[");
    for (uint32_t i = 0; i < frames->count; i++) {
        if (i)
            hd_sink_literal(writer->sink, ",\n");
        hd_sink_literal(writer->sink, "{\"name\":");
        hd_json_text_append(&writer->sink->block, frames->bytes + frames->start[i], frames->start[i + 1] - frames->start[i], 0);
        hd_sink_literal(writer->sink, "}");
        if (!good(writer, err))
            return false;
    }
    hd_sink_literal(writer->sink, "]}}\n");
    return good(writer, err);
}

static bool all_write(struct writer *writer, uint64_t least, struct hd_error *err)
{
    const char *path = writer->export->open->path;
    hd_sink_literal(writer->sink, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
                                  "\"exporter\":\"heap_dump " HEAP_DUMP_VERSION "\",\"name\":");
    hd_json_text_append(&writer->sink->block, path, strlen(path), NAME_MAX_BYTES);
    hd_sink_literal(writer->sink, ",\"activeProfileIndex\":0,\n\"profiles\":[");
    if (!profile_write(writer, least, false, err))
        return false;
    hd_sink_literal(writer->sink, ",\n");
    return profile_write(writer, least, true, err) && frames_write(writer, err);
}

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct writer writer = {.export = export, .sink = export->sink};
    char events[HD_WORDS_NUMBER], frames[HD_WORDS_NUMBER];
    uint64_t least;
    if (!hd_tree_options_make(export, &writer.view, &least, err))
        return false;
    writer.open = calloc((size_t)hd_tree_walk_depth(&writer.view.tree) + 2, sizeof *writer.open);
    bool ok = writer.open ? all_write(&writer, least, err) : hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    hd_export_summarize(export, "%s groups, %s different frames", hd_words_count(events, writer.events / 2),
                        hd_words_count(frames, writer.frames.count));
    free(writer.open);
    hd_names_deinit(&writer.frames);
    hd_buffer_deinit(&writer.name);
    hd_tree_view_free(&writer.view);
    return ok;
}

static const struct hd_exporter_option options[] = {HD_TREE_OPTION_DEPTH, HD_TREE_OPTION_MIN, {NULL, NULL, NULL}};

const struct hd_exporter hd_exporter_speedscope = {
    .name = "speedscope",
    .where = "FILE|-",
    .help = "speedscope: flame graphs of bytes and objects by path",
    .next = "npx speedscope %s",
    .flags = HD_EXPORTER_FILE,
    .need = HD_INDEX_TREE,
    .options = options,
    .run = run};
