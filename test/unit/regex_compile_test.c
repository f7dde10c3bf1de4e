/*
 * Which regular expressions are refused (base/regex_compile.h): those for which regcomp takes gigabytes, seconds without end or all of the stack, and no others.
 */
#include "base/regex_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static bool compiles(const char *pattern, char why[HD_REGEX_WHY])
{
    regex_t regex;
    bool fine = hd_regex_compile(&regex, pattern, REG_EXTENDED, why);
    if (fine)
        regfree(&regex);
    return fine;
}

/* `times` times one word, then the other as often. */
static char *repeat(const char *word, const char *other, size_t times)
{
    size_t length = strlen(word), rest = strlen(other);
    char *text = calloc(times * (length + rest) + 1, 1), *at = text;
    assert_non_null(text);
    for (size_t i = 0; i < times; i++, at += length)
        memcpy(at, word, length);
    for (size_t i = 0; i < times; i++, at += rest)
        memcpy(at, other, rest);
    return text;
}

static void expect(const char *pattern, const char *reason)
{
    char why[HD_REGEX_WHY] = "";
    bool fine = compiles(pattern, why);
    if (fine != !reason || (reason && !strstr(why, reason)))
        fail_msg("%.60s…: %s", pattern, fine ? "compiles" : why);
}

static void test_what_people_write(void **state)
{
    static const char *const written[] = {
        "", "a", "^[a-z]+$", "(a|b)*c", "a{3}", "a{2,}b", "^[a-z]{2,10}\\.rb:[0-9]+", "[[:digit:]]{2}", "[^]a{900}]{1000}", "[[.-.](]{600}", "x{1000}", "(a{1,30}){1,30}",
        "\\{99999", "a\\{99999\\}", "}", "]", "()", "(|a)b", "[({99999}]+", "^([0-9a-f]{8})-([0-9a-f]{4}-){3}[0-9a-f]{12}$", "(a)\\1", "((((a{5}){5}){5}){5})",
    };
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        expect(written[i], NULL);
    char *long_one = repeat("harbour|", "long", HD_REGEX_CHOICES), *deep = repeat("(", ")", HD_REGEX_DEEPEST), *wide = repeat("(a)", "(b|c)", 5000);
    expect(long_one, NULL);
    expect(deep, NULL);
    expect(wide, NULL);
    free(long_one);
    free(deep);
    free(wide);
}

static void test_what_never_ends(void **state)
{
    static const char *const huge[] = {
        "((a{1,200}){1,200}){1,200}", "(a{1,255}){1,255}", "a{1025}", "a{0,1025}", "a{1024,}", "((a?){1,40}){1,40}", "(a|b){513}", "([[:alpha:]][^]x]){600}",
        "((((a{255}){255}){255}){255}){255}", "(((((((((((((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9})", "(){1025}",
        "a{99999999999999999999}", "x)(a{600}){2}", "\\({513}(a{600})",
    };
    (void)state;
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
        expect(huge[i], "1024 characters");
    char *words = repeat("a|", "", 60000);
    expect(words, "2000 alternatives");
    free(words);
    char *stars = repeat("a*", "", 30000), *choices = repeat("(a|b)?", "", 3000), *deep = repeat("(", ")", 60000);
    expect(stars, "1024 characters");
    expect(choices, "1024 characters");
    expect(deep, "100 groups");
    free(stars);
    free(choices);
    free(deep);
}

static void test_what_is_none(void **state)
{
    static const char *const none[] = {"(", "[a", "a{1", "a{2,1}", "a\\", "[[:nothing:]]", "[z-a]", "[", "[^", "[[:", "a{", "{"};
    char why[HD_REGEX_WHY];
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        regex_t regex;
        int code = regcomp(&regex, none[i], REG_EXTENDED);
        if (!code)
            regfree(&regex);
        assert_int_equal(compiles(none[i], why), code == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_people_write), cmocka_unit_test(test_what_never_ends),
                                       cmocka_unit_test(test_what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
