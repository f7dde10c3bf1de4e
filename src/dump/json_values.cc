/*
 * Hands out everything that is in a parsed line, value by value, as JSON has it. See hd_json_reader_values in json_reader.h.
 */
#include "dump/json_state.hh"

using namespace hd_json;

namespace {

bool value_of(hd_json_reader *r, const hd_json_value_visitor *visitor, hd_json_value &value, dom::element element);

bool children_of(hd_json_reader *r, const hd_json_value_visitor *visitor, const hd_json_value &value, dom::element element)
{
    if (r->depth == HD_JSON_DEPTH)
        return bad(r->err, "it is nested too deeply");
    r->depth++;
    hd_json_value child = {};
    if (value.type == HD_JSON_MAP) {
        dom::object map = element.get_object().value_unsafe();
        for (auto at = map.begin(), end = map.end(); at != end; ++at) {
            child.name = text_of(at.key());
            if (!value_of(r, visitor, child, at.value()))
                return false;
        }
    } else {
        dom::array list = element.get_array().value_unsafe();
        for (dom::element item : list) {
            if (!value_of(r, visitor, child, item))
                return false;
            child.index++;
        }
    }
    r->depth--;
    return visitor->end(visitor->data, r->err);
}

/* `value` has its name or index. */
bool value_of(hd_json_reader *r, const hd_json_value_visitor *visitor, hd_json_value &value, dom::element element)
{
    bool is_true;
    string_view text;
    switch (element.type()) {
    case dom::element_type::ARRAY:
        value.type = HD_JSON_ARRAY;
        break;
    case dom::element_type::OBJECT:
        value.type = HD_JSON_MAP;
        break;
    case dom::element_type::INT64:
        value.type = HD_JSON_INTEGER;
        value.integer = element.get_int64().value_unsafe();
        break;
    case dom::element_type::UINT64: /* only what is beyond int64_t */
        value.type = HD_JSON_NATURAL;
        value.natural = element.get_uint64().value_unsafe();
        break;
    case dom::element_type::DOUBLE:
        value.type = HD_JSON_NUMBER;
        value.number = element.get_double().value_unsafe();
        break;
    case dom::element_type::STRING:
        value.type = HD_JSON_TEXT;
        text = element.get_string().value_unsafe();
        value.text = text_of(text);
        break;
    case dom::element_type::BOOL:
        value.type = HD_JSON_BOOL;
        is_true = element.get_bool().value_unsafe();
        value.integer = is_true;
        break;
    case dom::element_type::NULL_VALUE:
        value.type = HD_JSON_NULL;
        break;
    }
    if (!visitor->value(visitor->data, &value, r->err))
        return false;
    bool nested = value.type == HD_JSON_ARRAY || value.type == HD_JSON_MAP;
    return !nested || children_of(r, visitor, value, element);
}

} // namespace

bool hd_json_reader_values(struct hd_json_reader *r, const struct hd_json_value_visitor *visitor, struct hd_error *err)
{
    r->err = err;
    r->depth = 0;
    auto at = r->root.begin(), end = r->root.end();
    for (++at; at != end; ++at) {
        hd_json_value value = {};
        value.name = text_of(at.key());
        if (!value_of(r, visitor, value, at.value()))
            return false;
    }
    return true;
}
