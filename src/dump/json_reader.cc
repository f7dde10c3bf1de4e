/*
 * Parses dump lines with simdjson's DOM: a line is validated as a whole (syntax, UTF-8) before anything is looked
 * at. See json_reader.h; json_walk.cc and json_values.cc walk what was parsed.
 *
 * These files are the only C++ of the project, compiled without exceptions and RTTI; nothing of C++ is visible
 * outside.
 */
#include "dump/json_state.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

using namespace hd_json;

static_assert(HD_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "lines must be padded as simdjson wants it");

namespace {

constexpr size_t first_capacity = 4096; /* of the parser; grows with the longest line */

hd_bt to_bt(string_view name)
{
    return name.substr(0, 2) == "T_" ? hd_bt_named({name.data() + 2, name.size() - 2}) : HD_BT_NONE;
}

bool parse_heap(hd_json_reader *r, hd_error *err)
{
    dom::array heap;
    uint64_t bounds[3] = {0, 0, 0};
    size_t count = 0;
    if (r->root.at_key("heap").get(heap) == simdjson::SUCCESS)
        for (dom::element bound : heap)
            if (count == 3 || bound.get(bounds[count++]) != simdjson::SUCCESS)
                break;
    if (count != 2 || bounds[0] > bounds[1] || bounds[0] == 0 || bounds[1] >= HD_JSON_ID_LIMIT)
        return bad(err, "`heap` is not [LO,HI], the first and the last address of the heap (below 2^53)");
    r->line.heap[0] = r->first = bounds[0];
    r->line.heap[1] = r->last = bounds[1];
    r->heap_known = true;
    return true;
}

/* "N+k" or "_ROOTS_+k": must go on with the line before it. */
bool parse_continuation(hd_json_reader *r, string_view name, hd_error *err)
{
    hd_json_line *line = &r->line;
    size_t plus = name.rfind('+');
    bool roots = name.substr(0, plus) == "_ROOTS_";
    if (!to_id(name.substr(plus + 1), line->part) || (!roots && !to_id(name.substr(0, plus), line->id)))
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its id \"%s\" is none that a dump has", shown(name).buffer);
    line->kind = HD_JSON_LINE_CONTINUATION;
    dom::element continues;
    uint64_t id;
    string_view text;
    if (r->root.at_key("continues").get(continues) != simdjson::SUCCESS ||
        (roots ? continues.get(text) != simdjson::SUCCESS || text != "_ROOTS_"
               : continues.get(id) != simdjson::SUCCESS || id != line->id))
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its `continues` is not that of its id \"%s\"",
                            shown(name).buffer);
    if (!r->have_previous || r->previous_id != line->id || r->previous_part + 1 != line->part)
        return hd_error_set(err, HD_ERROR_BAD_DUMP,
                            "\"%s\" does not directly follow the line that it continues", shown(name).buffer);
    if (r->root.at_key("offset").get(line->offset) != simdjson::SUCCESS)
        return bad(err, "a continuation without `offset`");
    line->bt = r->previous_bt;
    return true;
}

bool parse_named(hd_json_reader *r, string_view name, hd_error *err)
{
    if (name == "_DUMP_") {
        r->line.kind = HD_JSON_LINE_DUMP;
        return parse_heap(r, err);
    }
    if (name == "_ROOTS_")
        r->line.kind = HD_JSON_LINE_ROOTS;
    else if (name == "_END_")
        r->line.kind = HD_JSON_LINE_END;
    else if (name.find('+') != string_view::npos)
        return parse_continuation(r, name, err);
    else
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its id \"%s\" is none that a dump has", shown(name).buffer);
    return true;
}

bool parse_object(hd_json_reader *r, dom::element id, hd_error *err)
{
    r->line.kind = HD_JSON_LINE_OBJECT;
    if (id.get(r->line.id) != simdjson::SUCCESS || r->line.id >= HD_JSON_ID_LIMIT)
        return bad(err, "its id is not an address below 2^53");
    string_view bt;
    if (r->root.at_key("bt").get(bt) != simdjson::SUCCESS)
        return bad(err, "an object without `bt`, its builtin type");
    r->line.bt = to_bt(bt);
    if (r->line.bt == HD_BT_NONE)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "its bt \"%s\" is no builtin type of Ruby", shown(bt).buffer);
    return true;
}

/*
 * simdjson takes an escaped low surrogate that stands alone and makes bytes of it that are not UTF-8. Only lines
 * with such an escape are looked at again.
 */
