/*
 * What an object keeps alive, read off its memory: Ruby's mark functions (gc.c, iseq.c, imemo.c, …), told over again.
 *
 * For a Ruby that cannot be asked, because it is another process or a core file. Must not know how references are
 * written or named: the decoders of the types name most of them, this finds all. Nothing but live slots is ever handed out.
 */
#ifndef HD_RUBY_REFERENCES_H
#define HD_RUBY_REFERENCES_H

#include "ruby/vm.h"

/* `inferred`: the word looks like a reference, in memory whose members are not known. */
typedef void hd_reference_each(void *data, uint64_t child, bool inferred);

/* The class is among them. The same child may come more than once. */
void hd_references_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_reference_each *each, void *data);

/*
 * What a T_DATA may keep alive where malloc's chunks tell no size: whatever the first bytes of its data look like. Too much, as what
 * lies behind it in memory counts, too; but what is alive must not be called garbage.
 */
void hd_references_guess(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_reference_each *each, void *data);

/* What an execution context holds on its VM stack and, where `machine`, on the machine stack that it has saved. */
void hd_references_of_context(struct hd_vm *vm, uint64_t ec, bool machine, hd_reference_each *each, void *data);

/* Each word of [from, to) that is a live object: conservative. */
void hd_references_scan(struct hd_vm *vm, uint64_t from, uint64_t to, hd_reference_each *each, void *data);

/* Parts of hd_references_each, in their own files. */
struct hd_references {
    struct hd_vm *vm;
    hd_reference_each *each;
    void *data;
};
void hd_references_of_imemo(struct hd_references *references, const uint8_t *object, uint64_t addr); /* references_code.c */
/* Each entry of a table of call caches, in the shape of hd_table_each; `data` is a struct hd_references. */
bool hd_references_of_call_caches(void *data, uint64_t serial, uint64_t caches);
void hd_references_of_data(struct hd_references *references, const uint8_t *object, uint64_t addr);  /* references_data.c */

static inline void hd_reference(struct hd_references *references, uint64_t value)
{
    if (hd_vm_object(references->vm, value))
        references->each(references->data, value, false);
}

/* The word at base + offset; nothing where the release has no such member. */
static inline void hd_reference_at(struct hd_references *references, uint64_t base, int64_t offset)
{
    if (base && hd_layout_has(offset))
        hd_reference(references, hd_memory_u64(references->vm->memory, base + (uint64_t)offset));
}

/*
 * Bytes of the malloc chunk that begins at `addr`, 0 where it is none of glibc's: its size stands before it (malloc.c,
 * struct malloc_chunk).
 */
uint64_t hd_chunk_size(struct hd_vm *vm, uint64_t addr);

#endif
