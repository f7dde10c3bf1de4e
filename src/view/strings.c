/* See strings.h. */
#include "view/strings.h"

#include "view/json.h"
#include "view/keep.h"
#include "view/ways.h"

#include <stdlib.h>
#include <string.h>

/* As many as a page asks for; LONGEST: bytes of a piece of the rows, less than the index takes of one answer. */
enum { LINES_MAX = 1 << 20, LONGEST = 7 << 20 };

static const char what[] = "rows of strings";

struct hd_view_strings_made {
    struct hd_ways ways;
    struct hd_strings strings;
    struct hd_holders holders; /* of the groups */
    uint32_t groups;           /* whose holders and texts are there */
    uint32_t *set;             /* [node_count] */
    struct hd_strings_text *texts; /* of the groups' strings that stay, then of the biggest */
    uint32_t text_count;
    struct hd_view_strings_row row; /* the one that was asked for last */
    struct hd_buffer words[HD_VIEW_STRINGS_WAYS];
};

/* ---- out of the graph and the dump ---- */

static bool holders_find(struct hd_view_strings_made *made, struct hd_error *err)
{
    const struct hd_graph *graph = &made->ways.open->graph;
    made->set = malloc(sizeof *made->set * graph->node_count);
    if (!made->set)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(made->set, 0xff, sizeof *made->set * graph->node_count);
    for (uint32_t i = 0; i < made->groups; i++) {
        const struct hd_strings_group *group = &made->strings.groups[i];
        for (uint64_t k = group->first; k < group->first + group->count; k++)
            made->set[made->strings.members[k].node] = i;
    }
    return hd_holders_create(&made->holders, made->ways.paths, made->ways.classes, made->set, made->groups, err);
}

static bool texts_read(struct hd_view_strings_made *made, struct hd_error *err)
{
    uint32_t count = made->groups + made->strings.biggest_count;
    uint32_t *nodes = malloc(sizeof *nodes * ((size_t)count + 1));
    if (!nodes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < made->groups; i++)
        nodes[i] = made->strings.groups[i].kept;
    for (uint32_t i = 0; i < made->strings.biggest_count; i++)
        nodes[made->groups + i] = made->strings.biggest[i];
    bool done = hd_strings_read(made->ways.open->dump, &made->ways.open->graph, nodes, count, &made->texts, err);
    made->text_count = done ? count : 0;
    for (uint32_t i = 0; i < made->text_count && made->ways.open->redacted; i++) {
        made->texts[i].form = HD_STRINGS_UNKNOWN;
        made->texts[i].length = 0;
    }
    free(nodes);
    return done;
}

static bool make(struct hd_view_strings *view, struct hd_open *open, uint32_t limit, struct hd_error *err)
{
    struct hd_view_strings_made *made = view->made = calloc(1, sizeof *made);
    if (!made)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    const struct hd_lines *lines = open->basis->lines;
    if (!hd_ways_init(&made->ways, open, err)
        || !hd_strings_create(&made->strings, open->dump, &open->graph, open->dominators.parent, limit,
                              lines ? &lines->strings : NULL, err))
        return false;
    const struct hd_strings *strings = &made->strings;
    view->all = strings->all;
    view->unknown = strings->unknown;
    view->copies = strings->copies;
    view->frozen_copies = strings->frozen_copies;
    view->distinct = strings->distinct;
    view->unreachable = strings->unreachable;
    view->group_count = strings->group_count;
    made->groups = strings->group_count < limit ? strings->group_count : limit;
    return holders_find(made, err) && texts_read(made, err);
}

static void fill_text(struct hd_view_strings_row *row, const struct hd_open *open, const struct hd_strings_text *text)
{
    *row = (struct hd_view_strings_row){.object = hd_shown_node(open, text->node), .form = text->form, .truncated = text->truncated,
                                        .bytesize = text->bytesize, .line = text->line,
                                        .beginning = {text->beginning ? text->beginning : "", text->length},
                                        .file = {text->file, text->file ? strlen(text->file) : 0}};
}

