/*
 * Extended regular expressions that somebody gives, compiled by regcomp.
 *
 * Owns which of them regcomp is not asked about: it takes any amount of memory and time for counts of counts and
 * for many alternatives, and crashes when groups are too deep.
 */
#ifndef HD_BASE_REGEX_COMPILE_H
#define HD_BASE_REGEX_COMPILE_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    HD_REGEX_WRITTEN_OUT = 1024, /* a pattern with counts, *, + or ? has at most so many single characters when each count is written out: about 1 s */
    HD_REGEX_CHOICES = 2000,     /* `|` in one group, or as many in several that the squares add up to as much: memory grows with these, 30 MB */
    HD_REGEX_DEEPEST = 100,      /* groups within each other */
    HD_REGEX_WHY = 200           /* bytes for a reason */
};

/* Flags are those of regcomp, of which REG_EXTENDED is one. False: why not is said, without a full stop, and there is nothing to free. */
bool hd_regex_compile(regex_t *regex, const char *pattern, int flags, char why[HD_REGEX_WHY]);

#endif
