/*
 * HeapDump.count_objects: one walk over the slots that only counts, then names for what was counted.
 *
 * Invariant: the walk allocates nothing from Ruby and can therefore neither start a collection nor change
 * what it counts. Classes are told apart by address until it is over.
 */
#include "ext.h"

#include <stdlib.h>
#include <string.h>

struct class_count {
    VALUE klass; /* 0: free entry */
    uint64_t objects;
};

struct counts {
    uint64_t total, free, types[RUBY_T_MASK + 1];
    struct class_count *classes; /* open addressing, a power of two of entries */
    size_t capacity, used;
    struct hd_arena arena;
    bool failed;
    VALUE names;
};

struct named_count {
    VALUE name;
    uint64_t objects;
};

const char *hd_ext_type_name(int type)
{
    static const char *const names[RUBY_T_MASK + 1] = {
        [RUBY_T_OBJECT] = "T_OBJECT",   [RUBY_T_CLASS] = "T_CLASS",       [RUBY_T_MODULE] = "T_MODULE",
        [RUBY_T_FLOAT] = "T_FLOAT",     [RUBY_T_STRING] = "T_STRING",     [RUBY_T_REGEXP] = "T_REGEXP",
        [RUBY_T_ARRAY] = "T_ARRAY",     [RUBY_T_HASH] = "T_HASH",         [RUBY_T_STRUCT] = "T_STRUCT",
        [RUBY_T_BIGNUM] = "T_BIGNUM",   [RUBY_T_FILE] = "T_FILE",         [RUBY_T_DATA] = "T_DATA",
        [RUBY_T_MATCH] = "T_MATCH",     [RUBY_T_COMPLEX] = "T_COMPLEX",   [RUBY_T_RATIONAL] = "T_RATIONAL",
        [RUBY_T_SYMBOL] = "T_SYMBOL",   [RUBY_T_IMEMO] = "T_IMEMO",       [RUBY_T_NODE] = "T_NODE",
        [RUBY_T_ICLASS] = "T_ICLASS",   [RUBY_T_ZOMBIE] = "T_ZOMBIE",
    };
    return names[type & RUBY_T_MASK];
}

static struct class_count *entry_find(struct class_count *classes, size_t capacity, VALUE klass)
{
    size_t at = (size_t)(klass >> 3) * 0x9E3779B97F4A7C15u >> 20 & (capacity - 1);
    while (classes[at].klass && classes[at].klass != klass)
        at = (at + 1) & (capacity - 1);
    return &classes[at];
}

static bool classes_grow(struct counts *counts)
{
    size_t capacity = counts->capacity ? counts->capacity * 2 : 4096;
    struct class_count *classes = hd_arena_alloc(&counts->arena, capacity, sizeof *classes);
    if (!classes) {
        counts->failed = true;
        return false;
    }
    for (size_t i = 0; i < counts->capacity; i++)
        if (counts->classes[i].klass)
            *entry_find(classes, capacity, counts->classes[i].klass) = counts->classes[i];
    counts->classes = classes; /* the old table stays in the arena: together they are at most twice the last */
    counts->capacity = capacity;
    return true;
}

static void class_count(struct counts *counts, VALUE klass, uint64_t objects)
{
    if (counts->used * 4 >= counts->capacity * 3 && !classes_grow(counts))
        return;
    struct class_count *entry = entry_find(counts->classes, counts->capacity, klass);
    if (!entry->klass) {
        entry->klass = klass;
        counts->used++;
    }
    entry->objects += objects;
}

static void slot_count(struct counts *counts, VALUE value)
{
    int type = RB_BUILTIN_TYPE(value);
    counts->total++;
    if (type == RUBY_T_NONE || type == RUBY_T_MOVED) {
        counts->free++;
        return;
    }
    counts->types[type]++;
    /* What these have in the place of the class is something else. */
    if (type == RUBY_T_IMEMO || type == RUBY_T_NODE || type == RUBY_T_ICLASS || type == RUBY_T_ZOMBIE)
        return;
    VALUE klass = RBASIC_CLASS(value); /* 0 for objects Ruby hides, and for those being made right now */
    if (klass && (klass = rb_class_real(klass)))
        class_count(counts, klass, 1);
    if (type == RUBY_T_CLASS && rb_class_real(value) == value) /* so that a class without objects shows up too */
        class_count(counts, value, 0);
}

static int page_count(void *start, void *end, size_t stride, void *data)
{
    for (char *slot = start; slot < (char *)end; slot += stride)
        slot_count(data, (VALUE)slot);
    return 0;
}

