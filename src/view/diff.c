/* See diff.h. */
#include "view/diff.h"

#include "base/crew.h"
#include "view/diff_kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const char *const hd_diff_sort_names[4] = {"retained", "size", "count", NULL};
const char *const hd_diff_dump_names[HD_DIFF_DUMPS] = {"before", "after", "final"};

/* ---- rows ---- */

static int compare(const void *left, const void *right)
{
    const struct hd_diff_row *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? 1 : -1;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

static void rows_sort(const struct hd_diff_request *request, struct hd_diff_rows *rows)
{
    qsort(rows->row, rows->count, sizeof *rows->row, compare);
    rows->shown = request->limit == 0 || request->limit > rows->count ? rows->count : (uint32_t)request->limit;
}

static bool rows_make(struct hd_diff_rows *rows, uint32_t capacity, struct hd_error *err)
{
    rows->row = calloc((size_t)capacity + 1, sizeof *rows->row);
    return rows->row || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* One row for each number whose sums changed. `grown` NULL: they are classes. */
static bool growth_rows(const struct hd_diff_request *request, const struct hd_diff *diff, const struct hd_diff_sums *sums,
                        uint32_t count, const int64_t *grown, struct hd_diff_rows *rows, struct hd_error *err)
{
    if (!rows_make(rows, count, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct hd_diff_row row = {.number = i};
        for (unsigned k = 0; k < diff->count; k++)
            row.dump[k] = hd_diff_group(&sums[k], i);
        const struct hd_retained_group *from = &row.dump[0], *to = &row.dump[diff->count - 1];
        row.count = (int64_t)(to->count - from->count);
        row.size = (int64_t)(to->shallow - from->shallow);
        row.retained = (int64_t)(to->retained - from->retained);
        row.grown = grown ? grown[i] : row.size;
        row.sample = hd_diff_sample(&sums[diff->count - 1], i);
        /* what only retains more, because of others that grew, is not listed */
        if (grown ? row.grown == 0 : row.count == 0 && row.size == 0)
            continue;
        int64_t keys[] = {grown ? row.grown : row.retained, row.grown, row.count};
        row.key = keys[request->sort];
        rows->row[rows->count++] = row;
    }
    rows_sort(request, rows);
    return true;
}

static bool survivor_rows(const struct hd_diff_request *request, const struct hd_diff_sums *sums, struct hd_diff_rows *rows,
                          struct hd_error *err)
{
    if (!rows_make(rows, sums->count, err))
        return false;
    for (uint32_t i = 0; i < sums->count; i++) {
        struct hd_retained_group group = hd_diff_group(sums, i);
        int64_t keys[] = {(int64_t)group.retained, (int64_t)group.shallow, (int64_t)group.count};
        if (group.count)
            rows->row[rows->count++] = (struct hd_diff_row){.number = i, .count = keys[2], .size = keys[1], .retained = keys[0],
                                                    .sample = hd_diff_sample(sums, i), .key = keys[request->sort]};
    }
    rows_sort(request, rows);
    return true;
}

static bool rows_fill(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_error *err)
{
    const struct hd_diff *diff = &result->diff;
    const struct hd_path_keys *keys = &diff->keys;
    if (!hd_diff_origins(diff, &result->grown, err) ||
        !growth_rows(request, diff, diff->class, keys->titles.count, NULL, &result->classes, err) ||
        !growth_rows(request, diff, diff->way, result->same_names ? keys->count : 0, result->grown, &result->ways, err))
        return false;
    return !diff->has_survivors ||
           (survivor_rows(request, &diff->surviving_class, &result->surviving_classes, err) &&
            survivor_rows(request, &diff->surviving_way, &result->surviving_ways, err));
}

/* ---- names ---- */

struct hd_graph_text hd_diff_class_title(const struct hd_diff_result *result, uint32_t title)
{
    const struct hd_names *titles = &result->diff.keys.titles;
    if (title >= titles->count)
        return (struct hd_graph_text){"(roots)", 7};
    return (struct hd_graph_text){titles->bytes + titles->start[title],
                                  titles->start[title + 1] - titles->start[title]};
}

static void append(struct hd_buffer *out, struct hd_graph_text text)
{
    hd_buffer_append(out, text.data, text.length);
}

/* "Shop::Store → consts.CACHE → Hash → val{} → Order". */
void hd_diff_append_way(struct hd_buffer *out, const struct hd_diff_result *result, uint32_t way)
{
    static const struct hd_graph_text arrow = {" → ", 5}, several = {"(several ways)", 14}, root = {"(roots)", 7},
                                      itself = {" itself", 7};
    struct hd_path_key_step step[HD_PATH_KEY_STEPS];
    uint32_t count = hd_path_keys_steps(&result->diff.keys, way, step);
    if (count == 0)
        append(out, root);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            append(out, arrow);
        if (step[i].edge.data) {
            append(out, step[i].edge.length ? step[i].edge : several);
            append(out, arrow);
        }
        append(out, step[i].title);
    }
    if (count == 1 && !step[0].edge.data)
        append(out, itself); /* not its instances */
}

/* ---- the answer ---- */

/* A check that cannot be made must not pass. */
static bool growth_is_known(const struct hd_diff_request *request, const struct hd_diff_result *result, struct hd_error *err)
{
    for (unsigned i = 0; i < request->count; i++)
        if (result->diff.dump[i].truncated)
            return hd_error_set(err, HD_ERROR_BAD_DUMP,
                                "%.200s is truncated, so how much grew is not known and --fail-above cannot be decided; "
                                "take the dump again", request->path[i]);
    return true;
}

static bool finish(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_error *err)
{
    if (request->guarded && !growth_is_known(request, result, err))
        return false;
    const struct hd_diff_dump *from = &result->diff.dump[0], *to = &result->diff.dump[request->count - 1];
    result->same_names = from->unnamed == to->unnamed && from->rooted == to->rooted;
    result->growth = (int64_t)(to->live_bytes - from->live_bytes);
    result->failed = request->guarded && result->growth > 0 && (uint64_t)result->growth > request->fail_above;
    return rows_fill(request, result, err);
}

static void close_one(struct hd_diff_result *result, unsigned i)
{
    if (result->held[i])
        hd_open_close(&result->open[i]);
    result->held[i] = false;
}

/* Dumps [first, end) that are open, of which what was kept is looked for. */
struct look {
    struct hd_diff_result *result;
    struct hd_diff_part *part;
    unsigned end;
    _Atomic unsigned next;
};

static void look_run(void *hand)
{
    struct look *look = *(struct look **)hand;
    for (unsigned i; (i = atomic_fetch_add(&look->next, 1)) < look->end;)
        hd_diff_kept_find(&look->part[i], &look->result->open[i]);
}

/*
 * Opens dumps up to the first one that has no index, that one included: *end is the next one. The graphs of three big dumps need not fit
 * into memory together.
 */
static bool open_some(const struct hd_diff_request *request, struct hd_diff_result *result, bool anew, unsigned *end, struct hd_error *err)
{
    for (bool indexed = true; indexed && *end < request->count; ++*end) {
        struct hd_open *open = &result->open[*end];
        if (!hd_open_read_for(open, request->path[*end], anew ? HD_INDEX_TREE : HD_INDEX_HEADER, err))
            return false;
        result->held[*end] = true;
        indexed = open->index && !anew;
    }
    return true;
}

/* What a part has columns in stays open until all are compared. */
static bool add_one(struct hd_diff_result *result, unsigned i, struct hd_diff_part *part, struct hd_error *err)
{
    bool done = part->kind_count > 0 || hd_diff_kept_make(part, &result->open[i], err), indexed = part->index;
    done = done && hd_diff_add(&result->diff, part, err);
    if (!indexed)
        close_one(result, i);
    return done;
}

static bool read_some(const struct hd_diff_request *request, struct hd_diff_result *result, bool anew, unsigned *end, struct hd_error *err)
{
    struct hd_diff_part part[HD_DIFF_DUMPS] = {0};
    struct look look = {.result = result, .part = part, .next = *end}, *hands[HD_CREW_MAX];
    unsigned first = *end;
    if (!open_some(request, result, anew, end, err))
        return false;
    look.end = anew ? first : *end;
    for (unsigned i = 0; i < HD_CREW_MAX; i++)
        hands[i] = &look;
    hd_crew_run(look_run, hands, sizeof *hands, look.end - first > 1 ? hd_crew_size() : 1);
    bool done = true;
    for (unsigned i = first; i < *end; i++) {
        done = done && add_one(result, i, &part[i], err);
        hd_diff_part_free(&part[i]);
    }
    return done;
}

static bool read_all(const struct hd_diff_request *request, struct hd_diff_result *result, bool anew, struct hd_error *err)
{
    *result = (struct hd_diff_result){0};
    bool done = hd_diff_init(&result->diff, request->count, err);
    for (unsigned next = 0; done && next < request->count;)
        done = read_some(request, result, anew, &next, err);
    for (unsigned i = 0; i < request->count; i++)
        close_one(result, i);
    return done;
}

bool hd_view_diff_read(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_error *err)
{
    bool done = read_all(request, result, false, err);
    if (!done && result->diff.damaged) {
        hd_view_diff_free(result);
        done = read_all(request, result, true, err);
    }
    return done && finish(request, result, err);
}

bool hd_view_diff_make(const struct hd_diff_request *request, struct hd_diff_result *result, struct hd_open *const *opens,
                       struct hd_error *err)
{
    *result = (struct hd_diff_result){0};
    if (!hd_diff_init(&result->diff, request->count, err))
        return false;
    for (unsigned i = 0; i < request->count; i++) {
        struct hd_open *open = &result->open[i];
        struct hd_diff_part part;
        open->path = opens[i]->path;
        open->warning_count = opens[i]->warning_count;
        memcpy(open->warnings, opens[i]->warnings, sizeof open->warnings);
        bool done = hd_diff_kept_part(&part, opens[i], err) && hd_diff_add(&result->diff, &part, err);
        hd_diff_part_free(&part);
        if (!done)
            return false;
    }
    return finish(request, result, err);
}

void hd_view_diff_free(struct hd_diff_result *result)
{
    free(result->grown);
    free(result->classes.row);
    free(result->ways.row);
    free(result->surviving_classes.row);
    free(result->surviving_ways.row);
    hd_diff_deinit(&result->diff);
}
