/*
 * See regex_table.h. A state is a set of the machine's nodes: those that take a byte, and those that wait for the end. Where a match may begin anywhere,
 * the machine's start is in each of them again, so that a text is gone through once.
 */
#include "base/regex_table.h"

#include "base/regex_program.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS = HD_REGEX_NODES / 64,
    ROOM = 1 << 18, /* numbers in all rows */
    STATES = 4096,
    SLOTS = 2 * STATES
};

/* What is in a row; from FIRST on: where the row begins that follows. */
enum { UNKNOWN, NEVER, FITS, FIRST };

struct state {
    uint64_t node[WORDS];
};

struct hd_regex_table {
    uint8_t class_of[256]; /* bytes of which the pattern makes no difference have the same class */
    uint8_t byte_of[256];  /* one of each class */
    uint32_t stride;       /* a row: a number for each class, and last NEVER or FITS: if the text ends here */
    uint32_t start;        /* the first row; FITS: all do */
    uint32_t count, most;  /* states, which are in the order of their rows */
    uint32_t times;        /* all were forgotten */
    struct state again;    /* where a match may begin behind the text's first byte */
    struct state waiting;  /* the nodes that make a state */
    struct hd_regex_program program;
    struct state state[STATES];
    uint16_t slot[SLOTS]; /* a state's number + 1, by what is in it */
    uint32_t next[ROOM];
};

/* ---- states ---- */

/* Puts in what is reached from the node without taking a byte. True: a match is. */
static bool reach(const struct hd_regex_program *program, struct state *state, uint32_t from, bool begin, bool end)
{
    uint16_t stack[HD_REGEX_NODES + 1]; /* each node comes in once, with at most one more waiting than there are in */
    uint32_t waiting = 0;
    bool match = false;
    stack[waiting++] = (uint16_t)from;
    while (waiting) {
        uint32_t number = stack[--waiting];
        const struct hd_regex_node *node = &program->node[number];
        if (state->node[number / 64] >> number % 64 & 1)
            continue;
        state->node[number / 64] |= UINT64_C(1) << number % 64;
        match = match || node->kind == HD_REGEX_MATCH;
        if (node->kind == HD_REGEX_SPLIT)
            stack[waiting++] = node->other;
        if (node->kind == HD_REGEX_SPLIT || (node->kind == HD_REGEX_BEGIN && begin) || (node->kind == HD_REGEX_END && end))
            stack[waiting++] = node->next;
    }
    return match;
}

