/* See facet_sums.h. */
#include "view/facet_sums.h"

#include "graph/exact.h"
#include "view/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What an answer begins with: `count` sums follow, then `exact` times as many exact sizes, as many lengths of names, then the names. */
struct head {
    uint64_t count, exact;
};

/* Those that were made with exact sizes are not worth a second place without; of a graph that is too tangled they have none, either. */
static const char what[] = "sums of a facet", what_exact[] = "sums of a facet, exact";

/* Takes its bytes apart. Nothing of them is believed but that they were kept: lengths that do not fit are none. */
static bool decode(struct hd_facet_sums *sums)
{
    struct head head;
    if (sums->bytes.length < sizeof head)
        return false;
    memcpy(&head, sums->bytes.data, sizeof head);
    uint64_t room = sums->bytes.length - sizeof head, each = sizeof *sums->sums + (1 + (head.exact != 0)) * sizeof(uint64_t);
    if (head.count > room / each || head.count > UINT32_MAX || head.exact > 1)
        return false;
    sums->count = (uint32_t)head.count;
    sums->sums = malloc(((size_t)sums->count + 1) * sizeof *sums->sums);
    sums->name = malloc(((size_t)sums->count + 1) * sizeof *sums->name);
    sums->exact = head.exact ? malloc(((size_t)sums->count + 1) * sizeof *sums->exact) : NULL;
    if (!sums->sums || !sums->name || (head.exact && !sums->exact))
        return false;
    const char *at = (const char *)sums->bytes.data + sizeof head, *lengths = at + sums->count * sizeof *sums->sums;
    memcpy(sums->sums, at, sums->count * sizeof *sums->sums);
    if (head.exact) {
        memcpy(sums->exact, lengths, sums->count * sizeof *sums->exact);
        lengths += sums->count * sizeof *sums->exact;
    }
    const char *name = lengths + sums->count * sizeof(uint64_t), *end = (const char *)sums->bytes.data + sums->bytes.length;
    for (uint32_t i = 0; i < sums->count; i++) {
        uint64_t length;
        memcpy(&length, lengths + i * sizeof length, sizeof length);
        if (length > (uint64_t)(end - name))
            return false;
        sums->name[i] = (struct hd_graph_text){name, (size_t)length};
        name += length;
    }
    return name == end;
}

/* `exact` NULL: there is none. */
static void encode(struct hd_buffer *out, const struct hd_facets *facets, const struct hd_retained_group *groups, const uint64_t *exact)
{
    const struct head head = {facets->count, exact != NULL};
    hd_buffer_append(out, &head, sizeof head);
    hd_buffer_append(out, groups, facets->count * sizeof *groups);
    if (exact)
        hd_buffer_append(out, exact, facets->count * sizeof *exact);
    for (uint32_t i = 0; i < facets->count; i++) {
        const uint64_t length = facets->name[i].length;
        hd_buffer_append(out, &length, sizeof length);
    }
    for (uint32_t i = 0; i < facets->count; i++)
        hd_buffer_append(out, facets->name[i].data, facets->name[i].length);
}

void hd_facet_sums_free(struct hd_facet_sums *sums)
{
    free(sums->sums);
    free(sums->name);
    free(sums->exact);
    hd_buffer_deinit(&sums->bytes);
    *sums = (struct hd_facet_sums){0};
}

static bool find(struct hd_facet_sums *sums, const struct hd_open *open, enum hd_facet facet, bool exact)
{
    for (int plain = 0; plain < 2 - exact; plain++) {
        *sums = (struct hd_facet_sums){0};
        if (hd_keep_find(open, plain ? what : what_exact, facet, &sums->bytes) && decode(sums))
            return true;
        hd_facet_sums_free(sums);
    }
    return false;
}

/* One facet's, in a thread of its own. */
struct work {
    const struct hd_open *open;
    const struct hd_facets *facets;
    struct hd_retained_group *groups;
    uint64_t *exact;
    struct hd_error err;
    bool wanted, ok, has_thread;
    pthread_t thread;
};

