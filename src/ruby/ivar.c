/*
 * Instance variables: names and values of any object's.
 *
 * Up to 3.1 a class has an iv_index_tbl (ID -> index) and its objects an array of values. Since 3.2 an object's
 * flags carry a shape number; a shape names one variable and points to its parent (shape.c); objects with too
 * many shapes keep a table instead ("too complex"). Objects other than T_OBJECT and classes have theirs in a
 * global table (generic_iv_tbl_, variable.c), which no symbol names: it is found by its contents.
 *
 * Since 4.0 all but T_OBJECT keep them in an object of their own (imemo_fields, laid out like a T_OBJECT), which a class's extension,
 * a T_DATA and most T_STRUCTs point to; for the rest the global table does. An object_id is one more such field.
 */
#include "ruby/typed_data.h"
#include "ruby/vm.h"

enum { IVARS_MAX = 1 << 20 };

/* --- shapes --- */

/* Since 4.0 a shape's number has flags above its index in the list. */
static bool shapes_have_flags(const struct hd_vm *vm)
{
    return hd_layout_has(vm->layout->k_SHAPE_ID_OFFSET_MASK);
}

static uint64_t shape_addr(const struct hd_vm *vm, int64_t shape)
{
    uint64_t index = shapes_have_flags(vm) ? (uint64_t)(shape & vm->layout->k_SHAPE_ID_OFFSET_MASK) : (uint64_t)shape;
    return vm->shape_list + index * (uint64_t)vm->layout->shape_size;
}

static const uint8_t *shape_at(const struct hd_vm *vm, int64_t shape)
{
    return hd_memory_at(vm->memory, shape_addr(vm, shape), (uint64_t)vm->layout->shape_size);
}

/* NULL at the end: since 3.4 the shapes that objects begin with have no parent (shape.h, INVALID_SHAPE_ID). */
static const uint8_t *shape_before(const struct hd_vm *vm, const uint8_t *shape)
{
    uint32_t parent = hd_half(shape, vm->layout->shape_parent);
    return parent == UINT32_MAX ? NULL : shape_at(vm, parent);
}

/* shape.h: attr_index_t has 32 bits up to 3.4, then 16 */
static uint32_t attribute(const struct hd_vm *vm, const uint8_t *shape, int64_t offset)
{
    uint32_t value = hd_half(shape, offset);
    return shapes_have_flags(vm) ? value & 0xffff : value;
}

uint32_t hd_shape_next(const struct hd_vm *vm, const uint8_t *shape)
{
    return attribute(vm, shape, vm->layout->shape_next_iv);
}

uint32_t hd_shape_capacity(const struct hd_vm *vm, int64_t shape)
{
    const struct hd_layout *l = vm->layout;
    const uint8_t *s = shape >= 0 ? shape_at(vm, shape) : NULL;
    uint32_t capacity = s ? attribute(vm, s, l->shape_capacity) : 0;
    uint64_t heap = shapes_have_flags(vm) ? (uint64_t)(shape & l->k_SHAPE_ID_HEAP_INDEX_MASK) >> l->k_SHAPE_ID_HEAP_INDEX_OFFSET : 0;
    uint64_t capacities = heap ? hd_memory_u64(vm->memory, vm->shape_tree + (uint64_t)l->shape_capacities) : 0;
    uint16_t embedded;
    /* shape.h, RSHAPE_CAPACITY: at least what a slot of that size has room for */
    if (capacities && hd_memory_load_u16(vm->memory, capacities + 2 * (heap - 1), &embedded) && embedded > capacity)
        return embedded;
    return capacity;
}

