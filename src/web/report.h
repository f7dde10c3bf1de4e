/*
 * A report: the page and the answers it needs in one file, for where there is no server.
 *
 * Owns which questions are answered ahead and how many rows fit. Must not know where the file goes. What is written is inert: no
 * byte of a dump can end the element it stands in.
 */
#ifndef HD_WEB_REPORT_H
#define HD_WEB_REPORT_H

#include "web/site.h"

#include <stdio.h>

enum { HD_WEB_REPORT_BYTES = 4900000 }; /* under 5 MB for any dump */

struct hd_web_report {
    bool redacted;   /* the site's dumps are: nothing more is done about it here */
    size_t bytes;    /* of the whole file, at most; 0: HD_WEB_REPORT_BYTES */
    /* what became of it: */
    uint32_t answers, objects; /* objects: of the answers */
    size_t written;
};

/* False, and *err (what to install), if heap_dump was built without the page. */
bool hd_web_report_available(struct hd_error *err);

/* Writes the report of the site's dumps. */
bool hd_web_report_write(struct hd_web_report *report, struct hd_web_site *site, FILE *out, struct hd_error *err);

#endif
