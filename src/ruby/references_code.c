/* What code refers to: T_IMEMO, above all instruction sequences. See references.h. */
#include "ruby/references.h"

enum { ISEQ_WORDS_MAX = 1 << 26, ENTRIES_MAX = 1 << 20, TMPBUF_MAX = 1 << 26, CHAIN_MAX = 1000 };

static uint32_t half_at(struct hd_references *r, uint64_t base, int64_t offset)
{
    return hd_layout_has(offset) ? hd_memory_u32(r->vm->memory, base + (uint64_t)offset) : 0;
}

static uint64_t word_at(struct hd_references *r, uint64_t base, int64_t offset)
{
    return hd_layout_has(offset) ? hd_memory_u64(r->vm->memory, base + (uint64_t)offset) : 0;
}

static void words(struct hd_references *r, uint64_t addr, uint64_t count)
{
    const uint8_t *values = addr && count ? hd_memory_at(r->vm->memory, addr, 8 * count) : NULL;
    for (uint64_t i = 0; values && i < count; i++)
        hd_reference(r, hd_word(values, 8 * (int64_t)i));
}

/* --- instruction sequences: iseq.c, rb_iseq_mark --- */

/*
 * Up to 3.1 nothing tells an entry's kind but what is in it: a constant's cache, the running thread (1: done) and value
 * of `/…/o`, or a pointer to what is known of an instance or class variable, struct rb_iv_index_tbl_entry or
 * rb_cvar_class_tbl_entry (variable.c), which both have a class at 16.
 */
static void storage_entry(struct hd_references *r, uint64_t entry, uint64_t size)
{
    enum { CLASS_VALUE = 16, ENTRY_SIZE = 24 };
    uint64_t first = hd_memory_u64(r->vm->memory, entry);
    hd_reference(r, first);
    if (size > 8 && first == 1)
        hd_reference(r, hd_memory_u64(r->vm->memory, entry + 8));
    if (first > 1 && !hd_vm_object(r->vm, first) && hd_chunk_size(r->vm, first) >= ENTRY_SIZE) {
        uint64_t klass = hd_memory_u64(r->vm->memory, first + CLASS_VALUE);
        if (hd_vm_object_of(r->vm, klass, HD_T_CLASS) || hd_vm_object_of(r->vm, klass, HD_T_MODULE)
            || hd_vm_imemo_type(r->vm, klass) == r->vm->layout->k_imemo_cref)
            hd_reference(r, klass);
    }
}

/* Constant caches and what `/…/o` has computed. */
static void inline_storage(struct hd_references *r, uint64_t body)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t entry = word_at(r, body, l->iseq_body_is_entries), size = (uint64_t)l->iseq_storage_size;
    if (!entry)
        return;
    if (hd_layout_has(l->iseq_body_is_size)) {
        uint32_t count = half_at(r, body, l->iseq_body_is_size);
        for (uint32_t i = 0; i < count && count < ENTRIES_MAX; i++, entry += size)
            storage_entry(r, entry, size);
        return;
    }
    /* since 3.2 they lie in this order: instance variables, class variables, once, constants */
    uint32_t ivars = half_at(r, body, l->iseq_body_ivc_size), cvars = half_at(r, body, l->iseq_body_icvarc_size);
    uint32_t once = half_at(r, body, l->iseq_body_ise_size), constants = half_at(r, body, l->iseq_body_ic_size);
    if (ivars > ENTRIES_MAX || cvars > ENTRIES_MAX || once > ENTRIES_MAX || constants > ENTRIES_MAX)
        return;
    entry += size * ivars;
    for (uint32_t i = 0; i < cvars; i++, entry += size) {
        uint64_t cache = hd_memory_u64(r->vm->memory, entry);
        if (hd_layout_has(l->k_imemo_cvar_entry)) /* an object since 4.0.4 */
            hd_reference(r, cache);
        else
            hd_reference_at(r, cache, l->cvc_entry_class_value);
    }
    for (uint32_t i = 0; i < once; i++, entry += size)
        hd_reference_at(r, entry, l->iseq_storage_once_value);
    for (uint32_t i = 0; i < constants; i++, entry += size)
        hd_reference_at(r, entry, l->iseq_storage_ic_entry);
}

