/* See site.h. */
#include "web/site.h"

#include <string.h>

bool hd_web_site_add(struct hd_web_site *site, const char *path, struct hd_error *err)
{
    if (site->count == HD_WEB_DUMPS)
        return hd_error_set(err, HD_ERROR_USAGE, "at most %d dumps at a time", HD_WEB_DUMPS);
    struct hd_web_dump *dump = &site->dump[site->count];
    if (!hd_open_read(&dump->open, path, err))
        return false;
    const char *slash = strrchr(path, '/');
    dump->name = slash ? slash + 1 : path;
    dump->has_tree = false;
    pthread_mutex_init(&dump->lock, NULL);
    site->count++;
    return true;
}

void hd_web_site_close(struct hd_web_site *site)
{
    for (unsigned i = 0; i < site->count; i++) {
        struct hd_web_dump *dump = &site->dump[i];
        if (dump->has_tree)
            hd_tree_view_free(&dump->tree);
        pthread_mutex_destroy(&dump->lock);
        hd_open_close(&dump->open);
    }
    site->count = 0;
}

const struct hd_tree_view *hd_web_site_tree(struct hd_web_dump *dump, struct hd_error *err)
{
    pthread_mutex_lock(&dump->lock);
    if (!dump->has_tree)
        dump->has_tree = hd_tree_view_make_whole(&dump->tree, &dump->open, err);
    const struct hd_tree_view *tree = dump->has_tree ? &dump->tree : NULL;
    pthread_mutex_unlock(&dump->lock);
    return tree;
}
