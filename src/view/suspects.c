/* See suspects.h. */
#include "view/suspects.h"

#include "view/json.h"
#include "view/keep.h"
#include "view/suspects_words.h"

#include <stdlib.h>
#include <string.h>

enum { INSIDE_DEPTH = 4, SMALL = 20 };

static const char what[] = "suspects";

struct words {
    struct hd_buffer place, guess, contents[HD_SUSPECT_SAMPLES];
};

struct hd_view_suspects_made {
    struct hd_suspects suspects;
    struct words words[HD_SUSPECTS_POINTS];
};

/* ---- out of the graph and the dump ---- */

/* The holders and what they are made of, down a few levels: nothing below a twentieth. */
static void parts_take(struct hd_view_suspect *row, const struct hd_open *open, const struct hd_suspects *suspects,
                       const struct hd_suspect *suspect)
{
    const struct hd_tree *tree = &suspects->tree;
    uint32_t top = tree->group[suspect->group].depth;
    for (uint32_t at = suspect->group; at != HD_NODE_NONE && row->part_count < HD_VIEW_SUSPECTS_PARTS;) {
        const struct hd_tree_group *group = &tree->group[at];
        uint32_t depth = group->depth - top;
        if (at != suspect->group && depth == 0)
            break;
        bool small = group->retained < suspect->retained / SMALL;
        if (!small)
            row->part[row->part_count++] = (struct hd_view_suspect_part){group->retained, group->count, depth,
                                                                         hd_graph_name(&open->graph, group->name),
                                                                         hd_shown_node(open, group->sample)};
        uint32_t next = hd_tree_next(tree, at, small || depth == INSIDE_DEPTH);
        at = next != HD_NODE_NONE && tree->group[next].depth <= top ? HD_NODE_NONE : next;
    }
}

static void row_make(struct hd_view_suspect *row, struct words *words, const struct hd_open *open, const struct hd_suspects *suspects,
                     const struct hd_suspect *suspect)
{
    const struct hd_tree_group *groups = suspects->tree.group;
    *row = (struct hd_view_suspect){.group = suspect->group, .found = suspect->found, .kind = suspect->kind, .anchor = suspect->anchor,
                                    .retained = suspect->retained, .data = suspect->data, .objects = suspect->objects,
                                    .holder = hd_shown_node(open, groups[suspect->group].sample), .holders = groups[suspect->group].count,
                                    .step_count = suspect->path.length, .path = &suspect->path, .class_count = suspect->class_count,
                                    .sample_count = suspect->sample_count, .duplicates = suspect->duplicates,
                                    .duplicate_size = suspect->duplicate_size};
    hd_suspects_words_place(&words->place, open, suspect);
    hd_suspects_words_guess(&words->guess, open, suspects, suspect);
    row->place = hd_shown_text(&words->place);
    row->guess = hd_shown_text(&words->guess);
    row->has_contents = suspect->content_group != HD_NODE_NONE;
    if (row->has_contents) {
        row->content = hd_shown_node(open, groups[suspect->content_group].sample);
        row->contents = groups[suspect->content_group].count;
    }
    parts_take(row, open, suspects, suspect);
    for (uint32_t i = 0; i < row->class_count; i++) {
        row->class[i].name = suspects->classes->name[suspect->classes[i].number];
        row->class[i].count = suspect->classes[i].count;
        row->class[i].size = suspect->classes[i].size;
    }
    for (uint32_t i = 0; i < row->sample_count; i++) {
        row->sample[i].object = hd_shown_node(open, suspect->sample[i]);
        if (!suspect->sample_line[i])
            continue;
        hd_suspects_words_contents(&words->contents[i], open, suspect->sample_line[i]);
        row->sample[i].contents = hd_shown_text(&words->contents[i]);
    }
}

