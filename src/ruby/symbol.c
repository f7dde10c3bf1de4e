/*
 * Symbols: ID -> name, and the contents of strings and arrays, which symbol tables are made of.
 *
 * symbol.c: ruby_global_symbols.ids is an Array of Arrays of (String, Symbol) pairs, ID_ENTRY_UNIT pairs each,
 * indexed by the ID's serial number. The struct has no exported symbol, so libruby's data is searched for the
 * word sequence that validates: a serial, an Array whose elements are Arrays that belong to no class, a Hash (since 4.0 a T_DATA).
 */
#include "ruby/vm.h"

#include "dump/text.h"

enum { ENTRY_SIZE = 2, SERIAL_MAX = 1 << 28 };
static const uint64_t ELEMENTS_MAX = 1ull << 40;

bool hd_string_text(const struct hd_vm *vm, const uint8_t *string, uint64_t addr, struct hd_text *text)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(string, 0);
    bool outside = hd_flag(flags, l->k_RSTRING_NOEMBED);
    if (hd_layout_has(l->string_len_common))
        text->length = hd_word(string, l->string_len_common);
    else if (outside)
        text->length = hd_word(string, l->string_len);
    else if (hd_layout_has(l->string_embed_len))
        text->length = (uint64_t)(uint16_t)hd_half(string, l->string_embed_len);
    else
        text->length = (flags & (uint64_t)l->k_RSTRING_EMBED_LEN_MASK) >> l->k_RSTRING_EMBED_LEN_SHIFT;
    if (!outside) {
        const struct hd_page *page = hd_vm_page(vm, addr);
        text->data = (const char *)string + l->string_embed;
        return page && text->length <= page->slot_size - (uint64_t)l->string_embed;
    }
    if (!text->length) {
        text->data = "";
        return true;
    }
    /* Many may share the end of a huge one: that its bytes are there is not yet looking at each of them, which is quick, too. */
    enum { TIMES_QUICKER = 16 };
    uint64_t looked = vm->memory->looked;
    text->data = (const char *)hd_memory_at(vm->memory, hd_word(string, l->string_ptr), text->length);
    if (text->data)
        vm->memory->looked = looked + sizeof looked + text->length / TIMES_QUICKER;
    return text->data != NULL;
}

/* `count` values at `place`, or in the slot at `embedded` where that is not absent; *count becomes 0 where they cannot be. */
static const uint8_t *values_at(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, int64_t embedded, uint64_t place, uint64_t *count)
{
    const uint8_t *values = NULL;
    if (hd_layout_has(embedded))
        values = *count <= hd_vm_room(vm, addr, embedded) / 8 ? object + embedded : NULL;
    else if (*count && *count <= ELEMENTS_MAX)
        values = hd_memory_at(vm->memory, place, 8 * *count);
    if (!values)
        *count = 0;
    return values;
}

const uint8_t *hd_array_elements(const struct hd_vm *vm, const uint8_t *array, uint64_t addr, uint64_t *count)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(array, 0);
    bool embedded = hd_flag(flags, l->k_RARRAY_EMBED_FLAG);
    *count = embedded ? (flags & (uint64_t)l->k_RARRAY_EMBED_LEN_MASK) >> l->k_RARRAY_EMBED_LEN_SHIFT : hd_word(array, l->array_len);
    return values_at(vm, array, addr, embedded ? l->array_ary : HD_ABSENT, hd_word(array, l->array_ptr), count);
}

const uint8_t *hd_struct_members(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *count)
{
    const struct hd_layout *l = vm->layout;
    *count = (hd_word(object, 0) & (uint64_t)l->k_RSTRUCT_EMBED_LEN_MASK) >> l->k_RSTRUCT_EMBED_LEN_SHIFT;
    if (*count)
        return values_at(vm, object, addr, l->struct_ary, 0, count);
    *count = hd_word(object, l->struct_len);
    return values_at(vm, object, addr, HD_ABSENT, hd_word(object, l->struct_ptr), count);
}

static uint64_t symbols_of_block(const struct hd_vm *vm)
{
    return hd_layout_has(vm->layout->k_ID_ENTRY_UNIT) ? (uint64_t)vm->layout->k_ID_ENTRY_UNIT : 512;
}

