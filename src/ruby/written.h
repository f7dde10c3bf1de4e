/* Names that stand in the program's code, and those that it made up as it ran. See written.c. */
#ifndef HD_RUBY_WRITTEN_H
#define HD_RUBY_WRITTEN_H

#include "ruby/vm.h"

/* Looks at all code; before this no name is hidden. False: no memory. */
bool hd_written_find(struct hd_vm *vm);

/* Must a redacted dump hide the name with this serial number, of a value that a program may keep under any name (Thread#[]=)? */
bool hd_written_hides(const struct hd_vm *vm, uint64_t serial);

/* The same for a Symbol, by its ID. */
bool hd_written_hides_id(const struct hd_vm *vm, uint64_t id);

/* The name of a method, which stays unless it was a Symbol made at run time first: then its data is NULL, as that of an ID without a name. */
struct hd_text hd_written_method(const struct hd_vm *vm, uint64_t id);
struct hd_text hd_written_method_serial(const struct hd_vm *vm, uint64_t serial);

/* Of an instance or class variable; other names (those of C code have no @) cannot be made up. */
bool hd_written_hides_variable(const struct hd_vm *vm, uint64_t id);

#endif
