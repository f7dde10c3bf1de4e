/* See self_check.h. What a truncated core does not have proves nothing either way. */
#include "ruby/self_check.h"

#include "ruby/calibrate.h"
#include "ruby/typed_data.h"

#include <stdarg.h>
#include <stdio.h>

static bool refuse(struct hd_vm *vm, struct hd_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(struct hd_vm *vm, struct hd_error *err, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return hd_error_set(err, HD_ERROR_SELF_CHECK, "%s: the layout table of Ruby %s does not fit this build of Ruby (`heap_dump layout "
                        "--check`; docs/layouts.md says how to make one)", what, vm->layout->ruby);
}

/* --- code --- */

static uint64_t symbol(void *data, const char *name)
{
    return hd_vm_symbol(data, name);
}

bool hd_self_check_code(struct hd_vm *vm, struct hd_error *err)
{
    struct hd_calibration_row rows[HD_CALIBRATION_ROWS];
    hd_calibrate(vm->memory, symbol, vm, vm->layout, rows);
    for (int i = 0; i < HD_CALIBRATION_ROWS; i++)
        if (rows[i].differs)
            return refuse(vm, err, "the code of %s has %s at %lld, not at %lld", rows[i].function, rows[i].member,
                          (long long)rows[i].code, (long long)rows[i].table);
    return true;
}

/* --- pages and slots --- */

/* Types that have no class: an imemo's second word is its own. */
static bool has_class(unsigned type)
{
    return type != HD_T_IMEMO && type != HD_T_NODE && type != HD_T_ZOMBIE;
}

/* A slot in use belongs to a class, or is hidden from programs and has none; an iclass belongs to its module. */
static bool slot_good(const struct hd_vm *vm, const uint8_t *slot)
{
    unsigned type = hd_flags_type(hd_word(slot, 0));
    uint64_t klass = hd_word(slot, 8);
    if (!hd_type_is_object(type))
        return type == HD_T_MOVED;
    if (!has_class(type) || !klass)
        return true;
    const uint8_t *object = hd_vm_object(vm, klass);
    unsigned of = object ? hd_flags_type(hd_word(object, 0)) : HD_T_NONE;
    return of == HD_T_CLASS || (type == HD_T_ICLASS && (of == HD_T_MODULE || of == HD_T_ICLASS));
}

/* gc.c: a page's body begins with a pointer to its struct heap_page */
static bool page_good(struct hd_vm *vm, const struct hd_page *page)
{
    const struct hd_layout *l = vm->layout;
    uint64_t body = page->start >> vm->page_shift << vm->page_shift, header;
    if (!hd_layout_has(l->page_body_header_page))
        return true;
    if (!hd_memory_load_u64(vm->memory, body + (uint64_t)l->page_body_header_page, &header))
        return vm->memory->incomplete;
    return header == page->header;
}

static bool pages_check(struct hd_vm *vm, struct hd_error *err)
{
    enum { SAMPLED = 8, LEAST = 4, TOLERATED = 20 /* one in so many: what waits to be swept may belong to a class that is gone */ };
    uint64_t looked = 0, wrong = 0, odd = 0;
    for (size_t i = 0; i < vm->page_count; i++) {
        const struct hd_page *page = &vm->pages[i];
        uint32_t step = page->slot_count > SAMPLED ? page->slot_count / SAMPLED : 1, used = 0, bad = 0;
        /* one page may just be being made: it has no objects yet */
        if (!page_good(vm, page) && (odd++ || vm->page_count == 1))
            return refuse(vm, err, "heap page %zu of %zu does not name itself", i, vm->page_count);
        for (uint32_t k = 0; k < page->slot_count; k += step) {
            const uint8_t *slot = page->slots + (uint64_t)k * page->slot_size;
            if (hd_flags_type(hd_word(slot, 0)) == HD_T_NONE)
                continue;
            used++;
            bad += !slot_good(vm, slot);
        }
        if (used >= LEAST && bad * 2 > used && !vm->memory->incomplete && (odd++ || vm->page_count == 1))
            return refuse(vm, err, "slots of heap page %zu of %zu hold no objects", i, vm->page_count);
        looked += used;
        wrong += bad;
    }
    if (looked > 100 && wrong > looked / TOLERATED && !vm->memory->incomplete)
        return refuse(vm, err, "%llu of %llu slots hold no objects", (unsigned long long)wrong, (unsigned long long)looked);
    return true;
}

/* --- classes --- */

/* Exported variables that hold a class or module, with the name it must have. */
static const struct {
    const char *variable, *name;
} known[] = {
    {"rb_cObject", "Object"},  {"rb_cString", "String"},   {"rb_cArray", "Array"},    {"rb_cHash", "Hash"},
    {"rb_cSymbol", "Symbol"},  {"rb_cProc", "Proc"},       {"rb_cThread", "Thread"},  {"rb_cModule", "Module"},
    {"rb_mKernel", "Kernel"},  {"rb_mComparable", "Comparable"}, {"rb_cIO", "IO"},    {"rb_eStandardError", "StandardError"},
};

static uint64_t variable(struct hd_vm *vm, const char *name)
{
    uint64_t addr = hd_vm_symbol(vm, name);
    return addr ? hd_memory_u64(vm->memory, addr) : 0;
}

static bool classes_check(struct hd_vm *vm, struct hd_error *err)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t klass = variable(vm, known[i].variable), id;
        const uint8_t *object = hd_vm_object(vm, klass);
        unsigned type = object ? hd_flags_type(hd_word(object, 0)) : HD_T_NONE;
        struct hd_text path = {0};
        bool named = (type == HD_T_CLASS || type == HD_T_MODULE) && hd_class_path(vm, object, klass, &path, &id);
        if (!named || path.length != strlen(known[i].name) || memcmp(path.data, known[i].name, path.length))
            return refuse(vm, err, "%s is not a class named %s", known[i].variable, known[i].name);
    }
    return true;
}