static const struct hd_view_strings_row *make_group(struct hd_view_strings_made *made, uint32_t number)
{
    const struct hd_strings_group *group = &made->strings.groups[number];
    const struct hd_holders *holders = &made->holders;
    struct hd_view_strings_row *row = &made->row;
    fill_text(row, made->ways.open, &made->texts[number]);
    row->count = group->count;
    row->bytes = group->bytes;
    row->wasted = group->wasted;
    row->frozen = group->frozen;
    row->fstrings = group->fstrings;
    row->by_prefix = group->by_prefix;
    row->ways = holders->start[number + 1] - holders->start[number];
    for (; row->way_count < row->ways && row->way_count < HD_VIEW_STRINGS_WAYS; row->way_count++) {
        const struct hd_holder *holder = &holders->list[holders->start[number] + row->way_count];
        struct hd_buffer *words = &made->words[row->way_count];
        words->length = 0;
        hd_ways_append(words, &made->ways, holder->from, holder->edge);
        row->way[row->way_count] = (struct hd_shown_way){holder->count, holder->bytes, hd_shown_text(words)};
    }
    return row;
}

static const struct hd_view_strings_row *make_biggest(struct hd_view_strings_made *made, uint32_t number)
{
    struct hd_view_strings_row *row = &made->row;
    fill_text(row, made->ways.open, &made->texts[made->groups + number]);
    made->words->length = 0;
    hd_ways_append_to(made->words, &made->ways, made->strings.biggest[number]);
    row->ways = row->way_count = 1;
    row->way[0].words = hd_shown_text(made->words);
    return row;
}

const struct hd_view_strings_row *hd_view_strings_group(const struct hd_view_strings *view, uint32_t number)
{
    return view->made ? make_group(view->made, number) : &view->piece[number / HD_KEEP_ROWS].groups[number % HD_KEEP_ROWS];
}

const struct hd_view_strings_row *hd_view_strings_biggest(const struct hd_view_strings *view, uint32_t number)
{
    return view->made ? make_biggest(view->made, number) : &view->piece[number / HD_KEEP_ROWS].biggest[number % HD_KEEP_ROWS];
}

/* ---- kept ---- */

static void sum_pack(struct hd_pack *pack, struct hd_strings_sum *sum)
{
    hd_pack_number(pack, &sum->count);
    hd_pack_number(pack, &sum->bytes);
}

/* `most`: so many rows of each list can be shown. */
static void sums_pack(struct hd_pack *pack, struct hd_view_strings *view, uint64_t *most)
{
    hd_pack_number(pack, most);
    sum_pack(pack, &view->all);
    sum_pack(pack, &view->unknown);
    sum_pack(pack, &view->copies);
    sum_pack(pack, &view->frozen_copies);
    hd_pack_number(pack, &view->distinct);
    hd_pack_number(pack, &view->unreachable);
    hd_pack_below(pack, &view->group_count, UINT32_MAX);
}

static void row_pack(struct hd_pack *pack, struct hd_view_strings_row *row)
{
    hd_shown_pack(pack, &row->object);
    hd_pack_number(pack, &row->count);
    hd_pack_number(pack, &row->bytes);
    hd_pack_number(pack, &row->wasted);
    hd_pack_number(pack, &row->frozen);
    hd_pack_number(pack, &row->fstrings);
    hd_pack_below(pack, &row->by_prefix, 1);
    hd_pack_below(pack, &row->form, HD_STRINGS_HASH);
    hd_pack_below(pack, &row->truncated, 1);
    hd_pack_number(pack, &row->bytesize);
    hd_pack_number(pack, &row->line);
    hd_pack_text(pack, &row->beginning);
    hd_pack_text(pack, &row->file);
    hd_pack_number(pack, &row->ways);
    hd_pack_below(pack, &row->way_count, HD_VIEW_STRINGS_WAYS);
    for (uint32_t i = 0; i < row->way_count; i++)
        hd_shown_way_pack(pack, &row->way[i]);
}

typedef const struct hd_view_strings_row *row_of(const struct hd_view_strings *view, uint32_t number);

/* Puts a piece of a list of `have` rows behind the others, or less of it where that would be too long. How many rows there are then. */
static uint32_t list_keep(struct hd_buffer *out, const struct hd_view_strings *view, uint32_t have, uint32_t piece, row_of *row_of)
{
    struct hd_buffer rows = {0};
    struct hd_pack pack = hd_pack_writing(&rows), head = hd_pack_writing(out);
    uint32_t i = 0, from = piece * HD_KEEP_ROWS, count = hd_keep_rows(have, piece);
    for (; i < count && rows.length < LONGEST / 2; i++) {
        struct hd_view_strings_row row = *row_of(view, from + i);
        row_pack(&pack, &row);
    }
    hd_pack_list(&head, NULL, &i, 0);
    hd_buffer_append(out, rows.data, rows.length);
    out->failed |= rows.failed;
    hd_buffer_deinit(&rows);
    return from + i;
}