static bool symbols_validate(struct hd_vm *vm, uint64_t addr, void *data)
{
    const struct hd_layout *l = vm->layout;
    const uint8_t *word = hd_memory_at(vm->memory, addr, 32);
    if (!word)
        return false;
    uint32_t last = hd_half(word, l->symbols_last_id);
    if (last < 200 || last > SERIAL_MAX)
        return false;
    const uint8_t *ids = hd_vm_object_of(vm, hd_word(word, l->symbols_ids), HD_T_ARRAY);
    if (!ids || hd_word(ids, 8))
        return false;
    bool set = !hd_layout_has(l->symbols_dsymbol_hash); /* since 4.0 the Symbols are in a VM/concurrent_set */
    if (set ? !hd_vm_object_of(vm, hd_word(word, l->symbols_str), HD_T_DATA) : !hd_vm_object_of(vm, hd_word(word, l->symbols_dsymbol_hash), HD_T_HASH))
        return false;
    uint64_t count, first_count;
    const uint8_t *elements = hd_array_elements(vm, ids, hd_word(word, l->symbols_ids), &count);
    const uint8_t *first = count ? hd_vm_object_of(vm, hd_word(elements, 0), HD_T_ARRAY) : NULL;
    if (!first || !hd_array_elements(vm, first, hd_word(elements, 0), &first_count) || first_count < 100)
        return false;
    /* symbol.c, set_id_entry: a block is added with its first number; a moment before, there is one block less */
    uint64_t block = last / symbols_of_block(vm);
    if (block + 1 < count || block > count)
        return false;
    *(uint64_t *)data = addr;
    return true;
}

static void names_read(struct hd_vm *vm, const uint8_t *elements, uint64_t count)
{
    uint64_t unit = symbols_of_block(vm);
    for (uint64_t i = 0; i < count && i * unit < vm->symbol_count; i++) {
        uint64_t list = hd_word(elements, 8 * (int64_t)i), entries = 0;
        const uint8_t *block = hd_vm_object_of(vm, list, HD_T_ARRAY);
        const uint8_t *pairs = block ? hd_array_elements(vm, block, list, &entries) : NULL;
        for (uint64_t k = 0; pairs && k * ENTRY_SIZE < entries && k < unit; k++) {
            uint64_t serial = i * unit + k, addr = hd_word(pairs, 8 * (int64_t)(k * ENTRY_SIZE));
            const uint8_t *string = hd_vm_object_of(vm, addr, HD_T_STRING);
            struct hd_text text;
            if (string && serial < vm->symbol_count && hd_string_text(vm, string, addr, &text) && text.length <= HD_NAME_BYTES)
                vm->symbol_names[serial] = text;
            uint64_t symbol = (k + 1) * ENTRY_SIZE <= entries ? hd_word(pairs, 8 * (int64_t)(k * ENTRY_SIZE + 1)) : 0;
            if (serial < vm->symbol_count)
                vm->symbol_dynamic[serial] = hd_vm_object_of(vm, symbol, HD_T_SYMBOL) != NULL;
        }
    }
}

/*
 * No two symbols have the same name, but for encodings: where damage has made two of one, the second has none, or a map might have the
 * same key twice.
 */
static void names_part(struct hd_vm *vm)
{
    struct hd_map known;
    uint64_t count = 0;
    for (uint64_t serial = 0; serial < vm->symbol_count; serial++)
        count += vm->symbol_names[serial].data != NULL;
    struct hd_arena room = {0};
    bool good = hd_map_init(&known, &room, count);
    for (uint64_t serial = 0; good && serial < vm->symbol_count; serial++) {
        struct hd_text *text = &vm->symbol_names[serial];
        uint64_t other, hash = text->data && hd_text_is_ascii(text->data, text->length) ? hd_text_keyed_hash(vm->hash_key, text->data, text->length) : 0;
        if (!hash)
            continue;
        if (!hd_map_get(&known, hash, &other)) {
            hd_map_set(&known, hash, serial);
            continue;
        }
        const struct hd_text *first = &vm->symbol_names[other];
        if (first->length == text->length && !memcmp(first->data, text->data, text->length))
            *text = (struct hd_text){0};
    }
    hd_arena_deinit(&room);
}

