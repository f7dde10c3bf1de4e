/*
 * Objects and who holds them as they are shown: all that is said of one, so that neither the graph nor the dump is needed to say it.
 *
 * Owns how they stand in JSON, and how they are kept (view/pack.h). Must not know who shows them. The texts are somebody else's.
 */
#ifndef HD_VIEW_SHOWN_H
#define HD_VIEW_SHOWN_H

#include "graph/paths.h"
#include "view/open.h"
#include "view/pack.h"

struct hd_shown {
    uint32_t root; /* 1: nothing else is said of it */
    uint32_t type; /* enum hd_bt */
    uint64_t id, size, retained;
    struct hd_graph_text class, label; /* label: its own name; data NULL if it has none */
};

/* Its texts are the graph's. */
struct hd_shown hd_shown_node(const struct hd_open *open, uint32_t node);
void hd_shown_pack(struct hd_pack *pack, struct hd_shown *shown);

/* As hd_open_json_node. */
void hd_shown_json(FILE *file, const struct hd_shown *shown);

/* What to call it, as hd_open_title. */
char *hd_shown_title(char title[HD_OPEN_TITLE], const struct hd_shown *shown);

/* One step of a path, and the object it leads to. */
struct hd_shown_step {
    struct hd_graph_text name;
    uint32_t weak; /* 1: it keeps nothing alive */
    struct hd_shown object;
};

struct hd_shown_step hd_shown_step_of(const struct hd_open *open, const struct hd_path *path, uint32_t number);
void hd_shown_step_pack(struct hd_pack *pack, struct hd_shown_step *step);

/*
 * The steps of one path as a list; step(data, number) gives each of the `length`. Of more than `most` (0: no limit) those at its two ends,
 * and {"skipped":N} between them: lists of millions of links are paths, too.
 */
void hd_shown_steps_json(FILE *file, uint32_t length, uint32_t most, struct hd_shown_step (*step)(const void *data, uint32_t number),
                         const void *data);

/* What is in a buffer. */
static inline struct hd_graph_text hd_shown_text(const struct hd_buffer *words)
{
    return (struct hd_graph_text){words->data ? words->data : "", words->length};
}

/* One of the ways by which something is held. */
struct hd_shown_way {
    uint64_t references, bytes;
    struct hd_graph_text words; /* view/ways.h */
};

void hd_shown_way_pack(struct hd_pack *pack, struct hd_shown_way *way);

/* `{"references":N,"bytes":N,"way":"…"}` */
void hd_shown_way_json(FILE *file, const struct hd_shown_way *way);

#endif
