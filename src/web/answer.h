/*
 * Questions and their answers, as docs/http.md has them.
 *
 * Owns which paths there are and which parameters each takes. Must not know HTTP but for the status an answer has. The answers
 * themselves are src/view's wherever a command gives the same ones.
 */
#ifndef HD_WEB_ANSWER_H
#define HD_WEB_ANSWER_H

#include "web/question.h"
#include "web/site.h"

#include <stdio.h>

struct hd_web_ask {
    struct hd_web_site *site;
    struct hd_web_dump *dump; /* that of `dump=`; of a path that takes none the first */
    const struct hd_web_question *question;
    unsigned status; /* of HTTP, set by an answer that knows better than hd_web_answer_status; else 0 */
};

struct hd_web_route {
    const char *path;
    const char *const *parameters; /* NULL at the end */
    bool slow; /* reads the dump again, or looks at every object: never let a quick question wait behind it */
    /* Writes one JSON object. False and *err: there is no answer, and what was written is nothing. */
    bool (*answer)(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
};

/* NULL: there is no such path. */
const struct hd_web_route *hd_web_answer_route(const struct hd_web_question *question);

/* Whether a question is slow: a path may be so for some parameters only. */
bool hd_web_answer_is_slow(const struct hd_web_route *route, const struct hd_web_question *question);

/* Writes the answer. False, *err and *status (of HTTP) if there is none. Texts are cut as hd_json_limit says. */
bool hd_web_answer(struct hd_web_site *site, const struct hd_web_route *route, const struct hd_web_question *question,
                   FILE *out, unsigned *status, struct hd_error *err);

/* Makes what answers to like questions have in common, for when this one's answer is known from before. */
void hd_web_answer_prepare(struct hd_web_site *site, const struct hd_web_route *route, const struct hd_web_question *question);

/* The status of HTTP for an error. */
unsigned hd_web_answer_status(const struct hd_error *err);

enum { HD_WEB_ROWS = 5000, HD_WEB_STEPS = 200, HD_WEB_TEXT = 1000 }; /* rows of an answer, steps of a path, bytes of a text */

/* The answers, by file. */
bool hd_web_answer_dumps(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_summary(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_suspects(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_memory(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_top(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_threads(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_strings(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_collections(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_diff(struct hd_web_ask *ask, FILE *out, struct hd_error *err);

bool hd_web_answer_tree(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_find(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_search(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_object(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_referrers(struct hd_web_ask *ask, FILE *out, struct hd_error *err);
bool hd_web_answer_path(struct hd_web_ask *ask, FILE *out, struct hd_error *err);

bool hd_web_answer_queries(struct hd_web_ask *ask, FILE *out, struct hd_error *err);

/* The object of the parameter `id`; false and *err if it is missing, no id, or of no object (404). */
bool hd_web_answer_node(struct hd_web_ask *ask, uint32_t *node, struct hd_error *err);

#endif
