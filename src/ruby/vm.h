/*
 * A Ruby virtual machine found in memory: its heap pages, symbols, shapes and generic instance variables.
 *
 * Owns how these are found and proved right; offers the look-ups the decoders need. Must not know how anything
 * is written. Read-only once hd_vm_open has returned, but for the caches of struct hd_memory.
 * Invariant: an address that hd_vm_object accepts is a slot of a known page that holds an object; everything
 * read behind a pointer goes through hd_memory_at.
 */
#ifndef HD_RUBY_VM_H
#define HD_RUBY_VM_H

#include "base/map.h"
#include "dump/dump.h"
#include "memory/image.h"
#include "ruby/layout.h"

/* Ruby's builtin types (include/ruby/internal/value_type.h; the same in every release since 2.7). */
enum hd_type {
    HD_T_NONE = 0x00, HD_T_OBJECT, HD_T_CLASS, HD_T_MODULE, HD_T_FLOAT, HD_T_STRING, HD_T_REGEXP, HD_T_ARRAY,
    HD_T_HASH, HD_T_STRUCT, HD_T_BIGNUM, HD_T_FILE, HD_T_DATA, HD_T_MATCH, HD_T_COMPLEX, HD_T_RATIONAL,
    HD_T_SYMBOL = 0x14, HD_T_IMEMO = 0x1a, HD_T_NODE, HD_T_ICLASS, HD_T_ZOMBIE, HD_T_MOVED, HD_T_MASK = 0x1f
};

/* Free slots, moved objects and what is no type at all are none; immediates have types, but no slots. */
static inline bool hd_type_is_object(unsigned type)
{
    const uint32_t objects = 0xfffeu | 1u << HD_T_SYMBOL | 1u << HD_T_IMEMO | 1u << HD_T_NODE | 1u << HD_T_ICLASS | 1u << HD_T_ZOMBIE;
    return objects >> type & 1;
}

struct hd_page {
    uint64_t start;       /* address of the first slot */
    const uint8_t *slots; /* the same, readable here */
    uint64_t header;      /* address of Ruby's struct heap_page */
    uint32_t slot_size;
    uint32_t slot_count;
    uint32_t used;        /* slots that are not free */
    uint32_t magic;       /* 2^32 / slot_size, rounded up: division by multiplication */
    uint64_t *live;       /* a bit per slot that is to be seen, or NULL if every slot in use is */
    uint64_t *traced;     /* a bit per slot that the roots reach; NULL unless hd_liveness_trace ran */
};

/* Visits an entry of a table; returns false to stop. */
typedef bool hd_table_each(void *data, uint64_t key, uint64_t value);

struct hd_text {
    const char *data;
    uint64_t length;
};

/*
 * Names are written again and again, so a name that is no name must not be a hundred megabytes: a symbol with more bytes has none,
 * names of classes, files and frames are cut.
 */
enum { HD_NAME_BYTES = 4096 };

static inline struct hd_text hd_text_name(struct hd_text text)
{
    return (struct hd_text){text.data, text.length < HD_NAME_BYTES ? text.length : HD_NAME_BYTES};
}

struct hd_vm {
    const struct hd_layout *layout;
    struct hd_memory *memory;
    const struct hd_live *live;
    const struct hd_image *image; /* what has Ruby in it; NULL if `live` knows the symbols */
    struct hd_arena *arena;
    uint64_t addr, objspace;
    bool chunks; /* memory from malloc has glibc's headers: sizes can be read */
    int threads; /* that may read at once; 0 or 1: only this one */

    struct hd_page *pages;
    size_t page_count;
    uint64_t *spare_pages; /* bodies of pages that have no slots at present (since 3.4) */
    size_t spare_count;
    uint64_t lost_pages; /* that are missing from an incomplete memory */
    uint64_t *page_keys; /* open addressing: page body address -> index in pages */
    uint32_t *page_values;
    uint64_t page_mask;  /* capacity - 1 */
    unsigned page_shift; /* log2 of a page's alignment */
    uint64_t heap_low, heap_high;

