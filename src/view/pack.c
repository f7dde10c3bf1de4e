/* See pack.h. */
#include "view/pack.h"

#include <stdlib.h>

static void fail(struct hd_pack *pack)
{
    pack->failed = true;
    pack->at = pack->end;
}

void hd_pack_number(struct hd_pack *pack, uint64_t *number)
{
    if (pack->out) {
        hd_buffer_append(pack->out, number, sizeof *number);
        return;
    }
    *number = 0;
    if ((size_t)(pack->end - pack->at) < sizeof *number) {
        fail(pack);
        return;
    }
    memcpy(number, pack->at, sizeof *number);
    pack->at += sizeof *number;
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
    if (*count > (size_t)(pack->end - pack->at) / sizeof(uint64_t))
        fail(pack);
    void *zeros = pack->failed ? NULL : calloc((size_t)*count + 1, size);
    if (!zeros) {
        fail(pack);
        *count = 0;
    }
    return zeros;
}
