/* See values_search.h. Pieces are searched by as many hands as there are processors. */
#define _GNU_SOURCE
#include "graph/values_search.h"

#include "base/crew.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const struct hd_values_source *source;
    enum hd_values_kind kind;
    const char *pattern;
    int flags;
    uint32_t node_count;
    uint8_t *looked;
    _Atomic uint32_t next;
    atomic_bool failed;
};

struct hand {
    struct search *search;
    regex_t regex; /* one of its own: regexec lets only one in at a time */
};

static bool text_fits(const struct hand *hand, const char *text, uint32_t length)
{
    if (hand->search->kind == HD_VALUES_NAMES)
        return !fnmatch(hand->search->pattern, text, 0);
    regmatch_t all = {0, (regoff_t)length};
    return !regexec(&hand->regex, text, 1, &all, REG_STARTEND);
}

/* Others may write the same into the same byte, if a piece is hostile. */
static void mark(uint8_t *looked, const uint32_t *node, uint32_t from, uint32_t to, uint8_t what)
{
    for (uint32_t i = from; i < to; i++)
        __atomic_store_n(&looked[node[i]], what, __ATOMIC_RELAXED);
}

static bool piece_search(const struct hand *hand, uint32_t number)
{
    const struct search *search = hand->search;
    struct hd_values_piece piece;
    struct hd_graph_text data = search->source->get(search->source->data, search->kind, number);
    if (!data.data || !hd_values_piece_read(&piece, data, search->node_count))
        return false;
    for (uint32_t i = 0, at = 0; i < piece.count; at = piece.end[i++])
        if (text_fits(hand, piece.bytes + at, piece.end[i] - 1 - at))
            mark(search->looked, piece.node, i ? piece.node_end[i - 1] : 0, piece.node_end[i], HD_VALUES_FITS);
    mark(search->looked, piece.left, 0, piece.left_count, HD_VALUES_ASK);
    return true;
}

static void hand_run(void *data)
{
    struct hand *hand = data;
    struct search *search = hand->search;
    uint64_t pieces = search->source->sum.pieces[search->kind];
    if (search->kind == HD_VALUES_CONTENTS && regcomp(&hand->regex, search->pattern, search->flags)) {
        atomic_store(&search->failed, true);
        return;
    }
    for (uint32_t number; (number = atomic_fetch_add(&search->next, 1)) < pieces && !atomic_load(&search->failed);)
        if (!piece_search(hand, number))
            atomic_store(&search->failed, true);
    if (search->kind == HD_VALUES_CONTENTS)
        regfree(&hand->regex);
}

static bool run(struct search *search)
{
    struct hand hands[HD_CREW_MAX] = {0};
    int count = hd_crew_size();
    memset(search->looked, HD_VALUES_NONE, search->node_count);
    for (int i = 0; i < count; i++)
        hands[i].search = search;
    hd_crew_run(hand_run, hands, sizeof *hands, count);
    return !atomic_load(&search->failed);
}

bool hd_values_search_regex(const struct hd_values_source *source, const char *regex, int flags, uint32_t node_count, uint8_t *looked)
{
    struct search search = {.source = source, .kind = HD_VALUES_CONTENTS, .pattern = regex, .flags = flags, .node_count = node_count,
                            .looked = looked};
    return run(&search);
}

bool hd_values_search_glob(const struct hd_values_source *source, const char *glob, uint32_t node_count, uint8_t *looked)
{
    struct search search = {.source = source, .kind = HD_VALUES_NAMES, .pattern = glob, .node_count = node_count, .looked = looked};
    return run(&search);
}