    struct hd_text *symbol_names; /* by serial number; data NULL where there is none */
    bool *symbol_dynamic;         /* the same: its Symbol is an object, made at run time */
    uint64_t hash_key[2];         /* of tables of texts: whoever made the texts must not know which collide */
    bool *symbol_written;         /* the same: it stands in code; NULL but for redacted dumps (ruby/written.h) */
    uint64_t symbol_count;

    uint64_t shape_list; /* 0 before 3.2 */
    uint64_t shape_tree; /* since 4.0 */
    uint64_t *shape_names; /* room for the names of one object's variables, kept for the next one with many; of one thread */
    uint32_t shape_names_room;

    struct hd_map generic_ivars; /* object -> struct gen_ivtbl; since 4.0 its fields, a T_IMEMO */
    struct hd_map object_ids;    /* object -> its object_id (a VALUE), where one was ever taken; up to 3.4 */
    uint64_t id_object_id;       /* since 4.0: the name that an object_id has among an object's fields */

    uint64_t global_table; /* rb_global_tbl: an id_table of global variables; 0 if not found */
    uint64_t string_class;      /* String itself: the class whose instances are plain */
    uint64_t number_compare;    /* address of st_numcmp: what compare_by_identity hashes compare with */
    uint64_t serial_members;    /* serial number of __members__ */
    uint64_t id_classpath, id_tmp_classpath, id_attached; /* before 3.2 these are hidden instance variables */
};

/* Finds and checks everything. Nothing is decoded before this has returned true. */
bool hd_vm_open(struct hd_vm *vm, struct hd_memory *memory, struct hd_arena *arena, const struct hd_dump_target *target,
                const struct hd_layout *layout, struct hd_error *err);

/* The same machine for another thread, with what only one thread may use from the arena; `memory` becomes a copy of the machine's. */
void hd_vm_copy(struct hd_vm *copy, const struct hd_vm *vm, struct hd_memory *memory, struct hd_arena *arena);

/* Address of a symbol that Ruby exports, 0 if there is none. */
uint64_t hd_vm_symbol(const struct hd_vm *vm, const char *name);

/* Parts of hd_vm_open, in their own files. */
bool hd_heap_open(struct hd_vm *vm, struct hd_error *err);          /* heap.c */
bool hd_symbols_open(struct hd_vm *vm, struct hd_error *err);       /* symbol.c */
void hd_generic_ivars_open(struct hd_vm *vm);                        /* ivar.c */
bool hd_shapes_open(struct hd_vm *vm, struct hd_error *err);        /* ivar.c */
bool hd_variant_choose(struct hd_vm *vm, struct hd_error *err);     /* variant.c */
void hd_globals_open(struct hd_vm *vm);                              /* roots.c */
void hd_object_ids_open(struct hd_vm *vm);                           /* heap.c */

/* Calls each(addr of an 8-byte word, data) over libruby's writable data until it returns true. */
bool hd_vm_scan_data(struct hd_vm *vm, bool (*each)(struct hd_vm *vm, uint64_t addr, void *data), void *data);

/* The target of the n-th RIP-relative load or lea in the code of a function; 0 if there is none. x86-64. */
uint64_t hd_vm_code_reference(struct hd_vm *vm, uint64_t function, int n);

/* The bit of the slot at addr, which must be one of the page's. */
static inline bool hd_page_bit(const uint64_t *bits, const struct hd_page *page, uint64_t addr)
{
    uint64_t slot = (addr - page->start) * page->magic >> 32;
    return bits[slot / 64] >> (slot % 64) & 1;
}

static inline struct hd_page *hd_vm_page(const struct hd_vm *vm, uint64_t addr)
{
    uint64_t key = addr >> vm->page_shift;
    uint64_t i = (key * 0x9E3779B97F4A7C15ull) >> 32 & vm->page_mask;
    while (vm->page_keys[i]) {
        if (vm->page_keys[i] == key)
            return &vm->pages[vm->page_values[i]];
        i = (i + 1) & vm->page_mask;
    }
    return NULL;
}

/*
 * The bytes of the object at `addr` (at least the slot's size), or NULL if no live object is there: not a
 * slot, a free one, one that was moved or waits to be swept.
 */
