/*
 * Part of the self-check: some objects of each page, and the frames of the main thread, must read as what they say they are.
 *
 * A table that is wrong for one kind of object is wrong for all of that kind, so that a sample tells. What waits to be swept is
 * looked at, too, and may refer to what is gone: only where a tenth of a kind is not as it must be, the table is wrong.
 */
#include "ruby/self_check.h"

#include "ruby/hands.h"
#include "ruby/typed_data.h"

#include <stdatomic.h>

enum kind {
    SHORT_STRINGS, STRINGS, SHORT_ARRAYS, ARRAYS, SMALL_HASHES, HASHES, OBJECTS, STRUCTS, DATA, SYMBOLS, NUMBERS, MATCHES, CLASSES, METHODS, CODE, ENVIRONMENTS, SCOPES, KINDS
};
static const char *const kind_names[KINDS] = {"short strings", "strings", "short arrays", "arrays", "small hashes", "hashes", "objects", "structs", "T_DATA objects", "symbols", "numbers",
                                              "matches", "classes", "methods", "instruction sequences", "environments", "scopes"};

struct sample {
    _Alignas(HD_HANDS_APART) struct hd_vm *vm;
    _Atomic uint64_t *next; /* page that nobody has taken */
    uint64_t pages, each;   /* how many there are to look at; objects of each, about */
    uint64_t looked[KINDS], wrong[KINDS];
    uint64_t variables; /* of objects, that have a name */
    uint64_t pairs;     /* of the hash at hand */
    bool good;          /* the object at hand, so far */
};

/* --- values --- */

/* The address of a slot, whatever is in it now. */
static bool is_slot(const struct hd_vm *vm, uint64_t addr)
{
    const struct hd_page *page = addr >= vm->heap_low && addr <= vm->heap_high && !(addr & 7) ? hd_vm_page(vm, addr) : NULL;
    return page && addr >= page->start && (addr - page->start) % page->slot_size == 0
           && (addr - page->start) / page->slot_size < page->slot_count;
}

static bool is_value(const struct hd_vm *vm, uint64_t value)
{
    const struct hd_layout *l = vm->layout;
    if (value & (uint64_t)l->k_RUBY_FIXNUM_FLAG || (value & (uint64_t)l->k_RUBY_FLONUM_MASK) == (uint64_t)l->k_RUBY_FLONUM_FLAG)
        return true;
    if ((value & 0xff) == (uint64_t)l->k_RUBY_SYMBOL_FLAG)
        return hd_symbol_name(vm, value >> l->k_RUBY_SPECIAL_SHIFT).data || vm->memory->incomplete;
    return value == (uint64_t)l->k_Qnil || value == (uint64_t)l->k_Qtrue || value == (uint64_t)l->k_Qfalse
           || value == (uint64_t)l->k_Qundef || is_slot(vm, value);
}

static bool of_type(const struct hd_vm *vm, uint64_t addr, unsigned first, unsigned second)
{
    return hd_vm_object_of(vm, addr, first) || hd_vm_object_of(vm, addr, second);
}

static bool values(const struct hd_vm *vm, const uint8_t *words, uint64_t count)
{
    enum { LOOKED = 32 };
    for (uint64_t i = 0; i < count && i < LOOKED; i++)
        if (!is_value(vm, hd_word(words, 8 * (int64_t)i)))
            return false;
    return true;
}

/* --- one function per kind: is it as it must be? --- */

static bool string_good(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    struct hd_text text;
    return hd_string_text(vm, object, addr, &text);
}

static bool array_good(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0), count = 0;
    const uint8_t *elements = hd_array_elements(vm, object, addr, &count);
    bool embedded = hd_flag(flags, l->k_RARRAY_EMBED_FLAG);
    if (!elements)
        return !embedded && !hd_word(object, l->array_len);
    return values(vm, elements, count);
}

static bool pair_look(void *data, uint64_t key, uint64_t value)
{
    struct sample *sample = data;
    sample->pairs++;
    sample->good &= is_value(sample->vm, key) && is_value(sample->vm, value);
    return sample->good;
}

