/*
 * Which names stand in the program's code, for redacted dumps: a variable that a method reads has a name somebody wrote, one that was made
 * by `instance_variable_set("@#{anything}", …)` or `Thread.current[anything] = …` has a content for a name. Their Symbols do not tell:
 * both ways make static ones.
 *
 * An instruction sequence has Symbols and IDs as operands, words of its code (compile.c), and literals with Symbols in them; instructions
 * are addresses, far above any ID. Small numbers among the operands may look like IDs: those of names that Ruby itself has made at its
 * start. Methods have names that stay in a redacted dump, so these are known, too, but for those that were Symbols made at run time first,
 * as a Struct's members can be; of attr_reader and the like the method says which variable it is.
 * Code that has run and was collected, as a file's outermost, is not there any more: what only that has named is hidden.
 */
#include "ruby/written.h"

#include "dump/text.h"

#include <string.h>

enum { CODE_WORDS_MAX = 1 << 26, LITERAL_DEPTH = 2, LITERAL_MAX = 4096 };

/* id.h, ruby_id_types: a static ID of an instance variable, and of a class variable, by its lowest bits */
enum { ID_BITS = 15, ID_INSTANCE = 1 << 1 | 1, ID_CLASS = 6 << 1 | 1 };

static void mark(struct hd_vm *vm, uint64_t id)
{
    uint64_t serial = hd_id_serial(vm, id);
    if (serial < vm->symbol_count)
        vm->symbol_written[serial] = true;
}

static bool mark_symbol(struct hd_vm *vm, uint64_t value)
{
    bool symbol = (value & 0xff) == (uint64_t)vm->layout->k_RUBY_SYMBOL_FLAG;
    if (symbol)
        mark(vm, value >> vm->layout->k_RUBY_SPECIAL_SHIFT);
    return symbol;
}

/* [:a, [:b]] as an operand: arrays without a class (compile.c hides them), so that a program's own are not walked from each place. */
static void literal_look(struct hd_vm *vm, uint64_t value, int depth)
{
    const uint8_t *array = mark_symbol(vm, value) || depth == 0 ? NULL : hd_vm_object_of(vm, value, HD_T_ARRAY);
    uint64_t count = 0;
    const uint8_t *elements = array && !hd_word(array, 8) ? hd_array_elements(vm, array, value, &count) : NULL;
    for (uint64_t i = 0; elements && i < count && count <= LITERAL_MAX; i++)
        literal_look(vm, hd_word(elements, 8 * (int64_t)i), depth - 1);
}

static void code_look(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t body = hd_word(object, l->iseq_body);
    uint64_t code = body ? hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_encoded) : 0;
    uint32_t count = code ? hd_memory_u32(vm->memory, body + (uint64_t)l->iseq_body_size) : 0;
    const uint8_t *words = count && count < CODE_WORDS_MAX ? hd_memory_at(vm->memory, code, 8ull * count) : NULL;
    for (uint32_t i = 0; words && i < count && !hd_memory_exhausted(vm->memory); i++) {
        uint64_t word = hd_word(words, 8 * (int64_t)i), kind = word & ID_BITS;
        literal_look(vm, word, LITERAL_DEPTH);
        if ((kind == ID_INSTANCE || kind == ID_CLASS) && hd_id_serial(vm, word) < vm->symbol_count) {
            struct hd_text name = hd_symbol_name(vm, word);
            if (name.length && *name.data == '@')
                mark(vm, word);
        }
    }
}

static void method_look(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t def = hd_word(object, l->ment_def);
    int type = def ? (int)(hd_memory_u32(vm->memory, def) & 15) : -1;
    uint64_t serial = hd_id_serial(vm, hd_word(object, l->ment_called_id));
    if (serial < vm->symbol_count && !vm->symbol_dynamic[serial])
        vm->symbol_written[serial] = true;
    if (type >= 0 && (type == l->k_VM_METHOD_TYPE_ATTRSET || type == l->k_VM_METHOD_TYPE_IVAR))
        mark(vm, hd_memory_u64(vm->memory, def + (uint64_t)l->def_attr_id));
}

