/*
 * Numbers that are objects: T_FLOAT, T_BIGNUM, T_RATIONAL, T_COMPLEX.
 */
#include "dump/contents.h"
#include "ruby/decode.h"

enum {
    DECIMAL_WORDS = 512,   /* 9,864 decimal digits; longer ones are written in hexadecimal: division is quadratic */
    HEX_WORDS = 1 << 18,   /* 4 MiB of text: a line is at most 8 MiB */
    PART_DIGITS = 19       /* decimal digits that fit in 64 bits */
};

void hd_float_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    double number;
    memcpy(&number, object + line->vm->layout->float_value, 8);
    hd_line_key(line, "val");
    hd_line_double(line, number);
}

/* --- bignums: digits in little-endian order, of 4 or 8 bytes as the build has it, in the slot if there are few --- */

struct bignum {
    const uint8_t *digits;
    uint64_t bytes;
    bool negative;
};

static bool bignum_read(struct hd_line *line, const uint8_t *object, uint64_t addr, struct bignum *number)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0);
    bool embedded = hd_flag(flags, l->k_BIGNUM_EMBED_FLAG);
    uint64_t count = embedded ? (flags & (uint64_t)l->k_BIGNUM_EMBED_LEN_MASK) >> l->k_BIGNUM_EMBED_LEN_SHIFT
                              : hd_word(object, l->bignum_len);
    if (count > 1ull << 32 || (embedded && count * (uint64_t)l->k_SIZEOF_BDIGIT > hd_vm_room(line->vm, addr, l->bignum_ary)))
        return false;
    number->bytes = count * (uint64_t)l->k_SIZEOF_BDIGIT;
    number->negative = !hd_flag(flags, l->k_BIGNUM_SIGN_BIT);
    number->digits = embedded ? object + l->bignum_ary
                              : hd_memory_at(line->vm->memory, hd_word(object, l->bignum_digits), number->bytes);
    return number->digits != NULL;
}

static uint64_t bignum_word(const struct bignum *number, uint64_t i)
{
    uint64_t word = 0, left = number->bytes - 8 * i;
    memcpy(&word, number->digits + 8 * i, left < 8 ? left : 8);
    return word;
}

static void padded_write(struct hd_line *line, uint64_t value, int digits, unsigned base)
{
    char text[PART_DIGITS];
    for (int i = digits; i-- > 0; value /= base)
        text[i] = "0123456789abcdef"[value % base];
    hd_buffer_append(line->out, text, (size_t)digits);
}

static void hexadecimal_write(struct hd_line *line, const struct bignum *number, uint64_t words)
{
    uint64_t last = words > HEX_WORDS ? words - HEX_WORDS : 0;
    hd_line_key(line, "val_hex");
    hd_buffer_append(line->out, "\"-", number->negative ? 2 : 1);
    for (uint64_t i = words; i-- > last;)
        padded_write(line, bignum_word(number, i), 16, 16);
    hd_line_literal(line, "\"");
    if (last)
        hd_line_literal(line, ",\"truncated\":true");
}

/* Repeated division by 10^19. */
static void decimal_write(struct hd_line *line, const struct bignum *number, size_t words)
{
    uint64_t work[DECIMAL_WORDS], parts[DECIMAL_WORDS + DECIMAL_WORDS / 32 + 2];
    const uint64_t ten_to_19 = 10000000000000000000ull;
    size_t used = 0;
    for (size_t i = 0; i < words; i++)
        work[i] = bignum_word(number, i);
    while (words && !work[words - 1])
        words--;
    while (words) {
        unsigned __int128 rest = 0;
        for (size_t i = words; i-- > 0;) {
            rest = rest << 64 | work[i];
            work[i] = (uint64_t)(rest / ten_to_19);
            rest %= ten_to_19;
        }
        parts[used++] = (uint64_t)rest;
        while (words && !work[words - 1])
            words--;
    }
    hd_line_key(line, "val");
    hd_buffer_append(line->out, "\"-", number->negative && used ? 2 : 1);
    hd_text_uint(line->out, used ? parts[used - 1] : 0);
    for (size_t i = used ? used - 1 : 0; i-- > 0;)
        padded_write(line, parts[i], PART_DIGITS, 10);
    hd_line_literal(line, "\"");
}

void hd_bignum_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    struct bignum number;
    if (!bignum_read(line, object, addr, &number)) {
        hd_line_literal(line, ",\"unreadable\":true");
        line->unreadable++;
        return;
    }
    uint64_t words = (number.bytes + 7) / 8;
    if (line->options->redact)
        hd_contents_hide(line->out, line->options, number.digits, number.bytes);
    else if (words > DECIMAL_WORDS)
        hexadecimal_write(line, &number, words);
    else
        decimal_write(line, &number, words);
}

/* --- pairs --- */

void hd_rational_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    hd_line_key_value(line, "numerator", hd_word(object, line->vm->layout->rational_num));
    hd_line_key_value(line, "denominator", hd_word(object, line->vm->layout->rational_den));
}

void hd_complex_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    hd_line_key_value(line, "real", hd_word(object, line->vm->layout->complex_real));
    hd_line_key_value(line, "imaginary", hd_word(object, line->vm->layout->complex_imag));
}
