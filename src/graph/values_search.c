/*
 * See values_search.h. Pieces are searched by as many hands as there are processors; where some bytes must be in whatever fits, only texts that have
 * them are looked at. A plain regular expression is a table, for others regexec is asked.
 */
#define _GNU_SOURCE
#include "graph/values_search.h"

#include "base/bits.h"
#include "base/crew.h"
#include "base/regex_table.h"

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
    char literal[64]; /* all that fits has this in it */
    size_t literal_length;
    uint32_t node_count;
    struct hd_values_looked *looked;
    _Atomic uint32_t next;
    atomic_bool failed;
};

struct hand {
    struct search *search;
    struct hd_regex_table *table; /* NULL: the regular expression is not plain */
    regex_t regex; /* then; one of its own: regexec lets only one in at a time */
};

/* What the literal may be made of: what means itself wherever it stands. */
static bool means_itself(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9')
           || (byte && strchr(" _@:/=,;<>\"'%&#!~-", byte));
}

/* A run of bytes ends: the longest one is kept. */
static void run_end(struct search *search, const char *run, size_t *length)
{
    if (*length > search->literal_length) {
        memcpy(search->literal, run, *length);
        search->literal_length = *length;
    }
    *length = 0;
}

/*
 * The longest run of bytes that must be in whatever fits. None where that is not plain: with alternatives, groups, classes and counts, what GNU
 * has behind a backslash, and where case does not matter.
 */
static void literal_find(struct search *search)
{
    char run[sizeof search->literal];
    size_t length = 0;
    if (search->flags & REG_ICASE || strpbrk(search->pattern, "|()[{"))
        return;
    for (const char *at = search->pattern; *at; at++) {
        char byte = *at;
        if (byte == '\\' && (!at[1] || !strchr(".*+?^$\\", at[1]))) {
            search->literal_length = 0;
            return;
        }
        bool escaped = byte == '\\';
        if (escaped)
            byte = *++at;
        if ((*at == '*' || *at == '?') && !escaped) { /* the one before may not be there */
            length -= length > 0;
            run_end(search, run, &length);
        } else if (!escaped && !means_itself(byte)) {
            run_end(search, run, &length);
        } else {
            if (length == sizeof run)
                run_end(search, run, &length);
            run[length++] = byte;
        }
    }
    run_end(search, run, &length);
}

static bool text_fits(const struct hand *hand, const char *text, uint32_t length)
{
    if (hand->search->kind == HD_VALUES_NAMES)
        return !fnmatch(hand->search->pattern, text, 0);
    if (hand->table)
        return hd_regex_table_fits(hand->table, text, length);
    regmatch_t all = {0, (regoff_t)length};
    return !regexec(&hand->regex, text, 1, &all, REG_STARTEND);
}

static void mark(uint64_t *set, const uint32_t *node, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        hd_bits_add_shared(set, node[i]);
}

static void text_look(const struct hand *hand, const struct hd_values_piece *piece, uint32_t text)
{
    uint32_t from = text ? piece->end[text - 1] : 0;
    if (text_fits(hand, piece->bytes + from, piece->end[text] - 1 - from))
        mark(hand->search->looked->fits, piece->node, text ? piece->node_end[text - 1] : 0, piece->node_end[text]);
}

/* The literal has no NUL, and so is in one text if it is found. */
static void piece_search_literal(const struct hand *hand, const struct hd_values_piece *piece)
{
    const struct search *search = hand->search;
    const char *at = piece->bytes, *end = piece->bytes + piece->byte_count;
    for (uint32_t next = 0; at < end && (at = memmem(at, (size_t)(end - at), search->literal, search->literal_length)); next++) {
        uint32_t high = piece->count - 1; /* the first text from `next` on that ends behind the place */
        while (next < high) {
            uint32_t middle = next + (high - next) / 2;
            if (piece->bytes + piece->end[middle] > at)
                high = middle;
            else
                next = middle + 1;
        }
        text_look(hand, piece, next);
        at = piece->bytes + piece->end[next];
    }
}

static bool piece_search(const struct hand *hand, uint32_t number)
{
    const struct search *search = hand->search;
    struct hd_values_piece piece;
    struct hd_graph_text data = search->source->get(search->source->data, search->kind, number);
    if (!data.data || !hd_values_piece_read(&piece, data, search->node_count))
        return false;
    if (search->literal_length)
        piece_search_literal(hand, &piece);
    else
        for (uint32_t i = 0; i < piece.count; i++)
            text_look(hand, &piece, i);
    mark(search->looked->ask, piece.left, 0, piece.left_count);
    return true;
}

static void hand_run(void *data)
{
    struct hand *hand = data;
    struct search *search = hand->search;
    uint64_t pieces = search->source->sum.pieces[search->kind];
    const bool contents = search->kind == HD_VALUES_CONTENTS;
    if (contents)
        hand->table = hd_regex_table_create(search->pattern, search->flags);
    if (contents && !hand->table && regcomp(&hand->regex, search->pattern, search->flags)) {
        atomic_store(&search->failed, true);
        return;
    }
    for (uint32_t number; (number = atomic_fetch_add(&search->next, 1)) < pieces && !atomic_load(&search->failed);)
        if (!piece_search(hand, number))
            atomic_store(&search->failed, true);
    if (contents && !hand->table)
        regfree(&hand->regex);
    hd_regex_table_destroy(hand->table);
}

static bool run(struct search *search)
{
    struct hand hands[HD_CREW_MAX] = {0};
    int count = hd_crew_size();
    for (int i = 0; i < count; i++)
        hands[i].search = search;
    hd_crew_run(hand_run, hands, sizeof *hands, count);
    return !atomic_load(&search->failed);
}

bool hd_values_looked_create(struct hd_values_looked *looked, uint32_t node_count)
{
    *looked = (struct hd_values_looked){hd_bits_create(node_count), hd_bits_create(node_count)};
    if (looked->fits && looked->ask)
        return true;
    hd_values_looked_free(looked);
    return false;
}

void hd_values_looked_free(struct hd_values_looked *looked)
{
    free(looked->fits);
    free(looked->ask);
    *looked = (struct hd_values_looked){NULL, NULL};
}

bool hd_values_search_regex(const struct hd_values_source *source, const char *regex, int flags, uint32_t node_count,
                            struct hd_values_looked *looked)
{
    struct search search = {.source = source, .kind = HD_VALUES_CONTENTS, .pattern = regex, .flags = flags, .node_count = node_count,
                            .looked = looked};
    literal_find(&search);
    return run(&search);
}

bool hd_values_search_glob(const struct hd_values_source *source, const char *glob, uint32_t node_count, struct hd_values_looked *looked)
{
    struct search search = {.source = source, .kind = HD_VALUES_NAMES, .pattern = glob, .node_count = node_count, .looked = looked};
    return run(&search);
}
