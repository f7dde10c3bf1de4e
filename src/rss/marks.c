/* See marks.h. Sorted by radix: there may be tens of millions, most of them in order already. */
#include "rss/marks.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, ADDRESS_BITS = 48 };

void hd_marks_deinit(struct hd_marks *marks)
{
    hd_buffer_deinit(&marks->buffer);
    marks->count = 0;
}

void hd_marks_add(struct hd_marks *marks, uint64_t addr, uint64_t size, unsigned row, unsigned more, bool guessed)
{
    const uint64_t limit = (1ull << 46) - 1;
    struct hd_mark mark = {.addr = addr, .size = size < limit ? size : limit, .row = row, .more = more, .guessed = guessed};
    if (!addr || addr >> ADDRESS_BITS)
        return;
    hd_buffer_append(&marks->buffer, &mark, sizeof mark);
    marks->count += !marks->buffer.failed;
}

static bool sorted(const struct hd_mark *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (items[i].addr < items[i - 1].addr)
            return false;
    return true;
}

static void digit_sort(const struct hd_mark *from, struct hd_mark *to, size_t count, int shift)
{
    size_t places[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        places[from[i].addr >> shift & (DIGITS - 1)]++;
    for (int digit = 0; digit < DIGITS; digit++) {
        size_t own = places[digit];
        places[digit] = sum;
        sum += own;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i].addr >> shift & (DIGITS - 1)]++] = from[i];
}

/* Known before guessed, done before not done: the second tells nothing new. */
static bool better(const struct hd_mark *a, const struct hd_mark *b)
{
    return a->guessed != b->guessed ? !a->guessed : a->done != b->done ? a->done : a->more > b->more;
}

static void twins_drop(struct hd_marks *marks)
{
    struct hd_mark *items = hd_marks_items(marks);
    size_t kept = 0;
    for (size_t i = 0; i < marks->count; i++) {
        if (kept && items[kept - 1].addr == items[i].addr) {
            if (better(&items[i], &items[kept - 1]))
                items[kept - 1] = items[i];
            continue;
        }
        items[kept++] = items[i];
    }
    marks->count = kept;
    marks->buffer.length = kept * sizeof *items;
}

bool hd_marks_sort(struct hd_marks *marks)
{
    if (marks->buffer.failed)
        return false;
    if (!sorted(hd_marks_items(marks), marks->count)) {
        struct hd_buffer other = {0};
        size_t bytes = marks->count * sizeof(struct hd_mark);
        if (!hd_buffer_reserve(&other, bytes))
            return false;
        for (int shift = 0; shift < ADDRESS_BITS; shift += DIGIT_BITS) {
            struct hd_buffer from = marks->buffer;
            digit_sort((const struct hd_mark *)(const void *)from.data, (struct hd_mark *)(void *)other.data, marks->count, shift);
            other.length = bytes;
            marks->buffer = other;
            other = from;
        }
        hd_buffer_deinit(&other);
    }
    twins_drop(marks);
    return true;
}
