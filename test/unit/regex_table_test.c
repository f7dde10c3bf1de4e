/*
 * The table's answers (base/regex_table.h) against regexec's: for patterns that people write, and for random ones on random texts with any bytes
 * in them. What is refused must be what is said to be, and what people write must not be.
 */
#include "base/regex_table.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERNS = 20000, TEXTS = 30, LONGEST = 24 };

static uint64_t state;

static uint64_t randomly(uint64_t below)
{
    state = state * 0x5851f42d4c957f2dU + 0x14057b7ef767814fU;
    return below ? (state >> 33) % below : 0;
}

static bool asked(const regex_t *regex, const char *text, size_t length)
{
    regmatch_t all = {0, (regoff_t)length};
    return !regexec(regex, text, 1, &all, REG_STARTEND);
}

static void compare(struct hd_regex_table *table, const regex_t *regex, const char *pattern, int flags, const char *text, size_t length)
{
    bool table_fits = hd_regex_table_fits(table, text, length), fits = asked(regex, text, length);
    if (table_fits == fits)
        return;
    fprintf(stderr, "pattern \"%s\"%s: regexec says %d of", pattern, flags & REG_ICASE ? " without case" : "", fits);
    for (size_t i = 0; i < length; i++)
        fprintf(stderr, " %02x", (uint8_t)text[i]);
    fprintf(stderr, "\n");
    fail();
}

/* ---- what people write ---- */

static const char *const written[] = {
    "", "a", "^[a-z]+$", "harbour", "^$", "$", "^", "^a|b$", "(^|,)b($|,)", "(^a|b)c", "a(b|c$)", "(a|b)*c", "(a*)*b", "((a*)+)?c",
    "a{3}", "a{2,}b", "^a{0,2}b$", "^(ab){1,3}$", "^[a-z]{2,10}\\.rb:[0-9]+", "[[:digit:]]{2}", "[^[:alpha:][:space:]]", "[]a]", "[^]a]", "[a-]", "[a\\]",
    "[^a]", "^.$", "^[^b]$", ".", "\\.", "\\w+\\s\\w", "\\W\\S", "a|b|", "()", "(|a)b", "a+?b", "a.*?b", "a**", "}", "]", "x{1}{2}", "\\(\\)\\{\\}\\|\\+",
    "\xe9", "[\xe0-\xff]", "[^\x80-\xff]", "\n", "a\nb", "^([0-9a-f]{8})-([0-9a-f]{4}-){3}[0-9a-f]{12}$", "(http|https)://[^/ ]+/", "[A-z]", "(a|b|c|d|e)*(ab|ba)$",
};

static const char *const refused[] = {
    "(a)\\1", "\\ba", "\\<a", "a\\>", "\\`a", "a\\'", "\\Ba", "\\d", "\\n", "[[.a.]]", "[[=a=]]", "[[.hyphen.]-a]", "(^a)*", "(a|b$)+", "a)", "a{,2}", "a{0}", "a{0,0}",
    "^*", "a^b", "a$b", "b(a|^)", "a(^|b)", "(a|$)b", "$^", "^^a", "a$$", "(a", "[a", "a{1", "a{2,1}", "a\\", "[[:nothing:]]", "[z-a]", "((((a{255}){255}){255}){255}){255}", "((((){255}){255}){255}){255}",
};

static void test_written(void **unused)
{
    static const char letters[] = "abAB,.-]\\0 \n\0\xe9\xff";
    (void)unused;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        for (int flags = REG_EXTENDED;; flags |= REG_ICASE) {
            struct hd_regex_table *table = hd_regex_table_create(written[i], flags);
            regex_t regex;
            if (!table)
                print_message("refused: %s\n", written[i]);
            assert_non_null(table);
            assert_int_equal(regcomp(&regex, written[i], flags), 0);
            for (unsigned byte = 0; byte < 256; byte++)
                compare(table, &regex, written[i], flags, &(char){(char)byte}, 1);
            for (uint64_t number = 0; number < 3 * 15 * 15 * 15; number++) { /* all texts of up to three letters */
                char text[3];
                uint64_t rest = number / 3;
                for (size_t k = 0; k < sizeof text; k++, rest /= 15)
                    text[k] = letters[rest % 15];
                compare(table, &regex, written[i], flags, text, number % 3 + 1);
            }
            compare(table, &regex, written[i], flags, "", 0);
            regfree(&regex);
            hd_regex_table_destroy(table);
            if (flags & REG_ICASE)
                break;
        }
}

