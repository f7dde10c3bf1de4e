/*
 * Slow answers of the server are kept in the index of the dump, so that the next server of the same dump has them at once.
 *
 * Owns what makes two questions to a server the same. Must not know what they mean. A report's answers are none of these: they may be
 * redacted.
 */
#ifndef HD_WEB_KEPT_H
#define HD_WEB_KEPT_H

#include "web/question.h"
#include "web/site.h"

/* The answer to the question, as malloc gives it, if it was kept: a JSON object. NULL: it was not. */
char *hd_web_kept_find(const struct hd_web_site *site, const struct hd_web_question *question, size_t *length);

/* Keeps it, if that can be: nobody waits for it nor needs to know. */
void hd_web_kept_add(const struct hd_web_site *site, const struct hd_web_question *question, const char *answer, size_t length);

/* Answers what the page asks of one dump, as far as that takes long, and keeps it. False and *err if the dump cannot be read. */
bool hd_web_kept_ahead(const char *path, struct hd_error *err);

#endif
