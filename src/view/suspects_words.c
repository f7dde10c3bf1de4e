/* See suspects_words.h. */
#include "view/suspects_words.h"

#include "view/readable.h"
#include "view/words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_MAX = 6, ELEMENT_WIDTH = 48, LOCALS_MAX = 6 };

void hd_suspects_words_add(struct hd_buffer *out, const char *format, ...)
{
    char text[2 * HD_OPEN_TITLE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0)
        hd_buffer_append(out, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

#define add hd_suspects_words_add

static const char *const kinds[] = {
    [HD_SUSPECT_ONE] = "object",        [HD_SUSPECT_MANY] = "many",   [HD_SUSPECT_LIST] = "list",
    [HD_SUSPECT_QUEUE] = "queue",       [HD_SUSPECT_CALLBACKS] = "callbacks", [HD_SUSPECT_MAP] = "map",
    [HD_SUSPECT_COLLECTION] = "collection", [HD_SUSPECT_OBJECT] = "holder",
    [HD_SUSPECT_SYMBOLS] = "symbols"};
static const char *const anchors[] = {
    [HD_ANCHOR_NONE] = "none",         [HD_ANCHOR_CONSTANT] = "constant",
    [HD_ANCHOR_CLASS_IVAR] = "class_instance_variable", [HD_ANCHOR_CLASS_VARIABLE] = "class_variable",
    [HD_ANCHOR_GLOBAL] = "global_variable", [HD_ANCHOR_THREAD_LOCAL] = "thread_local",
    [HD_ANCHOR_FRAME] = "local_variable", [HD_ANCHOR_CLOSURE] = "closure", [HD_ANCHOR_IVAR] = "instance_variable"};

const char *hd_suspects_words_kind(enum hd_suspect_kind kind)
{
    return kinds[kind];
}

const char *hd_suspects_words_anchor(enum hd_suspect_anchor anchor)
{
    return anchors[anchor];
}

/* --- the place --- */

/* "an Array", "a User": by the letter, which is right but for a few names. */
static void article(struct hd_buffer *out, const char *name)
{
    bool vowel = *name && strchr("AEIOaeio", *name);
    add(out, vowel ? "an " : "a ");
}

/* The name of a class or module itself, else of an object's class. */
static void node_name(struct hd_buffer *out, const struct hd_open *open, uint32_t node)
{
    char title[HD_OPEN_TITLE];
    hd_open_title(title, open, node);
    bool class = !strncmp(title, "Class ", 6), module = !strncmp(title, "Module ", 7);
    add(out, "%s", title + (class ? 6 : module ? 7 : 0));
}

/* The same with its article, but for classes and modules, which have names of their own. */
static void node_name_with_article(struct hd_buffer *out, const struct hd_open *open, uint32_t node)
{
    char title[HD_OPEN_TITLE];
    hd_open_title(title, open, node);
    if (strncmp(title, "Class ", 6) && strncmp(title, "Module ", 7))
        article(out, title);
    node_name(out, open, node);
}

/* The last part of an edge's name: "@callbacks" of "ivs.@callbacks". */
static struct hd_graph_text last_part(const struct hd_open *open, const struct hd_path *path, uint32_t step)
{
    struct hd_graph_text name = hd_graph_name(&open->graph, open->graph.edge_name[path->step[step].edge]);
    const char *names[] = {"frames.locals.", "generic_ivs.", "global_variables."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (name.length > length && !memcmp(name.data, names[i], length))
            return (struct hd_graph_text){name.data + length, name.length - length};
    }
    const char *dot = name.length ? memchr(name.data, '.', name.length) : NULL;
    if (!dot)
        return name;
    return (struct hd_graph_text){dot + 1, name.length - (size_t)(dot + 1 - name.data)};
}

/* Class Object, whose constants are written without it. */
static bool is_top_level(const struct hd_open *open, uint32_t node)
{
    char title[HD_OPEN_TITLE];
    return !strcmp(hd_open_title(title, open, node), "Class Object");
}

static void anchor_name(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspect *suspect)
{
    const struct hd_path *path = &suspect->path;
    uint32_t step = suspect->anchor_step;
    uint32_t from = step ? path->step[step - 1].node : HD_NODE_ROOT;
    struct hd_graph_text last = last_part(open, path, step);
    int length = (int)(last.length < 200 ? last.length : 200);
    switch (suspect->anchor) {
    case HD_ANCHOR_CONSTANT:
        if (!is_top_level(open, from)) {
            node_name(out, open, from);
            add(out, "::");
        }
        add(out, "%.*s", length, last.data);
        break;
    case HD_ANCHOR_CLASS_IVAR:
    case HD_ANCHOR_CLASS_VARIABLE:
    case HD_ANCHOR_IVAR:
        add(out, "%.*s of ", length, last.data);
        node_name_with_article(out, open, from);
        break;
    case HD_ANCHOR_THREAD_LOCAL:
        add(out, "thread-local :%.*s", length, last.data);
        break;
    case HD_ANCHOR_FRAME:
        add(out, "local variable %.*s of a running method", length, last.data);
        break;
    case HD_ANCHOR_CLOSURE:
        add(out, "local variable %.*s that a block keeps", length, last.data);
        break;
    case HD_ANCHOR_GLOBAL:
        add(out, "%s%.*s", length && *last.data == '$' ? "" : "$", length, last.data);
        break;
    default:
        break;
    }
}

void hd_suspects_words_place(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspect *suspect)
{
    if (suspect->kind == HD_SUSPECT_SYMBOLS) {
        add(out, "Ruby's table of symbols");
        return;
    }
    if (suspect->anchor == HD_ANCHOR_NONE) {
        if (suspect->path.length == 0)
            return;
        node_name_with_article(out, open, suspect->path.step[suspect->path.length - 1].node);
        return;
    }
    if (suspect->member_step != HD_NODE_NONE) {
        struct hd_graph_text member = last_part(open, &suspect->path, suspect->member_step);
        add(out, "%.*s of ", (int)(member.length < 200 ? member.length : 200), member.data);
        node_name_with_article(out, open, suspect->path.step[suspect->member_step - 1].node);
        add(out, " below ");
    }
    anchor_name(out, open, suspect);
}

/* --- the guess --- */

/* "self (Shop::OrdersController) and the local variables order, receipt": what a proc keeps alive, by its references. */
static void closure_words(struct hd_buffer *out, const struct hd_open *open, uint32_t proc)
{
    const struct hd_graph *graph = &open->graph;
    uint32_t env = HD_NODE_NONE, locals = 0;
    for (uint64_t edge = graph->edge_start[proc]; edge < graph->edge_start[proc + 1]; edge++) {
        struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
        if (name.length == 4 && !memcmp(name.data, "self", 4)) {
            add(out, " Each keeps its self, ");
            node_name_with_article(out, open, graph->edge_to[edge]);
        }
        if (name.length == 6 && !memcmp(name.data, "envval", 6))
            env = graph->edge_to[edge];
    }
    if (env == HD_NODE_NONE) {
        add(out, ", alive.");
        return;
    }
    for (uint64_t edge = graph->edge_start[env]; edge < graph->edge_start[env + 1] && locals < LOCALS_MAX; edge++) {
        struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
        if (name.length <= 7 || memcmp(name.data, "locals.", 7) != 0)
            continue;
        int length = (int)(name.length - 7 < 100 ? name.length - 7 : 100);
        add(out, "%s%.*s", locals++ ? ", " : ", and the local variables around its block: ", length, name.data + 7);
    }
    add(out, ", alive as long as it is there.");
}

/* "360 Proc" */
static void contents_words(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspects *suspects,
                           uint32_t group)
{
    char number[HD_WORDS_NUMBER];
    const struct hd_tree_group *found = &suspects->tree.group[group];
    add(out, "%s ", hd_words_count(number, found->count));
    struct hd_graph_text name = hd_groups_class_name(&open->graph, found->sample);
    add(out, "%.*s%s", (int)(name.length < 300 ? name.length : 300), name.data, found->count == 1 ? "" : " objects");
}

static const char *kind_words(const struct hd_suspect *suspect)
{
    if (suspect->anchor == HD_ANCHOR_THREAD_LOCAL)
        return "a thread-local that is never cleared";
    if (suspect->anchor == HD_ANCHOR_FRAME)
        return "a method that runs and collects";
    switch (suspect->kind) {
    case HD_SUSPECT_CALLBACKS:
        return "subscribers or callbacks that are added and never removed";
    case HD_SUSPECT_MAP:
        return "a cache without bound";
    case HD_SUSPECT_QUEUE:
        return "a queue that is filled faster than it is emptied";
    case HD_SUSPECT_LIST:
        return "a linked list that only grows";
    case HD_SUSPECT_ONE:
        return "one big object rather than many small ones";
    case HD_SUSPECT_SYMBOLS:
        return "symbols that are made of data";
    case HD_SUSPECT_MANY:
        return "data that is used in several places";
    default:
        return suspect->anchor == HD_ANCHOR_CONSTANT || suspect->anchor == HD_ANCHOR_GLOBAL
                       || suspect->anchor == HD_ANCHOR_CLASS_IVAR || suspect->anchor == HD_ANCHOR_CLASS_VARIABLE
                   ? "a global collection that only grows"
               : suspect->anchor == HD_ANCHOR_CLOSURE ? "a block that keeps the variables around it"
                                                      : "a collection that only grows";
    }
}

/* What to look for, by who keeps it. */
static const char *advice(const struct hd_suspect *suspect)
{
    switch (suspect->anchor) {
    case HD_ANCHOR_THREAD_LOCAL:
        return " The threads of a pool live as long as the process: clear it when a piece of work is done.";
    case HD_ANCHOR_FRAME:
        return " It goes when the method returns.";
    default:
        break;
    }
    switch (suspect->kind) {
    case HD_SUSPECT_MAP:
        return " If its keys are new ones for each request or user, it needs a limit or an expiry.";
    case HD_SUSPECT_SYMBOLS:
        return " It only grows by to_sym, send, define_method or instance_variable_set with names that come from outside.";
    case HD_SUSPECT_MANY:
        return " No single object keeps them: the path is one of several, and all of them must go.";
    default:
        return "";
    }
}

void hd_suspects_words_guess(struct hd_buffer *out, const struct hd_open *open, const struct hd_suspects *suspects,
                             const struct hd_suspect *suspect)
{
    char number[HD_WORDS_NUMBER];
    const struct hd_tree_group *holders = &suspects->tree.group[suspect->group];
    bool alike = suspect->content_group != HD_NODE_NONE && suspect->kind != HD_SUSPECT_ONE;
    add(out, "Probably %s: ", kind_words(suspect));
    hd_suspects_words_place(out, open, suspect);
    if (suspect->content_group == suspect->group || !alike) {
        add(out, suspect->anchor == HD_ANCHOR_NONE ? "" : suspect->kind == HD_SUSPECT_ONE ? " is " : " leads to ");
        if (suspect->anchor != HD_ANCHOR_NONE || suspect->kind != HD_SUSPECT_ONE)
            contents_words(out, open, suspects, suspect->group);
    } else {
        if (holders->count > 1)
            add(out, ", %s times ", hd_words_count(number, holders->count));
        else
            add(out, ", ");
        node_name_with_article(out, open, holders->sample);
        add(out, ", holds ");
        contents_words(out, open, suspects, suspect->content_group);
    }
    add(out, ".");
    if (suspect->kind == HD_SUSPECT_CALLBACKS && suspect->sample_count)
        closure_words(out, open, suspect->sample[0]);
    add(out, "%s", advice(suspect));
}

/* --- what is in an object --- */

static void value_words(struct hd_buffer *out, const struct hd_open *open, struct hd_graph_text value)
{
    uint64_t id = hd_readable_integer(value);
    if (value.length > 3 && !memcmp(value.data, "\"0x", 3))
        hd_open_parse_id("0", &id);
    uint32_t node = id ? hd_graph_find(&open->graph, id) : HD_NODE_NONE;
    if (node != HD_NODE_NONE && node != HD_NODE_ROOT) {
        node_name(out, open, node);
        return;
    }
    char *text = hd_words_shorten(value.data, value.length, ELEMENT_WIDTH);
    add(out, "%s", text ? text : "");
    free(text);
}

static void list_words(struct hd_buffer *out, const struct hd_open *open, struct hd_graph_text list)
{
    size_t at = 0, count = 0;
    for (struct hd_graph_text key, value; (value = hd_readable_next(list, &at, &key)).data; count++) {
        if (count >= ELEMENTS_MAX)
            continue;
        add(out, count ? ", " : "");
        if (key.data)
            add(out, "%.*s ", (int)(hd_readable_string(key).length < 60 ? hd_readable_string(key).length : 60),
                hd_readable_string(key).data);
        value_words(out, open, value);
    }
    if (count > ELEMENTS_MAX)
        add(out, ", … %zu more", count - ELEMENTS_MAX);
}

void hd_suspects_words_contents(struct hd_buffer *out, const struct hd_open *open, const char *line)
{
    static const char *const fields[] = {"val", "value", "ivs", "members", "self", "locals", "name"};
    struct hd_graph_text object = {line, strlen(line)};
    size_t before = out->length;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct hd_graph_text value = hd_readable_member(object, fields[i]);
        if (!value.data || (open->redacted && strcmp(fields[i], "self") != 0))
            continue;
        add(out, out->length > before ? "; " : "");
        if (!strcmp(fields[i], "self"))
            add(out, "self ");
        if (*value.data == '{' || *value.data == '[')
            list_words(out, open, value);
        else
            value_words(out, open, value);
    }
    struct hd_graph_text code = hd_readable_member(object, "iseq");
    if (!code.data || *code.data != '{')
        return;
    struct hd_graph_text name = hd_readable_string(hd_readable_member(code, "name"));
    struct hd_graph_text file = hd_readable_string(hd_readable_member(code, "filename"));
    char *where = hd_words_shorten(file.data ? file.data : "", file.length, ELEMENT_WIDTH);
    add(out, "%s%.*s %s:%llu", out->length > before ? "; " : "", (int)(name.length < 100 ? name.length : 100),
        name.data ? name.data : "", where ? where : "", (unsigned long long)hd_readable_integer(hd_readable_member(code, "line")));
    free(where);
}
