/* See regex_program.h. The pattern becomes a tree, and that the machine from its end to its start, so that each part knows what follows it. */
#define _GNU_SOURCE
#include "base/regex_program.h"

#include <ctype.h>
#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum {
    TREES = 2048,
    DEPTH = 40,        /* groups within each other */
    REPEATS = 255,     /* what POSIX asks for at least */
    BRACKET = 200,     /* bytes of one */
    ASKED = 48,        /* sets that regexec is asked for: about 50 us each */
    STEPS = 1 << 14    /* of making the machine: repeated nothing makes no node */
};

enum tree_kind { EMPTY, TAKE, BEGIN, END, BOTH, EITHER, REPEAT };

struct tree {
    enum tree_kind kind;
    uint16_t left, right, set;
    uint16_t least, most; /* most 0: any number */
    bool begins, ends;    /* `^` is in it, `$` is */
};

struct parser {
    struct hd_regex_program *program;
    const char *at;
    int flags;
    struct tree tree[TREES];
    uint32_t trees, asked, steps;
    bool refused; /* sticky */
};

static uint16_t refuse(struct parser *parser)
{
    parser->refused = true;
    return 0;
}

static uint16_t tree_add(struct parser *parser, struct tree tree)
{
    if (parser->refused || parser->trees == TREES)
        return refuse(parser);
    parser->tree[parser->trees] = tree;
    return (uint16_t)parser->trees++;
}

/* Anchors behind or before something: glibc 2.36 finds x in `x^y?`. */
static uint16_t tree_of_two(struct parser *parser, enum tree_kind kind, uint16_t left, uint16_t right)
{
    const struct tree *a = &parser->tree[left], *b = &parser->tree[right];
    if (kind == BOTH && a->kind != EMPTY && (a->ends || b->begins))
        return refuse(parser);
    return tree_add(parser, (struct tree){.kind = kind, .left = left, .right = right, .begins = a->begins || b->begins, .ends = a->ends || b->ends});
}

static uint16_t take(struct parser *parser, const struct hd_regex_set *set)
{
    struct hd_regex_program *program = parser->program;
    uint32_t i = 0;
    while (i < program->set_count && memcmp(&program->set[i], set, sizeof *set))
        i++;
    if (i == HD_REGEX_NODES)
        return refuse(parser);
    if (i == program->set_count)
        program->set[program->set_count++] = *set;
    return tree_add(parser, (struct tree){.kind = TAKE, .set = (uint16_t)i});
}

/* ---- what takes one byte ---- */

/* Without case, glibc looks at the upper case of both. */
static uint16_t literal(struct parser *parser, uint8_t literal)
{
    struct hd_regex_set set = {0};
    for (unsigned byte = 0; byte < 256; byte++)
        if (parser->flags & REG_ICASE ? toupper((int)byte) == toupper(literal) : byte == literal)
            set.byte[byte / 64] |= UINT64_C(1) << byte % 64;
    return take(parser, &set);
}

/* What takes exactly one byte takes those that, as a pattern, it finds in a text of one. */
static uint16_t ask(struct parser *parser, const char *from, size_t length)
{
    char pattern[BRACKET + 1];
    struct hd_regex_set set = {0};
    regex_t regex;
    if (length > BRACKET || parser->asked++ == ASKED)
        return refuse(parser);
    memcpy(pattern, from, length);
    pattern[length] = '\0';
    if (regcomp(&regex, pattern, parser->flags | REG_NOSUB))
        return refuse(parser);
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[2] = {(char)byte, '\0'};
        regmatch_t all = {0, 1};
        if (!regexec(&regex, text, 1, &all, REG_STARTEND))
            set.byte[byte / 64] |= UINT64_C(1) << byte % 64;
    }
    regfree(&regex);
    return take(parser, &set);
}

/* Behind `[:` of a class: where it ends; NULL if it is not one that POSIX has. */
static const char *class_end(const char *at)
{
    static const char *const names[] = {"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (!strncmp(at, names[i], length) && at[length] == ':' && at[length + 1] == ']')
            return at + length + 2;
    }
    return NULL;
}

/* Only its end is looked for: a `]` that is not the first in it, and not that of a class. Collating elements are not plain. */
static uint16_t bracket(struct parser *parser)
{
    const char *from = parser->at, *at = from + 1;
    at += *at == '^';
    at += *at == ']';
    while (*at && *at != ']') {
        if (*at == '[' && (at[1] == '.' || at[1] == '='))
            return refuse(parser);
        if (*at == '[' && at[1] == ':') {
            at = class_end(at + 2);
            if (!at)
                return refuse(parser);
        } else {
            at++;
        }
    }
    if (!*at)
        return refuse(parser);
    parser->at = at + 1;
    return ask(parser, from, (size_t)(parser->at - from));
}

static uint16_t escape(struct parser *parser)
{
    char byte = parser->at[1];
    parser->at += 2;
    if (byte && strchr("wWsS", byte))
        return ask(parser, parser->at - 2, 2);
    if ((unsigned char)byte >= 0x80 || !ispunct((unsigned char)byte) || strchr("<>`'", byte))
        return refuse(parser);
    return literal(parser, (uint8_t)byte);
}

/* ---- the rest of the syntax ---- */

static uint16_t alternatives(struct parser *parser, unsigned depth);

static uint16_t group(struct parser *parser, unsigned depth)
{
    if (depth == DEPTH)
        return refuse(parser);
    parser->at++;
    uint16_t tree = alternatives(parser, depth + 1);
    if (parser->refused || *parser->at != ')') /* what refuses may stand behind the pattern's end */
        return refuse(parser);
    parser->at++;
    return tree;
}

