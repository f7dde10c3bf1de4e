/*
 * T_IMEMO: Ruby's internal memory objects (internal/imemo.h): method entries, environments, call caches, …
 *
 * Their type is in the flags. What no field names comes from Ruby's own mark function as "refs".
 */
#include "ruby/decode.h"
#include "ruby/written.h"

/*
 * The values that are no locals. Read here, not asked from Ruby's mark function, which sets a flag in every
 * environment it marks: each would cost the copy of a page.
 */
static void env_rest_write(struct hd_line *line, const uint8_t *object)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t count = hd_half(object, l->env_size);
    const uint8_t *values = hd_memory_at(line->vm->memory, hd_word(object, l->env_env), 8 * count);
    struct hd_series series = {0};
    for (uint64_t i = 0; values && i < count; i++) {
        uint64_t value = hd_word(values, 8 * (int64_t)i);
        if (!hd_line_live(line, value) || hd_line_seen(line, value))
            continue;
        if (!series.name)
            hd_series_open(line, &series, "refs", '[');
        hd_series_next(line, &series);
        hd_line_ref(line, value);
    }
    if (series.name)
        hd_series_close(line, &series);
}

static void env_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t ep = hd_word(object, l->env_ep), iseq = hd_word(object, l->env_iseq);
    (void)addr;
    if (!ep) /* just being made */
        return;
    hd_iseq_summary_write(line, iseq);
    hd_locals_write(line, iseq, hd_word(object, l->env_env), ep);
    /* vm_core.h: ep[-2] is the method entry or cref, ep[-1] the parent environment's ep or the block, ep[0] flags */
    uint64_t specval = hd_memory_u64(line->vm->memory, ep - 8), flags = hd_memory_u64(line->vm->memory, ep);
    hd_line_key_ref(line, "method_or_cref", hd_memory_u64(line->vm->memory, ep - 16));
    if (!(flags & (uint64_t)l->k_VM_ENV_FLAG_LOCAL))
        hd_line_key_ref(line, "parent", hd_memory_u64(line->vm->memory, (specval & ~3ull) + 8));
    else if (!(specval & 3))
        hd_line_key_ref(line, "block", specval);
    else
        hd_line_key_ref(line, "box", hd_env_box(line->vm, ep, flags));
    env_rest_write(line, object);
}

static void cref_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    hd_line_key_ref(line, "klass", hd_word(object, l->cref_klass));
    hd_line_key_ref(line, "next", hd_word(object, l->cref_next));
    hd_line_key_ref(line, "refinements", hd_word(object, l->cref_refinements));
}

static void svar_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    hd_line_key_ref(line, "cref_or_me", hd_word(object, l->svar_cref_or_me));
    hd_line_key_ref(line, "lastline", hd_word(object, l->svar_lastline));
    hd_line_key_ref(line, "backref", hd_word(object, l->svar_backref));
    hd_line_key_ref(line, "others", hd_word(object, l->svar_others));
}

static void throw_data_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    hd_line_key_ref(line, "throw_obj", hd_word(object, line->vm->layout->throw_data_obj));
}

static void ifunc_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    hd_line_key_ref(line, "data", hd_word(object, line->vm->layout->ifunc_data));
}

static void memo_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    hd_line_key_ref(line, "v1", hd_word(object, l->memo_v1));
    hd_line_key_ref(line, "v2", hd_word(object, l->memo_v2));
    hd_line_key_ref(line, "v3", hd_word(object, l->memo_u3));
}