/* Object is a subclass of BasicObject and no singleton class; its own class is one, and attached to it. */
static bool singleton_check(struct hd_vm *vm, struct hd_error *err)
{
    const struct hd_layout *l = vm->layout;
    uint64_t object = variable(vm, "rb_cObject"), standard = variable(vm, "rb_eStandardError");
    uint64_t meta = hd_word(hd_vm_object(vm, object), 8);
    const uint8_t *singleton = hd_vm_object_of(vm, meta, HD_T_CLASS);
    if (!singleton || hd_flag(hd_word(hd_vm_object(vm, object), 0), l->k_FL_SINGLETON) || !hd_flag(hd_word(singleton, 0), l->k_FL_SINGLETON)
        || hd_class_attached(vm, singleton, meta) != object)
        return refuse(vm, err, "the class of Object is not its singleton class");
    uint64_t above = hd_word(hd_vm_object(vm, standard), l->class_super);
    if (above != variable(vm, "rb_eException"))
        return refuse(vm, err, "the superclass of StandardError is not Exception");
    return true;
}

struct search {
    struct hd_vm *vm;
    uint64_t serial, value, looked, good, iseq;
};

static bool constant_find(void *data, uint64_t serial, uint64_t entry)
{
    struct search *search = data;
    if (serial != search->serial)
        return true;
    search->value = hd_memory_u64(search->vm->memory, entry + (uint64_t)search->vm->layout->const_entry_value);
    return false;
}

static bool constants_check(struct hd_vm *vm, struct hd_error *err)
{
    uint64_t object = variable(vm, "rb_cObject"), ext = hd_class_ext(vm, hd_vm_object(vm, object), object);
    struct search search = {.vm = vm, .serial = hd_symbol_serial(vm, "String")};
    hd_id_table_each(vm, hd_memory_u64(vm->memory, ext + (uint64_t)vm->layout->classext_const), constant_find, &search);
    if (search.value != variable(vm, "rb_cString") && !vm->memory->incomplete)
        return refuse(vm, err, "the constant Object::String is not the class String");
    return true;
}