static void test_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct hd_regex_table *table = hd_regex_table_create(refused[i], REG_EXTENDED);
        if (table)
            print_message("not refused: %s\n", refused[i]);
        assert_null(table);
    }
    assert_null(hd_regex_table_create("a", 0));
    assert_null(hd_regex_table_create("a", REG_EXTENDED | REG_NEWLINE));
    char *deep = calloc(1, 200001);
    memset(deep, '(', 100000);
    memset(deep + 100000, ')', 100000);
    assert_null(hd_regex_table_create(deep, REG_EXTENDED));
    memset(deep, 'a', 200000);
    assert_null(hd_regex_table_create(deep, REG_EXTENDED));
    free(deep);
}

/* ---- random ones ---- */

struct random_pattern {
    char text[2000];
    size_t length;
};

static void put(struct random_pattern *pattern, const char *text)
{
    size_t length = strlen(text);
    if (pattern->length + length < sizeof pattern->text) {
        memcpy(pattern->text + pattern->length, text, length + 1);
        pattern->length += length;
    }
}

#define ONE_OF(list) list[randomly(sizeof list / sizeof *list)]

static void put_alternatives(struct random_pattern *pattern, unsigned depth);

static void put_piece(struct random_pattern *pattern, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", "B", "c", ".", "[ab]", "[^a]", "[b-d]", "[^B-\xe9]", "[[:alpha:]]", "[^[:upper:]c]", "\\.", "\xe9", "\n", "\\w", "\\S", "a", "b"};
    static const char *const repeats[] = {"*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"};
    if (depth && randomly(4) == 0) {
        put(pattern, "(");
        put_alternatives(pattern, depth - 1);
        put(pattern, ")");
    } else {
        put(pattern, ONE_OF(atoms));
    }
    if (randomly(3) == 0)
        put(pattern, ONE_OF(repeats));
}

static void put_alternatives(struct random_pattern *pattern, unsigned depth)
{
    do {
        if (randomly(8) == 0)
            put(pattern, "^");
        for (uint64_t count = randomly(20) ? 1 + randomly(4) : 0; count; count--)
            put_piece(pattern, depth);
        if (randomly(8) == 0)
            put(pattern, "$");
    } while (randomly(4) == 0 && (put(pattern, "|"), true));
}

static void test_random(void **unused)
{
    static const char letters[] = "aaabbbcdABC.. \n\xe9\xc9\0";
    uint32_t plain = 0, fits = 0;
    (void)unused;
    state = 1;
    for (uint32_t number = 0; number < PATTERNS; number++) {
        struct random_pattern pattern = {0};
        int flags = REG_EXTENDED | (randomly(3) ? 0 : REG_ICASE);
        put_alternatives(&pattern, 3);
        struct hd_regex_table *table = hd_regex_table_create(pattern.text, flags);
        if (!table)
            continue;
        plain++;
        regex_t regex;
        assert_int_equal(regcomp(&regex, pattern.text, flags), 0);
        for (uint32_t i = 0; i < TEXTS; i++) {
            char text[LONGEST];
            size_t length = randomly(LONGEST + 1);
            for (size_t k = 0; k < length; k++)
                text[k] = randomly(20) ? letters[randomly(sizeof letters - 1)] : (char)randomly(256);
            compare(table, &regex, pattern.text, flags, text, length);
            fits += asked(&regex, text, length);
        }
        regfree(&regex);
        hd_regex_table_destroy(table);
    }
    assert_true(plain > PATTERNS / 2); /* the rest has anchors in the middle */
    assert_true(fits > plain * (TEXTS / 10) && fits < plain * (TEXTS - TEXTS / 10)); /* both answers are common */
}

/* More states than are kept: 2^n of them, if n bytes are to be remembered. */
static void test_many_states(void **unused)
{
    static const char pattern[] = "(a|b)*a(a|b){16}$";
    char text[400];
    regex_t regex;
    (void)unused;
    state = 2;
    struct hd_regex_table *table = hd_regex_table_create(pattern, REG_EXTENDED);
    assert_non_null(table);
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
    for (uint32_t i = 0; i < 2000; i++) {
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = "ab"[randomly(2)];
        bool fits = text[sizeof text - 17] == 'a';
        assert_int_equal(hd_regex_table_fits(table, text, sizeof text), fits);
        if (i % 100 == 0)
            assert_int_equal(asked(&regex, text, sizeof text), fits);
    }
    regfree(&regex);
    hd_regex_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_many_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
