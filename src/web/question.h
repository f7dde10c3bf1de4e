/*
 * What is asked for: the path and the parameters of a request's address, decoded and in order.
 *
 * Owns how an address is taken apart and how a parameter says a number or a size. Must not know which paths there are. Nothing
 * is trusted: whatever the bytes are, parsing ends with a question or with a sentence.
 */
#ifndef HD_WEB_QUESTION_H
#define HD_WEB_QUESTION_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

enum { HD_WEB_TARGET = 8192, HD_WEB_PARAMETERS = 16 };

struct hd_web_parameter {
    const char *name, *value; /* into `text` */
};

struct hd_web_question {
    const char *path; /* decoded, less what comes from `?` on */
    struct hd_web_parameter parameter[HD_WEB_PARAMETERS]; /* by name; no name twice */
    unsigned count;
    char text[HD_WEB_TARGET + HD_WEB_PARAMETERS + 1];
};

/* "/api/tree?dump=0&group=17". False and *err (HD_ERROR_USAGE) if it is too long, badly encoded, or names a parameter twice. */
bool hd_web_question_parse(struct hd_web_question *question, const char *target, struct hd_error *err);

/* The value of a parameter, NULL if it is not given. */
const char *hd_web_question_get(const struct hd_web_question *question, const char *name);

/* As if the parameter had not been given. */
void hd_web_question_drop(struct hd_web_question *question, const char *name);

/* The parameter in decimal, `fallback` if it is not given; false and *err if it is no number from `least` to `most`. */
bool hd_web_question_number(const struct hd_web_question *question, const char *name, uint64_t fallback, uint64_t least,
                            uint64_t most, uint64_t *number, struct hd_error *err);

/* The parameter as a size (500, 10k, 1.5M); 0 if it is not given. */
bool hd_web_question_bytes(const struct hd_web_question *question, const char *name, uint64_t *bytes, struct hd_error *err);

/* Which of the words it is; 0, the first, if it is not given. `words` ends with NULL. */
bool hd_web_question_word(const struct hd_web_question *question, const char *name, const char *const *words, int *word,
                          struct hd_error *err);

/* 0 (or not given) or 1. */
bool hd_web_question_flag(const struct hd_web_question *question, const char *name, bool *flag, struct hd_error *err);

/* Appends path and parameters in order, encoded as encodeURIComponent does, and a NUL: equal questions have equal keys. */
void hd_web_question_key(const struct hd_web_question *question, struct hd_buffer *out);

#endif
