/*
 * The built-in layout tables and the choice among them.
 *
 * Owns the list of tables. Must not read memory or files. Invariant: the list is sorted oldest release first, no
 * two tables share a release and platform, and a table is never offered for a release that it does not name.
 */
#include "ruby/layout.h"

#include <stdio.h>
#include <string.h>

/* Each file defines one table and was written by `heap_dump layout`; see docs/layouts.md. */
#include "ruby/layouts/ruby_2_7_4.inc"
#include "ruby/layouts/ruby_3_1_2.inc"
#include "ruby/layouts/ruby_3_1_7.inc"
#include "ruby/layouts/ruby_3_2_0.inc"
#include "ruby/layouts/ruby_3_2_3.inc"
#include "ruby/layouts/ruby_3_2_4.inc"
#include "ruby/layouts/ruby_3_3_0.inc"
#include "ruby/layouts/ruby_3_4_0.inc"
#include "ruby/layouts/ruby_3_4_11.inc"
#include "ruby/layouts/ruby_4_0_0.inc"
#include "ruby/layouts/ruby_4_0_4.inc"

static const struct hd_layout *const tables[] = {
    &ruby_2_7_4,
    &ruby_3_1_2,
    &ruby_3_1_7,
    &ruby_3_2_0,
    &ruby_3_2_3,
    &ruby_3_2_4,
    &ruby_3_3_0,
    &ruby_3_4_0,
    &ruby_3_4_11,
    &ruby_4_0_0,
    &ruby_4_0_4,
    NULL,
};

static const struct hd_layout_release *release_by_build_id(const struct hd_layout *table, const char *build_id)
{
    for (const struct hd_layout_release *release = table->releases; build_id && release->ruby; release++)
        for (const char *const *id = release->build_ids; *id; id++)
            if (strcmp(*id, build_id) == 0)
                return release;
    return NULL;
}

static const struct hd_layout_release *release_by_name(const struct hd_layout *table, const char *ruby)
{
    for (const struct hd_layout_release *release = table->releases; ruby && release->ruby; release++)
        if (strcmp(release->ruby, ruby) == 0)
            return release;
    return NULL;
}

const struct hd_layout *hd_layout_find(const char *ruby, const char *build_id)
{
    for (size_t i = 0; tables[i]; i++)
        if (release_by_build_id(tables[i], build_id))
            return tables[i];
    for (size_t i = 0; tables[i]; i++)
        if (release_by_name(tables[i], ruby))
            return tables[i];
    return NULL;
}

const struct hd_layout_release *hd_layout_release(const struct hd_layout *layout, const char *ruby, const char *build_id)
{
    const struct hd_layout_release *release = release_by_build_id(layout, build_id);
    if (!release)
        release = release_by_name(layout, ruby);
    return release ? release : layout->releases;
}

/* "3.4.12" and "3.4.9" are of one series. */
static bool same_series(const char *a, const char *b)
{
    const char *last = strrchr(a, '.');
    return last && !strncmp(a, b, (size_t)(last - a) + 1);
}

bool hd_layout_missing(const char *ruby, struct hd_error *err)
{
    char known[160] = "";
    for (size_t i = 0; tables[i]; i++)
        if (same_series(ruby, tables[i]->releases->ruby)) {
            size_t length = strlen(known);
            snprintf(known + length, sizeof known - length, "%s%s", length ? ", " : "", tables[i]->ruby);
        }
    if (*known)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "there is no layout table for Ruby %.60s, only for %s, and patch releases differ: "
                            "a newer heap_dump may have it, docs/layouts.md says how to make it; until then load the gem into the process", ruby, known);
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "there is no layout table for Ruby %.60s (`heap_dump layout --list` shows those there are): "
                        "load the gem into the process, or make a table as docs/layouts.md says", ruby);
}

const struct hd_layout *const *hd_layout_all(void)
{
    return tables;
}
