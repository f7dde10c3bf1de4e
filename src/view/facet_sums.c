/* See facet_sums.h. */
#include "view/facet_sums.h"

#include "view/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What an answer begins with: `count` sums follow, then as many lengths of names, then the names. */
struct head {
    uint64_t count;
};

static const char what[] = "sums of a facet";

/* Takes its bytes apart. Nothing of them is believed but that they were kept: lengths that do not fit are none. */
static bool decode(struct hd_facet_sums *sums)
{
    struct head head;
    if (sums->bytes.length < sizeof head)
        return false;
    memcpy(&head, sums->bytes.data, sizeof head);
    uint64_t room = sums->bytes.length - sizeof head, each = sizeof *sums->sums + sizeof(uint64_t);
    if (head.count > room / each || head.count > UINT32_MAX)
        return false;
    sums->count = (uint32_t)head.count;
    sums->sums = malloc((sums->count + 1) * sizeof *sums->sums);
    sums->name = malloc((sums->count + 1) * sizeof *sums->name);
    if (!sums->sums || !sums->name)
        return false;
    const char *at = (const char *)sums->bytes.data + sizeof head, *lengths = at + sums->count * sizeof *sums->sums;
    memcpy(sums->sums, at, sums->count * sizeof *sums->sums);
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

static void encode(struct hd_buffer *out, const struct hd_facets *facets, const struct hd_retained_group *groups)
{
    const struct head head = {facets->count};
    hd_buffer_append(out, &head, sizeof head);
    hd_buffer_append(out, groups, facets->count * sizeof *groups);
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
    hd_buffer_deinit(&sums->bytes);
    *sums = (struct hd_facet_sums){0};
}

static bool find(struct hd_facet_sums *sums, const struct hd_open *open, enum hd_facet facet)
{
    *sums = (struct hd_facet_sums){0};
    bool found = hd_keep_find(open, what, facet, &sums->bytes) && decode(sums);
    if (!found)
        hd_facet_sums_free(sums);
    return found;
}

/* One facet's, in a thread of its own. */
struct work {
    const struct hd_open *open;
    const struct hd_facets *facets;
    struct hd_buffer answer;
    struct hd_error err;
    bool wanted, ok, has_thread;
    pthread_t thread;
};

static void *add_up(void *data)
{
    struct work *work = data;
    struct hd_retained_group *groups = calloc((size_t)work->facets->count + 1, sizeof *groups);
    work->ok = groups ? hd_retained_by_group(&work->open->dominators, &work->open->graph, work->facets->number, groups,
                                             work->facets->count, &work->err)
                      : hd_error_set(&work->err, HD_ERROR_MEMORY, "out of memory");
    if (work->ok)
        encode(&work->answer, work->facets, groups);
    free(groups);
    return NULL;
}

static void add_up_all(struct work work[HD_FACETS], const struct hd_facets *facets, const struct hd_open *open, unsigned wanted)
{
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        work[facet] = (struct work){.open = open, .facets = &facets[facet], .wanted = wanted >> facet & 1};
        if (!work[facet].wanted)
            continue;
        work[facet].has_thread = !pthread_create(&work[facet].thread, NULL, add_up, &work[facet]);
        if (!work[facet].has_thread)
            add_up(&work[facet]);
    }
    for (unsigned facet = 0; facet < HD_FACETS; facet++)
        if (work[facet].has_thread)
            pthread_join(work[facet].thread, NULL);
}

bool hd_facet_sums_get(struct hd_facet_sums *sums, struct hd_open *open, enum hd_facet facet, struct hd_error *err)
{
    struct hd_facets facets[HD_FACETS];
    struct work work[HD_FACETS];
    unsigned wanted = open->index ? HD_FACET_SUMS : 1u << facet; /* where nothing is kept the others would be made for nothing */
    const struct hd_lines *lines = open->basis->lines;
    if (find(sums, open, facet))
        return true;
    if (!hd_open_whole(open, HD_INDEX_TREE, err)
        || (!lines && !hd_facets_create_several(facets, wanted, open->dump, &open->graph, err)))
        return false;
    add_up_all(work, lines ? lines->facets.facets : facets, open, wanted);
    bool ok = work[facet].ok;
    if (!ok)
        *err = work[facet].err;
    else
        hd_buffer_append(&sums->bytes, work[facet].answer.data, work[facet].answer.length);
    if (ok && !decode(sums))
        ok = hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (unsigned i = 0; i < HD_FACETS; i++) {
        if (work[i].wanted && work[i].ok && open->index)
            hd_keep_add(open, what, i, &work[i].answer);
        hd_buffer_deinit(&work[i].answer);
        if (!lines)
            hd_facets_destroy(&facets[i]);
    }
    return ok;
}
