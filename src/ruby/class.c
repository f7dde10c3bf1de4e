/*
 * Classes: their extension struct, their path, what a singleton class is attached to.
 *
 * Up to 3.1 struct RClass points to its extension, since 3.2 that follows in the slot; up to 3.2 the path and the attached
 * object are hidden instance variables, since 3.3 the extension has members for them (internal/class.h). Since 4.0 a class that
 * a box (Ruby::Box) has changed has one more extension for that box, in a table behind its own one.
 */
#include "ruby/vm.h"

struct lookup {
    uint64_t key, value;
    bool found;
};

static bool lookup_each(void *data, uint64_t key, uint64_t value)
{
    struct lookup *lookup = data;
    if (key != lookup->key)
        return true;
    lookup->value = value;
    lookup->found = true;
    return false;
}

static uint64_t hidden_variable(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr, uint64_t id)
{
    struct lookup lookup = {.key = id};
    if (id)
        hd_ivars_each((struct hd_vm *)vm, klass, addr, lookup_each, &lookup);
    return lookup.found ? lookup.value : 0;
}

uint64_t hd_class_ext(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    if (hd_layout_has(l->class_ext))
        return hd_word(klass, l->class_ext);
    return hd_vm_room(vm, addr, l->class_size) >= (uint64_t)l->classext_size ? addr + (uint64_t)l->class_size : 0;
}

struct exts {
    hd_class_ext_each *each;
    void *data;
};

static bool ext_entry(void *data, uint64_t box, uint64_t ext)
{
    const struct exts *exts = data;
    return exts->each(exts->data, box, ext);
}

void hd_class_exts_each(struct hd_vm *vm, const uint8_t *klass, uint64_t addr, hd_class_ext_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t ext = hd_class_ext(vm, klass, addr);
    struct exts exts = {each, data};
    if (!ext || !each(data, 0, ext) || !hd_flag(hd_word(klass, 0), l->k_RCLASS_BOXABLE))
        return;
    if (hd_vm_room(vm, addr, l->class_box_exts) >= 8)
        hd_st_each(vm, hd_word(klass, l->class_box_exts), ext_entry, &exts);
}

/* A bit-field that lies in the struct at `base`; false where the release has none. */
static bool bit_at(const struct hd_vm *vm, uint64_t base, int64_t bit)
{
    uint8_t byte;
    return hd_layout_has(bit) && hd_memory_load_u8(vm->memory, base + (uint64_t)bit / 8, &byte) && byte >> (bit % 8) & 1;
}

uint64_t hd_class_method_table(const struct hd_vm *vm, const uint8_t *klass, uint64_t ext)
{
    const struct hd_layout *l = vm->layout;
    return hd_layout_has(l->class_m_tbl) ? hd_word(klass, l->class_m_tbl) : hd_memory_u64(vm->memory, ext + (uint64_t)l->classext_m_tbl);
}

/* internal/class.h: an iclass owns the methods only if it is the origin of a prepended class */
uint64_t hd_class_methods(const struct hd_vm *vm, const uint8_t *klass, uint64_t ext)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(klass, 0);
    if (hd_flags_type(flags) == HD_T_ICLASS) {
        bool origin = hd_flag(flags, l->k_RICLASS_IS_ORIGIN) || bit_at(vm, ext, l->classext_is_origin_bit);
        bool shared = hd_flag(flags, l->k_RICLASS_ORIGIN_SHARED_MTBL) || bit_at(vm, ext, l->classext_origin_shared_mtbl_bit);
        if (!origin || shared)
            return 0;
    }
    return hd_class_method_table(vm, klass, ext);
}

uint64_t hd_class_constants(const struct hd_vm *vm, uint64_t ext)
{
    const struct hd_layout *l = vm->layout;
    bool shared = bit_at(vm, ext, l->classext_shared_const_tbl_bit);
    return shared ? 0 : hd_memory_u64(vm->memory, ext + (uint64_t)l->classext_const);
}

