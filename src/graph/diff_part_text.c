/* A part as bytes, in the order of the machine: what is kept with a dump. See diff_part.h. */
#include "graph/diff_part.h"

#include "dump/json_reader.h"

/* What it begins with. The arrays follow in the order of `spans`, the texts last. */
struct head {
    uint64_t objects, bytes, live, live_bytes, pid, compactions, heap_low, heap_high;
    uint64_t rooted, unnamed, truncated, foreign;
    char time[HD_DIFF_TIME];
    uint64_t nodes, titles, title_bytes, edges, edge_bytes, keys, kinds, classes, jumps, width;
};

_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct hd_diff_kind) == 16 && sizeof(struct hd_diff_class) == 16
                   && sizeof(struct hd_path_key) == 16 && sizeof(struct hd_retained_group) == 40
                   && sizeof(struct hd_diff_stretch) == 16,
               "the arrays follow each other without gaps");

/* An array of a part: where its pointer is, and its length. Those of texts are last, for they are not aligned. */
struct span {
    void *place; /* copied from and to: pointers to different things are not of one type */
    uint64_t count, width;
};

enum { SPANS = 13 };

static void spans_of(struct hd_diff_part *p, const struct head *h, struct span spans[SPANS])
{
    const struct span all[SPANS] = {
        {&p->titles.start, h->titles + 1, sizeof *p->titles.start},
        {&p->edges.start, h->edges + 1, sizeof *p->edges.start},
        {&p->class_sums, h->titles, sizeof *p->class_sums},
        {&p->way_sums, h->keys, sizeof *p->way_sums},
        {&p->class_sample, h->titles, sizeof *p->class_sample},
        {&p->way_sample, h->keys, sizeof *p->way_sample},
        {&p->steps.stretch, hd_diff_stretches((uint32_t)h->nodes), sizeof *p->steps.stretch},
        {&p->steps.jump, h->jumps, sizeof *p->steps.jump},
        {&p->class, h->classes, sizeof *p->class},
        {&p->key, h->keys, sizeof *p->key},
        {&p->kind, h->kinds, sizeof *p->kind},
        {&p->titles.bytes, h->title_bytes, 1},
        {&p->edges.bytes, h->edge_bytes, 1}};
    memcpy(spans, all, sizeof all);
}

/* ---- writing ---- */

static const void *pointer_of(const struct span *span)
{
    const void *pointer;
    memcpy(&pointer, span->place, sizeof pointer);
    return pointer;
}

static unsigned width_for(uint32_t count)
{
    return count <= UINT8_MAX + 1 ? 1 : count <= UINT16_MAX + 1 ? 2 : 4;
}

static void write_kinds(const struct hd_diff_part *part, unsigned width, struct hd_buffer *out)
{
    if (!hd_buffer_reserve(out, (size_t)part->node_count * width))
        return;
    for (uint32_t node = 0; node < part->node_count; node++) {
        uint32_t four = hd_diff_part_kind(part, node);
        uint16_t two = (uint16_t)four;
        uint8_t one = (uint8_t)four;
        hd_buffer_append(out, width == 1 ? (const void *)&one : width == 2 ? (const void *)&two : &four, width);
    }
}

void hd_diff_part_write(const struct hd_diff_part *part, struct hd_buffer *text, struct hd_buffer *objects)
{
    const struct hd_diff_dump *dump = &part->dump;
    const struct head head = {.objects = dump->objects, .bytes = dump->bytes, .live = dump->live, .live_bytes = dump->live_bytes,
                              .pid = dump->pid, .compactions = dump->compactions, .heap_low = dump->heap_low,
                              .heap_high = dump->heap_high, .rooted = dump->rooted, .unnamed = dump->unnamed,
                              .truncated = dump->truncated, .foreign = dump->foreign, .nodes = part->node_count,
                              .titles = part->titles.count, .title_bytes = part->titles.start[part->titles.count],
                              .edges = part->edges.count, .edge_bytes = part->edges.start[part->edges.count],
                              .keys = part->key_count, .kinds = part->kind_count, .classes = part->class_count,
                              .jumps = part->steps.jump_count, .width = width_for(part->kind_count)};
    struct hd_diff_part copy = *part;
    struct span spans[SPANS];
    spans_of(&copy, &head, spans);
    size_t at = text->length;
    hd_buffer_append(text, &head, sizeof head);
    if (!text->failed)
        memcpy(text->data + at + offsetof(struct head, time), dump->time, sizeof dump->time);
    for (unsigned i = 0; i < SPANS; i++)
        hd_buffer_append(text, pointer_of(&spans[i]), spans[i].count * spans[i].width);
    write_kinds(part, (unsigned)head.width, objects);
    hd_buffer_append(objects, part->steps.step, part->node_count);
}

/* ---- reading: nothing of it is believed ---- */

