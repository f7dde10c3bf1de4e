/* src/dump/text.c and src/base: escaping, UTF-8, base64, numbers, the keyed hash, buffers, maps. */
#include "base/arena.h"
#include "base/map.h"
#include "dump/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(struct hd_buffer *out, const char *text)
{
    assert_false(out->failed);
    assert_int_equal(out->length, strlen(text));
    assert_memory_equal(out->data, text, out->length);
    out->length = 0;
}

static void test_escape(void **state)
{
    (void)state;
    struct hd_buffer out = {0};
    hd_text_escape(&out, "plain text of more than eight bytes", 35);
    expect(&out, "plain text of more than eight bytes");
    hd_text_escape(&out, "a\"b\\c\n\t\r\0", 9);
    expect(&out, "a\\\"b\\\\c\\n\\t\\r\\u0000");
    hd_text_escape(&out, "\x1f\x7f", 2);
    expect(&out, "\\u001f\x7f");
    hd_text_escape(&out, "1234567\"12345678\\", 17); /* behind words of eight */
    expect(&out, "1234567\\\"12345678\\\\");
    hd_text_escape(&out, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
    expect(&out, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    hd_text_escape_any(&out, "a\xff" "b\xc3", 4);
    expect(&out, "a\\\\xffb\\\\xc3");
    out.length = 0;
    hd_text_escape_any(&out, "\0é\0", 4); /* no key of a document database holds a NUL */
    expect(&out, "\\\\x00é\\\\x00");
    hd_buffer_deinit(&out);
}

static void test_name_needs_backslash(void **state)
{
    (void)state;
    assert_true(hd_text_name_needs_backslash("$a", 2));
    assert_true(hd_text_name_needs_backslash("\\a", 2));
    assert_true(hd_text_name_needs_backslash("\0a", 2));
    assert_true(hd_text_name_needs_backslash("\xff" "a", 2));
    assert_true(hd_text_name_needs_backslash("\xc3", 1));
    assert_false(hd_text_name_needs_backslash("é", 2));
    assert_false(hd_text_name_needs_backslash("a$\\\0", 4));
    assert_false(hd_text_name_needs_backslash("", 0));
}

/* Every position in a word of eight, every byte. */
static void test_escape_everywhere(void **state)
{
    (void)state;
    struct hd_buffer out = {0};
    for (int c = 1; c < 128; c++)
        for (int at = 0; at < 16; at++) {
            char text[16], want[40];
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            char one[8] = {(char)c, 0};
            if (c == '"' || c == '\\')
                snprintf(one, sizeof one, "\\%c", c);
            else if (c == '\n' || c == '\t' || c == '\r')
                snprintf(one, sizeof one, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
            else if (c < 0x20)
                snprintf(one, sizeof one, "\\u%04x", (unsigned)c);
            snprintf(want, sizeof want, "%.*s%s%.*s", at, "xxxxxxxxxxxxxxxx", one, 15 - at, "xxxxxxxxxxxxxxxx");
            hd_text_escape(&out, text, sizeof text);
            expect(&out, want);
        }
    hd_buffer_deinit(&out);
}

/* The definition itself: decode every sequence of up to four bytes of interest and compare. */
static bool valid_slowly(const uint8_t *p, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t code, least;
        size_t more;
        if (p[i] < 0x80) { code = p[i]; more = 0; least = 0; }
        else if (p[i] >> 5 == 6) { code = p[i] & 31; more = 1; least = 0x80; }
        else if (p[i] >> 4 == 14) { code = p[i] & 15; more = 2; least = 0x800; }
        else if (p[i] >> 3 == 30) { code = p[i] & 7; more = 3; least = 0x10000; }
        else return false;
        if (length - i <= more)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] >> 6 != 2)
                return false;
            code = code << 6 | (p[i + k] & 63);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        i += more + 1;
    }
    return true;
}

static void test_utf8(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
                                    0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    enum { N = sizeof bytes };
    for (int a = 0; a < N; a++)
        for (int b = 0; b < N; b++)
            for (int c = 0; c < N; c++)
                for (int d = 0; d < N; d++) {
                    const uint8_t text[4] = {bytes[a], bytes[b], bytes[c], bytes[d]};
                    for (size_t length = 1; length <= 4; length++)
                        if (hd_text_is_utf8((const char *)text, length) != valid_slowly(text, length))
                            fail_msg("%02x %02x %02x %02x, %zu bytes", text[0], text[1], text[2], text[3], length);
                }
    assert_true(hd_text_is_ascii("0123456789abcdef\x7f", 17));
    assert_false(hd_text_is_ascii("0123456789abcdef\x80", 17));
    assert_false(hd_text_is_ascii("\xff" "123456789abcdef", 16));
}