/* `name=` is static even where `name` was made at run time, and as much made up. */
static bool setters_find(struct hd_vm *vm)
{
    uint64_t capacity = 16, dynamic = 0;
    for (uint64_t i = 0; i < vm->symbol_count; i++)
        dynamic += vm->symbol_dynamic[i];
    while (capacity < 2 * dynamic)
        capacity *= 2;
    uint64_t *made_up = hd_arena_alloc(vm->arena, capacity, sizeof *made_up); /* open addressing: a serial number + 1 */
    for (uint64_t i = 0; made_up && i < vm->symbol_count; i++) {
        struct hd_text name = vm->symbol_names[i];
        if (!vm->symbol_dynamic[i] || !name.data)
            continue;
        uint64_t at = hd_text_keyed_hash(vm->hash_key, name.data, name.length) & (capacity - 1);
        while (made_up[at])
            at = (at + 1) & (capacity - 1);
        made_up[at] = i + 1;
    }
    for (uint64_t i = 0; made_up && i < vm->symbol_count; i++) {
        struct hd_text name = vm->symbol_names[i];
        if (vm->symbol_dynamic[i] || name.length < 2 || name.data[name.length - 1] != '=')
            continue;
        uint64_t at = hd_text_keyed_hash(vm->hash_key, name.data, name.length - 1) & (capacity - 1);
        for (; made_up[at]; at = (at + 1) & (capacity - 1)) {
            struct hd_text base = vm->symbol_names[made_up[at] - 1];
            if (base.length == name.length - 1 && !memcmp(base.data, name.data, base.length))
                vm->symbol_dynamic[i] = true;
        }
    }
    return made_up;
}

bool hd_written_find(struct hd_vm *vm)
{
    vm->symbol_written = hd_arena_alloc(vm->arena, vm->symbol_count, sizeof *vm->symbol_written);
    if (!vm->symbol_written || !setters_find(vm))
        return false;
    uint64_t unreadable = vm->memory->unreadable;
    for (size_t i = 0; i < vm->page_count; i++) {
        const struct hd_page *page = &vm->pages[i];
        for (uint32_t k = 0; k < page->slot_count && !hd_memory_exhausted(vm->memory); k++) {
            const uint8_t *object = page->slots + (uint64_t)k * page->slot_size;
            if ((*object & HD_T_MASK) != HD_T_IMEMO)
                continue;
            int type = hd_vm_imemo_type(vm, page->start + (uint64_t)k * page->slot_size);
            if (type == vm->layout->k_imemo_iseq)
                code_look(vm, object);
            else if (type == vm->layout->k_imemo_ment)
                method_look(vm, object);
        }
    }
    vm->memory->unreadable = unreadable; /* what cannot be read here is missing nowhere */
    return true;
}

bool hd_written_hides(const struct hd_vm *vm, uint64_t serial)
{
    return vm->symbol_written && serial < vm->symbol_count && !vm->symbol_written[serial];
}

bool hd_written_hides_id(const struct hd_vm *vm, uint64_t id)
{
    return hd_written_hides(vm, hd_id_serial(vm, id));
}

bool hd_written_hides_variable(const struct hd_vm *vm, uint64_t id)
{
    struct hd_text name = hd_symbol_name(vm, id);
    return name.length && *name.data == '@' && hd_written_hides_id(vm, id);
}

struct hd_text hd_written_method_serial(const struct hd_vm *vm, uint64_t serial)
{
    bool made_up = serial < vm->symbol_count && vm->symbol_dynamic[serial];
    return made_up && hd_written_hides(vm, serial) ? (struct hd_text){0} : hd_serial_name(vm, serial);
}

struct hd_text hd_written_method(const struct hd_vm *vm, uint64_t id)
{
    return hd_written_method_serial(vm, hd_id_serial(vm, id));
}
