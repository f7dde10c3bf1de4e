/*
 * `heap_dump layout` alone, without any table: what tools/layouts/build makes tables with. After a change of the list of
 * names the tables there are do not compile until they were made again.
 */
#include "cli/cli.h"
#include "ruby/layout.h"

#include <stddef.h>

const struct hd_layout *const *hd_layout_all(void)
{
    static const struct hd_layout *const none[] = {NULL};
    return none;
}

const struct hd_layout *hd_layout_find(const char *ruby, const char *build_id)
{
    (void)ruby;
    (void)build_id;
    return NULL;
}

const struct hd_layout_release *hd_layout_release(const struct hd_layout *layout, const char *ruby, const char *build_id)
{
    (void)ruby;
    (void)build_id;
    return layout->releases;
}

bool hd_layout_missing(const char *ruby, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "there is no layout table for Ruby %s here", ruby);
}

int main(int argc, char **argv)
{
    return argc > 1 ? hd_command_layout.run(argc - 1, argv + 1) : 2;
}
