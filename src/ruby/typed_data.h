/*
 * T_DATA: objects that wrap a struct of C. See typed_data.c.
 *
 * Owns how such an object tells its type and where the struct is, in every release. Must not know what is in the structs.
 */
#ifndef HD_RUBY_TYPED_DATA_H
#define HD_RUBY_TYPED_DATA_H

#include "ruby/vm.h"

struct hd_typed_data {
    uint64_t type;  /* address of its rb_data_type_t, 0 if it has none */
    uint64_t addr;  /* of the C struct; 0 if there is none yet */
    bool typed;     /* RTypedData, not RData */
    bool embedded;  /* the struct lies in the slot itself */
};

struct hd_typed_data hd_typed_data_of(const struct hd_vm *vm, const uint8_t *object, uint64_t addr);

/* The type's name ("proc", "VM/thread"); data NULL if it has no type or the name is not readable. */
struct hd_text hd_typed_data_name(const struct hd_vm *vm, const struct hd_typed_data *data);
bool hd_typed_data_named(const struct hd_vm *vm, const struct hd_typed_data *data, const char *name);

#endif