static void test_base64(void **state)
{
    (void)state;
    struct hd_buffer out = {0};
    static const char *const vectors[][2] = {/* RFC 4648, section 10 */
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        hd_text_base64(&out, vectors[i][0], strlen(vectors[i][0]));
        expect(&out, vectors[i][1]);
    }
    hd_buffer_deinit(&out);
}

static void test_integers(void **state)
{
    (void)state;
    struct hd_buffer out = {0};
    const int64_t numbers[] = {0, 1, 9, 10, 99, 100, 101, 12345678901234, INT64_MAX, -1, -10, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char want[32];
        snprintf(want, sizeof want, "%lld", (long long)numbers[i]);
        hd_text_int(&out, numbers[i]);
        expect(&out, want);
    }
    hd_text_uint(&out, UINT64_MAX);
    expect(&out, "18446744073709551615");
    hd_buffer_deinit(&out);
}

static void test_doubles(void **state)
{
    (void)state;
    struct hd_buffer out = {0};
    srand(1);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        double number, back;
        memcpy(&number, &bits, 8);
        if (number != number || number - number != 0)
            continue;
        hd_text_double(&out, number);
        hd_buffer_append(&out, "", 1);
        back = strtod(out.data, NULL);
        assert_memory_equal(&back, &number, 8);
        assert_true(strchr(out.data, '.') || strchr(out.data, 'e'));
        out.length = 0;
    }
    hd_text_double(&out, 1.0);
    expect(&out, "1.0");
    hd_text_double(&out, -0.0);
    expect(&out, "-0.0");
    hd_text_double(&out, 0.1);
    expect(&out, "0.1");
    hd_buffer_deinit(&out);
}

/* The test vectors of the SipHash paper: key 00 01 … 0f, messages 00 01 … */
static void test_keyed_hash(void **state)
{
    (void)state;
    const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
    uint8_t message[15];
    for (int i = 0; i < 15; i++)
        message[i] = (uint8_t)i;
    assert_int_equal(hd_text_keyed_hash(key, message, 15), 0xa129ca6149be45e5ull);
    assert_int_equal(hd_text_keyed_hash(key, message, 0), 0x726fdb47dd0e0e31ull);
    assert_int_equal(hd_text_keyed_hash(key, message, 8), 0x93f5f5799a932462ull);
}

static void test_arena_and_map(void **state)
{
    (void)state;
    struct hd_arena arena = {0};
    struct hd_map map;
    assert_null(hd_arena_alloc(&arena, SIZE_MAX / 4, 16));
    for (size_t i = 1; i < 3000; i++) {
        uint8_t *p = hd_arena_alloc(&arena, i, 7);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xaa, i * 7);
    }
    assert_true(hd_map_init(&map, &arena, 1000));
    for (uint64_t i = 1; i <= 1000; i++)
        hd_map_set(&map, i * 40, i);
    for (uint64_t i = 1; i <= 2000; i++) {
        uint64_t value = 0;
        assert_int_equal(hd_map_get(&map, i * 40, &value), i <= 1000);
        assert_int_equal(value, i <= 1000 ? i : 0);
    }
    hd_arena_deinit(&arena);
    assert_null(arena.chunks);
}

static void test_buffer(void **state)
{
    (void)state;
    struct hd_buffer buffer = {0};
    for (int i = 0; i < 100000; i++)
        hd_buffer_append(&buffer, "0123456789", 10);
    assert_int_equal(buffer.length, 1000000);
    for (size_t i = 0; i < buffer.length; i++)
        assert_int_equal(buffer.data[i], '0' + (int)(i % 10));
    assert_false(hd_buffer_reserve(&buffer, SIZE_MAX / 2));
    assert_true(buffer.failed);
    hd_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),  cmocka_unit_test(test_name_needs_backslash),
        cmocka_unit_test(test_escape_everywhere), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_base64),  cmocka_unit_test(test_integers),          cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_keyed_hash), cmocka_unit_test(test_arena_and_map),  cmocka_unit_test(test_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