/* `tree` is what has a member that points to the list: since 3.3 a struct of its own, in 3.2 the virtual machine (vm_core.h). */
static bool shape_list_set(struct hd_vm *vm, uint64_t tree)
{
    const struct hd_layout *l = vm->layout;
    int64_t member = hd_layout_has(l->vm_shape_list) ? l->vm_shape_list : l->shape_list_ptr;
    uint64_t list = tree ? hd_memory_u64(vm->memory, tree + (uint64_t)member) : 0;
    const uint8_t *first = list ? hd_memory_at(vm->memory, list, 4 * (uint64_t)l->shape_size) : NULL;
    if (!first || first[l->shape_type] != l->k_SHAPE_ROOT || (list & 0xfff))
        return false;
    vm->shape_list = list;
    vm->shape_tree = tree;
    /* shape.c, Init_default_shapes: the second one is that of an object of which nothing but its object_id is known */
    if (shapes_have_flags(vm) && first[l->shape_size + l->shape_type] == l->k_SHAPE_OBJ_ID)
        vm->id_object_id = hd_word(first, l->shape_size + l->shape_edge_name);
    return true;
}

bool hd_shapes_open(struct hd_vm *vm, struct hd_error *err)
{
    const struct hd_layout *l = vm->layout;
    if (!hd_layout_has(l->shape_size))
        return true;
    if (shapes_have_flags(vm)) { /* an exported variable */
        if (shape_list_set(vm, hd_vm_symbol(vm, "rb_shape_tree")) && vm->id_object_id)
            return true;
    } else if (hd_layout_has(l->vm_shape_list)) {
        if (shape_list_set(vm, vm->addr))
            return true;
    } else {
        /* rb_shape_get_shape_by_id loads rb_shape_tree_ptr; in some builds through the GOT */
        uint64_t function = hd_vm_symbol(vm, "rb_shape_get_shape_by_id");
        uint64_t pointer = hd_vm_code_reference(vm, function, 0);
        for (int hop = 0; pointer && hop < 3; hop++) {
            uint64_t tree = hd_memory_u64(vm->memory, pointer);
            if (shape_list_set(vm, tree))
                return true;
            pointer = tree;
        }
    }
    return hd_error_set(err, HD_ERROR_SELF_CHECK, "the shapes of Ruby %s were not found: the layout table does not "
                        "fit this build", l->ruby);
}

int64_t hd_shape_of(const struct hd_vm *vm, const uint8_t *object)
{
    if (!vm->shape_list)
        return -1;
    return (int64_t)(hd_word(object, 0) >> vm->layout->k_SHAPE_FLAG_SHIFT);
}

bool hd_shape_too_complex(const struct hd_vm *vm, int64_t shape)
{
    if (shape >= 0 && shapes_have_flags(vm))
        return shape & vm->layout->k_SHAPE_ID_FL_TOO_COMPLEX;
    const uint8_t *s = shape >= 0 ? shape_at(vm, shape) : NULL;
    return s && s[vm->layout->shape_type] == vm->layout->k_SHAPE_OBJ_TOO_COMPLEX;
}

/* Room for more names than a stack should hold; NULL if there is none. One class may have as many variables, each asked for again. */
static uint64_t *names_room(struct hd_vm *vm, uint32_t count)
{
    if (count > vm->shape_names_room) {
        uint32_t room = count < IVARS_MAX / 2 ? 2 * count : IVARS_MAX;
        vm->shape_names = hd_arena_alloc(vm->arena, room, sizeof *vm->shape_names);
        vm->shape_names_room = vm->shape_names ? room : 0;
    }
    return vm->shape_names;
}

/*
 * From the object's shape to the root: each SHAPE_IVAR names the variable at index next_iv_index - 1. The values have `room` bytes
 * where they are.
 */