static inline const uint8_t *hd_vm_object(const struct hd_vm *vm, uint64_t addr)
{
    if (addr < vm->heap_low || addr > vm->heap_high || (addr & 7))
        return NULL;
    const struct hd_page *page = hd_vm_page(vm, addr);
    if (!page || addr < page->start)
        return NULL;
    uint64_t offset = addr - page->start;
    uint64_t slot = offset * page->magic >> 32;
    if (slot * page->slot_size != offset || slot >= page->slot_count)
        return NULL;
    if (page->live && !(page->live[slot / 64] >> (slot % 64) & 1))
        return NULL;
    const uint8_t *object = page->slots + offset;
    return hd_type_is_object(*object & HD_T_MASK) ? object : NULL;
}

/* How many bytes the slot of a live object has from `offset` on: what lies in the slot cannot be more, whatever it says of itself. */
static inline uint64_t hd_vm_room(const struct hd_vm *vm, uint64_t addr, int64_t offset)
{
    const struct hd_page *page = hd_vm_page(vm, addr);
    return page && offset >= 0 && (uint64_t)offset < page->slot_size ? page->slot_size - (uint64_t)offset : 0;
}

static inline uint64_t hd_word(const uint8_t *object, int64_t offset)
{
    uint64_t value;
    memcpy(&value, object + offset, 8);
    return value;
}

static inline uint32_t hd_half(const uint8_t *object, int64_t offset)
{
    uint32_t value;
    memcpy(&value, object + offset, 4);
    return value;
}

static inline unsigned hd_flags_type(uint64_t flags)
{
    return flags & HD_T_MASK;
}

/* flags & layout constant, false if the release has no such flag */
static inline bool hd_flag(uint64_t flags, int64_t mask)
{
    return mask != HD_ABSENT && (flags & (uint64_t)mask);
}

/* The object's bytes if it is live and of that type, else NULL. */
static inline const uint8_t *hd_vm_object_of(const struct hd_vm *vm, uint64_t addr, unsigned type)
{
    const uint8_t *object = hd_vm_object(vm, addr);
    return object && (*object & HD_T_MASK) == type ? object : NULL;
}

/* The imemo type if addr is a live T_IMEMO, else -1. */
int hd_vm_imemo_type(const struct hd_vm *vm, uint64_t addr);

/* An ID's name; data NULL if it has none. */
struct hd_text hd_symbol_name(const struct hd_vm *vm, uint64_t id);

/* The serial number of an ID. */
uint64_t hd_id_serial(const struct hd_vm *vm, uint64_t id);

/* The name by serial number, as the keys of id_tables are. */
static inline struct hd_text hd_serial_name(const struct hd_vm *vm, uint64_t serial)
{
    return serial < vm->symbol_count ? vm->symbol_names[serial] : (struct hd_text){0};
}

/* The serial number of the ID with that name, 0 if none. */
uint64_t hd_symbol_serial(const struct hd_vm *vm, const char *name);

/* The contents of a T_STRING; false where they are not readable. */
bool hd_string_text(const struct hd_vm *vm, const uint8_t *string, uint64_t addr, struct hd_text *text);
/* The elements of a T_ARRAY, `*count` VALUEs; NULL where they are not readable (or there are none). */
const uint8_t *hd_array_elements(const struct hd_vm *vm, const uint8_t *array, uint64_t addr, uint64_t *count);
/* The members of a T_STRUCT in the same way. */
const uint8_t *hd_struct_members(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *count);
/* A T_HASH's st_table; 0 if it has none. */
uint64_t hd_hash_table(const struct hd_vm *vm, const uint8_t *object, uint64_t addr);
/* A small T_HASH's pairs of keys and values, `*count` of them, deleted ones among them (their keys are Qundef); NULL as above. */
const uint8_t *hd_hash_pairs(const struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *count);

/* The path of a class or module ("Net::HTTP"), false if it is anonymous. `id` becomes the String's address. */
bool hd_class_path(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr, struct hd_text *path, uint64_t *id);
/* The struct rb_classext_struct of a class; 0 where it has none, or the slot is too small for it. */
uint64_t hd_class_ext(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr);
/*
 * The extensions of a class: its own one, and since 4.0 those that boxes (Ruby::Box) have of it, each with the box it belongs to;
 * `box` is 0 for its own one. each() returns false to stop.
 */