static bool hash_good(struct sample *sample, const uint8_t *object, uint64_t addr)
{
    struct hd_vm *vm = sample->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0);
    if (!is_value(vm, hd_word(object, l->hash_ifnone)))
        return false;
    if (hd_flag(flags, l->k_RHASH_ST_TABLE_FLAG)) {
        uint64_t table = hd_hash_table(vm, object, addr);
        const uint8_t *st = hd_memory_at(vm->memory, table, (uint64_t)l->st_size);
        if (!st || st[l->st_entry_power] > 48 || hd_word(st, l->st_entries_bound) > 1ull << st[l->st_entry_power]
            || hd_word(st, l->st_num_entries) > hd_word(st, l->st_entries_bound))
            return false;
        sample->good = true;
        sample->pairs = 0;
        hd_st_each(vm, table, pair_look, sample);
        return sample->good && sample->pairs == hd_word(st, l->st_num_entries);
    }
    uint64_t count, bound = (flags & (uint64_t)l->k_RHASH_AR_TABLE_BOUND_MASK) >> l->k_RHASH_AR_TABLE_BOUND_SHIFT;
    uint64_t size = (flags & (uint64_t)l->k_RHASH_AR_TABLE_SIZE_MASK) >> l->k_RHASH_AR_TABLE_SIZE_SHIFT;
    if (bound > (uint64_t)l->k_RHASH_AR_TABLE_MAX_SIZE || size > bound)
        return false;
    const uint8_t *pairs = hd_hash_pairs(vm, object, addr, &count);
    return !bound || (pairs && values(vm, pairs, 2 * count));
}

static bool variable_look(void *data, uint64_t id, uint64_t value)
{
    struct sample *sample = data;
    sample->variables += hd_symbol_name(sample->vm, id).data != NULL;
    sample->good &= hd_symbol_name(sample->vm, id).data && is_value(sample->vm, value);
    return sample->good;
}

static bool struct_good(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    uint64_t count;
    const uint8_t *words = hd_struct_members(vm, object, addr, &count);
    return words && values(vm, words, count);
}

/* A typed one has a printable name. */
static bool data_good(struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    struct hd_typed_data data = hd_typed_data_of(vm, object, addr);
    struct hd_text name = hd_typed_data_name(vm, &data);
    if (!data.typed) /* any two pointers */
        return true;
    bool printable = name.length > 0;
    for (uint64_t i = 0; i < name.length; i++)
        printable &= name.data[i] >= 0x20 && name.data[i] < 0x7f;
    return printable;
}

static bool class_good(struct hd_vm *vm, const uint8_t *object, uint64_t addr, unsigned type)
{
    const struct hd_layout *l = vm->layout;
    uint64_t ext = hd_class_ext(vm, object, addr), super = hd_word(object, l->class_super), origin;
    if (!hd_memory_load_u64(vm->memory, ext + (uint64_t)l->classext_origin, &origin))
        return false;
    return (!super || of_type(vm, super, HD_T_CLASS, HD_T_ICLASS)) && (origin == addr || of_type(vm, origin, HD_T_ICLASS, type));
}

static bool method_good(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t def = hd_word(object, l->ment_def), owner = hd_word(object, l->ment_owner), defined = hd_word(object, l->ment_defined_class);
    uint32_t type;
    if (!hd_symbol_name(vm, hd_word(object, l->ment_called_id)).data || !is_value(vm, owner) || !is_value(vm, defined))
        return false;
    if (!def)
        return true;
    if (!hd_memory_load_u32(vm->memory, def, &type) || !hd_symbol_name(vm, hd_memory_u64(vm->memory, def + (uint64_t)l->def_original_id)).data)
        return false;
    return (type & 15) != l->k_VM_METHOD_TYPE_ISEQ
           || hd_vm_imemo_type(vm, hd_memory_u64(vm->memory, def + (uint64_t)l->def_iseqptr)) == l->k_imemo_iseq;
}

/* symbol.c: operators begin at '!', and all other IDs are greater; 0 stands for a variable that has no name. */
static bool names_good(struct hd_vm *vm, uint64_t table, uint64_t count)
{
    enum { LOOKED = 8, FIRST_ID = '!' };
    const uint8_t *names = count < 1 << 16 ? hd_memory_at(vm->memory, table, 8 * count) : NULL;
    for (uint64_t i = 0; names && i < count && i < LOOKED; i++)
        if (hd_word(names, 8 * (int64_t)i) && hd_half(names, 8 * (int64_t)i) < FIRST_ID)
            return false;
    return names;
}

