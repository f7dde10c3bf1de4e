/*
 * Reads the lines of a dump: the one place that knows how FORMAT.md writes references, names and inlined strings.
 *
 * Give it one line at a time, in the file's order. hd_json_reader_parse says what line it is; hd_json_reader_walk
 * then reports each top-level field and each reference with the path (the edge's name) it stands at. The texts of
 * inlined Strings come with the id that `inlined` has for them, so a client never pairs them up itself.
 * Owns the parser and the memory of the line at hand. Must not know where lines come from, nor whether ids
 * exist: that needs the whole file (see check.h).
 * Invariant: an error is a sentence about this line alone, without its number, code HD_ERROR_BAD_DUMP.
 */
#ifndef HD_DUMP_JSON_READER_H
#define HD_DUMP_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"

#define HD_JSON_PADDING 64 /* bytes that must be readable (not defined) behind a line */
#define HD_JSON_DEPTH 64   /* deepest nesting of a line; the format needs about 8 */
#define HD_JSON_ID_LIMIT ((uint64_t)1 << 53) /* ids are below it, so that every JSON reader keeps them exact */

/* The builtin types. X(name) */
#define HD_BT_LIST(X) \
    X(T_OBJECT) X(T_CLASS) X(T_MODULE) X(T_ICLASS) X(T_FLOAT) X(T_STRING) X(T_REGEXP) X(T_ARRAY) X(T_HASH) \
    X(T_STRUCT) X(T_BIGNUM) X(T_FILE) X(T_DATA) X(T_MATCH) X(T_COMPLEX) X(T_RATIONAL) X(T_SYMBOL) X(T_IMEMO) \
    X(T_NODE) X(T_ZOMBIE)

enum hd_bt {
    HD_BT_NONE = 0, /* not an object line */
#define HD_BT_ENUM(name) HD_BT_##name,
    HD_BT_LIST(HD_BT_ENUM)
#undef HD_BT_ENUM
    HD_BT_COUNT
};

const char *hd_bt_name(enum hd_bt bt);

/* Bytes that live as long as the line: not terminated, valid UTF-8, escapes resolved. */
struct hd_json_text {
    const char *data;
    size_t length;
};

enum hd_json_line_kind {
    HD_JSON_LINE_DUMP,         /* "_DUMP_" */
    HD_JSON_LINE_ROOTS,        /* "_ROOTS_" */
    HD_JSON_LINE_OBJECT,
    HD_JSON_LINE_CONTINUATION, /* "N+k" */
    HD_JSON_LINE_END           /* "_END_" */
};

struct hd_json_line {
    enum hd_json_line_kind kind;
    uint64_t id;     /* of the object (of the one that goes on); 0 if there is none */
    enum hd_bt bt;   /* of the object (of the one that goes on) */
    uint64_t part;   /* k of a continuation, else 0 */
    uint64_t offset; /* of a continuation */
    uint64_t heap[2]; /* HD_JSON_LINE_DUMP: the first and the last address of the heap */
};

/* A name in a map or record, or (name.data NULL) the index of an array's element. */
struct hd_json_step {
    struct hd_json_text name;
    uint64_t index;
};

struct hd_json_reference {
    uint64_t id;
    const struct hd_json_step *steps; /* the path from the line to the reference */
    size_t depth;
    bool is_key;              /* the key of a hash, not a value */
    struct hd_json_text text; /* contents of an inlined String; data is NULL for a plain reference */
};

enum hd_json_type {
    HD_JSON_NULL, HD_JSON_BOOL, HD_JSON_INTEGER, HD_JSON_NUMBER, HD_JSON_TEXT, HD_JSON_ARRAY, HD_JSON_MAP,
    HD_JSON_NATURAL /* beyond int64_t; only of hd_json_reader_values */
};