/* One piece of both lists. How many rows of each there are then, if not all that it has. `limit`: of the lists that were made. */
static uint64_t piece_keep(struct hd_buffer *out, const struct hd_view_strings *view, uint32_t piece, uint32_t limit)
{
    uint32_t biggest = view->made->strings.biggest_count;
    uint32_t groups_kept = list_keep(out, view, view->made->groups, piece, hd_view_strings_group);
    uint32_t biggest_kept = list_keep(out, view, biggest, piece, hd_view_strings_biggest);
    uint64_t most = groups_kept >= view->group_count ? UINT32_MAX : groups_kept;
    return most > biggest_kept && (biggest_kept < biggest || biggest_kept == limit) ? biggest_kept : most;
}

/* `limit`: of the lists that were made. */
static void keep(const struct hd_view_strings *view, struct hd_open *open, uint32_t limit)
{
    struct hd_view_strings sums = *view;
    struct hd_buffer first = {0}, data = {0};
    struct hd_pack pack = hd_pack_writing(&data);
    uint64_t most = piece_keep(&first, view, 0, limit);
    for (uint32_t piece = 1; piece < HD_KEEP_PIECES && most == piece * HD_KEEP_ROWS && most < limit; piece++) {
        struct hd_buffer more = {0};
        most = piece_keep(&more, view, piece, limit);
        hd_keep_add_data(open, what, piece, &more);
        hd_buffer_deinit(&more);
    }
    sums_pack(&pack, &sums, &most);
    hd_buffer_append(&data, first.data, first.length);
    data.failed |= first.failed;
    hd_keep_add(open, what, 0, &data);
    hd_buffer_deinit(&first);
    hd_buffer_deinit(&data);
}

static struct hd_view_strings_row *rows_read(struct hd_pack *pack, uint32_t *count)
{
    struct hd_view_strings_row *rows = hd_pack_list(pack, NULL, count, sizeof *rows);
    for (uint32_t i = 0; i < *count; i++)
        row_pack(pack, &rows[i]);
    return rows;
}

/* Those of one piece; so many more are shown. False if it is damaged, or there is none. */
static bool piece_read(struct hd_view_strings *view, struct hd_pack *pack, uint32_t number)
{
    struct hd_view_strings_piece *piece = &view->piece[number];
    uint32_t groups, biggest, before = number * HD_KEEP_ROWS;
    piece->groups = rows_read(pack, &groups);
    piece->biggest = rows_read(pack, &biggest);
    /* a list that ended does not go on */
    if (groups > HD_KEEP_ROWS || biggest > HD_KEEP_ROWS || (groups && view->groups != before) || (biggest && view->biggest != before))
        return false;
    view->groups += groups;
    view->biggest += biggest;
    return hd_pack_ended(pack);
}

/* Those behind the first piece, as far as they are wanted. */
static bool more_find(struct hd_view_strings *view, const struct hd_open *open, uint32_t limit)
{
    bool enough = true;
    for (uint32_t piece = 1; enough && piece < HD_KEEP_PIECES && piece * HD_KEEP_ROWS < limit
                             && (view->groups == piece * HD_KEEP_ROWS || view->biggest == piece * HD_KEEP_ROWS); piece++) {
        struct hd_buffer *kept = &view->piece[piece].kept;
        enough = hd_keep_find(open, what, piece, kept) && kept->length <= HD_KEEP_LONGEST;
        struct hd_pack pack = hd_pack_reading(kept);
        enough = enough && piece_read(view, &pack, piece);
    }
    return enough;
}

/* *there: some rows were kept. False if they are not enough; then nothing is in the view. */
static bool find(struct hd_view_strings *view, const struct hd_open *open, uint32_t limit, bool *there)
{
    uint64_t most;
    *there = hd_keep_find(open, what, 0, &view->piece[0].kept);
    struct hd_pack pack = hd_pack_reading(&view->piece[0].kept);
    sums_pack(&pack, view, &most);
    *there = *there && !pack.failed;
    if (*there && limit <= most && piece_read(view, &pack, 0) && more_find(view, open, limit)) {
        view->groups = view->groups < limit ? view->groups : limit;
        view->biggest = view->biggest < limit ? view->biggest : limit;
        return true;
    }
    hd_view_strings_free(view);
    return false;
}

/* ---- both ---- */