static bool make(struct hd_view_suspects *view, struct hd_open *open, double share, uint32_t most, double from, struct hd_error *err)
{
    struct hd_view_suspects_made *made = view->made = calloc(1, sizeof *made);
    if (!made)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    struct hd_suspects *suspects = &made->suspects;
    const struct hd_groups *classes = hd_derived_classes(open->derived, err);
    const struct hd_paths *paths = classes ? hd_derived_paths(open->derived, err) : NULL;
    if (!paths)
        return false;
    struct hd_tree tree;
    bool ready = hd_trees_ahead_take(open->basis->trees, &HD_SUSPECTS_SHAPE, &tree);
    if (!hd_suspects_find(suspects, &open->graph, &open->dominators, classes, paths, ready ? &tree : NULL, share, most, from, err))
        return false;
    const struct hd_lines *lines = open->basis->lines;
    /* standard input cannot be read again */
    if (suspects->count && strcmp(open->dump, "-") != 0
        && !hd_suspects_read(suspects, open->dump, lines ? &lines->strings : NULL, err))
        return false;
    view->rows = calloc((size_t)suspects->count + 1, sizeof *view->rows);
    if (!view->rows)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    view->row_count = suspects->count;
    view->total = suspects->total;
    view->read = suspects->read;
    view->search = suspects->search;
    suspects->search = (struct hd_suspects_search){0};
    for (uint32_t i = 0; i < view->row_count; i++)
        row_make(&view->rows[i], &made->words[i], open, suspects, &suspects->list[i]);
    return true;
}

/* ---- kept ---- */

static void part_pack(struct hd_pack *pack, struct hd_view_suspect_part *part)
{
    hd_pack_number(pack, &part->retained);
    hd_pack_number(pack, &part->count);
    hd_pack_below(pack, &part->depth, INSIDE_DEPTH);
    hd_pack_text(pack, &part->name);
    hd_shown_pack(pack, &part->object);
}

static void lists_pack(struct hd_pack *pack, struct hd_view_suspect *row)
{
    hd_pack_below(pack, &row->part_count, HD_VIEW_SUSPECTS_PARTS);
    for (uint32_t i = 0; i < row->part_count; i++)
        part_pack(pack, &row->part[i]);
    hd_pack_below(pack, &row->class_count, HD_SUSPECT_CLASSES);
    for (uint32_t i = 0; i < row->class_count; i++) {
        hd_pack_text(pack, &row->class[i].name);
        hd_pack_number(pack, &row->class[i].count);
        hd_pack_number(pack, &row->class[i].size);
    }
    hd_pack_below(pack, &row->sample_count, HD_SUSPECT_SAMPLES);
    for (uint32_t i = 0; i < row->sample_count; i++) {
        hd_shown_pack(pack, &row->sample[i].object);
        hd_pack_text(pack, &row->sample[i].contents);
    }
}

static void steps_pack(struct hd_pack *pack, const struct hd_open *open, struct hd_view_suspect *row)
{
    row->steps = hd_pack_list(pack, row->steps, &row->step_count, sizeof *row->steps);
    for (uint32_t i = 0; i < row->step_count; i++) {
        struct hd_shown_step step;
        if (row->path)
            step = hd_shown_step_of(open, row->path, i);
        hd_shown_step_pack(pack, row->path ? &step : &row->steps[i]);
    }
}

static void row_pack(struct hd_pack *pack, const struct hd_open *open, struct hd_view_suspect *row)
{
    hd_pack_below(pack, &row->group, UINT32_MAX);
    hd_pack_below(pack, &row->found, HD_SUSPECT_KINDS - 1);
    hd_pack_below(pack, &row->kind, HD_SUSPECT_KINDS - 1);
    hd_pack_below(pack, &row->anchor, HD_ANCHOR_IVAR);
    hd_pack_text(pack, &row->place);
    hd_pack_text(pack, &row->guess);
    hd_pack_number(pack, &row->retained);
    hd_pack_number(pack, &row->data);
    hd_pack_number(pack, &row->objects);
    hd_shown_pack(pack, &row->holder);
    hd_pack_number(pack, &row->holders);
    hd_pack_below(pack, &row->has_contents, 1);
    hd_shown_pack(pack, &row->content);
    hd_pack_number(pack, &row->contents);
    steps_pack(pack, open, row);
    lists_pack(pack, row);
    hd_pack_number(pack, &row->duplicates);
    hd_pack_number(pack, &row->duplicate_size);
}

