/*
 * Asks a dump ahead, so that nobody has to wait later: what people ask first, as text and as JSON.
 *
 * Owns which questions these are and for which dumps it is done without being told to. Must not know how a question is
 * answered nor how an answer is kept (cli/kept.h).
 */
#ifndef HD_CLI_AHEAD_H
#define HD_CLI_AHEAD_H

#include "base/error.h"

#include <stdbool.h>

/*
 * All of them, for a dump whose index is there; `page`: what the page of `heap_dump serve` asks, too. What was answered before
 * costs nothing. False and *err if the dump cannot be opened, or one of them has no answer: the others have one nevertheless.
 */
bool hd_ahead(const char *path, bool page, struct hd_error *err);

/* How many of them there are, without the page's. */
unsigned hd_ahead_count(void);

/*
 * After a command, when all is printed and standard output is closed: waits for the index, and asks ahead if one was
 * made for a dump of many objects. An interrupt ends that, and loses nothing; nothing that fails here is said.
 */
void hd_ahead_rest(void);

#endif