struct hd_method hd_method_of(struct hd_line *line, uint64_t ment)
{
    const struct hd_layout *l = line->vm->layout;
    const uint8_t *object = hd_vm_object_of(line->vm, ment, HD_T_IMEMO);
    uint64_t def = object ? hd_word(object, l->ment_def) : 0;
    uint32_t word;
    if (!def || !hd_memory_load_u32(line->vm->memory, def, &word))
        return (struct hd_method){0, "UNDEF"};
    int type = word & 15; /* method.h: the first member is the type, in four bits */
    if (type == l->k_VM_METHOD_TYPE_ISEQ)
        return (struct hd_method){hd_memory_u64(line->vm->memory, def + (uint64_t)l->def_iseqptr), "ISEQ"};
    if (type == l->k_VM_METHOD_TYPE_BMETHOD)
        return (struct hd_method){hd_memory_u64(line->vm->memory, def + (uint64_t)l->def_bmethod_proc), "BMETHOD"};
    const struct {
        int64_t type;
        const char *kind;
    } kinds[] = {
        {l->k_VM_METHOD_TYPE_CFUNC, "CFUNC"},     {l->k_VM_METHOD_TYPE_ATTRSET, "ATTRSET"},
        {l->k_VM_METHOD_TYPE_IVAR, "IVAR"},       {l->k_VM_METHOD_TYPE_ZSUPER, "ZSUPER"},
        {l->k_VM_METHOD_TYPE_UNDEF, "UNDEF"},     {l->k_VM_METHOD_TYPE_NOTIMPLEMENTED, "NOTIMP"},
        {l->k_VM_METHOD_TYPE_OPTIMIZED, "OPTIMIZED"}, {l->k_VM_METHOD_TYPE_MISSING, "MISSING"},
        {l->k_VM_METHOD_TYPE_ALIAS, "ALIAS"},     {l->k_VM_METHOD_TYPE_REFINED, "REFINED"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type)
            return (struct hd_method){0, kinds[i].kind};
    return (struct hd_method){0, "UNKNOWN"};
}

/* "Orders", or for a singleton class what it is attached to; writes the separator too */
static bool owner_name_write(struct hd_line *line, uint64_t owner)
{
    for (int depth = 0; depth < 8; depth++) {
        const uint8_t *object = hd_vm_object(line->vm, owner);
        struct hd_text name;
        uint64_t id, flags = object ? hd_word(object, 0) : 0;
        unsigned type = hd_flags_type(flags);
        if (!object)
            return false;
        if (type == HD_T_ICLASS) { /* of a module: its class word is the module */
            owner = hd_word(object, 8);
            continue;
        }
        if (type != HD_T_CLASS && type != HD_T_MODULE)
            return false;
        uint64_t attached = hd_class_attached(line->vm, object, owner);
        const uint8_t *of = attached ? hd_vm_object(line->vm, attached) : NULL;
        unsigned of_type = of ? hd_flags_type(hd_word(of, 0)) : HD_T_NONE;
        bool singleton = of_type == HD_T_CLASS || of_type == HD_T_MODULE;
        if (of && !singleton) { /* of an object: named by its class */
            owner = hd_word(object, line->vm->layout->class_super);
            continue;
        }
        if (singleton ? !hd_class_path(line->vm, of, attached, &name, &id)
                      : !hd_class_path(line->vm, object, owner, &name, &id))
            return false;
        hd_text_escape_any(line->out, name.data, name.length);
        hd_buffer_append(line->out, singleton ? "." : "#", 1);
        return true;
    }
    return false;
}

bool hd_method_name_write(struct hd_line *line, uint64_t ment)
{
    const struct hd_layout *l = line->vm->layout;
    if (hd_vm_imemo_type(line->vm, ment) != l->k_imemo_ment)
        return false;
    const uint8_t *object = hd_vm_object_of(line->vm, ment, HD_T_IMEMO);
    uint64_t def = hd_word(object, l->ment_def);
    uint64_t id = def ? hd_memory_u64(line->vm->memory, def + (uint64_t)l->def_original_id) : 0;
    struct hd_text name = hd_written_method(line->vm, id ? id : hd_word(object, l->ment_called_id));
    if (!name.data)
        return false;
    hd_line_literal(line, "\"");
    owner_name_write(line, hd_word(object, l->ment_owner));
    hd_text_escape_any(line->out, name.data, name.length);
    hd_line_literal(line, "\"");
    return true;
}

static void definition_write(struct hd_line *line, uint64_t addr, uint64_t def)
{
    const struct hd_layout *l = line->vm->layout;
    struct hd_method method = hd_method_of(line, addr);
    struct hd_memory *memory = line->vm->memory;
    int type = hd_memory_u32(memory, def) & 15;
    hd_line_literal(line, ",\"def\":{\"type\":\"");
    hd_buffer_append(line->out, method.kind, strlen(method.kind));
    hd_line_literal(line, "\"");
    struct hd_text original = hd_written_method(line->vm, hd_memory_u64(memory, def + (uint64_t)l->def_original_id));
    if (original.data) {
        hd_line_key(line, "original_id");
        hd_line_string(line, original);
    }
    if (type == l->k_VM_METHOD_TYPE_ISEQ) {
        hd_line_key_ref(line, "iseq", method.target);
        hd_line_key_ref(line, "cref", hd_memory_u64(memory, def + (uint64_t)l->def_cref));
    } else if (type == l->k_VM_METHOD_TYPE_BMETHOD) {
        hd_line_key_ref(line, "proc", method.target);
    } else if (type == l->k_VM_METHOD_TYPE_ATTRSET || type == l->k_VM_METHOD_TYPE_IVAR) {
        struct hd_text attribute = hd_written_method(line->vm, hd_memory_u64(memory, def + (uint64_t)l->def_attr_id));
        if (attribute.data) {
            hd_line_key(line, "attribute");
            hd_line_string(line, attribute);
        }
        hd_line_key_ref(line, "location", hd_memory_u64(memory, def + (uint64_t)l->def_attr_loc));
    } else if (type == l->k_VM_METHOD_TYPE_ALIAS) {
        hd_line_key_ref(line, "alias_of", hd_memory_u64(memory, def + (uint64_t)l->def_alias_me));
    } else if (type == l->k_VM_METHOD_TYPE_REFINED) {
        hd_line_key_ref(line, "original", hd_memory_u64(memory, def + (uint64_t)l->def_refined_me));
        hd_line_key_ref(line, "refined_class", hd_memory_u64(memory, def + (uint64_t)l->def_refined_owner));
    }
    hd_line_literal(line, "}");
}

static void ment_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    struct hd_text name = hd_written_method(line->vm, hd_word(object, l->ment_called_id));
    uint64_t def = hd_word(object, l->ment_def);
    if (name.data) {
        hd_line_key(line, "called_id");
        hd_line_string(line, name);
    }
    hd_line_key_ref(line, "owner", hd_word(object, l->ment_owner));
    hd_line_key_ref(line, "defined_class", hd_word(object, l->ment_defined_class));
    if (def)
        definition_write(line, addr, def);
}