/* Where the children of each begin follows from how many there are. Whether the tree is one. */
static bool search_pack(struct hd_pack *pack, struct hd_suspects_search *search)
{
    uint64_t next = 1;
    hd_pack_number(pack, &search->from);
    search->groups = hd_pack_list(pack, search->groups, &search->count, sizeof *search->groups);
    for (uint32_t i = 0; i < search->count; i++) {
        struct hd_suspects_group *group = &search->groups[i];
        hd_pack_below(pack, &group->group, UINT32_MAX);
        hd_pack_below(pack, &group->content, UINT32_MAX);
        hd_pack_number(pack, &group->data);
        hd_pack_number(pack, &group->heaviest);
        hd_pack_below(pack, &group->count, UINT32_MAX);
        hd_pack_below(pack, &group->rule, HD_SUSPECTS_RULES - 1);
        hd_pack_below(pack, &group->apart, 1);
        if (next <= i) /* it would be within itself */
            return false;
        group->first = (uint32_t)next;
        next += group->count;
        if (next > search->count)
            return false;
    }
    return next == search->count;
}

static bool view_pack(struct hd_pack *pack, struct hd_view_suspects *view)
{
    hd_pack_number(pack, &view->total);
    hd_pack_below(pack, &view->read, 1);
    bool whole = search_pack(pack, &view->search);
    view->rows = hd_pack_list(pack, view->rows, &view->row_count, sizeof *view->rows);
    for (uint32_t i = 0; i < view->row_count; i++)
        row_pack(pack, view->open, &view->rows[i]);
    return whole;
}

static void keep(struct hd_view_suspects *view)
{
    struct hd_buffer data = {0};
    struct hd_pack pack = hd_pack_writing(&data);
    if (view_pack(&pack, view))
        hd_keep_add(view->open, what, 0, &data);
    hd_buffer_deinit(&data);
}

/* ---- which are shown ---- */

static const struct hd_view_suspect *row_of(const struct hd_view_suspects *view, const struct hd_suspects_point *point)
{
    for (uint32_t i = 0; i < view->row_count; i++)
        if (view->rows[i].group == point->group && view->rows[i].found == point->kind)
            return &view->rows[i];
    return NULL;
}

/* False if they are not all there. */
static bool choose(struct hd_view_suspects *view, double share, uint32_t most)
{
    struct hd_suspects_point points[HD_SUSPECTS_MAX];
    uint64_t least = hd_suspects_least(share, view->total);
    if (least < view->search.from)
        return false;
    view->count = hd_suspects_choose(&view->search, least, points);
    view->count = view->count < most ? view->count : most;
    for (uint32_t i = 0; i < view->count; i++)
        if (!(view->shown[i] = row_of(view, &points[i])))
            return false;
    return true;
}

/* *there: some were kept. False if those of this share are not among them; then nothing is in the view. */
static bool find(struct hd_view_suspects *view, struct hd_open *open, double share, uint32_t most, bool *there)
{
    *there = hd_keep_find(open, what, 0, &view->kept);
    struct hd_pack pack = hd_pack_reading(&view->kept);
    *there = *there && view_pack(&pack, view) && hd_pack_ended(&pack);
    if (*there && choose(view, share, most))
        return true;
    hd_view_suspects_free(view);
    return false;
}

bool hd_view_suspects_make(struct hd_view_suspects *view, struct hd_open *open, double share, unsigned long limit,
                           struct hd_error *err)
{
    bool keeps = hd_keep_can(open), there = false;
    uint32_t most = limit && limit < HD_SUSPECTS_MAX ? (uint32_t)limit : HD_SUSPECTS_MAX;
    *view = (struct hd_view_suspects){.open = open};
    if (open->dominators.reachable <= 1)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.300s: no object is reached from a root in this dump, so nothing says what keeps what alive and "
                            "what leaks cannot be told; it is not whole: take a new one (`heap_dump top --sort size FILE` says what is in it)",
                            open->path);
    if (keeps && find(view, open, share, most, &there))
        return true;
    *view = (struct hd_view_suspects){.open = open};
    if (!hd_open_whole(open, HD_INDEX_TREE, err)
        || !make(view, open, share, most, keeps && !there ? HD_VIEW_SUSPECTS_FROM : 0, err))
        return false;
    if (view->made->suspects.all)
        keep(view);
    return choose(view, share, most) || hd_error_set(err, HD_ERROR_INTERNAL, "a suspect was lost");
}