static bool shape_each(struct hd_vm *vm, int64_t shape, uint64_t values, uint64_t room, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    const uint8_t *s = shape_at(vm, shape);
    uint32_t count = s ? hd_shape_next(vm, s) : 0;
    if (count > IVARS_MAX || count > room / 8)
        return true;
    const uint8_t *value = count ? hd_memory_at(vm->memory, values, 8ull * count) : NULL;
    if (!value)
        return true;
    uint64_t local[256], *names = local;
    if (count > 256 && !(names = names_room(vm, count)))
        return true;
    memset(names, 0, sizeof *names * count);
    for (uint32_t steps = 0; s && steps < IVARS_MAX && !hd_memory_exhausted(vm->memory) && s[l->shape_type] != l->k_SHAPE_ROOT; steps++) {
        uint32_t index = hd_shape_next(vm, s) - 1;
        if (s[l->shape_type] == l->k_SHAPE_IVAR && index < count)
            names[index] = hd_word(s, l->shape_edge_name);
        s = shape_before(vm, s);
    }
    for (uint32_t i = 0; i < count; i++)
        if (names[i] && hd_word(value, 8 * (int64_t)i) != (uint64_t)l->k_Qundef
            && !each(data, names[i], hd_word(value, 8 * (int64_t)i)))
            return false;
    return true;
}

/* --- index tables (up to 3.1) --- */

struct indexed {
    struct hd_vm *vm;
    const uint8_t *values;
    uint64_t count;
    hd_table_each *each;
    void *data;
};

/* variable.c: before 3.1 the record was the index itself, then a struct that holds it */
static bool index_each(void *data, uint64_t id, uint64_t record)
{
    struct indexed *x = data;
    const struct hd_layout *l = x->vm->layout;
    uint64_t index = hd_layout_has(l->iv_index_entry_index)
                         ? hd_memory_u32(x->vm->memory, record + l->iv_index_entry_index) : record;
    if (index >= x->count)
        return true;
    uint64_t value = hd_word(x->values, 8 * (int64_t)index);
    return value == (uint64_t)l->k_Qundef || x->each(x->data, id, value);
}

static bool indexed_each(struct hd_vm *vm, uint64_t object_class, const uint8_t *values, uint64_t count,
                         hd_table_each *each, void *data)
{
    uint64_t real = hd_class_real(vm, object_class);
    const uint8_t *klass = real ? hd_vm_object(vm, real) : NULL;
    uint64_t ext = klass ? hd_class_ext(vm, klass, real) : 0;
    struct indexed x = {vm, values, count, each, data};
    if (!ext || !values || !count)
        return true;
    return hd_st_each(vm, hd_memory_u64(vm->memory, ext + vm->layout->classext_iv_index), index_each, &x);
}

/* --- generic instance variables --- */

bool hd_has_generic_ivars(const struct hd_vm *vm, const uint8_t *object)
{
    const struct hd_layout *l = vm->layout;
    unsigned type = hd_flags_type(hd_word(object, 0));
    if (type == HD_T_OBJECT || type == HD_T_CLASS || type == HD_T_MODULE || type == HD_T_IMEMO)
        return false;
    if (!shapes_have_flags(vm))
        return hd_flag(hd_word(object, 0), l->k_FL_EXIVAR);
    return hd_shape_of(vm, object) & (l->k_SHAPE_ID_OFFSET_MASK | l->k_SHAPE_ID_FL_TOO_COMPLEX);
}

static bool is_fields(const struct hd_vm *vm, uint64_t addr)
{
    return hd_layout_has(vm->layout->k_imemo_fields) && hd_vm_imemo_type(vm, addr) == vm->layout->k_imemo_fields;
}

struct generic_check {
    const struct hd_vm *vm;
    uint64_t visited;
};

static bool generic_entry_check(void *data, uint64_t key, uint64_t value)
{
    struct generic_check *check = data;
    const struct hd_vm *vm = check->vm;
    const uint8_t *object = hd_vm_object(vm, key);
    check->visited++;
    if (!object || !hd_has_generic_ivars(vm, object))
        return false;
    return hd_layout_has(vm->layout->classext_fields_obj) ? is_fields(vm, value) : hd_memory_at(vm->memory, value, 8) != NULL;
}

struct best {
    uint64_t table, count;
};

/*
 * Is the word a pointer to an st_table of numbers all of whose keys are objects with such variables? The biggest one
 * wins. As many entries must be there as it says: noise mostly looks like a table whose entries were all deleted.
 */
