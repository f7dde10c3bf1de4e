/* See tree_least.h. */
#include "cli/tree_least.h"

#include <stdlib.h>
#include <string.h>

void hd_tree_least_read(struct hd_call *call, struct hd_tree_least *least)
{
    char *end;
    double share = strtod(call->value, &end);
    *least = (struct hd_tree_least){0};
    if (end == call->value || strcmp(end + strspn(end, " "), "%") != 0)
        least->bytes = hd_call_bytes(call);
    else if (share >= 0 && share <= 100)
        least->share = share / 100;
    else
        hd_call_refuse(call, "--%s takes a size like 10MB or a percentage from 0 to 100, not %s", call->option->name,
                       call->value);
}

