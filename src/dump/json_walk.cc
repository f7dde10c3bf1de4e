/*
 * Walks a parsed line by FORMAT.md's grammar and reports its fields and references. See json_reader.h.
 *
 * Invariant: r->steps[0 .. r->depth) is the path to the value at hand. After an error the depth is not restored;
 * the next walk begins anew.
 */
#include "dump/json_state.hh"

#include <cstdlib>
#include <cstring>

using namespace hd_json;

namespace {

constexpr size_t few_keys = 24; /* up to so many keys, comparing all hashes is faster than a table */

/* Which values a line, a map or an array holds. */
enum class grammar {
    plain, /* an integer in the heap is a reference, a string is a description */
    ruby   /* FORMAT "Values": a string is a Symbol or an inlined String */
};

bool bad_key(hd_error *err, string_view key, const char *why)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the key \"%s\" %s", shown(key).buffer, why);
}

/* ---- keys ---- */

uint64_t hash_of(string_view key)
{
    uint64_t hash = key.size() * 0x9e3779b97f4a7c15u;
    const char *at = key.data();
    size_t left = key.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    uint64_t word = 0;
    memcpy(&word, at, left);
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

bool duplicate(hd_json_reader *r, string_view key)
{
    return bad_key(r->err, key, "appears twice in one map");
}

bool many_keys_differ(hd_json_reader *r, dom::object map, size_t count)
{
    if (count * 2 > r->key_capacity) {
        size_t capacity = 256;
        while (capacity < count * 2)
            capacity *= 2;
        free(r->keys);
        r->keys = (hd_json_key_slot *)calloc(capacity, sizeof *r->keys);
        r->key_capacity = r->keys ? capacity : 0;
        if (!r->keys)
            return hd_error_set(r->err, HD_ERROR_MEMORY, "out of memory for a map of %zu keys", count);
    }
    uint64_t stamp = ++r->key_stamp;
    for (auto at = map.begin(), end = map.end(); at != end; ++at) {
        string_view key = at.key();
        size_t slot = hash_of(key) & (r->key_capacity - 1);
        for (; r->keys[slot].stamp == stamp; slot = (slot + 1) & (r->key_capacity - 1))
            if (r->keys[slot].key == key)
                return duplicate(r, key);
        r->keys[slot] = {stamp, key};
    }
    return true;
}

bool keys_differ(hd_json_reader *r, dom::object map)
{
    uint64_t hashes[few_keys];
    size_t count = 0;
    for (auto at = map.begin(), end = map.end(); at != end; ++at) {
        if (count == few_keys) {
            /* size() is capped, so it is counted here. */
            for (; at != end; ++at)
                count++;
            return many_keys_differ(r, map, count);
        }
        string_view key = at.key();
        uint64_t hash = hash_of(key);
        for (size_t i = 0; i < count; i++) {
            if (hashes[i] != hash)
                continue;
            auto other = map.begin();
            for (size_t skip = 0; skip < i; skip++)
                ++other;
            if (other.key() == key)
                return duplicate(r, key);
        }
        hashes[count++] = hash;
    }
    return true;
}

bool plain_key(hd_json_reader *r, string_view key)
{
    return key.empty() || key[0] != '$' ||
           bad_key(r->err, key, "begins with $, which a document database takes for an operator: "
                                "it must have a \\ in front");
}

/* A name in a map, where `\` escapes `$` and `\`. */
bool name_key(hd_json_reader *r, string_view key)
{
    if (key.empty() || key[0] != '\\')
        return plain_key(r, key);
    return (key.size() > 1 && (key[1] == '$' || key[1] == '\\')) ||
           bad_key(r->err, key, "begins with a \\ that escapes nothing");
}

/* ---- references ---- */

bool push(hd_json_reader *r, string_view name)
{
    if (r->depth == HD_JSON_DEPTH)
        return bad(r->err, "it is nested too deeply");
    r->steps[r->depth++] = {text_of(name), 0};
    return true;
}

bool push(hd_json_reader *r, uint64_t index)
{
    if (r->depth == HD_JSON_DEPTH)
        return bad(r->err, "it is nested too deeply");
    r->steps[r->depth++] = {{nullptr, 0}, index};
    return true;
}

bool in_heap(const hd_json_reader *r, uint64_t value)
{
    return value >= r->first && value <= r->last && r->heap_known;
}

bool report(hd_json_reader *r, uint64_t id, bool is_key, hd_json_text text)
{
    hd_json_reference reference = {id, r->steps, r->depth, is_key, text};
    return !r->visitor->reference || r->visitor->reference(r->visitor->data, &reference, r->err);
}

bool integer(hd_json_reader *r, uint64_t value)
{
    return !in_heap(r, value) || report(r, value, false, {nullptr, 0});
}

/* A text that stands for a String; its id is the next one of `inlined`. */
bool inlined_string(hd_json_reader *r, string_view text, bool is_key)
{
    size_t at = r->inlined_used++;
    if (at >= r->inlined_count) /* reported with both counts when the line has been walked */
        return true;
    return report(r, r->inlined[at], is_key, text_of(text));
}

bool ruby_string(hd_json_reader *r, string_view text)
{
    if (text.empty() || (text[0] != ':' && text[0] != '\\'))
        return inlined_string(r, text, false);
    if (text[0] == ':')
        return true; /* a Symbol */
    if (text.size() > 1 && (text[1] == ':' || text[1] == '\\'))
        return inlined_string(r, text.substr(1), false);
    return hd_error_set(r->err, HD_ERROR_BAD_DUMP, "the value \"%s\" begins with a \\ that escapes nothing",
                        shown(text).buffer);
}

/* The object of a value that JSON has no other way to say. */
bool wrapper(hd_json_reader *r, dom::object map)
{
    auto at = map.begin();
    if (at != map.end()) {
        string_view key = at.key();
        dom::element value = at.value();
        if (++at == map.end()) {
            if (key == "fix" && (value.is_int64() || value.is_uint64()))
                return true;
            string_view name;
            if (key == "float" && value.get(name) == simdjson::SUCCESS &&
                (name == "NaN" || name == "Infinity" || name == "-Infinity"))
                return true;
            if (key == "unreadable" && value.get(name) == simdjson::SUCCESS && is_digits(name))
                return true;
            bool is_true;
            if (key == "undef" && value.get(is_true) == simdjson::SUCCESS && is_true)
                return true;
        }
        return hd_error_set(r->err, HD_ERROR_BAD_DUMP,
                            "an object with the key \"%s\" stands where a value belongs: only {\"fix\":N}, "
                            "{\"float\":…}, {\"undef\":true} and {\"unreadable\":…} may", shown(key).buffer);
    }
    return bad(r->err, "an empty object stands where a value belongs");
}

/* A value by FORMAT "Values". */
bool ruby_value(hd_json_reader *r, dom::element value)
{
    switch (value.type()) {
    case dom::element_type::INT64: {
        int64_t number = value.get_int64().value_unsafe();
        return number < 0 || integer(r, (uint64_t)number);
    }
    case dom::element_type::STRING:
        return ruby_string(r, value.get_string().value_unsafe());
    case dom::element_type::ARRAY:
        return bad(r->err, "an array stands where a value belongs (an Array there is written as its id)");
    case dom::element_type::OBJECT:
        return wrapper(r, value.get_object().value_unsafe());
    default: /* null, true, false, floats, integers beyond every address */
        return true;
    }
}

/* "#<…>": a key that is neither String, Symbol nor Fixnum. */
bool object_key(hd_json_reader *r, string_view key)
{
    uint64_t id;
    if (key.size() < 4 || key[1] != '<' || key.back() != '>')
        return bad_key(r->err, key, "begins with # but is not \"#<ID>\": a string key must have a \\ in front");
    string_view inner = key.substr(2, key.size() - 3);
    if (is_digits(inner))
        return to_id(inner, id) && in_heap(r, id) ? report(r, id, true, {nullptr, 0})
                                                  : bad_key(r->err, key, "names an object outside the heap");
    if (inner == "nil" || inner == "true" || inner == "false")
        return true;
    if (inner.substr(0, 11) == "unreadable " && is_digits(inner.substr(11)))
        return true;
    bool is_float = inner.find_first_of(".eE") != string_view::npos;
    return (is_float && inner.find_first_not_of("0123456789+-.eE") == string_view::npos) ||
           bad_key(r->err, key, "is neither the id of an object nor nil, true, false or a Float");
}

/* A key of a Hash: its references and whether it is a key at all. */
bool hash_key(hd_json_reader *r, string_view key)
{
    if (key.empty())
        return inlined_string(r, key, true);
    switch (key[0]) {
    case ':':
        return true;
    case '$':
        return plain_key(r, key);
    case '\\':
        if (key.size() > 1 && (strchr(":\\#$-", key[1]) ? key[1] != 0 : key[1] >= '0' && key[1] <= '9'))
            return inlined_string(r, key.substr(1), true);
        return bad_key(r->err, key, "begins with a \\ that escapes nothing");
    case '#':
        return object_key(r, key);
    default:
        if (key[0] != '-' && (key[0] < '0' || key[0] > '9'))
            return inlined_string(r, key, true);
        return is_digits(key.substr(key[0] == '-')) ||
               bad_key(r->err, key, "begins like an integer but is none: a string key must have a \\ in front");
    }
}

bool plain_value(hd_json_reader *r, dom::element value);

bool map_of(hd_json_reader *r, dom::object map, grammar grammar, bool is_hash)
{
    if (r->strict && !keys_differ(r, map))
        return false;
    for (auto at = map.begin(), end = map.end(); at != end; ++at) {
        string_view key = at.key();
        if (!push(r, key))
            return false;
        if (is_hash ? !hash_key(r, key) : !name_key(r, key))
            return false;
        if (grammar == grammar::ruby ? !ruby_value(r, at.value()) : !plain_value(r, at.value()))
            return false;
        r->depth--;
    }
    return true;
}

bool array_of(hd_json_reader *r, dom::array array, grammar grammar)
{
    uint64_t index = 0;
    for (dom::element value : array) {
        if (!push(r, index++))
            return false;
        if (grammar == grammar::ruby ? !ruby_value(r, value) : !plain_value(r, value))
            return false;
        r->depth--;
    }
    return true;
}

bool is_ruby_field(string_view name)
{
    switch (name.size()) {
    case 3:
        return name == "ivs";
    case 5:
        return name == "cvars" || name == "stack";
    case 6:
        return name == "consts" || name == "locals";
    case 7:
        return name == "members";
    case 11:
        return name == "generic_ivs";
    case 16:
        return name == "global_variables";
    default:
        return false;
    }
}

/* The value of a field of a record: of the line itself, of a frame, … */
bool record_field(hd_json_reader *r, string_view name, dom::element value, bool top)
{
    bool val = top && name == "val" && (r->line.bt == HD_BT_T_ARRAY || r->line.bt == HD_BT_T_HASH);
    dom::object map;
    dom::array array;
    if (val || is_ruby_field(name)) {
        if (value.get(map) == simdjson::SUCCESS)
            return map_of(r, map, grammar::ruby, val);
        if (value.get(array) == simdjson::SUCCESS)
            return array_of(r, array, grammar::ruby);
    } else if (name == "methods" && value.get(map) == simdjson::SUCCESS)
        return map_of(r, map, grammar::plain, false);
    return plain_value(r, value);
}

bool record(hd_json_reader *r, dom::object map)
{
    if (r->strict && !keys_differ(r, map))
        return false;
    for (auto at = map.begin(), end = map.end(); at != end; ++at) {
        string_view key = at.key();
        if (!plain_key(r, key))
            return false;
        if (key == "fix") /* {"fix":N}: an integer that is no reference */
            continue;
        if (!push(r, key))
            return false;
        if (!record_field(r, key, at.value(), false))
            return false;
        r->depth--;
    }
    return true;
}

bool plain_value(hd_json_reader *r, dom::element value)
{
    switch (value.type()) {
    case dom::element_type::INT64: {
        int64_t number = value.get_int64().value_unsafe();
        return number < 0 || integer(r, (uint64_t)number);
    }
    case dom::element_type::ARRAY:
        return array_of(r, value.get_array().value_unsafe(), grammar::plain);
    case dom::element_type::OBJECT:
        return record(r, value.get_object().value_unsafe());
    default:
        return true;
    }
}

/* ---- a line ---- */

bool read_inlined(hd_json_reader *r)
{
    r->inlined_count = r->inlined_used = 0;
    dom::element value;
    if (r->root.at_key("inlined").get(value) != simdjson::SUCCESS)
        return true;
    dom::array ids;
    if (value.get(ids) != simdjson::SUCCESS)
        return bad(r->err, "`inlined` is not an array of ids");
    for (dom::element element : ids) {
        if (r->inlined_count == r->inlined_capacity) {
            size_t capacity = r->inlined_capacity ? r->inlined_capacity * 2 : 1024;
            void *grown = realloc(r->inlined, capacity * sizeof *r->inlined);
            if (!grown)
                return hd_error_set(r->err, HD_ERROR_MEMORY, "out of memory for inlined strings");
            r->inlined = (uint64_t *)grown;
            r->inlined_capacity = capacity;
        }
        uint64_t id;
        if (element.get(id) != simdjson::SUCCESS || !in_heap(r, id))
            return hd_error_set(r->err, HD_ERROR_BAD_DUMP, "`inlined`[%zu] is not an id inside the heap",
                                r->inlined_count);
        r->inlined[r->inlined_count++] = id;
    }
    return true;
}

bool report_field(hd_json_reader *r, string_view name, dom::element value)
{
    if (!r->visitor->field)
        return true;
    hd_json_field field = {};
    field.name = text_of(name);
    switch (value.type()) {
    case dom::element_type::ARRAY:
        field.type = HD_JSON_ARRAY;
        field.elements = value.get_array().value_unsafe().size();
        break;
    case dom::element_type::OBJECT:
        field.type = HD_JSON_MAP;
        field.elements = value.get_object().value_unsafe().size();
        break;
    case dom::element_type::INT64:
        field.type = HD_JSON_INTEGER;
        field.integer = value.get_int64().value_unsafe();
        break;
    case dom::element_type::UINT64:
        field.type = HD_JSON_NUMBER;
        field.number = (double)value.get_uint64().value_unsafe();
        break;
    case dom::element_type::DOUBLE:
        field.type = HD_JSON_NUMBER;
        field.number = value.get_double().value_unsafe();
        break;
    case dom::element_type::STRING:
        field.type = HD_JSON_TEXT;
        field.text = text_of(value.get_string().value_unsafe());
        break;
    case dom::element_type::BOOL:
        field.type = HD_JSON_BOOL;
        field.integer = value.get_bool().value_unsafe();
        break;
    case dom::element_type::NULL_VALUE:
        field.type = HD_JSON_NULL;
        break;
    }
    return r->visitor->field(r->visitor->data, &field, r->err);
}

bool walk_line(hd_json_reader *r)
{
    bool references = r->line.kind != HD_JSON_LINE_DUMP && r->line.kind != HD_JSON_LINE_END;
    if (r->strict && !keys_differ(r, r->root))
        return false;
    if (references && !read_inlined(r))
        return false;
    auto at = r->root.begin(), end = r->root.end();
    for (++at; at != end; ++at) {
        string_view key = at.key();
        dom::element value = at.value();
        if (!plain_key(r, key) || !report_field(r, key, value))
            return false;
        if (!references || key == "continues" || key == "inlined" || key == "fix")
            continue;
        if (!push(r, key) || !record_field(r, key, value, true))
            return false;
        r->depth--;
    }
    if (references && r->inlined_used != r->inlined_count)
        return hd_error_set(r->err, HD_ERROR_BAD_DUMP,
                            "it writes out %zu strings but `inlined` has %zu ids, so they cannot be matched",
                            r->inlined_used, r->inlined_count);
    return true;
}

} // namespace

bool hd_json_reader_walk(struct hd_json_reader *r, const struct hd_json_visitor *visitor, struct hd_error *err)
{
    r->visitor = visitor;
    r->err = err;
    r->depth = 0;
    return walk_line(r);
}