/* Call data: the call info where it is an object; the call cache is weak but kept as long as its class is. */
static void calls(struct hd_references *r, uint64_t body)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t call = word_at(r, body, l->iseq_body_call_data);
    uint32_t count = half_at(r, body, l->iseq_body_ci_size);
    for (uint32_t i = 0; call && i < count && count < ENTRIES_MAX; i++, call += (uint64_t)l->call_data_size) {
        uint64_t cache = word_at(r, call, l->call_data_cc);
        hd_reference_at(r, call, l->call_data_ci);
        uint64_t klass = hd_vm_imemo_type(r->vm, cache) == l->k_imemo_callcache ? hd_word(hd_vm_object(r->vm, cache), l->callcache_klass) : 0;
        if (klass && klass != (uint64_t)l->k_Qundef) /* since 4.0 undef, where it is not valid any more */
            hd_reference(r, cache);
    }
}

static void keywords_and_rescues(struct hd_references *r, uint64_t body)
{
    enum { HAS_KEYWORDS = 1 << 4 }; /* vm_core.h, param.flags.has_kw */
    const struct hd_layout *l = r->vm->layout;
    uint64_t keyword = word_at(r, body, l->iseq_body_param_keyword), catches = word_at(r, body, l->iseq_body_catch);
    if (half_at(r, body, l->iseq_body_param_flags) & HAS_KEYWORDS && keyword) {
        uint32_t count = half_at(r, keyword, l->keyword_num), required = half_at(r, keyword, l->keyword_required);
        if (count > required && count < ENTRIES_MAX)
            words(r, word_at(r, keyword, l->keyword_defaults), count - required);
    }
    uint32_t count = catches ? half_at(r, catches, l->catch_table_size) : 0;
    for (uint32_t i = 0; i < count && count < ENTRIES_MAX; i++)
        hd_reference_at(r, catches + (uint64_t)l->catch_table_entries + i * (uint64_t)l->catch_entry_size, l->catch_entry_iseq);
}

static void iseq_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    const int64_t members[] = {l->iseq_body_coverage, l->iseq_body_pc2branchindex, l->iseq_body_script_lines, l->iseq_body_label,
                               l->iseq_body_base_label, l->iseq_body_path, l->iseq_body_mandatory, l->iseq_body_parent,
                               l->iseq_body_local_iseq, l->iseq_body_original_iseq};
    uint64_t body = hd_word(object, l->iseq_body), flags = hd_word(object, 0) >> l->k_FL_USHIFT;
    hd_reference(r, hd_word(object, l->iseq_wrapper));
    /* being compiled, or loaded when it is first called: aux holds what for */
    if (hd_flag(flags << l->k_FL_USHIFT, l->k_ISEQ_NOT_LOADED_YET))
        hd_reference(r, hd_word(object, l->iseq_aux));
    if (!body)
        return;
    /* Which operands are objects stands in no table that is exported; a word that is a slot's address is one. */
    uint32_t count = half_at(r, body, l->iseq_body_size);
    if (count < ISEQ_WORDS_MAX)
        words(r, word_at(r, body, l->iseq_body_encoded), count);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i] != l->iseq_body_local_iseq || !hd_layout_has(l->iseq_body_is_size) || word_at(r, body, members[i]) != addr)
            hd_reference_at(r, body, members[i]); /* up to 3.1 an iseq does not mark itself */
    inline_storage(r, body);
    calls(r, body);
    keywords_and_rescues(r, body);
}

/* --- the small ones: imemo.c, rb_imemo_mark_and_move --- */

static void env_references(struct hd_references *r, const uint8_t *object)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t ep = hd_word(object, l->env_ep), flags;
    if (!ep) /* just being made */
        return;
    words(r, hd_word(object, l->env_env), hd_half(object, l->env_size));
    hd_reference(r, hd_word(object, l->env_iseq));
    if (!hd_memory_load_u64(r->vm->memory, ep, &flags))
        return;
    if (!(flags & (uint64_t)l->k_VM_ENV_FLAG_LOCAL))
        hd_reference(r, hd_memory_u64(r->vm->memory, (hd_memory_u64(r->vm->memory, ep - 8) & ~3ull) + 8));
    else
        hd_reference(r, hd_env_box(r->vm, ep, flags));
}