bool hd_view_strings_make(struct hd_view_strings *view, struct hd_open *open, unsigned long rows, struct hd_error *err)
{
    uint32_t limit = rows && rows < LINES_MAX ? (uint32_t)rows : LINES_MAX;
    bool keeps = hd_keep_can(open), there = false;
    *view = (struct hd_view_strings){.open = open};
    if (keeps && find(view, open, limit, &there))
        return true;
    keeps = keeps && !there;
    uint32_t least = keeps ? hd_keep_rows_made(open) : 0, more = limit < least ? least : limit;
    *view = (struct hd_view_strings){.open = open};
    if (!hd_open_whole(open, HD_INDEX_GRAPH, err) || !make(view, open, more, err))
        return false;
    if (keeps)
        keep(view, open, more);
    uint32_t biggest = view->made->strings.biggest_count;
    view->groups = view->made->groups < limit ? view->made->groups : limit;
    view->biggest = biggest < limit ? biggest : limit;
    return true;
}

void hd_view_strings_free(struct hd_view_strings *view)
{
    struct hd_view_strings_made *made = view->made;
    for (int i = 0; i < HD_KEEP_PIECES; i++) {
        free(view->piece[i].groups);
        free(view->piece[i].biggest);
        hd_buffer_deinit(&view->piece[i].kept);
    }
    if (made) {
        hd_strings_free(made->texts, made->text_count);
        hd_holders_destroy(&made->holders);
        free(made->set);
        hd_strings_destroy(&made->strings);
        for (size_t i = 0; i < HD_VIEW_STRINGS_WAYS; i++)
            hd_buffer_deinit(&made->words[i]);
    }
    free(made);
    *view = (struct hd_view_strings){0};
}

/* ---- JSON ---- */

static void json_sum(FILE *file, const char *name, const struct hd_strings_sum *sum)
{
    fprintf(file, ",\"%s\":{\"count\":%llu,\"bytes\":%llu}", name, (unsigned long long)sum->count, (unsigned long long)sum->bytes);
}

static void json_text(FILE *file, const struct hd_view_strings_row *row)
{
    static const char *const forms[] = {[HD_STRINGS_UNKNOWN] = "unknown", [HD_STRINGS_TEXT] = "text",
                                        [HD_STRINGS_BASE64] = "base64", [HD_STRINGS_HASH] = "hash"};
    fprintf(file, ",\"bytesize\":%llu,\"form\":\"%s\",\"truncated\":%s,\"beginning\":", (unsigned long long)row->bytesize,
           forms[row->form], row->truncated ? "true" : "false");
    hd_json_text(file, row->beginning);
    if (!row->file.data)
        return;
    fputs(",\"file\":", file);
    hd_json_text(file, row->file);
    fprintf(file, ",\"line\":%llu", (unsigned long long)row->line);
}

static void json_group(FILE *file, const struct hd_view_strings_row *row)
{
    fprintf(file, "{\"count\":%llu,\"bytes\":%llu,\"wasted\":%llu,\"frozen\":%llu,\"fstrings\":%llu,\"by_prefix\":%s,\"kept\":{",
            (unsigned long long)row->count, (unsigned long long)row->bytes, (unsigned long long)row->wasted,
            (unsigned long long)row->frozen, (unsigned long long)row->fstrings, row->by_prefix ? "true" : "false");
    hd_shown_json(file, &row->object);
    fputs("}", file);
    json_text(file, row);
    fputs(",\"held_by\":[", file);
    for (uint32_t i = 0; i < row->way_count; i++) {
        fputs(i ? "," : "", file);
        hd_shown_way_json(file, &row->way[i]);
    }
    fputs("]}", file);
}

void hd_view_strings_json(FILE *file, const struct hd_view_strings *view)
{
    fputs("{", file);
    hd_open_json_head(file, view->open);
    json_sum(file, "strings", &view->all);
    json_sum(file, "copies", &view->copies);
    json_sum(file, "frozen_copies", &view->frozen_copies);
    json_sum(file, "unknown", &view->unknown);
    fprintf(file, ",\"distinct\":%llu,\"unreachable\":%llu,\"total\":%u,\"duplicates\":[", (unsigned long long)view->distinct,
           (unsigned long long)view->unreachable, view->group_count);
    for (uint32_t i = 0; i < view->groups; i++) {
        fputs(i ? "," : "", file);
        json_group(file, hd_view_strings_group(view, i));
    }
    fputs("],\"biggest\":[", file);
    for (uint32_t i = 0; i < view->biggest; i++) {
        const struct hd_view_strings_row *row = hd_view_strings_biggest(view, i);
        fprintf(file, "%s{", i ? "," : "");
        hd_shown_json(file, &row->object);
        json_text(file, row);
        fputs(",\"held_by\":", file);
        hd_json_text(file, row->way[0].words);
        fputs("}", file);
    }
    fputs("]}\n", file);
}
