/*
 * What json_reader.cc (parsing a line), json_walk.cc and json_values.cc (walking it) share. For these files only.
 */
#ifndef HD_DUMP_JSON_STATE_HH
#define HD_DUMP_JSON_STATE_HH

#include "dump/json_reader.h"

#include <simdjson.h>

/* A slot of the table that finds duplicate keys. */
struct hd_json_key_slot {
    uint64_t stamp; /* of the map that used this slot last */
    std::string_view key;
};

struct hd_json_reader {
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    hd_json_line line;
    bool strict;
    bool heap_known;
    uint64_t first, last; /* of the heap */

    /* the object that a continuation may continue */
    bool have_previous;
    uint64_t previous_id, previous_part;
    hd_bt previous_bt;

    /* of the walk under way */
    const hd_json_visitor *visitor;
    hd_error *err;
    hd_json_step steps[HD_JSON_DEPTH];
    size_t depth;
    uint64_t *inlined; /* the ids `inlined` has */
    size_t inlined_count, inlined_capacity;
    size_t inlined_used; /* texts met so far that need one */

    hd_json_key_slot *keys; /* for maps with many keys */
    size_t key_capacity;
    uint64_t key_stamp;
};

namespace hd_json {

namespace dom = simdjson::dom;
using std::string_view;

inline hd_json_text text_of(string_view view)
{
    return {view.data(), view.size()};
}

/* A text cut to what fits into a message. */
struct shown {
    char buffer[64];
    explicit shown(string_view view) { hd_json_text_format(text_of(view), buffer, sizeof buffer); }
};

inline bool bad(hd_error *err, const char *sentence)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%s", sentence);
}

inline bool is_digits(string_view view)
{
    if (view.empty())
        return false;
    for (char c : view)
        if (c < '0' || c > '9')
            return false;
    return true;
}

/* Digits without a leading zero, below 2^53. */
inline bool to_id(string_view view, uint64_t &id)
{
    if (!is_digits(view) || view.size() > 16 || (view[0] == '0' && view.size() > 1))
        return false;
    id = 0;
    for (char c : view)
        id = id * 10 + (uint64_t)(c - '0');
    return id < HD_JSON_ID_LIMIT;
}

} // namespace hd_json

#endif