static bool take_head(struct hd_diff_part *part, const struct head *h)
{
    struct hd_diff_dump *dump = &part->dump;
    *dump = (struct hd_diff_dump){.objects = h->objects, .bytes = h->bytes, .live = h->live, .live_bytes = h->live_bytes,
                                  .pid = h->pid, .compactions = h->compactions, .heap_low = h->heap_low,
                                  .heap_high = h->heap_high, .rooted = h->rooted, .unnamed = h->unnamed,
                                  .truncated = h->truncated, .foreign = h->foreign};
    memcpy(dump->time, h->time, sizeof dump->time);
    part->node_count = (uint32_t)h->nodes;
    part->titles.count = (uint32_t)h->titles;
    part->edges.count = (uint32_t)h->edges;
    part->key_count = (uint32_t)h->keys;
    part->kind_count = (uint32_t)h->kinds;
    part->class_count = (uint32_t)h->classes;
    part->width = (unsigned)h->width;
    part->steps = (struct hd_diff_steps){.count = part->node_count, .jump_count = (uint32_t)h->jumps};
    const uint64_t most = HD_PATH_KEY_BEGINS;
    return h->titles < most && h->edges < most && h->keys < most && h->kinds < most && h->classes < most && h->jumps < most && h->keys > 0
           && h->title_bytes <= part->text.length && h->edge_bytes <= part->text.length && !dump->time[sizeof dump->time - 1]
           && (h->width == 1 || h->width == 2 || h->width == 4);
}

/* Where the arrays are; together they are all there is. */
static bool take_spans(struct hd_diff_part *part, const struct head *head)
{
    struct span spans[SPANS];
    uint64_t at = sizeof *head;
    spans_of(part, head, spans);
    for (unsigned i = 0; i < SPANS; i++) {
        if (spans[i].count > (part->text.length - at) / spans[i].width)
            return false;
        const char *place = part->text.data + at;
        memcpy(spans[i].place, &place, sizeof place);
        at += spans[i].count * spans[i].width;
    }
    return at == part->text.length;
}

static bool texts_hold(const struct hd_diff_texts *texts, uint64_t bytes)
{
    bool bad = texts->start[0] != 0 || texts->start[texts->count] != bytes;
    for (uint32_t i = 0; i < texts->count; i++)
        bad |= texts->start[i] > texts->start[i + 1];
    return !bad;
}

static bool keys_hold(const struct hd_diff_part *part)
{
    const struct hd_path_key *key = part->key;
    bool bad = key[0].parent != HD_NODE_NONE || key[0].depth != 0;
    for (uint32_t i = 1; i < part->key_count && !bad; i++)
        bad = key[i].parent >= i || key[i].depth != key[key[i].parent].depth + 1 || key[i].depth > HD_PATH_KEY_STEPS
              || (key[i].edge >= part->edges.count && key[i].edge < HD_PATH_KEY_BEGINS) || key[i].title >= part->titles.count;
    return !bad;
}

static bool kinds_hold(const struct hd_diff_part *part)
{
    bool bad = false;
    for (uint32_t i = 0; i < part->kind_count; i++) {
        const struct hd_diff_kind *kind = &part->kind[i];
        bad |= (kind->way >= part->key_count && kind->way != HD_NODE_NONE)
               || (kind->title >= part->titles.count && kind->title != HD_NAMES_NONE)
               || (kind->label >= part->titles.count && kind->label != HD_NAMES_NONE);
    }
    for (uint32_t i = 0; i < part->class_count; i++)
        bad |= part->class[i].kind >= part->kind_count;
    return !bad;
}

enum { ROW = 128 };

/* Loops of a known length without a branch, over numbers that are aligned and as wide as they are: as vectors. */
static uint32_t most_of_row(const unsigned char *at, unsigned width)
{
    uint8_t one[ROW], most_one = 0;
    uint16_t two[ROW], most_two = 0;
    uint32_t four[ROW], most_four = 0;
    memcpy(width == 1 ? one : width == 2 ? (void *)two : (void *)four, at, (size_t)ROW * width);
    if (width == 1)
        for (unsigned i = 0; i < ROW; i++)
            most_one = one[i] > most_one ? one[i] : most_one;
    else if (width == 2)
        for (unsigned i = 0; i < ROW; i++)
            most_two = two[i] > most_two ? two[i] : most_two;
    else
        for (unsigned i = 0; i < ROW; i++)
            most_four = four[i] > most_four ? four[i] : most_four;
    return width == 1 ? most_one : width == 2 ? most_two : most_four;
}

static bool numbers_hold(const struct hd_diff_part *part)
{
    const unsigned char *kinds = part->kind_of;
    uint32_t most = 0, node = 0;
    for (; part->node_count - node >= ROW; node += ROW) {
        uint32_t high = most_of_row(kinds + (size_t)node * part->width, part->width);
        most = high > most ? high : most;
    }
    for (; node < part->node_count; node++) {
        uint32_t number = hd_diff_part_kind(part, node);
        most = number > most ? number : most;
    }
    return most < part->kind_count;
}

bool hd_diff_part_read(struct hd_diff_part *part, struct hd_buffer *text, struct hd_graph_text objects, uint32_t node_count)
{
    struct head head;
    *part = (struct hd_diff_part){.text = *text, .kind_of = objects.data};
    *text = (struct hd_buffer){0};
    if (part->text.length < sizeof head)
        return false;
    memcpy(&head, part->text.data, sizeof head);
    if (!take_head(part, &head) || head.nodes != node_count || objects.length != (uint64_t)node_count * (head.width + 1)
        || !take_spans(part, &head))
        return false;
    part->steps.step = (const uint8_t *)objects.data + (uint64_t)node_count * head.width;
    return texts_hold(&part->titles, head.title_bytes) && texts_hold(&part->edges, head.edge_bytes) && keys_hold(part) && kinds_hold(part)
           && numbers_hold(part);
}
