/* See regex_compile.h. */
#include "base/regex_compile.h"

#include <stdint.h>
#include <stdio.h>

/* Characters of a group so far, each count written out. */
struct group {
    uint64_t before, last; /* the last one may be counted still */
    uint64_t choices;
};

struct size {
    struct group group[HD_REGEX_DEEPEST + 1];
    unsigned depth;
    uint64_t choices; /* of each group that has ended, squared */
    bool repeats, too_deep;
};

static uint64_t most(uint64_t size)
{
    return size < UINT32_MAX ? size : UINT32_MAX;
}

static void add(struct size *size, uint64_t last)
{
    struct group *group = &size->group[size->depth];
    group->before = most(group->before + group->last);
    group->last = last;
}

static void open_group(struct size *size)
{
    add(size, 0);
    size->too_deep |= size->depth == HD_REGEX_DEEPEST;
    if (!size->too_deep)
        size->group[++size->depth] = (struct group){0};
}

static void close_group(struct size *size)
{
    if (size->depth == 0)
        return;
    const struct group *group = &size->group[size->depth--];
    uint64_t all = most(group->before + group->last);
    size->choices += group->choices * group->choices;
    size->group[size->depth].last = all ? all : 1;
}

/* Behind a bracket expression, of which the first byte is behind `[`. */
static const char *skip_bracket(const char *at)
{
    at += *at == '^';
    at += *at == ']';
    for (; *at && *at != ']'; at++) {
        if (at[0] != '[' || (at[1] != ':' && at[1] != '.' && at[1] != '='))
            continue;
        char mark = at[1];
        const char *end = at + 2;
        while (*end && !(end[0] == mark && end[1] == ']'))
            end++;
        if (*end)
            at = end + 1;
    }
    return *at ? at + 1 : at;
}

/* Behind a count, of which the first byte is behind `{`; NULL: it is none. */
static const char *read_count(const char *at, uint64_t *count)
{
    uint64_t number[2] = {0};
    unsigned which = 0;
    for (; *at != '}'; at++) {
        if (*at == ',' && which == 0)
            which = 1;
        else if (*at >= '0' && *at <= '9')
            number[which] = most(number[which] * 10 + (uint64_t)(*at - '0'));
        else
            return NULL;
    }
    *count = number[1] > number[0] ? number[1] : number[0] + (which == 1 && number[1] == 0);
    *count += *count == 0;
    return at + 1;
}

static void count(struct size *size, uint64_t times)
{
    struct group *group = &size->group[size->depth];
    group->last = most(group->last * times);
    size->repeats = true;
}

/* What stands at `at` is added; returns what is behind it. */
static const char *take(struct size *size, const char *at)
{
    uint64_t times;
    const char *behind;
    switch (*at) {
    case '\\':
        add(size, 1);
        return at[1] ? at + 2 : at + 1;
    case '[':
        add(size, 1);
        return skip_bracket(at + 1);
    case '(':
        open_group(size);
        return at + 1;
    case ')':
        close_group(size);
        return at + 1;
    case '|':
        size->group[size->depth].choices++;
        return at + 1;
    case '*':
    case '+':
    case '?':
        size->repeats = true;
        return at + 1;
    case '{':
        behind = read_count(at + 1, &times);
        if (behind) {
            count(size, times);
            return behind;
        }
        break;
    default:
        break;
    }
    add(size, 1);
    return at + 1;
}

static bool is_small(const char *pattern, char why[HD_REGEX_WHY])
{
    struct size size = {.depth = 0};
    while (*pattern && !size.too_deep)
        pattern = take(&size, pattern);
    uint64_t all = 0;
    for (unsigned i = 0; i <= size.depth; i++) {
        all += size.group[i].before + size.group[i].last;
        size.choices += size.group[i].choices * size.group[i].choices;
    }
    if (size.too_deep)
        snprintf(why, HD_REGEX_WHY, "it has more than %d groups within each other", HD_REGEX_DEEPEST);
    else if (size.choices > (uint64_t)HD_REGEX_CHOICES * HD_REGEX_CHOICES)
        snprintf(why, HD_REGEX_WHY, "it has more than %d alternatives", HD_REGEX_CHOICES);
    else if (size.repeats && all > HD_REGEX_WRITTEN_OUT)
        snprintf(why, HD_REGEX_WHY, "with its counts written out it is longer than %d characters", HD_REGEX_WRITTEN_OUT);
    else
        return true;
    return false;
}

bool hd_regex_compile(regex_t *regex, const char *pattern, int flags, char why[HD_REGEX_WHY])
{
    if (!is_small(pattern, why))
        return false;
    int code = regcomp(regex, pattern, flags);
    if (code)
        regerror(code, regex, why, HD_REGEX_WHY);
    return code == 0;
}