static bool code_good(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t body = hd_word(object, l->iseq_body), label, parent;
    if (!body || hd_flag(hd_word(object, 0), l->k_ISEQ_NOT_LOADED_YET))
        return !body == hd_flag(hd_word(object, 0), l->k_ISEQ_NOT_LOADED_YET);
    if (!hd_memory_load_u64(vm->memory, body + (uint64_t)l->iseq_body_label, &label))
        return false;
    if (!label) /* being compiled */
        return true;
    uint64_t path = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_path);
    uint64_t words = hd_memory_u32(vm->memory, body + (uint64_t)l->iseq_body_size);
    uint64_t locals = hd_memory_u32(vm->memory, body + (uint64_t)l->iseq_body_local_table_size);
    uint64_t table = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_local_table);
    parent = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_parent);
    /* Compiling Ruby's own files leaves some that have none behind (<internal:rjit_c>), until garbage is first collected. */
    uint64_t code = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_encoded);
    return hd_vm_object_of(vm, label, HD_T_STRING) && of_type(vm, path, HD_T_STRING, HD_T_ARRAY) && (!parent || is_slot(vm, parent))
           && ((!code && !words) || hd_memory_at(vm->memory, code, 8 * words))
           && (!locals || names_good(vm, table, locals));
}

/*
 * vm_core.h, rb_env_t: ep points to the last of the values. The environment of a frame of C has no code, or that of a block
 * which is a function (vm.c, vm_make_env_each, takes cfp->iseq whatever it is): in a server at work there can be many of these.
 */
static bool environment_good(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t ep = hd_word(object, l->env_ep), first = hd_word(object, l->env_env), size = hd_half(object, l->env_size);
    uint64_t iseq = hd_word(object, l->env_iseq);
    if (!ep)
        return true;
    if (!size || first > ep || ep >= first + 8 * size)
        return false;
    int64_t type = iseq ? hd_vm_imemo_type(vm, iseq) : l->k_imemo_iseq;
    return type == l->k_imemo_iseq || type == l->k_imemo_ifunc;
}

static bool scope_good(struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    uint64_t next = hd_word(object, l->cref_next);
    return is_value(vm, hd_word(object, l->cref_klass)) && (!next || is_slot(vm, next));
}

/* --- the sample --- */

static void count(struct sample *sample, enum kind kind, bool good)
{
    sample->looked[kind]++;
    sample->wrong[kind] += !good;
}

static void imemo_look(struct sample *sample, const uint8_t *object)
{
    struct hd_vm *vm = sample->vm;
    const struct hd_layout *l = vm->layout;
    int64_t type = (int64_t)(hd_word(object, 0) >> l->k_FL_USHIFT & (uint64_t)l->k_IMEMO_MASK);
    if (type == l->k_imemo_ment)
        count(sample, METHODS, method_good(vm, object));
    else if (type == l->k_imemo_iseq)
        count(sample, CODE, code_good(vm, object));
    else if (type == l->k_imemo_env)
        count(sample, ENVIRONMENTS, environment_good(vm, object));
    else if (type == l->k_imemo_cref)
        count(sample, SCOPES, scope_good(vm, object));
}

static void object_look(struct sample *sample, const uint8_t *object, uint64_t addr)
{
    struct hd_vm *vm = sample->vm;
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0);
    unsigned type = hd_flags_type(flags);
    switch (type) {
    case HD_T_STRING: count(sample, hd_flag(flags, l->k_RSTRING_NOEMBED) ? STRINGS : SHORT_STRINGS, string_good(vm, object, addr)); break;
    case HD_T_ARRAY: count(sample, hd_flag(flags, l->k_RARRAY_EMBED_FLAG) ? SHORT_ARRAYS : ARRAYS, array_good(vm, object, addr)); break;
    case HD_T_HASH: count(sample, hd_flag(flags, l->k_RHASH_ST_TABLE_FLAG) ? HASHES : SMALL_HASHES, hash_good(sample, object, addr)); break;
    case HD_T_STRUCT: count(sample, STRUCTS, struct_good(vm, object, addr)); break;
    case HD_T_DATA: count(sample, DATA, data_good(vm, object, addr)); break;
    case HD_T_SYMBOL: count(sample, SYMBOLS, hd_vm_object_of(vm, hd_word(object, l->symbol_fstr), HD_T_STRING)); break;
    case HD_T_RATIONAL:
        count(sample, NUMBERS, is_value(vm, hd_word(object, l->rational_num)) && is_value(vm, hd_word(object, l->rational_den)));
        break;
    case HD_T_MATCH:
        count(sample, MATCHES, is_value(vm, hd_word(object, l->match_str)) && is_value(vm, hd_word(object, l->match_regexp)));
        break;
    case HD_T_CLASS: case HD_T_MODULE: count(sample, CLASSES, class_good(vm, object, addr, type)); break;
    case HD_T_IMEMO: imemo_look(sample, object); break;
    case HD_T_OBJECT:
        sample->good = true;
        hd_ivars_each(vm, object, addr, variable_look, sample);
        count(sample, OBJECTS, sample->good);
        break;
    default: break;
    }
}