/* --- methods and their code --- */

static bool method_look(void *data, uint64_t serial, uint64_t method)
{
    struct search *search = data;
    struct hd_vm *vm = search->vm;
    const struct hd_layout *l = vm->layout;
    search->looked++;
    if (hd_vm_imemo_type(vm, method) != l->k_imemo_ment)
        return true;
    const uint8_t *object = hd_vm_object(vm, method);
    uint64_t id = hd_word(object, l->ment_called_id), def = hd_word(object, l->ment_def);
    uint32_t type;
    if ((id >> l->k_ID_SCOPE_SHIFT != serial && id != serial) || hd_word(object, l->ment_owner) != search->value || !def
        || !hd_memory_load_u32(vm->memory, def, &type))
        return true;
    search->good++;
    uint64_t iseq = (type & 15) == l->k_VM_METHOD_TYPE_ISEQ ? hd_memory_u64(vm->memory, def + (uint64_t)l->def_iseqptr) : 0;
    if (iseq)
        search->iseq = iseq;
    return true;
}

static bool text_good(struct hd_vm *vm, uint64_t addr, struct hd_text *text)
{
    const uint8_t *string = hd_vm_object_of(vm, addr, HD_T_STRING);
    return string && hd_string_text(vm, string, addr, text);
}

/* vm_core.h: the label is a String; the path is one, or an Array of two; the code is readable */
static bool iseq_check(struct hd_vm *vm, uint64_t iseq, struct hd_error *err)
{
    const struct hd_layout *l = vm->layout;
    struct hd_text text;
    uint64_t body = hd_vm_imemo_type(vm, iseq) == l->k_imemo_iseq ? hd_word(hd_vm_object(vm, iseq), l->iseq_body) : 0, label, path, code;
    if (hd_vm_imemo_type(vm, iseq) != l->k_imemo_iseq)
        return refuse(vm, err, "a method's code is not an instruction sequence");
    if (!body || !hd_memory_load_u64(vm->memory, body + (uint64_t)l->iseq_body_label, &label))
        return body && !vm->memory->incomplete ? refuse(vm, err, "an instruction sequence is not readable") : true;
    path = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_path);
    code = hd_memory_u64(vm->memory, body + (uint64_t)l->iseq_body_encoded);
    uint64_t words = hd_memory_u32(vm->memory, body + (uint64_t)l->iseq_body_size);
    if (!text_good(vm, label, &text) || (!text_good(vm, path, &text) && !hd_vm_object_of(vm, path, HD_T_ARRAY)))
        return refuse(vm, err, "the code of a method has no name or no path");
    if ((!words || !hd_memory_at(vm->memory, code, 8 * words)) && !vm->memory->incomplete)
        return refuse(vm, err, "the code of a method is not readable");
    return true;
}

/* Where a module was prepended (4.0 does it to Kernel itself when the first Ractor is made), the methods are in the origin. */
static uint64_t methods_of(struct hd_vm *vm, uint64_t module)
{
    const uint8_t *object = hd_vm_object(vm, module);
    uint64_t ext = hd_class_ext(vm, object, module), origin = hd_memory_u64(vm->memory, ext + (uint64_t)vm->layout->classext_origin);
    const uint8_t *below = hd_vm_object_of(vm, origin, HD_T_ICLASS);
    return below ? hd_class_method_table(vm, below, hd_class_ext(vm, below, origin)) : hd_class_method_table(vm, object, ext);
}

static bool methods_check(struct hd_vm *vm, struct hd_error *err)
{
    enum { LEAST = 20, TOLERATED = 10 };
    uint64_t kernel = variable(vm, "rb_mKernel");
    struct search search = {.vm = vm, .value = kernel};
    hd_id_table_each(vm, methods_of(vm, kernel), method_look, &search);
    if (vm->memory->incomplete && search.looked < LEAST)
        return true;
    if (search.looked < LEAST || search.good + search.looked / TOLERATED < search.looked)
        return refuse(vm, err, "%llu of %llu methods of Kernel are what their names say", (unsigned long long)search.good,
                      (unsigned long long)search.looked);
    return !search.iseq || iseq_check(vm, search.iseq, err);
}

