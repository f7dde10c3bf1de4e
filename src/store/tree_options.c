/* See tree_options.h. */
#include "store/tree_options.h"

#include "base/units.h"

bool hd_tree_options_create(const struct hd_export *export, struct hd_tree *tree, uint64_t *least, struct hd_error *err)
{
    const char *min = hd_export_option(export, "min");
    uint64_t depth = HD_TREE_DEPTH;
    double share = 0;
    *least = 0;
    if (!hd_export_number(export, "depth", 1, HD_TREE_DEPTH_MAX, &depth, err))
        return false;
    if (min && !hd_units_share(min, &share) && !hd_units_bytes(min, least))
        return hd_error_set(err, HD_ERROR_USAGE, "--min takes a size like 10MB or a percentage from 0 to 100, not %.100s", min);
    const struct hd_groups *classes = hd_derived_classes(export->derived, err);
    struct hd_tree_shape shape = {.from = HD_NODE_ROOT, .depth = (uint32_t)depth, .fold = true};
    shape.paths = classes ? hd_derived_paths(export->derived, err) : NULL;
    if (!shape.paths || !hd_tree_create(tree, export->graph, export->dominators, classes, &shape, err))
        return false;
    if (share > 0)
        *least = (uint64_t)(share * (double)tree->group[0].retained);
    return true;
}
