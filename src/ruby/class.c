/*
 * Classes: their extension struct, their path, what a singleton class is attached to.
 *
 * Up to 3.1 struct RClass points to its extension, since 3.2 that follows in the slot; up to 3.2 the path and the attached
 * object are hidden instance variables, since 3.3 the extension has members for them (internal/class.h).
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