static bool generic_validate(struct hd_vm *vm, uint64_t addr, void *data)
{
    const struct hd_layout *l = vm->layout;
    struct best *best = data;
    uint64_t unreadable = vm->memory->unreadable, table = hd_memory_u64(vm->memory, addr);
    const uint8_t *st = table && !(table & 7) ? hd_memory_at(vm->memory, table, (uint64_t)l->st_size) : NULL;
    vm->memory->unreadable = unreadable; /* guesses are not failures */
    if (!st || st[l->st_entry_power] > 40)
        return false;
    uint64_t count = hd_word(st, l->st_num_entries), bound = hd_word(st, l->st_entries_bound);
    if (!count || count > bound || bound > 1ull << st[l->st_entry_power] || count <= best->count)
        return false;
    struct generic_check check = {.vm = vm};
    uint64_t compare = hd_memory_u64(vm->memory, hd_word(st, l->st_type));
    if ((!vm->number_compare || compare == vm->number_compare)
        && hd_memory_at(vm->memory, hd_word(st, l->st_entries), bound * (uint64_t)l->st_entry_size)
        && hd_st_each(vm, table, generic_entry_check, &check) && check.visited == count)
        *best = (struct best){table, count};
    vm->memory->unreadable = unreadable;
    return false;
}

static bool generic_add(void *data, uint64_t key, uint64_t value)
{
    hd_map_set(data, key, value);
    return true;
}

void hd_generic_ivars_open(struct hd_vm *vm)
{
    struct best best = {0};
    hd_vm_scan_data(vm, generic_validate, &best);
    if (best.count && hd_map_init(&vm->generic_ivars, vm->arena, best.count))
        hd_st_each(vm, best.table, generic_add, &vm->generic_ivars);
}

static bool generic_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t table;
    int64_t shape = hd_shape_of(vm, object);
    if (!hd_map_get(&vm->generic_ivars, addr, &table))
        return true;
    if (shape < 0) {
        uint32_t count = hd_memory_u32(vm->memory, table + l->gen_ivtbl_numiv);
        const uint8_t *values = hd_memory_at(vm->memory, table + l->gen_ivtbl_ivptr, 8ull * count);
        return indexed_each(vm, hd_word(object, 8), values, count, each, data);
    }
    if (hd_shape_too_complex(vm, shape) && hd_layout_has(l->gen_ivtbl_table))
        return hd_st_each(vm, hd_memory_u64(vm->memory, table + l->gen_ivtbl_table), each, data);
    return shape_each(vm, shape, table + l->gen_ivtbl_ivptr, UINT64_MAX, each, data);
}

/* --- fields (since 4.0) --- */

uint64_t hd_fields_object(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(object, 0), found = 0;
    unsigned type = hd_flags_type(flags);
    if (!shapes_have_flags(vm))
        return 0;
    if (type == HD_T_CLASS || type == HD_T_MODULE) {
        found = hd_memory_u64(vm->memory, hd_class_ext(vm, object, addr) + (uint64_t)l->classext_fields_obj);
    } else if (!hd_has_generic_ivars(vm, object)) {
        return 0;
    } else if (type == HD_T_DATA && hd_typed_data_of(vm, object, addr).typed) {
        found = hd_word(object, l->data_fields_obj);
    } else if (type == HD_T_STRUCT && !hd_flag(flags, l->k_RSTRUCT_GEN_FIELDS)) {
        /* internal/struct.h: behind the members where these are in the slot */
        uint64_t count = (flags & (uint64_t)l->k_RSTRUCT_EMBED_LEN_MASK) >> l->k_RSTRUCT_EMBED_LEN_SHIFT;
        int64_t at = count ? l->struct_ary + 8 * (int64_t)count : l->struct_fields_obj;
        found = hd_vm_room(vm, addr, at) >= 8 ? hd_word(object, at) : 0;
    } else {
        hd_map_get(&vm->generic_ivars, addr, &found);
    }
    return is_fields(vm, found) ? found : 0;
}