typedef bool hd_class_ext_each(void *data, uint64_t box, uint64_t ext);
void hd_class_exts_each(struct hd_vm *vm, const uint8_t *klass, uint64_t addr, hd_class_ext_each *each, void *data);
/* The methods of an extension: an id_table, 0 if the class (an iclass) does not own them. */
uint64_t hd_class_methods(const struct hd_vm *vm, const uint8_t *klass, uint64_t ext);
/* The same whoever owns them. */
uint64_t hd_class_method_table(const struct hd_vm *vm, const uint8_t *klass, uint64_t ext);
/* The constants of an extension: an id_table, 0 if they are another class's. */
uint64_t hd_class_constants(const struct hd_vm *vm, uint64_t ext);
/* Bytes of the list of superclasses that a class owns. */
uint64_t hd_class_superclasses_size(const struct hd_vm *vm, uint64_t ext);
/* The object of the Ruby::Box that a struct rb_box_struct is, 0 if it is not one a program made. */
uint64_t hd_box_object(const struct hd_vm *vm, uint64_t box);
/* The Ruby::Box that the frame or environment of a class's body or a file belongs to (vm_core.h, VM_ENV_BOXED_P), 0 if none. */
uint64_t hd_env_box(const struct hd_vm *vm, uint64_t ep, uint64_t flags);
/* As rb_class_real: skips singleton classes and iclasses. 0 if there is none. */
uint64_t hd_class_real(const struct hd_vm *vm, uint64_t klass);

/* The object a singleton class belongs to, 0 if none. */
uint64_t hd_class_attached(const struct hd_vm *vm, const uint8_t *klass, uint64_t addr);

/*
 * The instance variables of any object: calls each(data, name ID, value) in definition order for those that are
 * set. Knows T_OBJECT, classes and generic instance variables, shapes and the tables before them.
 */
bool hd_ivars_each(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_table_each *each, void *data);
/* May it have variables that are neither in its slot (T_OBJECT) nor in its extension (classes)? */
bool hd_has_generic_ivars(const struct hd_vm *vm, const uint8_t *object);
/* Since 4.0: the T_IMEMO that holds an object's variables and object_id where its slot does not, 0 if there is none. */
uint64_t hd_fields_object(const struct hd_vm *vm, const uint8_t *object, uint64_t addr);
/* The fields of an extension of a class, as hd_ivars_each for the class. */
bool hd_class_ivars_each(struct hd_vm *vm, const uint8_t *klass, uint64_t ext, hd_table_each *each, void *data);
/* The object_id, a VALUE, where one was ever taken. */
bool hd_object_id(struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *id);
/* The same for an object that has it among its fields, or for the fields themselves (4.0). */
bool hd_field_object_id(struct hd_vm *vm, const uint8_t *object, uint64_t addr, uint64_t *id);
/* The object's shape number (since 4.0 with its flags), -1 before 3.2 */
int64_t hd_shape_of(const struct hd_vm *vm, const uint8_t *object);
bool hd_shape_too_complex(const struct hd_vm *vm, int64_t shape);
/* True if such objects have their variables in a struct rb_id_table, false if in an st_table. */
bool hd_too_complex_id_table(const struct hd_vm *vm);
/* How many fields an object of the shape whose bytes these are has. */
uint32_t hd_shape_next(const struct hd_vm *vm, const uint8_t *shape);
/* How many variables a buffer outside of the slot has room for. */
uint32_t hd_shape_capacity(const struct hd_vm *vm, int64_t shape);

/* Tables. */
/* No more entries than this are visited, whatever the table says of their number. */
uint64_t hd_st_most(struct hd_vm *vm, uint64_t table);
bool hd_st_each(struct hd_vm *vm, uint64_t table, hd_table_each *each, void *data);
/* A struct set_table (4.0): calls each(data, key). */
typedef bool hd_set_key_each(void *data, uint64_t key);
bool hd_set_each(struct hd_vm *vm, uint64_t table, hd_set_key_each *each, void *data);
/* Does a table whose type stands at `type` in it compare by identity? hash.c, set.c: then it compares with st_numcmp. */
bool hd_table_by_identity(struct hd_vm *vm, uint64_t table, int64_t type);
/* Keys are ID serial numbers. */
bool hd_id_table_each(struct hd_vm *vm, uint64_t table, hd_table_each *each, void *data);

#endif