/* The next node at or behind `from`; HD_REGEX_NODES: there is none. */
static uint32_t node_next(const struct state *state, uint32_t from)
{
    for (uint32_t word = from / 64; word < WORDS; word++) {
        uint64_t bits = state->node[word];
        if (word == from / 64)
            bits &= ~UINT64_C(0) << from % 64;
        if (bits)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return HD_REGEX_NODES;
}

static bool fits_at_end(const struct hd_regex_program *program, const struct state *state)
{
    struct state reached = {0};
    for (uint32_t i = node_next(state, 0); i < HD_REGEX_NODES; i = node_next(state, i + 1))
        if (program->node[i].kind == HD_REGEX_END && reach(program, &reached, i, false, true))
            return true;
    return false;
}

static uint32_t row_of(const struct hd_regex_table *table, uint32_t state)
{
    return FIRST + state * table->stride;
}

/* There is room for it. */
static uint32_t state_add(struct hd_regex_table *table, const struct state *state)
{
    uint32_t row = row_of(table, table->count);
    memset(&table->next[row], 0, table->stride * sizeof *table->next); /* UNKNOWN */
    table->next[row + table->stride - 1] = fits_at_end(&table->program, state) ? FITS : NEVER;
    table->state[table->count++] = *state;
    return row;
}

static uint32_t state_find(struct hd_regex_table *table, const struct state *state)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < WORDS; i++)
        hash = (hash ^ state->node[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
    uint32_t slot = (uint32_t)(hash >> 40) % SLOTS;
    for (; table->slot[slot]; slot = (slot + 1) % SLOTS)
        if (!memcmp(&table->state[table->slot[slot] - 1], state, sizeof *state))
            return row_of(table, table->slot[slot] - 1u);
    uint32_t row = state_add(table, state);
    table->slot[slot] = (uint16_t)table->count;
    return row;
}

/* Nothing is taken yet. */
static uint32_t state_first(struct hd_regex_table *table)
{
    struct state state = {0};
    if (reach(&table->program, &state, table->program.start, true, false))
        return FITS;
    for (unsigned i = 0; i < WORDS; i++)
        state.node[i] &= table->waiting.node[i];
    return state_find(table, &state);
}

/* All are made anew when they are needed. */
static void forget(struct hd_regex_table *table)
{
    table->count = 0;
    table->times++;
    memset(table->slot, 0, sizeof table->slot);
    table->start = state_first(table);
}

/* Where a byte of the class leads from the row, which may be gone then. */
static uint32_t row_make(struct hd_regex_table *table, uint32_t row, uint32_t class)
{
    const struct hd_regex_program *program = &table->program;
    const struct state *from = &table->state[(row - FIRST) / table->stride];
    struct state state = table->again;
    uint32_t times = table->times, next = NEVER;
    for (uint32_t i = node_next(from, 0); i < HD_REGEX_NODES && next != FITS; i = node_next(from, i + 1)) {
        const struct hd_regex_node *node = &program->node[i];
        if (node->kind == HD_REGEX_TAKE && hd_regex_set_has(&program->set[node->set], table->byte_of[class])
            && reach(program, &state, node->next, false, false))
            next = FITS;
    }
    uint64_t any = 0;
    for (unsigned i = 0; i < WORDS; i++)
        any |= state.node[i] &= table->waiting.node[i];
    if (any && next != FITS) {
        if (table->count == table->most)
            forget(table);
        next = state_find(table, &state);
    }
    if (table->times == times)
        table->next[row + class] = next;
    return next;
}

/* ---- all of it ---- */

/* Returns how many there are. */
static uint32_t classes_make(struct hd_regex_table *table)
{
    const struct hd_regex_program *program = &table->program;
    uint32_t count = 1;
    for (uint32_t i = 0; i < program->set_count; i++) { /* each set divides classes into what is in it and what is not */
        uint16_t within[256] = {0}, first = 0;
        bool outside[256] = {false};
        for (unsigned byte = 0; byte < 256; byte++)
            if (!hd_regex_set_has(&program->set[i], (uint8_t)byte))
                outside[table->class_of[byte]] = true;
        for (unsigned byte = 0; byte < 256; byte++) {
            uint8_t *class = &table->class_of[byte];
            if (!hd_regex_set_has(&program->set[i], (uint8_t)byte) || !outside[*class])
                continue;
            first = *class;
            if (!within[first])
                within[first] = (uint16_t)count++; /* at most 255, as no class is empty */
            *class = (uint8_t)within[first];
        }
    }
    for (unsigned byte = 0; byte < 256; byte++)
        table->byte_of[table->class_of[byte]] = (uint8_t)byte;
    return count;
}

struct hd_regex_table *hd_regex_table_create(const char *pattern, int flags)
{
    struct hd_regex_table *table = calloc(1, sizeof *table);
    if (!table || !hd_regex_program_make(&table->program, pattern, flags)) {
        free(table);
        return NULL;
    }
    for (uint32_t i = 0; i < table->program.count; i++)
        if (table->program.node[i].kind == HD_REGEX_TAKE || table->program.node[i].kind == HD_REGEX_END)
            table->waiting.node[i / 64] |= UINT64_C(1) << i % 64;
    reach(&table->program, &table->again, table->program.start, false, false);
    table->stride = classes_make(table) + 1;
    table->most = (ROOM - FIRST) / table->stride;
    if (table->most > STATES)
        table->most = STATES;
    table->start = state_first(table);
    return table;
}

void hd_regex_table_destroy(struct hd_regex_table *table)
{
    free(table);
}

bool hd_regex_table_fits(struct hd_regex_table *table, const char *text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + length;
    uint32_t row = table->start;
    if (row == FITS)
        return true;
    for (; at < end; at++) {
        uint32_t class = table->class_of[*at], next = table->next[row + class];
        if (next < FIRST) {
            if (next == UNKNOWN)
                next = row_make(table, row, class);
            if (next < FIRST)
                return next == FITS;
        }
        row = next;
    }
    return table->next[row + table->stride - 1] == FITS;
}