/* All of them until one has a variable: a sample of a million plain objects may have none. */
static bool some_variable(struct sample *sample)
{
    struct hd_vm *vm = sample->vm;
    for (size_t i = 0; i < vm->page_count && !sample->variables; i++) {
        const struct hd_page *page = &vm->pages[i];
        for (uint32_t k = 0; k < page->slot_count && !sample->variables; k++) {
            uint64_t addr = page->start + (uint64_t)k * page->slot_size;
            if (hd_vm_object_of(vm, addr, HD_T_OBJECT))
                hd_ivars_each(vm, page->slots + (uint64_t)k * page->slot_size, addr, variable_look, sample);
        }
    }
    return sample->variables;
}

static uint32_t step_of(const struct hd_page *page, uint64_t each)
{
    return page->slot_count > each ? page->slot_count / (uint32_t)each : 1;
}

static void page_look(struct sample *sample, uint64_t number)
{
    const struct hd_page *page = &sample->vm->pages[number];
    uint32_t step = step_of(page, sample->each);
    for (uint32_t k = (uint32_t)(number % step); k < page->slot_count; k += step)
        if (hd_vm_object(sample->vm, page->start + (uint64_t)k * page->slot_size))
            object_look(sample, page->slots + (uint64_t)k * page->slot_size, page->start + (uint64_t)k * page->slot_size);
}

/* Neighbours refer to neighbours: threads that take them in turns would fetch the same memory twice. */
static void pages_look(struct hd_vm *vm, void *work)
{
    enum { AT_ONCE = 64 };
    struct sample *sample = work;
    sample->vm = vm;
    for (uint64_t i; (i = atomic_fetch_add(sample->next, AT_ONCE)) < sample->pages;)
        for (uint64_t k = i; k < i + AT_ONCE && k < sample->pages; k++)
            page_look(sample, k);
}

/* Looks at so many slots, spread over the pages. What they refer to is fetched meanwhile, which takes most of the time. */
static void sample_take(struct hd_vm *vm, struct sample *sum, uint64_t all)
{
    struct sample samples[HD_CREW_MAX] = {0};
    _Atomic uint64_t next = 0;
    uint64_t seen = 0, pages = 0, each = vm->page_count && vm->page_count < all ? all / vm->page_count : 1;
    for (; pages < vm->page_count && seen < all; pages++) {
        const struct hd_page *page = &vm->pages[pages];
        uint32_t step = step_of(page, each), first = (uint32_t)(pages % step);
        seen += first < page->slot_count ? (page->slot_count - first + step - 1) / step : 0;
    }
    for (int i = 0; i < HD_CREW_MAX; i++)
        samples[i] = (struct sample){.vm = vm, .next = &next, .pages = pages, .each = each};
    hd_hands_run(vm, pages_look, samples, sizeof *samples);
    for (int i = 0; i < HD_CREW_MAX; i++) {
        sum->variables += samples[i].variables;
        for (int kind = 0; kind < KINDS; kind++) {
            sum->looked[kind] += samples[i].looked[kind];
            sum->wrong[kind] += samples[i].wrong[kind];
        }
    }
}

bool hd_self_check_objects(struct hd_vm *vm, const char **kind, uint64_t *wrong, uint64_t *looked)
{
    enum { ALL = 100000, LEAST = 3, TOLERATED = 10 /* one in so many */, SURE = 50 };
    struct sample sample = {.vm = vm};
    uint64_t unreadable = vm->memory->unreadable;
    sample_take(vm, &sample, ALL);
    bool variables = sample.variables || sample.looked[OBJECTS] < SURE || some_variable(&sample);
    vm->memory->unreadable = unreadable; /* looking is not failing */
    for (int i = 0; i < KINDS; i++) {
        *kind = kind_names[i];
        *wrong = sample.wrong[i];
        *looked = sample.looked[i];
        if (sample.wrong[i] >= LEAST && sample.wrong[i] > sample.looked[i] / TOLERATED)
            return false;
    }
    *kind = kind_names[OBJECTS]; /* not all objects can be without a variable: each Ruby has some exceptions made ahead, with messages */
    *wrong = *looked = sample.looked[OBJECTS];
    return variables;
}
