/* See tree_options.h. */
#include "store/tree_options.h"

#include "base/units.h"

bool hd_tree_options_make(const struct hd_export *export, struct hd_tree_view *view, uint64_t *least, struct hd_error *err)
{
    const char *min = hd_export_option(export, "min");
    struct hd_tree_asked asked = {0};
    uint64_t depth = HD_TREE_DEPTH;
    if (!hd_export_number(export, "depth", 1, HD_TREE_DEPTH_MAX, &depth, err))
        return false;
    if (min && !hd_units_share(min, &asked.least.share) && !hd_units_bytes(min, &asked.least.bytes))
        return hd_error_set(err, HD_ERROR_USAGE, "--min takes a size like 10MB or a percentage from 0 to 100, not %.100s", min);
    asked.depth = depth;
    if (!hd_tree_view_make(view, export->open, NULL, &asked, err))
        return false;
    *least = hd_tree_least_bytes(&asked.least, &view->tree);
    return true;
}
