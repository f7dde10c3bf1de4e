/* See describe.h. */
#include "view/describe.h"

#include "view/words.h"
#include "graph/fields.h"
#include "graph/second_pass.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 100, KEYS_MAX = 6 };

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

static bool is_text(struct hd_graph_text value)
{
    return value.data && value.length >= 2 && value.data[0] == '"';
}

/* The text as it is written, escapes and all, so that what is cut is visible as such. */
static void text_append(struct hd_buffer *out, struct hd_graph_text value)
{
    char *shorter = hd_words_shorten(value.data, value.length, TEXT_MAX);
    append(out, shorter ? shorter : "");
    free(shorter);
}

static void count_append(struct hd_buffer *out, struct hd_graph_text list, const char *one, const char *many)
{
    char text[HD_WORDS_NUMBER];
    struct hd_graph_text key;
    uint64_t count = 0;
    for (size_t at = 0; hd_fields_next(list, &at, &key).data;)
        count++;
    append(out, hd_words_count(text, count));
    append(out, count == 1 ? one : many);
}

/* The names of the variables or members. */
static void keys_append(struct hd_buffer *out, struct hd_graph_text map)
{
    struct hd_graph_text key;
    size_t at = 0, count = 0;
    for (; hd_fields_next(map, &at, &key).data; count++) {
        if (count > KEYS_MAX)
            continue;
        append(out, count ? " " : "");
        if (count < KEYS_MAX)
            text_append(out, key);
        else
            append(out, "…");
    }
}

/* FILE:LINE. */
static bool place_append(struct hd_buffer *out, struct hd_graph_text file, struct hd_graph_text line)
{
    if (!is_text(file))
        return false;
    append(out, out->length ? " " : "");
    hd_fields_unescape(out, file);
    if (line.data && line.data[0] != '"') {
        append(out, ":");
        hd_buffer_append(out, line.data, line.length);
    }
    return true;
}

/* What of a line says something about the object, in the order in which it is preferred. */
enum field { VAL, LENGTH, VALUE, VAL_BASE64, VAL_HASH, NAME, CALLED_ID, PATH, IVS, MEMBERS, LOCALS, BT, ISEQ, FILENAME, FILE_, LINE, FIELDS };

static const char *const field_name[FIELDS] = {
    [VAL] = "val", [LENGTH] = "length", [VALUE] = "value", [VAL_BASE64] = "val_base64", [VAL_HASH] = "val_hash", [NAME] = "name",
    [CALLED_ID] = "called_id", [PATH] = "path", [IVS] = "ivs", [MEMBERS] = "members", [LOCALS] = "locals", [BT] = "bt",
    [ISEQ] = "iseq", [FILENAME] = "filename", [FILE_] = "file", [LINE] = "line",
};

static bool is_list(struct hd_graph_text value)
{
    return value.data && value.data[0] == '[';
}

static bool is_map(struct hd_graph_text value)
{
    return value.data && value.data[0] == '{';
}

/* What is in it. */
static void contents_append(struct hd_buffer *out, const struct hd_graph_text *field, bool redacted)
{
    static const enum field texts[] = {VAL, VALUE, VAL_BASE64, VAL_HASH, NAME, CALLED_ID, PATH};
    if (is_list(field[VAL]) || is_map(field[VAL])) {
        bool list = is_list(field[VAL]);
        count_append(out, field[VAL], list ? " element" : " pair", list ? " elements" : " pairs");
        return;
    }
    if (field[LENGTH].data) { /* ObjectSpace's arrays */
        hd_buffer_append(out, field[LENGTH].data, field[LENGTH].length);
        append(out, hd_fields_is(field[LENGTH], "1") ? " element" : " elements");
        return;
    }
    for (size_t i = 0; !redacted && i < sizeof texts / sizeof *texts; i++) {
        struct hd_graph_text value = field[texts[i]];
        if (!value.data || is_list(value) || is_map(value))
            continue;
        text_append(out, texts[i] < NAME || !is_text(value) ? value : (struct hd_graph_text){value.data + 1, value.length - 2});
        return;
    }
    bool thread = redacted && field[BT].data && hd_fields_is(field[BT], "\"T_DATA\""); /* under any name: see redact.h */
    for (enum field map = IVS; map <= LOCALS; map++)
        if (is_map(field[map]) && !(map == LOCALS && thread)) {
            keys_append(out, field[map]);
            return;
        }
}

void hd_describe_line(struct hd_buffer *out, struct hd_graph_text object, bool redacted)
{
    struct hd_graph_text field[FIELDS];
    hd_fields_pick(object, field_name, field, FIELDS);
    contents_append(out, field, redacted);
    if (is_map(field[ISEQ]))
        place_append(out, hd_fields_get(field[ISEQ], "filename"), hd_fields_get(field[ISEQ], "line"));
    else if (!place_append(out, field[FILENAME], field[LINE]))
        place_append(out, field[FILE_], field[LINE]);
}

/* --- many --- */

static int compare(const void *left, const void *right)
{
    uint32_t a = ((const struct hd_described *)left)->node, b = ((const struct hd_described *)right)->node;
    return (a > b) - (a < b);
}

static struct hd_described *find(const struct hd_descriptions *descriptions, uint32_t node)
{
    struct hd_described key = {node, NULL};
    return descriptions->count ? bsearch(&key, descriptions->item, descriptions->count, sizeof key, compare) : NULL;
}

/* Each worker has a buffer that one text after the other takes. */
struct reading {
    struct hd_descriptions *descriptions;
    struct hd_buffer text[HD_SECOND_PASS_WORKERS];
};

static bool visit(void *data, unsigned worker, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct reading *reading = data;
    struct hd_buffer *text = &reading->text[worker];
    struct hd_described *item = find(reading->descriptions, node);
    text->length = 0;
    hd_describe_line(text, object, reading->descriptions->redacted);
    hd_buffer_append(text, "", 1);
    if (item && !item->text && !text->failed)
        item->text = strdup(text->data);
    return !item || item->text || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

bool hd_describe_create(struct hd_descriptions *descriptions, const struct hd_open *open, const uint32_t *nodes,
                        uint32_t count, struct hd_error *err)
{
    *descriptions = (struct hd_descriptions){.item = calloc(count + 1, sizeof *descriptions->item), .count = count,
                                             .redacted = open->redacted};
    struct reading reading = {.descriptions = descriptions};
    uint8_t *wanted = calloc(open->graph.node_count + 1, 1);
    bool ok = descriptions->item && wanted;
    if (!ok)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; ok && i < count; i++) {
        descriptions->item[i].node = nodes[i];
        wanted[nodes[i]] = nodes[i] != HD_NODE_ROOT;
    }
    if (ok) {
        qsort(descriptions->item, count, sizeof *descriptions->item, compare);
        ok = !strcmp(open->dump, "-") || hd_second_pass(open->dump, &open->graph, wanted, visit, &reading, err);
    }
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        hd_buffer_deinit(&reading.text[i]);
    free(wanted);
    if (!ok)
        hd_describe_destroy(descriptions);
    return ok;
}

void hd_describe_destroy(struct hd_descriptions *descriptions)
{
    for (uint32_t i = 0; descriptions->item && i < descriptions->count; i++)
        free(descriptions->item[i].text);
    free(descriptions->item);
    *descriptions = (struct hd_descriptions){0};
}

const char *hd_describe_get(const struct hd_descriptions *descriptions, uint32_t node)
{
    const struct hd_described *item = find(descriptions, node);
    return item && item->text ? item->text : "";
}
