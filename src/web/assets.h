/*
 * The files of the page, which tools/embed puts into the program (see the Makefile).
 */
#ifndef HD_WEB_ASSETS_H
#define HD_WEB_ASSETS_H

#include <stddef.h>

struct hd_web_asset {
    const char *path;  /* "index.html", "assets/page-0a1b2c3d.js"; NULL ends the list */
    const unsigned char *data, *packed; /* packed with gzip; NULL: that would not be smaller */
    size_t length, packed_length;
};

/* Empty if heap_dump was built where there is no npm. */
extern const struct hd_web_asset hd_web_assets[];

/* NULL: there is no such file. */
const struct hd_web_asset *hd_web_asset_find(const char *path);

/* The type of its contents by the end of its name. */
const char *hd_web_asset_type(const struct hd_web_asset *asset);

#endif