/* --- symbols, shapes, strings --- */

static bool symbols_check(struct hd_vm *vm, struct hd_error *err)
{
    static const char *const names[] = {"initialize", "each", "to_s", "call", "Object", "StandardError"};
    uint64_t read = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!hd_symbol_serial(vm, names[i]) && !vm->memory->incomplete)
            return refuse(vm, err, "there is no symbol :%s", names[i]);
    for (uint64_t i = 0; i < vm->symbol_count; i++)
        read += vm->symbol_names[i].data != NULL;
    if (read < vm->symbol_count / 4 && !vm->memory->incomplete) /* symbols made at run time go away again */
        return refuse(vm, err, "only %llu of %llu symbols are readable", (unsigned long long)read, (unsigned long long)vm->symbol_count);
    return true;
}

/* shape.c: a shape's parent is an older one, and what it adds has the name of a variable */
static bool shapes_check(struct hd_vm *vm, struct hd_error *err)
{
    enum { LOOKED = 400 };
    const struct hd_layout *l = vm->layout;
    uint64_t size = vm->shape_list ? (uint64_t)l->shape_size : 0, named = 0, wrong = 0;
    const uint8_t *shapes = size ? hd_memory_at(vm->memory, vm->shape_list, LOOKED * size) : NULL;
    for (uint32_t i = 1; shapes && i < LOOKED; i++) {
        const uint8_t *shape = shapes + i * size;
        if (shape[l->shape_type] != l->k_SHAPE_IVAR)
            continue;
        uint32_t parent = hd_half(shape, l->shape_parent);
        struct hd_text name = hd_symbol_name(vm, hd_word(shape, l->shape_edge_name));
        bool good = parent < i && name.data && hd_shape_next(vm, shape) == hd_shape_next(vm, shapes + parent * size) + 1;
        named += good;
        wrong += !good;
    }
    if (size && shapes && (wrong > named / 10 || !named))
        return refuse(vm, err, "%llu of %llu shapes are not readable", (unsigned long long)wrong, (unsigned long long)(wrong + named));
    return true;
}

/* $LOADED_FEATURES, with an entry for each file: strings, embedded and not */
static bool strings_check(struct hd_vm *vm, struct hd_error *err)
{
    const struct hd_layout *l = vm->layout;
    bool boxed = hd_layout_has(l->box_loaded_features); /* since 4.0 */
    if (!boxed && !hd_layout_has(l->vm_loaded_features))
        return true;
    uint64_t holder = boxed ? hd_memory_u64(vm->memory, vm->addr + (uint64_t)l->vm_root_box) : vm->addr;
    uint64_t list = hd_memory_u64(vm->memory, holder + (uint64_t)(boxed ? l->box_loaded_features : l->vm_loaded_features)), count = 0, good = 0;
    const uint8_t *array = hd_vm_object_of(vm, list, HD_T_ARRAY);
    const uint8_t *elements = array ? hd_array_elements(vm, array, list, &count) : NULL;
    struct hd_text text;
    for (uint64_t i = 0; elements && i < count && i < 1000; i++)
        good += text_good(vm, hd_word(elements, 8 * (int64_t)i), &text) && text.length && !memchr(text.data, 0, text.length);
    if ((!array || !count || good < (count < 1000 ? count : 1000)) && !vm->memory->incomplete)
        return refuse(vm, err, "the list of loaded files is not readable");
    return true;
}

/* --- threads --- */

