/*
 * An object as a page of its own: what is in it by name, who refers to it, what it retains, where it comes from.
 *
 * Owns how a line of the dump becomes fields, facts and contents, and all of it as JSON. Works on lines of our dumps;
 * of ObjectSpace's the references have no names and come from the graph. A damaged line only ends early.
 */
#ifndef HD_VIEW_PROFILE_H
#define HD_VIEW_PROFILE_H

#include "view/object.h"

struct hd_profile_request {
    uint64_t offset; /* of the fields */
    uint64_t limit;  /* fields, and referrers from the first on */
    uint32_t steps;  /* of the path to it */
    uint32_t group;  /* in the tree; HD_NODE_NONE */
};

/* One object, and a line's end. False and *err if memory ran out. */
bool hd_profile_json(FILE *file, struct hd_open *open, const struct hd_view_object *view,
                     const struct hd_profile_request *request, struct hd_error *err);

/* `{"total":N,"offset":N,"rows":[…]}`, without the braces. */
void hd_profile_json_referrers(FILE *file, const struct hd_view_object *view, uint64_t offset, uint64_t limit);

/* --- the parts, in files of their own --- */

/* `"facts":[…],"contents":…,"source":…,"fields":{…}` */
void hd_profile_json_line(FILE *file, const struct hd_view_object *view, const struct hd_profile_request *request);

/* `"retains":{…}` */
bool hd_profile_json_retains(FILE *file, struct hd_open *open, uint32_t node, struct hd_error *err);

#endif
