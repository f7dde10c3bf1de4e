/* See assets.h. */
#include "web/assets.h"

#include <string.h>

const struct hd_web_asset *hd_web_asset_find(const char *path)
{
    for (const struct hd_web_asset *asset = hd_web_assets; asset->path; asset++)
        if (!strcmp(asset->path, path))
            return asset;
    return NULL;
}

const char *hd_web_asset_type(const struct hd_web_asset *asset)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
                 {".png", "image/png"},                 {".woff2", "font/woff2"}};
    const char *ending = strrchr(asset->path, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (!strcmp(ending, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}
