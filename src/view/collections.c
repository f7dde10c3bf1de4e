/* See collections.h. */
#include "view/collections.h"

#include "base/crew.h"
#include "view/json.h"
#include "view/keep.h"
#include "view/ways.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* In JSON; LONGEST: bytes of a piece of the rows, less than the index takes of one answer. */
enum { WAYS_JSON = 20, LONGEST = 7 << 20, LISTS = 2 + HD_COLLECTIONS_KINDS };

static const char what[] = "rows of collections";

const char *const hd_view_collections_kinds[HD_COLLECTIONS_KINDS] = {"arrays", "hashes", "sets"};
const char *const hd_view_collections_fills[HD_COLLECTIONS_FILLS] = {"empty",       "below 25 %",   "25 to 50 %",
                                                                     "50 to 75 %", "75 to 100 %", "full"};

struct hd_view_collections_made {
    struct hd_ways ways;
    struct hd_collections collections; /* most unused bytes first */
    struct hd_collection *biggest;     /* most elements first */
    uint32_t count;                    /* of both, in order */
    struct hd_holders holders;         /* of the empty ones: sets by kind */
    uint32_t *set;
    /* those that were asked for last */
    struct hd_view_collections_row row;
    struct hd_shown_way way;
    struct hd_buffer words;
};

/* ---- out of the graph and the dump ---- */

/* One of the two orders. */
struct order {
    struct hd_collections *collections;
    bool unused;
    uint32_t first;
};

struct orders {
    struct order order[2];
    atomic_int next;
};

/* Takes those that nobody has taken yet. */
static void orders_run(void *hand)
{
    struct orders *orders = *(struct orders **)hand;
    for (int i; (i = atomic_fetch_add(&orders->next, 1)) < 2;)
        hd_collections_rank(orders->order[i].collections, orders->order[i].unused, orders->order[i].first);
}

/* Both lists, at the same time: where all rows are wanted that is most of the work. */
static bool rank(struct hd_view_collections_made *made, struct hd_error *err)
{
    struct hd_collections *collections = &made->collections, other = *collections;
    other.list = malloc(sizeof *other.list * ((size_t)collections->count + 1));
    if (!other.list)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memcpy(other.list, collections->list, sizeof *other.list * collections->count);
    struct orders orders = {.order = {{collections, true, made->count}, {&other, false, made->count}}}, *hands[2] = {&orders, &orders};
    hd_crew_run(orders_run, hands, sizeof *hands, 2);
    made->biggest = realloc(other.list, sizeof *other.list * ((size_t)made->count + 1));
    made->biggest = made->biggest ? made->biggest : other.list;
    return true;
}

static bool make(struct hd_view_collections *view, struct hd_open *open, uint32_t limit, struct hd_error *err)
{
    struct hd_view_collections_made *made = view->made = calloc(1, sizeof *made);
    if (!made)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    struct hd_collections *collections = &made->collections;
    const struct hd_lines *lines = open->basis->lines;
    if (!hd_ways_init(&made->ways, open, err)
        || !hd_collections_create(collections, open->dump, &open->graph, open->dominators.parent,
                                  lines ? &lines->collections : NULL, err))
        return false;
    made->count = limit < collections->count ? limit : collections->count;
    made->set = malloc(sizeof *made->set * open->graph.node_count);
    if (!made->set)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(made->set, 0xff, sizeof *made->set * open->graph.node_count);
    for (uint32_t i = 0; i < collections->count; i++) {
        const struct hd_collection *one = &collections->list[i];
        if (one->elements == 0)
            made->set[one->node] = (uint32_t)hd_collections_kind(&open->graph, one->node);
    }
    memcpy(view->sums, collections->sums, sizeof view->sums);
    view->unreachable = collections->unreachable;
    if (!rank(made, err) || !hd_holders_create(&made->holders, made->ways.paths, made->ways.classes, made->set, HD_COLLECTIONS_KINDS, err))
        return false;
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++)
        view->ways[kind] = (uint32_t)(made->holders.start[kind + 1] - made->holders.start[kind]);
    return true;
}

static const struct hd_view_collections_row *make_row(struct hd_view_collections_made *made, const struct hd_collection *one)
{
    const struct hd_open *open = made->ways.open;
    made->words.length = 0;
    hd_ways_append_to(&made->words, &made->ways, one->node);
    made->row = (struct hd_view_collections_row){
        .object = hd_shown_node(open, one->node), .kind = (uint32_t)hd_collections_kind(&open->graph, one->node),
        .elements = one->elements, .places = one->places, .unused = one->unused, .way = hd_shown_text(&made->words)};
    return &made->row;
}