struct hd_json_field {
    struct hd_json_text name;
    enum hd_json_type type;
    int64_t integer; /* HD_JSON_INTEGER; HD_JSON_BOOL: 0 or 1 */
    double number;   /* HD_JSON_NUMBER, also integers beyond int64_t */
    struct hd_json_text text;
    uint64_t elements; /* HD_JSON_ARRAY, HD_JSON_MAP */
};

/* What walk reports; each may be NULL. A callback that returns false (and sets *err) ends the walk. */
struct hd_json_visitor {
    void *data;
    /* each top-level field but `id`, before what is inside it */
    bool (*field)(void *data, const struct hd_json_field *field, struct hd_error *err);
    /* each reference, in order of appearance; an inlined String at the place of its text */
    bool (*reference)(void *data, const struct hd_json_reference *reference, struct hd_error *err);
};

/* Any value of a line, as JSON has it. */
struct hd_json_value {
    struct hd_json_text name; /* in a map or of the line; data NULL in an array */
    uint64_t index;           /* in an array */
    enum hd_json_type type;
    int64_t integer;  /* HD_JSON_INTEGER; HD_JSON_BOOL: 0 or 1 */
    uint64_t natural; /* HD_JSON_NATURAL */
    double number;    /* HD_JSON_NUMBER */
    struct hd_json_text text;
};

/* What hd_json_reader_values reports. A callback that returns false (and sets *err) ends it. */
struct hd_json_value_visitor {
    void *data;
    /* a value; after an array or a map come its own, then `end` */
    bool (*value)(void *data, const struct hd_json_value *value, struct hd_error *err);
    bool (*end)(void *data, struct hd_error *err);
};

struct hd_json_reader;

/* `strict` also looks for duplicate keys, which costs a little time. NULL if memory ran out. */
struct hd_json_reader *hd_json_reader_create(bool strict);
void hd_json_reader_destroy(struct hd_json_reader *reader);

/*
 * Parses one line, less its first byte (`[` or `,`) and its newline. The reader remembers the heap range of the
 * _DUMP_ line, without which nothing is a reference, and the last object, which a continuation must follow.
 */
bool hd_json_reader_parse(struct hd_json_reader *reader, const char *text, size_t length, struct hd_json_line *line,
                          struct hd_error *err);

/* Walks the line parsed last. _DUMP_ and _END_ have fields but no references. */
bool hd_json_reader_walk(struct hd_json_reader *reader, const struct hd_json_visitor *visitor, struct hd_error *err);

/*
 * Everything that is in the line parsed last, but for its `id`, in the order of the line: for who wants the line in another
 * form. Nothing is checked but that it is nested at most HD_JSON_DEPTH deep.
 */
bool hd_json_reader_values(struct hd_json_reader *reader, const struct hd_json_value_visitor *visitor,
                           struct hd_error *err);

/*
 * Writes the path as people write it, `frames[0].locals.user`, terminated and cut to `size`. Control characters
 * become `?`. Returns `buffer`.
 */
char *hd_json_path_format(const struct hd_json_reference *reference, char *buffer, size_t size);

/* Copies at most size - 1 bytes of a text for a message: whole characters, no control characters. */
char *hd_json_text_format(struct hd_json_text text, char *buffer, size_t size);

static inline bool hd_json_text_is(struct hd_json_text text, const char *string)
{
    return text.length == __builtin_strlen(string) && !__builtin_memcmp(text.data, string, text.length);
}

/* The type of which the name is what stands behind "T_"; HD_BT_NONE if there is none. */
static inline enum hd_bt hd_bt_named(struct hd_json_text name)
{
#define HD_BT_IS(bt) \
    if (hd_json_text_is(name, &#bt[2])) \
        return HD_BT_##bt;
    HD_BT_LIST(HD_BT_IS)
#undef HD_BT_IS
    return HD_BT_NONE;
}

/* The library behind it and the instruction set it chose, "simdjson 3.0.1 haswell", for reports. */
const char *hd_json_reader_library(char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