/* Modules, Strings and Symbols as given -> names; a Module without a name stands for itself. */
static VALUE names_normalize(VALUE given)
{
    VALUE names = rb_ary_new();
    for (long i = 0; i < RARRAY_LEN(given); i++) {
        VALUE name = RARRAY_AREF(given, i);
        if (RB_TYPE_P(name, T_CLASS) || RB_TYPE_P(name, T_MODULE)) {
            VALUE path = rb_mod_name(name);
            name = NIL_P(path) ? name : path;
        } else if (RB_SYMBOL_P(name)) {
            name = rb_sym2str(name);
        } else {
            StringValue(name);
            if (RSTRING_LEN(name) > 2 && !memcmp(RSTRING_PTR(name), "::", 2))
                name = rb_str_substr(name, 2, RSTRING_LEN(name));
        }
        rb_ary_push(names, name);
    }
    return names;
}

static bool name_wanted(VALUE names, VALUE klass, VALUE path)
{
    for (long i = 0; i < RARRAY_LEN(names); i++) {
        VALUE name = RARRAY_AREF(names, i);
        if (name == klass)
            return true;
        if (!RB_TYPE_P(name, T_STRING) || NIL_P(path))
            continue;
        long length = RSTRING_LEN(name), more = RSTRING_LEN(path) - length;
        if (more < 0 || memcmp(RSTRING_PTR(path), RSTRING_PTR(name), (size_t)length))
            continue;
        if (more == 0 || (more > 2 && !memcmp(RSTRING_PTR(path) + length, "::", 2)))
            return true;
    }
    return false;
}

static int named_compare(const void *a, const void *b)
{
    const struct named_count *left = a, *right = b;
    if (left->objects != right->objects)
        return left->objects < right->objects ? 1 : -1;
    return rb_str_cmp(left->name, right->name);
}

static VALUE user_types(struct counts *counts)
{
    VALUE types = rb_hash_new();
    struct named_count *named = hd_arena_alloc(&counts->arena, counts->used + 1, sizeof *named);
    size_t n = 0;
    if (!named || counts->failed)
        rb_raise(rb_eNoMemError, "no memory to count objects by class");
    for (size_t i = 0; i < counts->capacity; i++) {
        VALUE klass = counts->classes[i].klass, path = klass ? rb_mod_name(klass) : Qnil;
        if (klass && name_wanted(counts->names, klass, path))
            named[n++] = (struct named_count){NIL_P(path) ? rb_inspect(klass) : path, counts->classes[i].objects};
    }
    qsort(named, n, sizeof *named, named_compare);
    for (size_t i = 0; i < n; i++) {
        VALUE key = rb_str_intern(named[i].name), before = rb_hash_lookup2(types, key, INT2FIX(0));
        /* two classes may bear one name: a constant was assigned anew, its old class lives on */
        rb_hash_aset(types, key, rb_funcall(before, '+', 1, ULL2NUM(named[i].objects)));
    }
    return types;
}

static VALUE counts_run(VALUE arg)
{
    struct counts *counts = (struct counts *)arg;
    VALUE result = rb_hash_new(), basic = rb_hash_new();
    rb_objspace_each_objects(page_count, counts);
    rb_hash_aset(result, ID2SYM(rb_intern("total_slots")), ULL2NUM(counts->total));
    rb_hash_aset(result, ID2SYM(rb_intern("free_slots")), ULL2NUM(counts->free));
    rb_hash_aset(result, ID2SYM(rb_intern("basic_types")), basic);
    for (int type = 0; type <= RUBY_T_MASK; type++)
        if (counts->types[type] && hd_ext_type_name(type))
            rb_hash_aset(basic, ID2SYM(rb_intern(hd_ext_type_name(type))), ULL2NUM(counts->types[type]));
    rb_hash_aset(result, ID2SYM(rb_intern("user_types")), user_types(counts));
    return result;
}

struct counting {
    struct counts counts;
    bool gc_was_enabled;
};

static VALUE counting_clean(VALUE arg)
{
    struct counting *counting = (struct counting *)arg;
    hd_arena_deinit(&counting->counts.arena);
    if (counting->gc_was_enabled)
        rb_gc_enable();
    return Qnil;
}

VALUE hd_ext_count_objects(VALUE names)
{
    struct counting counting = {.counts = {.names = names_normalize(names)}};
    VALUE kept = counting.counts.names;
    /* The counted classes are known by address only, so none may be freed before it has its name. */
    counting.gc_was_enabled = rb_gc_disable() == Qfalse;
    VALUE result = rb_ensure(counts_run, (VALUE)&counting.counts, counting_clean, (VALUE)&counting);
    RB_GC_GUARD(kept);
    return result;
}
