/*
 * The built-in layout tables and the choice among them.
 *
 * Owns the list of tables. Must not read memory or files. Invariant: the list is sorted oldest release first, no
 * two tables share a release and platform, and a table is never offered for a release other than its own.
 */
#include "ruby/layout.h"

#include <string.h>

/* Each file defines one table and was written by `heap_dump layout`; see docs/layouts.md. */
#include "ruby/layouts/ruby_2_7_4.inc"
#include "ruby/layouts/ruby_3_1_2.inc"
#include "ruby/layouts/ruby_3_1_7.inc"
#include "ruby/layouts/ruby_3_3_8.inc"
#include "ruby/layouts/ruby_3_3_14.inc"
#include "ruby/layouts/ruby_3_4_11.inc"
#include "ruby/layouts/ruby_4_0_5.inc"

static const struct hd_layout *const tables[] = {
    &ruby_2_7_4,
    &ruby_3_1_2,
    &ruby_3_1_7,
    &ruby_3_3_8,
    &ruby_3_3_14,
    &ruby_3_4_11,
    &ruby_4_0_5,
    NULL,
};

static bool verified_with(const struct hd_layout *table, const char *build_id)
{
    for (const char *const *id = table->build_ids; *id; id++)
        if (strcmp(*id, build_id) == 0)
            return true;
    return false;
}

const struct hd_layout *hd_layout_find(const char *ruby, const char *build_id)
{
    for (size_t i = 0; build_id && tables[i]; i++)
        if (verified_with(tables[i], build_id))
            return tables[i];
    for (size_t i = 0; ruby && tables[i]; i++)
        if (strcmp(tables[i]->ruby, ruby) == 0)
            return tables[i];
    return NULL;
}

const struct hd_layout *const *hd_layout_all(void)
{
    return tables;
}