/* vm_core.h: a frame's environment ends in its flags, which look like a Fixnum; its pc is in the code it runs, or just behind */
static bool frame_good(struct hd_vm *vm, uint64_t cfp, uint64_t iseq)
{
    const struct hd_layout *l = vm->layout;
    struct hd_memory *memory = vm->memory;
    uint64_t ep = hd_memory_u64(memory, cfp + (uint64_t)l->cfp_ep), flags;
    if (ep && (!hd_memory_load_u64(memory, ep, &flags) || !(flags & 1)))
        return false;
    uint64_t pc = hd_memory_u64(memory, cfp + (uint64_t)l->cfp_pc), body = iseq ? hd_word(hd_vm_object(vm, iseq), l->iseq_body) : 0;
    if (!body || !pc)
        return true;
    uint64_t code = hd_memory_u64(memory, body + (uint64_t)l->iseq_body_encoded);
    return pc >= code && pc <= code + 8ull * hd_memory_u32(memory, body + (uint64_t)l->iseq_body_size);
}

/* vm_core.h: the VM knows its main thread, the thread its object and its execution context, and those know it */
static bool thread_check(struct hd_vm *vm, struct hd_error *err)
{
    enum { STACK_WORDS_MAX = 1 << 24 };
    const struct hd_layout *l = vm->layout;
    struct hd_memory *memory = vm->memory;
    uint64_t thread = hd_layout_has(l->vm_main_thread) ? hd_memory_u64(memory, vm->addr + (uint64_t)l->vm_main_thread) : 0, self, ec;
    if (!hd_layout_has(l->vm_main_thread) || (memory->incomplete && !hd_memory_at(memory, thread, 8)))
        return true;
    self = hd_memory_u64(memory, thread + (uint64_t)l->thread_self);
    const uint8_t *object = hd_vm_object_of(vm, self, HD_T_DATA);
    if (!object || hd_typed_data_of(vm, object, self).addr != thread)
        return refuse(vm, err, "the main thread's object does not belong to it");
    ec = hd_memory_u64(memory, thread + (uint64_t)l->thread_ec);
    if (!ec || (memory->incomplete && !hd_memory_at(memory, ec, 8)))
        return true;
    uint64_t stack = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack), cfp = hd_memory_u64(memory, ec + (uint64_t)l->ec_cfp);
    uint64_t words = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack_size), end = stack + 8 * words;
    bool known_thread = !hd_layout_has(l->ec_thread) || hd_memory_u64(memory, ec + (uint64_t)l->ec_thread) == thread;
    if (!known_thread || !stack || words > STACK_WORDS_MAX || cfp < stack || cfp > end || (end - cfp) % (uint64_t)l->cfp_size)
        return refuse(vm, err, "the main thread's stack is not where it must be");
    for (uint64_t at = cfp, size = (uint64_t)l->cfp_size; at + size <= end; at += size) {
        uint64_t iseq = hd_memory_u64(memory, at + (uint64_t)l->cfp_iseq), sp = hd_memory_u64(memory, at + (uint64_t)l->cfp_sp);
        int type = hd_vm_imemo_type(vm, iseq);
        /* vm_insnhelper.c, vm_yield_with_cfunc: where a C function is the block, as in 3.times.map, it stands where the code does */
        bool none = !iseq || (iseq & 3) || (type >= 0 && type == l->k_imemo_ifunc), code = none || type == l->k_imemo_iseq;
        if ((!code || (sp && (sp < stack || sp > end)) || !frame_good(vm, at, none ? 0 : iseq)) && !memory->incomplete)
            return refuse(vm, err, "a frame of the main thread is not readable");
    }
    return true;
}

static bool objects_check(struct hd_vm *vm, struct hd_error *err)
{
    const char *kind;
    uint64_t wrong, looked;
    if (hd_self_check_objects(vm, &kind, &wrong, &looked) || vm->memory->incomplete)
        return true;
    return refuse(vm, err, "%llu of %llu %s do not read as such", (unsigned long long)wrong, (unsigned long long)looked, kind);
}

bool hd_self_check(struct hd_vm *vm, struct hd_error *err)
{
    return classes_check(vm, err) && singleton_check(vm, err) && pages_check(vm, err) && symbols_check(vm, err) && constants_check(vm, err)
           && methods_check(vm, err) && shapes_check(vm, err) && strings_check(vm, err) && thread_check(vm, err)
           && objects_check(vm, err);
}