uint64_t hd_class_superclasses_size(const struct hd_vm *vm, uint64_t ext)
{
    const struct hd_layout *l = vm->layout;
    if (!hd_layout_has(l->classext_superclasses))
        return 0;
    if (!hd_layout_has(l->classext_superclasses_with_self_bit))
        return 8 * hd_memory_u64(vm->memory, ext + (uint64_t)l->classext_depth);
    uint16_t depth;
    bool own = bit_at(vm, ext, l->classext_superclasses_with_self_bit);
    return own && hd_memory_load_u16(vm->memory, ext + (uint64_t)l->classext_depth, &depth) ? 8 * (depth + 1ull) : 0;
}

uint64_t hd_box_object(const struct hd_vm *vm, uint64_t box)
{
    const struct hd_layout *l = vm->layout;
    uint8_t user;
    if (!box || !hd_layout_has(l->box_object) || !hd_memory_load_u8(vm->memory, box + (uint64_t)l->box_is_user, &user) || !user)
        return 0;
    return hd_memory_u64(vm->memory, box + (uint64_t)l->box_object);
}

uint64_t hd_env_box(const struct hd_vm *vm, uint64_t ep, uint64_t flags)
{
    const struct hd_layout *l = vm->layout;
    uint64_t kind = flags & (uint64_t)l->k_VM_FRAME_MAGIC_MASK;
    bool boxed = hd_layout_has(l->box_object) && (flags & (uint64_t)l->k_VM_ENV_FLAG_LOCAL)
                 && (kind == (uint64_t)l->k_VM_FRAME_MAGIC_CLASS || kind == (uint64_t)l->k_VM_FRAME_MAGIC_TOP);
    return boxed ? hd_box_object(vm, hd_memory_u64(vm->memory, ep - 8) & ~3ull) : 0;
}

bool hd_class_path(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr, struct hd_text *path, uint64_t *id)
{
    const struct hd_layout *l = vm->layout;
    uint64_t ext = hd_class_ext(vm, klass, addr), string = 0;
    if (hd_flags_type(hd_word(klass, 0)) == HD_T_ICLASS || !ext)
        return false;
    if (hd_layout_has(l->classext_classpath))
        string = hd_memory_u64(vm->memory, ext + l->classext_classpath);
    else if (!(string = hidden_variable(vm, klass, addr, vm->id_classpath)))
        string = hidden_variable(vm, klass, addr, vm->id_tmp_classpath);
    const uint8_t *object = string ? hd_vm_object_of(vm, string, HD_T_STRING) : NULL;
    *id = string;
    if (!object || !hd_string_text(vm, object, string, path))
        return false;
    *path = hd_text_name(*path);
    return true;
}

uint64_t hd_class_attached(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr)
{
    const struct hd_layout *l = vm->layout;
    uint64_t flags = hd_word(klass, 0), ext = hd_class_ext(vm, klass, addr);
    if (hd_flags_type(flags) != HD_T_CLASS || !hd_flag(flags, l->k_FL_SINGLETON) || !ext)
        return 0;
    if (hd_layout_has(l->classext_attached))
        return hd_memory_u64(vm->memory, ext + l->classext_attached);
    return hidden_variable(vm, klass, addr, vm->id_attached);
}

uint64_t hd_class_real(const struct hd_vm *vm, uint64_t klass)
{
    enum { MODULES_MAX = 1 << 14 }; /* that a singleton class can have in front of the class */
    for (int depth = 0; depth < MODULES_MAX && !hd_memory_exhausted(vm->memory); depth++) {
        const uint8_t *object = hd_vm_object(vm, klass);
        hd_memory_worked(vm->memory, sizeof klass);
        if (!object)
            return 0;
        uint64_t flags = hd_word(object, 0);
        if (hd_flags_type(flags) != HD_T_ICLASS && !hd_flag(flags, vm->layout->k_FL_SINGLETON))
            return klass;
        klass = hd_word(object, vm->layout->class_super);
    }
    return 0;
}