/* Where an object's fields are: values in the order of the shape, or an st_table by name. */
struct fields {
    int64_t shape;
    uint64_t at, room; /* bytes there may be */
};

static bool fields_at(const struct hd_vm *vm, const uint8_t *holder, uint64_t addr, struct fields *fields)
{
    const struct hd_layout *l = vm->layout;
    if (!holder)
        return false;
    bool outside = hd_flag(hd_word(holder, 0), l->k_ROBJECT_HEAP);
    fields->shape = hd_shape_of(vm, holder);
    fields->at = outside ? hd_word(holder, l->object_ivptr) : addr + (uint64_t)l->object_ary;
    fields->room = outside ? UINT64_MAX : hd_vm_room(vm, addr, l->object_ary);
    return true;
}

static bool fields_find(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, struct fields *fields)
{
    unsigned type = hd_flags_type(hd_word(object, 0));
    if (type == HD_T_OBJECT || (type == HD_T_IMEMO && is_fields(vm, addr)))
        return fields_at(vm, object, addr, fields);
    uint64_t holder = hd_fields_object(vm, object, addr);
    return holder && fields_at(vm, hd_vm_object(vm, holder), holder, fields);
}

struct complex {
    hd_table_each *each;
    void *data;
    uint64_t skip, *found; /* the name of an object_id: no variable */
};

static bool complex_each(void *data, uint64_t name, uint64_t value)
{
    struct complex *x = data;
    if (name != x->skip)
        return x->each ? x->each(x->data, name, value) : true;
    if (x->found)
        *x->found = value;
    return !x->found;
}

static bool fields_each(struct hd_vm *vm, const struct fields *fields, hd_table_each *each, void *data)
{
    struct complex x = {each, data, vm->id_object_id, NULL};
    if (hd_shape_too_complex(vm, fields->shape))
        return hd_st_each(vm, fields->at, complex_each, &x);
    return shape_each(vm, fields->shape, fields->at, fields->room, each, data);
}

bool hd_class_ivars_each(struct hd_vm *vm, const uint8_t *klass, uint64_t ext, hd_table_each *each, void *data)
{
    struct fields fields;
    uint64_t holder = hd_memory_u64(vm->memory, ext + (uint64_t)vm->layout->classext_fields_obj);
    (void)klass;
    return !is_fields(vm, holder) || !fields_at(vm, hd_vm_object(vm, holder), holder, &fields) || fields_each(vm, &fields, each, data);
}

/* gc.c, object_id_get: the value of the shape that was made for it, which may lie below later ones */
bool hd_field_object_id(struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *id)
{
    const struct hd_layout *l = vm->layout;
    struct fields fields;
    int64_t shape = hd_shape_of(vm, object);
    if (!(shape & l->k_SHAPE_ID_FL_HAS_OBJECT_ID) || !fields_find(vm, object, addr, &fields))
        return false;
    *id = 0;
    if (hd_shape_too_complex(vm, fields.shape)) {
        struct complex x = {NULL, NULL, vm->id_object_id, id};
        hd_st_each(vm, fields.at, complex_each, &x);
        return *id != 0;
    }
    const uint8_t *s = shape_at(vm, fields.shape);
    for (uint32_t steps = 0; s && steps < IVARS_MAX && !hd_memory_exhausted(vm->memory) && s[l->shape_type] != l->k_SHAPE_ROOT; steps++) {
        if (s[l->shape_type] == l->k_SHAPE_OBJ_ID && hd_shape_next(vm, s) && hd_shape_next(vm, s) <= fields.room / 8)
            return hd_memory_load_u64(vm->memory, fields.at + 8ull * (hd_shape_next(vm, s) - 1), id);
        s = shape_before(vm, s);
    }
    return false;
}