bool escapes_are_text(dom::element element)
{
    dom::object map;
    dom::array array;
    string_view text;
    if (element.get(text) == simdjson::SUCCESS)
        return simdjson::validate_utf8(text);
    if (element.get(array) == simdjson::SUCCESS) {
        for (dom::element inner : array)
            if (!escapes_are_text(inner))
                return false;
    } else if (element.get(map) == simdjson::SUCCESS) {
        for (auto field : map)
            if (!simdjson::validate_utf8(field.key) || !escapes_are_text(field.value))
                return false;
    }
    return true;
}

bool has_surrogate_escape(const char *text, size_t length)
{
    /* Most lines have no escape at all, which memchr says fastest. */
    const char *end = text + length, *at = text;
    while ((at = (const char *)memchr(at, '\\', (size_t)(end - at)))) {
        if (end - at > 2 && at[1] == 'u' && (at[2] == 'd' || at[2] == 'D'))
            return true;
        at += end - at > 1 ? 2 : 1;
    }
    return false;
}

bool reserve(hd_json_reader *r, size_t length)
{
    size_t capacity = r->parser.capacity();
    if (capacity >= length && capacity > 0)
        return true;
    if (capacity < first_capacity)
        capacity = first_capacity;
    while (capacity < length)
        capacity *= 2;
    return r->parser.allocate(capacity, r->parser.max_depth()) == simdjson::SUCCESS;
}

const char *explain(simdjson::error_code code)
{
    switch (code) {
    case simdjson::UTF8_ERROR:
        return "it is not valid UTF-8";
    case simdjson::UNESCAPED_CHARS:
        return "a string has a control character that is not escaped";
    case simdjson::UNCLOSED_STRING:
        return "a string does not end";
    case simdjson::STRING_ERROR:
        return "a string has an escape that JSON does not know";
    case simdjson::NUMBER_ERROR:
        return "a number is malformed or too big";
    case simdjson::DEPTH_ERROR:
        return "it is nested too deeply";
    default:
        return "it is not valid JSON";
    }
}

bool parse_json(hd_json_reader *r, const char *text, size_t length, dom::element &id, hd_error *err)
{
    static const char begin[] = "{\"id\":";
    if (length < sizeof begin - 1 || memcmp(text, begin, sizeof begin - 1) != 0)
        return bad(err, "it does not begin with {\"id\":");
    if (!reserve(r, length))
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for a line of %zu bytes", length);
    dom::element element;
    simdjson::error_code code = r->parser.parse(text, length, false).get(element);
    if (code == simdjson::MEMALLOC)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for a line of %zu bytes", length);
    if (code != simdjson::SUCCESS)
        return bad(err, explain(code));
    if (has_surrogate_escape(text, length) && !escapes_are_text(element))
        return bad(err, "a string has half of a surrogate pair");
    if (element.get(r->root) != simdjson::SUCCESS || r->root.begin() == r->root.end() || r->root.begin().key() != "id")
        return bad(err, "it is not an object whose first key is \"id\"");
    id = r->root.begin().value();
    return true;
}

} // namespace

struct hd_json_reader *hd_json_reader_create(bool strict)
{
    hd_json_reader *r = new (std::nothrow) hd_json_reader();
    if (r)
        r->strict = strict;
    return r;
}

void hd_json_reader_destroy(struct hd_json_reader *r)
{
    if (!r)
        return;
    free(r->inlined);
    free(r->keys);
    delete r;
}

bool hd_json_reader_parse(struct hd_json_reader *r, const char *text, size_t length, struct hd_json_line *line,
                          struct hd_error *err)
{
    r->line = {};
    r->root = {};
    dom::element id;
    if (!parse_json(r, text, length, id, err))
        return false;
    string_view name;
    if (id.get(name) == simdjson::SUCCESS ? !parse_named(r, name, err) : !parse_object(r, id, err))
        return false;
    r->have_previous = r->line.kind != HD_JSON_LINE_DUMP && r->line.kind != HD_JSON_LINE_END;
    r->previous_id = r->line.id;
    r->previous_part = r->line.part;
    r->previous_bt = r->line.bt;
    *line = r->line;
    return true;
}

const char *hd_json_reader_library(char *buffer, size_t size)
{
    snprintf(buffer, size, "simdjson %s %s", SIMDJSON_STRINGIFY(SIMDJSON_VERSION),
             simdjson::get_active_implementation()->name().c_str());
    return buffer;
}
