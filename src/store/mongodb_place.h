/*
 * Where in MongoDB a dump goes: mongodb://[USER:PASSWORD@]HOST[,HOST…]/DATABASE/COLLECTION[?OPTIONS], or mongodb+srv://….
 *
 * Owns how that is written and that no password is ever shown. Must not know the driver, which reads all the rest of it.
 */
#ifndef HD_STORE_MONGODB_PLACE_H
#define HD_STORE_MONGODB_PLACE_H

#include "base/error.h"

#include <stddef.h>

struct hd_mongodb_place {
    char *uri;        /* for the driver: without the collection; holds the password */
    char *hosts;      /* "localhost:27017" */
    char *database, *collection;
    char *secret[3];  /* what must not be shown: the password as written and as meant, and all options; NULL */
};

/*
 * `to` is such a URI; or mongodb:env:NAME, then the environment variable has it; or mongodb:file:PATH, then it is that
 * file's first line. False and *err (HD_ERROR_USAGE, HD_ERROR_IO), with nothing in it that could be a password.
 */
bool hd_mongodb_place_read(struct hd_mongodb_place *place, const char *to, struct hd_error *err);
void hd_mongodb_place_deinit(struct hd_mongodb_place *place);

/* Overwrites the password that `to`, an argument of the process, holds: from then on ps does not show it. */
void hd_mongodb_place_hide(char *to);

/* Replaces each secret in a message. */
void hd_mongodb_place_mask(const struct hd_mongodb_place *place, char *message);

#endif