bool hd_object_id(struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *id)
{
    const struct hd_layout *l = vm->layout;
    unsigned type = hd_flags_type(hd_word(object, 0));
    if (!shapes_have_flags(vm))
        return hd_flag(hd_word(object, 0), l->k_FL_SEEN_OBJ_ID) && hd_map_get(&vm->object_ids, addr, id);
    if (type == HD_T_CLASS || type == HD_T_MODULE) {
        *id = hd_word(object, l->class_object_id);
        return *id != 0;
    }
    return type != HD_T_IMEMO && type != HD_T_ZOMBIE && hd_field_object_id(vm, object, addr, id);
}

/* --- all kinds --- */

/* shape.h, ROBJECT_IV_HASH: an st_table since 3.2.3, which also gave entries of class variables their cref. */
bool hd_too_complex_id_table(const struct hd_vm *vm)
{
    return hd_layout_has(vm->layout->vm_shape_list) && !hd_layout_has(vm->layout->cvc_entry_cref);
}

struct serials {
    const struct hd_layout *layout;
    hd_table_each *each;
    void *data;
};

/* The scope of the name is not kept, and nobody asks for it. */
static bool serial_each(void *data, uint64_t serial, uint64_t value)
{
    struct serials *serials = data;
    const struct hd_layout *l = serials->layout;
    return serials->each(serials->data, serial > (uint64_t)l->k_tLAST_OP_ID ? serial << l->k_ID_SCOPE_SHIFT : serial, value);
}

static bool too_complex_each(struct hd_vm *vm, uint64_t table, hd_table_each *each, void *data)
{
    struct serials serials = {vm->layout, each, data};
    return hd_too_complex_id_table(vm) ? hd_id_table_each(vm, table, serial_each, &serials) : hd_st_each(vm, table, each, data);
}

static bool object_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    bool embedded = hd_flag(hd_word(object, 0), l->k_ROBJECT_EMBED);
    int64_t shape = hd_shape_of(vm, object);
    if (shape < 0) {
        uint64_t count = embedded ? (uint64_t)l->k_ROBJECT_EMBED_LEN_MAX : hd_half(object, l->object_numiv);
        const uint8_t *values = embedded ? object + l->object_ary
                                         : count ? hd_memory_at(vm->memory, hd_word(object, l->object_ivptr), 8 * count) : NULL;
        return indexed_each(vm, hd_word(object, 8), values, count, each, data);
    }
    if (hd_shape_too_complex(vm, shape))
        return too_complex_each(vm, hd_word(object, l->object_ivptr), each, data);
    return embedded ? shape_each(vm, shape, addr + (uint64_t)l->object_ary, hd_vm_room(vm, addr, l->object_ary), each, data)
                    : shape_each(vm, shape, hd_word(object, l->object_ivptr), UINT64_MAX, each, data);
}

static bool class_each(struct hd_vm *vm, const uint8_t *klass, uint64_t addr, hd_table_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t ext = hd_class_ext(vm, klass, addr);
    int64_t shape = hd_shape_of(vm, klass);
    if (!ext)
        return true;
    if (hd_layout_has(l->classext_iv_tbl))
        return hd_st_each(vm, hd_memory_u64(vm->memory, ext + l->classext_iv_tbl), each, data);
    uint64_t values = hd_memory_u64(vm->memory, ext + l->classext_iv_ptr);
    if (!values)
        return true;
    if (hd_shape_too_complex(vm, shape))
        return hd_st_each(vm, values, each, data);
    return shape_each(vm, shape, values, UINT64_MAX, each, data);
}

bool hd_ivars_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_table_each *each, void *data)
{
    struct fields fields;
    if (shapes_have_flags(vm))
        return !fields_find(vm, object, addr, &fields) || fields_each(vm, &fields, each, data);
    switch (hd_flags_type(hd_word(object, 0))) {
    case HD_T_OBJECT:
        return object_each(vm, object, addr, each, data);
    case HD_T_CLASS:
    case HD_T_MODULE:
        return class_each(vm, object, addr, each, data);
    default:
        return generic_each(vm, object, addr, each, data);
    }
}
