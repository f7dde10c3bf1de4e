/*
 * The dumps that are asked about, and what is made of each only once.
 *
 * Owns them and the trees. Must not know HTTP, nor who asks: a server's threads or a report. Any thread may ask.
 */
#ifndef HD_WEB_SITE_H
#define HD_WEB_SITE_H

#include "view/open.h"
#include "view/tree_view.h"

#include <pthread.h>

enum { HD_WEB_DUMPS = 8 };

struct hd_web_dump {
    struct hd_open open;
    const char *name; /* the file's, without folders */
    pthread_mutex_t lock; /* of what follows */
    bool has_tree;
    struct hd_tree_view tree;
};

struct hd_web_site {
    struct hd_web_dump dump[HD_WEB_DUMPS];
    unsigned count;
};

/* Opens another dump, at most HD_WEB_DUMPS. False and *err if it cannot be read. The site must not be moved after. */
bool hd_web_site_add(struct hd_web_site *site, const char *path, struct hd_error *err);
void hd_web_site_close(struct hd_web_site *site);

/* The whole dominator tree in groups; made when it is first asked for. NULL and *err if memory ran out. */
const struct hd_tree_view *hd_web_site_tree(struct hd_web_dump *dump, struct hd_error *err);

#endif