static void callinfo_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    struct hd_text name = hd_written_method(line->vm, hd_word(object, l->callinfo_mid));
    if (name.data) {
        hd_line_key(line, "mid");
        hd_line_string(line, name);
    }
}

/* vm_callinfo.h: neither the class nor, since 3.3, the method keep the other alive; both are weak */
static void callcache_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    /* a weak pointer may lead to a slot that was freed and used again: believe it only if the type is right */
    uint64_t klass = hd_word(object, l->callcache_klass), cme = hd_word(object, l->callcache_cme);
    if (hd_vm_object_of(line->vm, klass, HD_T_CLASS) || hd_vm_object_of(line->vm, klass, HD_T_ICLASS))
        hd_line_key_ref(line, "klass_weak", klass);
    if (hd_vm_imemo_type(line->vm, cme) == l->k_imemo_ment)
        hd_line_key_ref(line, "cme", cme);
}

static void constcache_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    hd_line_key(line, "value");
    hd_line_plain_value(line, hd_word(object, l->constcache_value));
    if (hd_vm_imemo_type(line->vm, hd_word(object, l->constcache_cref)) == l->k_imemo_cref)
        hd_line_key_ref(line, "cref_weak", hd_word(object, l->constcache_cref));
}

/* variable.c: where the method looked for a class variable found it */
static void cvar_entry_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    (void)addr;
    hd_line_key_ref(line, "class_value", hd_word(object, l->cvc_entry_class_value));
    hd_line_key_ref(line, "cref", hd_word(object, l->cvc_entry_cref));
}

/* internal/imemo.h, struct rb_fields: variables of an object that has no room for them, and whose they are */
static void fields_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    enum { OWNER = 8 }; /* where other objects have their class */
    hd_line_key_ref(line, "owner", hd_word(object, OWNER));
    hd_ivars_write(line, "ivs", object, addr);
}

void hd_imemo_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    const struct {
        int64_t type;
        const char *name;
        void (*write)(struct hd_line *, const uint8_t *, uint64_t);
    } kinds[] = {
        {l->k_imemo_env, "env", env_write},
        {l->k_imemo_cref, "cref", cref_write},
        {l->k_imemo_svar, "svar", svar_write},
        {l->k_imemo_throw_data, "throw_data", throw_data_write},
        {l->k_imemo_ifunc, "ifunc", ifunc_write},
        {l->k_imemo_memo, "memo", memo_write},
        {l->k_imemo_ment, "ment", ment_write},
        {l->k_imemo_iseq, "iseq", hd_iseq_write},
        {l->k_imemo_tmpbuf, "tmpbuf", NULL},
        {l->k_imemo_ast, "ast", NULL},
        {l->k_imemo_parser_strterm, "parser_strterm", NULL},
        {l->k_imemo_callinfo, "callinfo", callinfo_write},
        {l->k_imemo_callcache, "callcache", callcache_write},
        {l->k_imemo_constcache, "constcache", constcache_write},
        {l->k_imemo_cvar_entry, "cvar_entry", cvar_entry_write},
        {l->k_imemo_fields, "fields", fields_write},
    };
    int64_t type = (int64_t)(hd_word(object, 0) >> l->k_FL_USHIFT & (uint64_t)l->k_IMEMO_MASK);
    hd_line_track(line);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].type != type)
            continue;
        hd_line_key(line, "type_name");
        hd_line_string(line, (struct hd_text){kinds[i].name, strlen(kinds[i].name)});
        if (kinds[i].write)
            kinds[i].write(line, object, addr);
    }
    if (type != l->k_imemo_env) /* written in full by env_write */
        hd_line_unnamed_refs(line, addr);
}
