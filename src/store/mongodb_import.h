/*
 * A dump into a collection of MongoDB: line by line, so that the memory it takes does not depend on the dump's size.
 *
 * Many dumps may lie in one collection, each under its name. A document `_IMPORT_` of the dump says that it is not whole yet
 * and how many lines are in for sure; it goes away at the end. So a second run goes on where the first one was ended, and
 * one after that finds that there is nothing to do.
 * Owns that order of things. Must not know how documents look (mongodb_document.h) or how they are sent (mongodb_server.h).
 */
#ifndef HD_STORE_MONGODB_IMPORT_H
#define HD_STORE_MONGODB_IMPORT_H

#include "store/mongodb_place.h"

#include <signal.h>
#include <stdint.h>

enum { HD_MONGODB_NAME = 256 };

struct hd_mongodb_request {
    const char *path; /* "-" for standard input */
    const struct hd_mongodb_place *place;
    const char *name; /* of the dump in the collection; NULL: that of the file, of standard input its time and process */
    bool drop;        /* remove the collection first */
    void (*progress)(const char *what, uint64_t done, uint64_t total); /* NULL: nobody wants to know */
    const volatile sig_atomic_t *signal; /* not 0: end as soon as possible; NULL */
};

struct hd_mongodb_result {
    char name[HD_MONGODB_NAME];
    char version[32];             /* of the server, as it says */
    uint64_t inserted, present;   /* documents that are in now, and that were in before */
    uint64_t refused;             /* that the server did not take; `refusal` has its words about the first one */
    uint64_t too_big;             /* over MongoDB's 16 MiB; too_big_id is the first one's object */
    uint64_t too_big_id;
    uint64_t bad_lines;           /* that are no lines of a dump; `bad_line` is a sentence about the first one */
    char refusal[200], bad_line[200];
    bool truncated;               /* the dump has no _END_ */
    bool was_whole;               /* there was nothing to do */
};

/*
 * False and *err; what is in by then stays, is in *result, and the sentence says how to go on. Lines that could not be added
 * (refused, too_big, bad_lines) are no failure.
 */
bool hd_mongodb_import(const struct hd_mongodb_request *request, struct hd_mongodb_result *result, struct hd_error *err);

#endif
