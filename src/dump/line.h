/*
 * One line of a dump: the grammar of values, keys and references, written once for all object types.
 *
 * Owns the rules of docs/format.md that hold for every line: what is inlined, what is escaped, when a big value
 * goes on in a further line, what counts as a reference. Must not know Ruby's object types.
 * Invariant: an integer inside the heap range is only ever written as the id of a live object (and counted).
 */
#ifndef HD_DUMP_LINE_H
#define HD_DUMP_LINE_H

#include "dump/dump.h"
#include "dump/text.h"
#include "ruby/vm.h"

enum {
    HD_INLINE_MAX = 23,        /* bytes of the longest string that is written out in place */
    HD_ELEMENTS_MAX = 65536,   /* elements of a value in one line */
    HD_LINE_BYTES = 4 << 20    /* a value goes on in a further line from here on; the limit of a line is 8 MiB */
};

struct hd_ids {
    uint64_t *ids;
    size_t count, capacity;
};

struct hd_line {
    struct hd_vm *vm;
    const struct hd_dump_options *options;
    struct hd_buffer *out;   /* where tokens go now: &head or &tail */
    struct hd_buffer head;   /* finished lines, then the object's own line */
    struct hd_buffer tail;   /* its continuation lines */
    struct hd_ids *inlined;  /* of the line that is being written */
    struct hd_ids head_inlined, tail_inlined;
    uint64_t id;
    uint64_t part;           /* number of the last continuation line */
    size_t started;          /* where the current line begins in *out */
    size_t head_started;     /* where the object's own line begins in head */
    uint64_t objects, references, unreadable;
    bool tracking;           /* remember the references written, for hd_line_mark_unnamed */
    uint64_t *seen;          /* open addressing, a generation in the upper bits of seen_marks */
    uint32_t *seen_marks;
    uint32_t generation, seen_count;
    size_t seen_mask;
};

bool hd_line_init(struct hd_line *line, struct hd_vm *vm, const struct hd_dump_options *options);
void hd_line_deinit(struct hd_line *line);
bool hd_line_failed(const struct hd_line *line); /* memory ran out somewhere */

/* `,{"id":ID` … `}` and a newline, with "inlined" and any continuation lines. */
void hd_line_begin(struct hd_line *line, uint64_t id);
void hd_line_begin_named(struct hd_line *line, const char *id); /* _ROOTS_ */
void hd_line_end(struct hd_line *line);

/* `,"name":` */
#define hd_line_key(line, name) hd_text_literal((line)->out, ",\"" name "\":")
#define hd_line_literal(line, text) hd_text_literal((line)->out, text)

/* Scalars that are no references. */
void hd_line_string(struct hd_line *line, struct hd_text text); /* a description: quoted, not a value */

/* Is there a live object at addr? */
static inline bool hd_line_live(const struct hd_line *line, uint64_t addr)
{
    return hd_vm_object(line->vm, addr) != NULL;
}

/* A reference to a live object: its id. Check hd_line_live first. */
void hd_line_ref(struct hd_line *line, uint64_t addr);

/* `,"name":ID`, or nothing (false) if addr is no live object. */
#define hd_line_key_ref(line, name, addr) \
    (hd_line_live((line), (addr)) ? (hd_line_key((line), name), hd_line_ref((line), (addr)), true) : false)

/* A count or size. No honest one looks like an object's id: such a one is damage, written as 0 and counted as unreadable. */
void hd_line_count(struct hd_line *line, uint64_t number);

/* A VALUE by the value grammar; strings are inlined. */
void hd_line_value(struct hd_line *line, uint64_t value);
/* The same where strings must not be inlined (`default`, `self`, …). */
void hd_line_plain_value(struct hd_line *line, uint64_t value);
#define hd_line_key_value(line, name, value) (hd_line_key((line), name), hd_line_plain_value((line), (value)))

/* A double as a value. */
void hd_line_double(struct hd_line *line, double number);

/* An entry's key in a map, with its colon: a name (ivar, constant, method, local). */
void hd_line_name(struct hd_line *line, struct hd_text name);
/* A name by ID; IDs without a name appear as "#<id N>". */
void hd_line_id_name(struct hd_line *line, uint64_t id);
/* A hash key. `by_identity`: string keys are never written out. */
void hd_line_hash_key(struct hd_line *line, uint64_t key, bool by_identity, uint64_t string_class);
/*
 * Was a key that is written the same way asked for since hd_line_forget? An object that was changed after it became
 * a key may be in its Hash twice, and Symbols that differ in their encoding alone may read the same. A false alarm
 * is possible, if most unlikely. Memory from outside may be damaged, and have any key twice. Not for lines that track their
 * references.
 */
bool hd_line_hash_key_seen(struct hd_line *line, uint64_t key, bool by_identity, uint64_t string_class);

/*
 * A list or map that may be long. open writes `,"name":[` (or `{`); next goes before every element and starts a
 * continuation line where needed; close ends it.
 */
struct hd_series {
    const char *name;
    char open, close;
    uint64_t count;     /* elements so far */
    uint64_t in_line;   /* elements in the current line */
};
void hd_series_open(struct hd_line *line, struct hd_series *series, const char *name, char bracket);
/* Goes on in a further line, unless the current one is still empty. */
void hd_series_break(struct hd_line *line, struct hd_series *series);
void hd_series_close(struct hd_line *line, struct hd_series *series);

static inline void hd_series_next(struct hd_line *line, struct hd_series *series)
{
    if (series->in_line >= HD_ELEMENTS_MAX || line->out->length - line->started > HD_LINE_BYTES)
        hd_series_break(line, series);
    if (series->in_line++)
        hd_text_literal(line->out, ",");
    series->count++;
}

/* From here to the end of the line every reference is remembered. */
void hd_line_track(struct hd_line *line);
/* Nothing counts as seen any more. */
void hd_line_forget(struct hd_line *line);
/* `,"refs":[…]` with the references that the object's own mark function reports and that no field has named. */
void hd_line_unnamed_refs(struct hd_line *line, uint64_t addr);
/* The same for a list given by the caller, e.g. by conservative scanning. */
bool hd_line_seen(struct hd_line *line, uint64_t addr);

#endif
