/* See tree_least.h. */
#include "cli/tree_least.h"

#include "base/units.h"

#include <string.h>

void hd_tree_least_read(struct hd_call *call, struct hd_tree_least *least)
{
    *least = (struct hd_tree_least){0};
    if (hd_units_share(call->value, &least->share))
        return;
    if (strchr(call->value, '%'))
        hd_call_refuse(call, "--%s takes a size like 10MB or a percentage from 0 to 100, not %s", call->option->name,
                       call->value);
    else
        least->bytes = hd_call_bytes(call);
}