static uint16_t anchor(struct parser *parser)
{
    enum tree_kind kind = *parser->at++ == '^' ? BEGIN : END;
    return tree_add(parser, (struct tree){.kind = kind, .begins = kind == BEGIN, .ends = kind == END});
}

static uint16_t atom(struct parser *parser, unsigned depth)
{
    switch (*parser->at) {
    case '(':
        return group(parser, depth);
    case '[':
        return bracket(parser);
    case '\\':
        return escape(parser);
    case '.':
        return ask(parser, parser->at++, 1);
    case '^': case '$':
        return anchor(parser);
    case '*': case '+': case '?': case '{':
        return refuse(parser);
    default:
        return literal(parser, (uint8_t)*parser->at++);
    }
}

static bool number(struct parser *parser, uint16_t *value)
{
    const char *from = parser->at;
    for (*value = 0; *parser->at >= '0' && *parser->at <= '9' && *value <= REPEATS; parser->at++)
        *value = (uint16_t)(*value * 10 + (*parser->at - '0'));
    return parser->at > from && *value <= REPEATS;
}

/* Behind the brace. */
static bool bounds(struct parser *parser, struct tree *repeat)
{
    if (!number(parser, &repeat->least))
        return false;
    repeat->most = repeat->least;
    if (*parser->at == ',') {
        parser->at++;
        repeat->most = 0;
        if (*parser->at != '}' && (!number(parser, &repeat->most) || !repeat->most))
            return false;
    } else if (!repeat->least) {
        return false;
    }
    return *parser->at++ == '}' && (!repeat->most || repeat->least <= repeat->most);
}

static uint16_t piece(struct parser *parser, unsigned depth)
{
    uint16_t tree = atom(parser, depth);
    while (!parser->refused && *parser->at && strchr("*+?{", *parser->at)) {
        char sign = *parser->at++;
        struct tree repeat = {.kind = REPEAT, .left = tree, .least = sign == '+', .most = sign == '?'};
        if ((sign == '{' && !bounds(parser, &repeat)) || parser->tree[tree].begins || parser->tree[tree].ends)
            return refuse(parser);
        tree = tree_add(parser, repeat);
    }
    return tree;
}

static uint16_t branch(struct parser *parser, unsigned depth)
{
    uint16_t tree = tree_add(parser, (struct tree){.kind = EMPTY});
    while (!parser->refused && *parser->at && *parser->at != '|' && *parser->at != ')')
        tree = tree_of_two(parser, BOTH, tree, piece(parser, depth));
    return tree;
}

static uint16_t alternatives(struct parser *parser, unsigned depth)
{
    uint16_t tree = branch(parser, depth);
    while (!parser->refused && *parser->at == '|') {
        parser->at++;
        tree = tree_of_two(parser, EITHER, tree, branch(parser, depth));
    }
    return tree;
}

/* ---- the machine ---- */

static uint16_t node_add(struct parser *parser, struct hd_regex_node node)
{
    struct hd_regex_program *program = parser->program;
    if (parser->refused || program->count == HD_REGEX_NODES)
        return refuse(parser);
    program->node[program->count] = node;
    return (uint16_t)program->count++;
}

static uint16_t make(struct parser *parser, uint16_t tree, uint16_t next);

static uint16_t make_repeat(struct parser *parser, const struct tree *tree, uint16_t next)
{
    uint16_t start = next, copies = tree->least;
    if (tree->most) {
        for (unsigned i = tree->least; i < tree->most && !parser->refused; i++)
            start = node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_SPLIT, .next = make(parser, tree->left, start), .other = next});
    } else {
        uint16_t loop = node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_SPLIT, .other = next});
        uint16_t body = make(parser, tree->left, loop);
        parser->program->node[loop].next = body;
        start = copies ? body : loop; /* the body is the last of those that must be there */
        copies -= copies > 0;
    }
    for (; copies && !parser->refused; copies--)
        start = make(parser, tree->left, start);
    return start;
}

/* Where a machine starts that goes on at `next` behind what the tree stands for. As deep as the tree, of which there is only so much. */
static uint16_t make(struct parser *parser, uint16_t number, uint16_t next)
{
    const struct tree *tree = &parser->tree[number];
    if (parser->refused || parser->steps++ == STEPS)
        return refuse(parser);
    switch (tree->kind) {
    case EMPTY:
        return next;
    case TAKE:
        return node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_TAKE, .set = tree->set, .next = next});
    case BEGIN:
        return node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_BEGIN, .next = next});
    case END:
        return node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_END, .next = next});
    case BOTH:
        return make(parser, tree->left, make(parser, tree->right, next));
    case EITHER: {
        uint16_t left = make(parser, tree->left, next);
        return node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_SPLIT, .next = left, .other = make(parser, tree->right, next)});
    }
    case REPEAT:
        return make_repeat(parser, tree, next);
    }
    return refuse(parser);
}

static bool locale_is_plain(void)
{
    const char *name = setlocale(LC_ALL, NULL);
    return name && (!strcmp(name, "C") || !strcmp(name, "POSIX"));
}

bool hd_regex_program_make(struct hd_regex_program *program, const char *pattern, int flags)
{
    if (!(flags & REG_EXTENDED) || flags & ~(REG_EXTENDED | REG_ICASE | REG_NOSUB) || !locale_is_plain())
        return false;
    struct parser *parser = calloc(1, sizeof *parser);
    if (!parser)
        return false;
    *parser = (struct parser){.program = program, .at = pattern, .flags = flags};
    program->count = program->set_count = 0;
    uint16_t tree = alternatives(parser, 0);
    bool plain = !parser->refused && !*parser->at; /* not at a `)` that closes nothing */
    if (plain)
        program->start = make(parser, tree, node_add(parser, (struct hd_regex_node){.kind = HD_REGEX_MATCH}));
    plain = plain && !parser->refused;
    free(parser);
    return plain;
}
