/* See clean.h. */
#include "base/clean.h"

#include <stdbool.h>

/* U+061C, U+200E, U+200F, U+202A … U+202E, U+2066 … U+2069: they make a terminal show what follows in another order. */
static bool turns_text(const unsigned char *text)
{
    if (text[0] == 0xd8)
        return text[1] == 0x9c;
    if (text[0] != 0xe2)
        return false;
    return (text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xaa && text[2] <= 0xae))) ||
           (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

/* Whole characters only: no text of a dump may change the terminal's state or the alignment. */
static size_t sound(const unsigned char *text, size_t left)
{
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    size_t length = text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (text[0] >= 0xf5 || length == 0 || length > left || (text[0] == 0xc2 && text[1] < 0xa0))
        return 0; /* the last are the control characters U+0080 … U+009F */
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return turns_text(text) ? 0 : length;
}

void hd_clean_append(struct hd_buffer *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t good = sound((const unsigned char *)text + i, length - i);
        hd_buffer_append(out, good ? text + i : "?", good ? good : 1);
        i += good ? good : 1;
    }
}