void hd_view_suspects_free(struct hd_view_suspects *view)
{
    struct hd_view_suspects_made *made = view->made;
    for (uint32_t i = 0; i < view->row_count; i++)
        free(view->rows[i].steps);
    free(view->rows);
    free(view->search.groups);
    hd_buffer_deinit(&view->kept);
    for (uint32_t i = 0; made && i < view->row_count; i++) {
        hd_buffer_deinit(&made->words[i].place);
        hd_buffer_deinit(&made->words[i].guess);
        for (uint32_t k = 0; k < HD_SUSPECT_SAMPLES; k++)
            hd_buffer_deinit(&made->words[i].contents[k]);
    }
    if (made)
        hd_suspects_destroy(&made->suspects);
    free(made);
    *view = (struct hd_view_suspects){0};
}

struct hd_shown_step hd_view_suspects_step(const struct hd_view_suspects *view, const struct hd_view_suspect *suspect, uint32_t number)
{
    return suspect->path ? hd_shown_step_of(view->open, suspect->path, number) : suspect->steps[number];
}

/* ---- JSON ---- */

struct of_suspect {
    const struct hd_view_suspects *view;
    const struct hd_view_suspect *suspect;
};

static struct hd_shown_step json_step(const void *data, uint32_t number)
{
    const struct of_suspect *of = data;
    return hd_view_suspects_step(of->view, of->suspect, number);
}

static void json_member(FILE *file, const char *key, struct hd_graph_text text)
{
    fprintf(file, ",\"%s\":", key);
    hd_json_text(file, text);
}

static void json_lists(FILE *file, const struct hd_view_suspect *suspect)
{
    fputs(",\"classes\":[", file);
    for (uint32_t i = 0; i < suspect->class_count; i++) {
        fprintf(file, "%s{\"class\":", i ? "," : "");
        hd_json_text(file, suspect->class[i].name);
        fprintf(file, ",\"count\":%llu,\"size\":%llu}", (unsigned long long)suspect->class[i].count,
               (unsigned long long)suspect->class[i].size);
    }
    fputs("],\"samples\":[", file);
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        fprintf(file, "%s{", i ? "," : "");
        hd_shown_json(file, &suspect->sample[i].object);
        if (suspect->sample[i].contents.data)
            json_member(file, "contents", suspect->sample[i].contents);
        fputs("}", file);
    }
    fputs("]", file);
}

static void json_suspect(FILE *file, const struct hd_view_suspects *view, const struct hd_view_suspect *suspect, uint32_t most)
{
    const struct of_suspect of = {view, suspect};
    fprintf(file, "{\"kind\":\"%s\",\"anchor\":\"%s\"", hd_suspects_words_kind(suspect->kind),
           hd_suspects_words_anchor(suspect->anchor));
    json_member(file, "place", suspect->place);
    json_member(file, "guess", suspect->guess);
    fprintf(file, ",\"retained\":%llu,\"data_bytes\":%llu,\"objects\":%llu,\"holders\":%llu,\"holder\":{",
           (unsigned long long)suspect->retained, (unsigned long long)suspect->data,
           (unsigned long long)suspect->objects, (unsigned long long)suspect->holders);
    hd_shown_json(file, &suspect->holder);
    fputs("}", file);
    if (suspect->has_contents) {
        fprintf(file, ",\"contents\":%llu,\"content\":{", (unsigned long long)suspect->contents);
        hd_shown_json(file, &suspect->content);
        fputs("}", file);
    }
    fputs(",\"path\":", file);
    hd_shown_steps_json(file, suspect->step_count, most, json_step, &of);
    json_lists(file, suspect);
    if (view->read)
        fprintf(file, ",\"duplicate_strings\":%llu,\"duplicate_bytes\":%llu", (unsigned long long)suspect->duplicates,
               (unsigned long long)suspect->duplicate_size);
    fputs("}", file);
}

void hd_view_suspects_json(FILE *file, const struct hd_view_suspects *view, uint32_t most)
{
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fprintf(file, ",\"reachable_bytes\":%llu,\"data_bytes\":%llu,\"suspects\":[",
           (unsigned long long)view->open->dominators.reachable_size, (unsigned long long)view->total);
    for (uint32_t i = 0; i < view->count; i++) {
        fputs(i ? "," : "", file);
        json_suspect(file, view, view->shown[i], most);
    }
    fputs("]}\n", file);
}
