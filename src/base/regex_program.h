/*
 * A plain extended regular expression as a nondeterministic machine, which base/regex_table.h runs.
 *
 * Owns what is plain, and what such a pattern means: exactly what glibc's regexec makes of it in the C locale, where a byte is a character. Which
 * bytes a bracket, a dot or a letter behind a backslash takes is not decided here: regexec is asked about each byte. Must not know how
 * texts are run through it.
 */
#ifndef HD_BASE_REGEX_PROGRAM_H
#define HD_BASE_REGEX_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum { HD_REGEX_NODES = 512 };

enum hd_regex_kind {
    HD_REGEX_TAKE,  /* a byte of set[set], then goes on at `next` */
    HD_REGEX_SPLIT, /* at `next` or at `other` */
    HD_REGEX_BEGIN, /* at `next`, if nothing of the text is taken yet */
    HD_REGEX_END,   /* at `next`, if nothing of it is left */
    HD_REGEX_MATCH
};

struct hd_regex_node {
    enum hd_regex_kind kind;
    uint16_t set, next, other;
};

struct hd_regex_set {
    uint64_t byte[4];
};

static inline bool hd_regex_set_has(const struct hd_regex_set *set, uint8_t byte)
{
    return set->byte[byte / 64] >> byte % 64 & 1;
}

struct hd_regex_program {
    struct hd_regex_node node[HD_REGEX_NODES];
    uint32_t count, start;
    struct hd_regex_set set[HD_REGEX_NODES]; /* each once */
    uint32_t set_count;
};

/*
 * False if the pattern is not plain: with what GNU adds to POSIX beyond \w \W \s \S, with what POSIX leaves undefined, with anchors elsewhere than where a
 * match begins or ends, or too large; or in another locale than C. A pattern that regcomp refuses is never plain. Flags are those of regcomp.
 */
bool hd_regex_program_make(struct hd_regex_program *program, const char *pattern, int flags);

#endif