const struct hd_view_collections_row *hd_view_collections_biggest(const struct hd_view_collections *view, uint32_t number)
{
    return view->made ? make_row(view->made, &view->made->biggest[number]) : &view->piece[number / HD_KEEP_ROWS].biggest[number % HD_KEEP_ROWS];
}

const struct hd_view_collections_row *hd_view_collections_unused(const struct hd_view_collections *view, uint32_t number)
{
    return view->made ? make_row(view->made, &view->made->collections.list[number]) : &view->piece[number / HD_KEEP_ROWS].unused[number % HD_KEEP_ROWS];
}

const struct hd_shown_way *hd_view_collections_way(const struct hd_view_collections *view, int kind, uint32_t number)
{
    struct hd_view_collections_made *made = view->made;
    if (!made)
        return &view->way_rows[kind][number];
    const struct hd_holder *holder = &made->holders.list[made->holders.start[kind] + number];
    made->words.length = 0;
    hd_ways_append(&made->words, &made->ways, holder->from, holder->edge);
    made->way = (struct hd_shown_way){holder->count, holder->bytes, hd_shown_text(&made->words)};
    return &made->way;
}

/* ---- kept ---- */

static void sum_pack(struct hd_pack *pack, struct hd_collections_sum *sum)
{
    hd_pack_number(pack, &sum->count);
    hd_pack_number(pack, &sum->bytes);
    hd_pack_number(pack, &sum->empty);
    hd_pack_number(pack, &sum->empty_bytes);
    hd_pack_number(pack, &sum->elements);
    hd_pack_number(pack, &sum->known);
    hd_pack_number(pack, &sum->known_elements);
    hd_pack_number(pack, &sum->places);
    hd_pack_number(pack, &sum->unused);
    for (int fill = 0; fill < HD_COLLECTIONS_FILLS; fill++) {
        hd_pack_number(pack, &sum->fill_count[fill]);
        hd_pack_number(pack, &sum->fill_unused[fill]);
    }
}

/* `most`: so many rows of each list can be shown. */
static void sums_pack(struct hd_pack *pack, struct hd_view_collections *view, uint32_t *most)
{
    hd_pack_below(pack, most, UINT32_MAX);
    hd_pack_number(pack, &view->unreachable);
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++) {
        sum_pack(pack, &view->sums[kind]);
        hd_pack_below(pack, &view->ways[kind], UINT32_MAX);
    }
}

static void row_pack(struct hd_pack *pack, struct hd_view_collections_row *row)
{
    hd_shown_pack(pack, &row->object);
    hd_pack_below(pack, &row->kind, HD_COLLECTIONS_KINDS - 1);
    hd_pack_number(pack, &row->elements);
    hd_pack_number(pack, &row->places);
    hd_pack_number(pack, &row->unused);
    hd_pack_text(pack, &row->way);
}

/* Puts `count` of a list from a row on behind the others, or fewer where they would be too long; the first two lists are of rows. */
static uint32_t list_keep(struct hd_buffer *out, const struct hd_view_collections *view, int list, uint32_t from, uint32_t count)
{
    struct hd_buffer rows = {0};
    struct hd_pack pack = hd_pack_writing(&rows), head = hd_pack_writing(out);
    uint32_t i = 0;
    for (; i < count && rows.length < LONGEST / LISTS; i++) {
        if (list < 2) {
            struct hd_view_collections_row row = *(list ? hd_view_collections_unused(view, from + i) : hd_view_collections_biggest(view, from + i));
            row_pack(&pack, &row);
        } else {
            struct hd_shown_way way = *hd_view_collections_way(view, list - 2, from + i);
            hd_shown_way_pack(&pack, &way);
        }
    }
    hd_pack_list(&head, NULL, &i, 0);
    hd_buffer_append(out, rows.data, rows.length);
    out->failed |= rows.failed;
    hd_buffer_deinit(&rows);
    return i;
}

