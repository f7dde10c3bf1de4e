/*
 * What a T_DATA wraps: whether it has a type, where its C struct is, and what the type is called.
 *
 * include/ruby/internal/core/rtypeddata.h. Up to 3.4 a word of the slot tells RTypedData from RData, since 4.0 a flag. Since 3.3
 * the struct may lie in the slot itself: the word says so up to 3.4, the lowest bit of the pointer to the type since 4.0.
 */
#include "ruby/typed_data.h"

enum { NAME_MAX_BYTES = 256 };

struct hd_typed_data hd_typed_data_of(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    bool by_flag = hd_layout_has(l->k_RUBY_TYPED_FL_IS_TYPED_DATA);
    uint64_t word = hd_word(object, by_flag ? l->data_type : l->data_flag);
    struct hd_typed_data data = {0};
    data.typed = by_flag ? hd_flag(hd_word(object, 0), l->k_RUBY_TYPED_FL_IS_TYPED_DATA) : word && word <= 3;
    if (!data.typed) {
        data.addr = hd_word(object, l->data_untyped_data);
        return data;
    }
    data.type = hd_word(object, l->data_type) & ~1ull; /* 3.4 keeps a flag there, too */
    data.embedded = hd_flag(word, l->k_TYPED_DATA_EMBEDDED);
    data.addr = data.embedded ? addr + (uint64_t)l->data_data : hd_word(object, l->data_data);
    return data;
}

struct hd_text hd_typed_data_name(const struct hd_vm *vm, const struct hd_typed_data *data)
{
    struct hd_text name = {0};
    if (!data->type)
        return name;
    uint64_t text = hd_memory_u64(vm->memory, data->type + (uint64_t)vm->layout->data_type_name);
    int64_t length = hd_memory_cstring(vm->memory, text, NAME_MAX_BYTES, &name.data);
    name.length = length > 0 ? (uint64_t)length : 0;
    return name;
}

bool hd_typed_data_named(const struct hd_vm *vm, const struct hd_typed_data *data, const char *name)
{
    struct hd_text found = hd_typed_data_name(vm, data);
    return found.data && found.length == strlen(name) && !memcmp(found.data, name, found.length);
}
