/* See pack.h. */
#include "view/pack.h"

#include <stdlib.h>

enum { NUMBER = 10, ROOM = 64 }; /* bytes of a number at most; ROOM: see hd_pack_list */

static void fail(struct hd_pack *pack)
{
    pack->failed = true;
    pack->at = pack->end;
}

static void number_write(struct hd_buffer *out, uint64_t number)
{
    unsigned char bytes[NUMBER];
    size_t length = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[length++] = (unsigned char)(number | 0x80);
    bytes[length++] = (unsigned char)number;
    hd_buffer_append(out, bytes, length);
}

/* Seven bits in each byte, the lowest first; the last has not the eighth bit. */
void hd_pack_number(struct hd_pack *pack, uint64_t *number)
{
    if (pack->out) {
        number_write(pack->out, *number);
        return;
    }
    *number = 0;
    for (unsigned bits = 0; pack->at < pack->end && bits < 7 * NUMBER; bits += 7) {
        unsigned char byte = (unsigned char)*pack->at++;
        *number |= (uint64_t)(byte & 0x7f) << bits;
        if (byte < 0x80 && (bits < 63 || byte < 2))
            return;
    }
    *number = 0;
    fail(pack);
}

void hd_pack_below(struct hd_pack *pack, uint32_t *number, uint32_t most)
{
    uint64_t wide = *number;
    hd_pack_number(pack, &wide);
    if (!pack->out && wide > most) {
        fail(pack);
        wide = 0;
    }
    *number = (uint32_t)wide;
}

void hd_pack_text(struct hd_pack *pack, struct hd_graph_text *text)
{
    uint64_t length = text->data ? (uint64_t)text->length + 1 : 0; /* 0: there is none */
    hd_pack_number(pack, &length);
    if (pack->out) {
        hd_buffer_append(pack->out, text->data, text->data ? text->length : 0);
        return;
    }
    *text = (struct hd_graph_text){NULL, 0};
    if (length == 0)
        return;
    if (length - 1 > (uint64_t)(pack->end - pack->at)) {
        fail(pack);
        return;
    }
    *text = (struct hd_graph_text){pack->at, (size_t)(length - 1)};
    pack->at += length - 1;
}

void *hd_pack_list(struct hd_pack *pack, void *list, uint32_t *count, size_t size)
{
    hd_pack_below(pack, count, UINT32_MAX);
    if (pack->out)
        return list;
    if (*count > (size_t)(pack->end - pack->at) / (size / ROOM + 1))
        fail(pack);
    void *zeros = pack->failed ? NULL : calloc((size_t)*count + 1, size);
    if (!zeros) {
        fail(pack);
        *count = 0;
    }
    return zeros;
}