/* One piece of both lists of rows, and with the first one the ways. How many rows of each list there are then, if not all that it has. */
static uint32_t piece_keep(struct hd_buffer *out, const struct hd_view_collections *view, uint32_t piece)
{
    uint32_t from = piece * HD_KEEP_ROWS, most = UINT32_MAX;
    for (int list = 0; list < (piece ? 2 : LISTS); list++) {
        uint32_t all = list < 2 ? view->made->collections.count : view->ways[list - 2], have = list < 2 ? view->made->count : all;
        uint32_t kept = from + list_keep(out, view, list, from, hd_keep_rows(have, piece));
        if (kept < all && kept < most)
            most = kept;
    }
    return most;
}

static void keep(const struct hd_view_collections *view, struct hd_open *open)
{
    struct hd_view_collections sums = *view;
    struct hd_buffer first = {0}, data = {0};
    struct hd_pack pack = hd_pack_writing(&data);
    uint32_t most = piece_keep(&first, view, 0);
    for (uint32_t piece = 1; piece < HD_KEEP_PIECES && most == piece * HD_KEEP_ROWS; piece++) {
        struct hd_buffer more = {0};
        most = piece_keep(&more, view, piece);
        hd_keep_add_data(open, what, piece, &more);
        hd_buffer_deinit(&more);
    }
    sums_pack(&pack, &sums, &most);
    hd_buffer_append(&data, first.data, first.length);
    data.failed |= first.failed;
    if (most >= WAYS_JSON) /* else there were not enough for any question */
        hd_keep_add(open, what, 0, &data);
    hd_buffer_deinit(&first);
    hd_buffer_deinit(&data);
}

static struct hd_view_collections_row *rows_read(struct hd_pack *pack, uint32_t *count)
{
    struct hd_view_collections_row *rows = hd_pack_list(pack, NULL, count, sizeof *rows);
    for (uint32_t i = 0; i < *count; i++)
        row_pack(pack, &rows[i]);
    return rows;
}

/* *shown: more by what both lists of it have. False if they are not equally long. */
static bool piece_read(struct hd_pack *pack, struct hd_view_collections_piece *piece, uint32_t *shown)
{
    uint32_t biggest, unused;
    piece->biggest = rows_read(pack, &biggest);
    piece->unused = rows_read(pack, &unused);
    *shown += biggest;
    return biggest == unused && biggest <= HD_KEEP_ROWS;
}

/* Those behind the first piece, as far as they are wanted. */
static bool more_find(struct hd_view_collections *view, const struct hd_open *open, uint32_t limit)
{
    bool enough = true;
    for (uint32_t piece = 1; enough && piece < HD_KEEP_PIECES && view->shown == piece * HD_KEEP_ROWS && view->shown < limit; piece++) {
        struct hd_view_collections_piece *more = &view->piece[piece];
        enough = hd_keep_find(open, what, piece, &more->kept) && more->kept.length <= HD_KEEP_LONGEST;
        struct hd_pack pack = hd_pack_reading(&more->kept);
        enough = enough && piece_read(&pack, more, &view->shown) && hd_pack_ended(&pack);
    }
    return enough;
}

/* *there: some rows were kept. False if they are not enough; then nothing is in the view. */
static bool find(struct hd_view_collections *view, const struct hd_open *open, uint32_t limit, bool *there)
{
    uint32_t most, ways;
    struct hd_view_collections_piece *first = &view->piece[0];
    *there = hd_keep_find(open, what, 0, &first->kept);
    struct hd_pack pack = hd_pack_reading(&first->kept);
    sums_pack(&pack, view, &most);
    *there = *there && !pack.failed && most >= WAYS_JSON;
    bool enough = *there && limit <= most && piece_read(&pack, first, &view->shown);
    for (int kind = 0; enough && kind < HD_COLLECTIONS_KINDS; kind++) {
        view->way_rows[kind] = hd_pack_list(&pack, NULL, &ways, sizeof *view->way_rows[kind]);
        for (uint32_t i = 0; i < ways; i++)
            hd_shown_way_pack(&pack, &view->way_rows[kind][i]);
        enough = ways >= most || ways == view->ways[kind]; /* whatever is asked for is there */
    }
    if (enough && hd_pack_ended(&pack) && more_find(view, open, limit)) {
        view->shown = view->shown < limit ? view->shown : limit;
        return true;
    }
    hd_view_collections_free(view);
    return false;
}

/* ---- both ---- */