static void *add_up(void *data)
{
    struct work *work = data;
    work->groups = calloc((size_t)work->facets->count + 1, sizeof *work->groups);
    work->ok = work->groups ? hd_retained_by_group(&work->open->dominators, &work->open->graph, work->facets->number, work->groups,
                                                   work->facets->count, &work->err)
                            : hd_error_set(&work->err, HD_ERROR_MEMORY, "out of memory");
    return NULL;
}

/* The exact sizes of all that are wanted; of one that is too tangled there are none. */
static bool add_up_exactly(struct work work[HD_FACETS], struct hd_error *err)
{
    struct hd_exact_groups ways[HD_EXACT_WAYS];
    struct work *of[HD_EXACT_WAYS];
    unsigned count = 0;
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        const struct hd_facets *facets = work[facet].facets;
        if (!work[facet].wanted)
            continue;
        work[facet].exact = calloc((size_t)facets->count + 1, sizeof *work[facet].exact);
        if (!work[facet].exact)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        ways[count] = (struct hd_exact_groups){.number = facets->number, .count = facets->count, .retained = work[facet].exact};
        of[count++] = &work[facet];
    }
    bool done = hd_exact_retained(&work->open->dominators, &work->open->graph, ways, count, err);
    for (unsigned way = 0; way < count; way++) {
        if (ways[way].known)
            continue;
        free(of[way]->exact);
        of[way]->exact = NULL;
    }
    return done;
}

static bool add_up_all(struct work work[HD_FACETS], const struct hd_facets *facets, const struct hd_open *open, unsigned wanted, bool exact,
                       struct hd_error *err)
{
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        work[facet] = (struct work){.open = open, .facets = &facets[facet], .wanted = wanted >> facet & 1};
        if (!work[facet].wanted)
            continue;
        work[facet].has_thread = !pthread_create(&work[facet].thread, NULL, add_up, &work[facet]);
        if (!work[facet].has_thread)
            add_up(&work[facet]);
    }
    bool ok = !exact || add_up_exactly(work, err);
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        if (work[facet].has_thread)
            pthread_join(work[facet].thread, NULL);
        if (ok && work[facet].wanted && !work[facet].ok)
            *err = work[facet].err;
        ok = ok && (!work[facet].wanted || work[facet].ok);
    }
    return ok;
}

/* The one that is asked for becomes *sums; all are kept. */
static bool hand_out(struct hd_facet_sums *sums, const struct hd_open *open, enum hd_facet facet, const struct work work[HD_FACETS],
                     bool exact, struct hd_error *err)
{
    for (unsigned i = 0; i < HD_FACETS; i++) {
        struct hd_buffer answer = {0};
        if (!work[i].wanted)
            continue;
        encode(&answer, work[i].facets, work[i].groups, work[i].exact);
        hd_keep_add(open, exact ? what_exact : what, i, &answer);
        if (i == facet)
            sums->bytes = answer;
        else
            hd_buffer_deinit(&answer);
    }
    return (!sums->bytes.failed && decode(sums)) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

bool hd_facet_sums_get(struct hd_facet_sums *sums, struct hd_open *open, enum hd_facet facet, bool exact, struct hd_error *err)
{
    struct hd_facets facets[HD_FACETS];
    struct work work[HD_FACETS];
    unsigned wanted = open->index ? HD_FACET_SUMS : 1u << facet; /* where nothing is kept the others would be made for nothing */
    const struct hd_lines *lines = open->basis->lines;
    if (find(sums, open, facet, exact))
        return true;
    exact = exact || lines; /* who reads lines for all questions makes what is asked later */
    if (!hd_open_whole(open, HD_INDEX_TREE, err)
        || (!lines && !hd_facets_create_several(facets, wanted, open->dump, &open->graph, err)))
        return false;
    bool ok = add_up_all(work, lines ? lines->facets.facets : facets, open, wanted, exact, err)
              && hand_out(sums, open, facet, work, exact, err);
    for (unsigned i = 0; i < HD_FACETS; i++) {
        free(work[i].groups);
        free(work[i].exact);
        if (!lines)
            hd_facets_destroy(&facets[i]);
    }
    return ok;
}