static void method_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t def = hd_word(object, l->ment_def);
    uint32_t word;
    hd_reference(r, hd_word(object, l->ment_owner));
    hd_reference(r, hd_word(object, l->ment_defined_class));
    if (!def || !hd_memory_load_u32(r->vm->memory, def, &word))
        return;
    int64_t type = word & 15; /* method.h: the first member is the type, in four bits */
    if (type == l->k_VM_METHOD_TYPE_ISEQ) {
        uint64_t iseq = hd_memory_u64(r->vm->memory, def + (uint64_t)l->def_iseqptr);
        hd_reference(r, iseq);
        hd_reference_at(r, def, l->def_cref);
        /* gc.c pins a method that has a variant for calls with required arguments only, by marking itself */
        if (hd_vm_imemo_type(r->vm, iseq) == l->k_imemo_iseq && hd_layout_has(l->iseq_body_mandatory)
            && word_at(r, hd_word(hd_vm_object(r->vm, iseq), l->iseq_body), l->iseq_body_mandatory))
            hd_reference(r, addr);
    } else if (type == l->k_VM_METHOD_TYPE_ATTRSET || type == l->k_VM_METHOD_TYPE_IVAR) {
        hd_reference_at(r, def, l->def_attr_loc);
    } else if (type == l->k_VM_METHOD_TYPE_BMETHOD) {
        hd_reference_at(r, def, l->def_bmethod_proc);
    } else if (type == l->k_VM_METHOD_TYPE_ALIAS) {
        hd_reference_at(r, def, l->def_alias_me);
    } else if (type == l->k_VM_METHOD_TYPE_REFINED) {
        hd_reference_at(r, def, l->def_refined_me);
        hd_reference_at(r, def, l->def_refined_owner);
    }
}

static void tmpbuf_references(struct hd_references *r, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    for (int i = 0; addr && i < CHAIN_MAX; i++) {
        uint64_t count = word_at(r, addr, l->tmpbuf_cnt);
        if (count < TMPBUF_MAX)
            words(r, word_at(r, addr, l->tmpbuf_ptr), count);
        addr = word_at(r, addr, l->tmpbuf_next);
    }
}

static bool field_entry(void *data, uint64_t name, uint64_t value)
{
    (void)name;
    hd_reference(data, value);
    return true;
}

/* The object whose fields these are, and their values; a big object_id is a value, too. */
static void fields_references(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    enum { OWNER = 8 }; /* where other objects have their class */
    uint64_t id;
    hd_reference(r, hd_word(object, OWNER));
    hd_ivars_each(r->vm, object, addr, field_entry, r);
    if (hd_field_object_id(r->vm, object, addr, &id))
        hd_reference(r, id);
}

/* Up to 3.2 a call cache marks its method; since 3.3 only that of a refinement or of `super` does (vm_callinfo.h). */
static void callcache_references(struct hd_references *r, const uint8_t *object)
{
    enum { SUPER_OR_REFINEMENT = 3 << 6 }; /* IMEMO_FL_USER2 and 3, counted from FL_USHIFT */
    const struct hd_layout *l = r->vm->layout;
    bool weak = hd_layout_has(l->shape_capacity) && !hd_layout_has(l->hash_st) /* both since 3.3 */;
    if (hd_word(object, l->callcache_klass) == (uint64_t)l->k_Qundef) /* since 4.0: not valid any more */
        return;
    if (!weak || hd_word(object, 0) >> l->k_FL_USHIFT & SUPER_OR_REFINEMENT)
        hd_reference(r, hd_word(object, l->callcache_cme));
}

static void members(struct hd_references *r, const uint8_t *object, const int64_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hd_layout_has(offsets[i]))
            hd_reference(r, hd_word(object, offsets[i]));
}
#define MEMBERS(...) members(r, object, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

void hd_references_of_imemo(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    int64_t type = (int64_t)(hd_word(object, 0) >> l->k_FL_USHIFT & (uint64_t)l->k_IMEMO_MASK);
    if (type == l->k_imemo_iseq)
        iseq_references(r, object, addr);
    else if (type == l->k_imemo_env)
        env_references(r, object);
    else if (type == l->k_imemo_ment)
        method_references(r, object, addr);
    else if (type == l->k_imemo_callcache)
        callcache_references(r, object);
    else if (type == l->k_imemo_cref)
        MEMBERS(l->cref_klass, l->cref_next, l->cref_refinements);
    else if (type == l->k_imemo_svar)
        MEMBERS(l->svar_cref_or_me, l->svar_lastline, l->svar_backref, l->svar_others);
    else if (type == l->k_imemo_throw_data)
        MEMBERS(l->throw_data_obj);
    else if (type == l->k_imemo_ifunc)
        MEMBERS(l->ifunc_data);
    else if (type == l->k_imemo_memo)
        MEMBERS(l->memo_v1, l->memo_v2, l->memo_u3);
    else if (type == l->k_imemo_constcache)
        MEMBERS(l->constcache_value);
    else if (type == l->k_imemo_cvar_entry)
        MEMBERS(l->cvc_entry_class_value, l->cvc_entry_cref);
    else if (type == l->k_imemo_fields)
        fields_references(r, object, addr);
    else if (type == l->k_imemo_tmpbuf)
        tmpbuf_references(r, addr);
}
