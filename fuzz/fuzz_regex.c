/*
 * Fuzz target: a pattern and a text, on which a table (base/regex_table.h) must say what regexec says. The first byte has flags, the second is the
 * pattern's length in bytes, each of which is itself or stands for a piece of syntax. The lines of the rest are texts, and all of it is one. Patterns without a
 * table are not looked at, nor those with many counts or choices: regcomp takes any amount of memory for some, and of time.
 */
#include "fuzz/fuzz_target.h"

#include "base/regex_table.h"
#include "fuzz/questions.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 30, LONGEST = 200, COUNTS = 2, CHOICES = 8 };

static const char *const syntax[] = {
    "a", "b", "B", "c", ".", "[ab]", "[^a]", "[b-d]", "[]a-]", "[^B-\xe9]", "[[:alpha:]]", "[^[:upper:]c]", "\\.", "\\w", "\\S", "\xe9", "\n", "(", ")", "(", ")", "|", "*",
    "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}", "^", "$", "\\", "[", "]",
};

static void compare(struct hd_regex_table *table, const regex_t *regex, const char *text, size_t length)
{
    char terminated[LONGEST + 1]; /* ASan's regexec looks for a NUL */
    regmatch_t all = {0, (regoff_t)length};
    memcpy(terminated, text, length);
    terminated[length] = '\0';
    bool fits = !regexec(regex, terminated, 1, &all, REG_STARTEND);
    hd_question_require(hd_regex_table_fits(table, text, length) == fits, "a table that says what regexec does not");
}

/* Returns how many bytes the pattern takes. */
static size_t pattern_read(char *pattern, size_t room, bool itself, const uint8_t *data, size_t size)
{
    size_t count = size < PIECES ? size : PIECES;
    *pattern = '\0';
    for (size_t i = 0; i < count; i++) {
        const char byte[2] = {(char)data[i], '\0'};
        strncat(pattern, itself ? byte : syntax[data[i] % (sizeof syntax / sizeof *syntax)], room - 1 - strlen(pattern));
    }
    return count;
}

static unsigned count_of(const char *pattern, const char *bytes)
{
    unsigned count = 0;
    for (const char *at = pattern; (at = strpbrk(at, bytes)); at++)
        count++;
    return count;
}

static bool is_quick(const char *pattern)
{
    return count_of(pattern, "{") <= COUNTS && count_of(pattern, "{*+?|") <= CHOICES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char pattern[PIECES * 20];
    regex_t regex;
    if (size < 2)
        return 0;
    int flags = REG_EXTENDED | (data[0] & 1 ? REG_ICASE : 0);
    size_t length = data[1] % PIECES < size - 2 ? data[1] % PIECES : size - 2;
    length = pattern_read(pattern, sizeof pattern, data[0] & 2, data + 2, length);
    char *copy = strdup(pattern); /* with nothing behind it */
    hd_question_require(copy, "memory");
    struct hd_regex_table *table = is_quick(copy) ? hd_regex_table_create(copy, flags) : NULL;
    free(copy);
    if (!table)
        return 0;
    hd_question_require(!regcomp(&regex, pattern, flags), "a table for what regcomp refuses");
    const char *text = (const char *)data + 2 + length;
    size_t left = size - 2 - length < LONGEST ? size - 2 - length : LONGEST;
    compare(table, &regex, text, left);
    for (const char *line = text, *end = text + left; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        compare(table, &regex, line, (size_t)(stop - line));
        line = stop + 1;
    }
    regfree(&regex);
    hd_regex_table_destroy(table);
    return 0;
}
