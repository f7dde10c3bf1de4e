/* See units.h. */
#include "base/units.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static double unit(const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},        {"B", 1},       {"k", 1e3},     {"kB", 1e3},         {"M", 1e6},
                 {"MB", 1e6},    {"G", 1e9},     {"GB", 1e9},    {"T", 1e12},         {"TB", 1e12},
                 {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1024.0 * (1 << 30)}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcasecmp(text, units[i].name))
            return units[i].bytes;
    return 0;
}

bool hd_units_bytes(const char *text, uint64_t *bytes)
{
    char *end = NULL;
    double number = strtod(text, &end);
    double size = unit(end + strspn(end, " "));
    if (!isdigit((unsigned char)text[0]) || size <= 0 || number * size >= 1e19)
        return false;
    *bytes = (uint64_t)(number * size);
    return true;
}

bool hd_units_share(const char *text, double *share)
{
    char *end = NULL;
    double percent = strtod(text, &end);
    if (end == text || strcmp(end + strspn(end, " "), "%") != 0 || !(percent >= 0 && percent <= 100))
        return false;
    *share = percent / 100;
    return true;
}