/*
 * Before 3.3 a class keeps its path in hidden instance variables; their IDs are the serial with the scope bits
 * of the name, which are found by trying them on Object.
 */
static void hidden_ids_find(struct hd_vm *vm)
{
    if (hd_layout_has(vm->layout->classext_classpath))
        return;
    uint64_t variable = hd_vm_symbol(vm, "rb_cObject"), klass = variable ? hd_memory_u64(vm->memory, variable) : 0;
    const uint8_t *object = hd_vm_object_of(vm, klass, HD_T_CLASS);
    uint64_t serial = hd_symbol_serial(vm, "__classpath__"), id;
    unsigned shift = (unsigned)vm->layout->k_ID_SCOPE_SHIFT;
    struct hd_text path;
    for (uint64_t scope = 0; object && serial && scope < 16; scope++) {
        vm->id_classpath = serial << shift | scope;
        if (!hd_class_path(vm, object, klass, &path, &id))
            continue;
        vm->id_tmp_classpath = hd_symbol_serial(vm, "__tmp_classpath__") << shift | scope;
        vm->id_attached = hd_symbol_serial(vm, "__attached__") << shift | scope;
        return;
    }
    vm->id_classpath = 0;
}

bool hd_symbols_open(struct hd_vm *vm, struct hd_error *err)
{
    uint64_t addr = hd_vm_symbol(vm, "ruby_global_symbols");
    if (!addr && !hd_vm_scan_data(vm, symbols_validate, &addr))
        return hd_error_set(err, HD_ERROR_SELF_CHECK,
                            "the symbol table of Ruby %s was not found: the layout table does not fit this build",
                            vm->layout->ruby);
    uint64_t count = 0, list = hd_memory_u64(vm->memory, addr + vm->layout->symbols_ids);
    const uint8_t *ids = hd_vm_object_of(vm, list, HD_T_ARRAY);
    const uint8_t *elements = ids ? hd_array_elements(vm, ids, list, &count) : NULL;
    if (!elements)
        return hd_error_set(err, HD_ERROR_SELF_CHECK, "the symbol table of Ruby %s is not readable", vm->layout->ruby);
    vm->symbol_count = (uint64_t)hd_memory_u32(vm->memory, addr + vm->layout->symbols_last_id) + 1;
    if (vm->symbol_count > SERIAL_MAX)
        vm->symbol_count = SERIAL_MAX;
    if (vm->symbol_count > count * symbols_of_block(vm)) /* the number is just a number, the blocks are there */
        vm->symbol_count = count * symbols_of_block(vm);
    vm->symbol_names = hd_arena_alloc(vm->arena, vm->symbol_count, sizeof *vm->symbol_names);
    vm->symbol_dynamic = hd_arena_alloc(vm->arena, vm->symbol_count, sizeof *vm->symbol_dynamic);
    if (!vm->symbol_names || !vm->symbol_dynamic)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for %llu symbol names",
                            (unsigned long long)vm->symbol_count);
    names_read(vm, elements, count);
    if (!vm->live)
        names_part(vm);
    hidden_ids_find(vm);
    return true;
}

uint64_t hd_id_serial(const struct hd_vm *vm, uint64_t id)
{
    /* symbol.h: up to tLAST_OP_ID an ID is its own serial (operators); above, the scope bits are shifted out */
    return id > (uint64_t)vm->layout->k_tLAST_OP_ID ? id >> vm->layout->k_ID_SCOPE_SHIFT : id;
}

struct hd_text hd_symbol_name(const struct hd_vm *vm, uint64_t id)
{
    return hd_serial_name(vm, hd_id_serial(vm, id));
}

uint64_t hd_symbol_serial(const struct hd_vm *vm, const char *name)
{
    size_t length = strlen(name);
    for (uint64_t serial = 1; serial < vm->symbol_count; serial++) {
        const struct hd_text *text = &vm->symbol_names[serial];
        if (text->data && text->length == length && !memcmp(text->data, name, length))
            return serial;
    }
    return 0;
}