bool hd_view_collections_make(struct hd_view_collections *view, struct hd_open *open, unsigned long rows,
                              struct hd_error *err)
{
    uint32_t limit = rows && rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX;
    bool keeps = hd_keep_can(open), there = false;
    *view = (struct hd_view_collections){.open = open};
    if (keeps && find(view, open, limit, &there)) {
        view->open = open;
        return true;
    }
    keeps = keeps && !there;
    *view = (struct hd_view_collections){.open = open};
    uint32_t least = keeps ? hd_keep_rows_made(open) : 0;
    if (!hd_open_whole(open, HD_INDEX_GRAPH, err) || !make(view, open, limit < least ? least : limit, err))
        return false;
    if (keeps)
        keep(view, open);
    view->shown = limit < view->made->count ? limit : view->made->count;
    return true;
}

void hd_view_collections_free(struct hd_view_collections *view)
{
    struct hd_view_collections_made *made = view->made;
    for (int i = 0; i < HD_KEEP_PIECES; i++) {
        free(view->piece[i].biggest);
        free(view->piece[i].unused);
        hd_buffer_deinit(&view->piece[i].kept);
    }
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++)
        free(view->way_rows[kind]);
    if (made) {
        free(made->biggest);
        free(made->set);
        hd_holders_destroy(&made->holders);
        hd_collections_destroy(&made->collections);
        hd_buffer_deinit(&made->words);
    }
    free(made);
    *view = (struct hd_view_collections){0};
}

/* ---- JSON ---- */

static void json_row(FILE *file, const struct hd_view_collections_row *row)
{
    fputs("{", file);
    hd_shown_json(file, &row->object);
    fprintf(file, ",\"elements\":%llu,\"places\":", (unsigned long long)row->elements);
    if (row->places == HD_COLLECTIONS_UNKNOWN)
        fputs("null", file);
    else
        fprintf(file, "%llu", (unsigned long long)row->places);
    fprintf(file, ",\"unused\":%llu,\"held_by\":", (unsigned long long)row->unused);
    hd_json_text(file, row->way);
    fputs("}", file);
}

static void json_lists(FILE *file, const struct hd_view_collections *view)
{
    fputs(",\"biggest\":[", file);
    for (uint32_t i = 0; i < view->shown; i++) {
        fputs(i ? "," : "", file);
        json_row(file, hd_view_collections_biggest(view, i));
    }
    fputs("],\"most_unused\":[", file);
    for (uint32_t i = 0; i < view->shown; i++) {
        const struct hd_view_collections_row *row = hd_view_collections_unused(view, i);
        if (!row->unused)
            break;
        fputs(i ? "," : "", file);
        json_row(file, row);
    }
    fputs("]", file);
}

static void json_sum(FILE *file, const struct hd_view_collections *view, int kind)
{
    const struct hd_collections_sum *sum = &view->sums[kind];
    fprintf(file, ",\"%s\":{\"count\":%llu,\"bytes\":%llu,\"elements\":%llu,\"empty\":%llu,\"empty_bytes\":%llu,\"known\":%llu,\"places\":%llu,"
           "\"unused\":%llu,\"fill\":[", hd_view_collections_kinds[kind], (unsigned long long)sum->count, (unsigned long long)sum->bytes,
           (unsigned long long)sum->elements, (unsigned long long)sum->empty, (unsigned long long)sum->empty_bytes,
           (unsigned long long)sum->known, (unsigned long long)sum->places, (unsigned long long)sum->unused);
    for (int fill = 0; fill < HD_COLLECTIONS_FILLS; fill++)
        fprintf(file, "%s{\"fill\":\"%s\",\"count\":%llu,\"unused\":%llu}", fill ? "," : "", hd_view_collections_fills[fill],
               (unsigned long long)sum->fill_count[fill], (unsigned long long)sum->fill_unused[fill]);
    fputs("],\"empty_held_by\":[", file);
    for (uint32_t i = 0; i < view->ways[kind] && i < WAYS_JSON; i++) {
        fputs(i ? "," : "", file);
        hd_shown_way_json(file, hd_view_collections_way(view, kind, i));
    }
    fputs("]}", file);
}

void hd_view_collections_json(FILE *file, const struct hd_view_collections *view)
{
    fputs("{", file);
    hd_open_json_head(file, view->open);
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++)
        json_sum(file, view, kind);
    fprintf(file, ",\"unreachable\":%llu", (unsigned long long)view->unreachable);
    json_lists(file, view);
    fputs("}\n", file);
}
