/*
 * What T_DATA refers to, whose insides belong to C code. See references.h.
 *
 * Four ways, the surest first: types that declare their references (RUBY_TYPED_DECL_MARKING, since 3.3), types of Ruby
 * itself whose members are known, and else every word of the object's own memory that is the address of a live slot:
 * the slot where the struct is embedded, or the malloc chunk that the data pointer leads to. Never any deeper: one pointer
 * further there is more noise than truth. What that finds is marked as inferred.
 */
#include "ruby/references.h"
#include "ruby/typed_data.h"

enum { THREADS_MAX = 1 << 20, MESSAGES_MAX = 1 << 24, DECLARED_MAX = 256, PINNED_MAX = 1 << 20, STACK_WORDS_MAX = 1 << 24 };
static const uint64_t MACHINE_STACK_MAX = 64ull << 20;

struct data {
    uint64_t type, addr, mark;
    bool typed, embedded;
    struct hd_text name;
};

static struct data data_of(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = r->vm->layout;
    struct hd_typed_data typed = hd_typed_data_of(r->vm, object, addr);
    struct data data = {typed.type, typed.addr, 0, typed.typed, typed.embedded, {0}};
    data.mark = data.typed ? hd_memory_u64(r->vm->memory, data.type + (uint64_t)l->data_type_mark) : hd_word(object, l->data_untyped_mark);
    data.name = hd_typed_data_name(r->vm, &typed);
    return data;
}

static bool named(const struct data *data, const char *name)
{
    return data->name.data && data->name.length == strlen(name) && !memcmp(data->name.data, name, data->name.length);
}

/* rtypeddata.h: instead of a mark function a list of the offsets of its references, ~0 at the end */
static bool declared(struct hd_references *r, const struct data *data)
{
    const struct hd_layout *l = r->vm->layout;
    if (!data->typed || !hd_layout_has(l->k_RUBY_TYPED_DECL_MARKING) || !hd_layout_has(l->data_type_flags)
        || !(hd_memory_u64(r->vm->memory, data->type + (uint64_t)l->data_type_flags) & (uint64_t)l->k_RUBY_TYPED_DECL_MARKING))
        return false;
    for (uint64_t i = 0; i < DECLARED_MAX; i++) {
        uint64_t offset;
        if (!hd_memory_load_u64(r->vm->memory, data->mark + 8 * i, &offset) || offset == ~0ull || offset > 1 << 20)
            break;
        hd_reference_at(r, data->addr, (int64_t)offset);
    }
    return true;
}

static void block_references(struct hd_references *r, uint64_t block)
{
    const struct hd_layout *l = r->vm->layout;
    int64_t type = hd_memory_u32(r->vm->memory, block + (uint64_t)l->block_type);
    if (type == l->k_block_type_symbol || type == l->k_block_type_proc) {
        hd_reference_at(r, block, type == l->k_block_type_proc ? l->block_proc : l->block_symbol);
        return;
    }
    hd_reference_at(r, block, l->block_self);
    hd_reference_at(r, block, l->block_code);
    uint64_t ep = hd_memory_u64(r->vm->memory, block + (uint64_t)l->block_ep);
    uint64_t env = ep ? hd_memory_u64(r->vm->memory, ep + 8) : 0; /* vm_core.h: an escaped environment's object */
    if (hd_vm_imemo_type(r->vm, env) == l->k_imemo_env)
        hd_reference(r, env);
}

/* vm.c, rb_execution_context_mark: an environment that has escaped, the frame's own or the one around it */
static void environment_of_frame(struct hd_references *r, uint64_t ep)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t flags = ep ? hd_memory_u64(r->vm->memory, ep) : 0;
    if (!ep || flags & (uint64_t)l->k_VM_ENV_FLAG_LOCAL)
        return;
    uint64_t outer = hd_memory_u64(r->vm->memory, ep - 8) & ~3ull;
    if (outer && hd_memory_u64(r->vm->memory, outer) & (uint64_t)l->k_VM_ENV_FLAG_ESCAPED)
        hd_reference(r, hd_memory_u64(r->vm->memory, outer + 8));
    if (flags & (uint64_t)l->k_VM_ENV_FLAG_ESCAPED) {
        hd_reference(r, hd_memory_u64(r->vm->memory, ep + 8));
        hd_reference(r, hd_memory_u64(r->vm->memory, ep - 16));
    }
}

void hd_references_of_context(struct hd_vm *vm, uint64_t ec, bool machine, hd_reference_each *each, void *data)
{
    const struct hd_layout *l = vm->layout;
    struct hd_memory *memory = vm->memory;
    struct hd_references r = {vm, each, data};
    uint64_t stack = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack);
    uint64_t words = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack_size);
    uint64_t cfp = hd_memory_u64(memory, ec + (uint64_t)l->ec_cfp), size = (uint64_t)l->cfp_size;
    hd_reference_at(&r, ec, l->ec_errinfo);
    hd_reference_at(&r, ec, l->ec_local_storage_recursive);
    hd_reference_at(&r, ec, l->ec_local_storage_recursive_trace);
    hd_reference_at(&r, ec, l->ec_private_const_reference);
    if (stack && words <= STACK_WORDS_MAX && cfp >= stack && cfp <= stack + 8 * words) {
        uint64_t sp = hd_memory_u64(memory, cfp + (uint64_t)l->cfp_sp);
        if (sp > stack && sp <= cfp) /* vm.c, rb_execution_context_mark: what lies above is not in use */
            hd_references_scan(vm, stack, sp, each, data);
        for (; cfp + size <= stack + 8 * words; cfp += size) {
            hd_reference_at(&r, cfp, l->cfp_self);
            hd_reference_at(&r, cfp, l->cfp_iseq);
            hd_reference_at(&r, cfp, l->cfp_block_code);
            environment_of_frame(&r, hd_memory_u64(memory, cfp + (uint64_t)l->cfp_ep));
        }
    }
    uint64_t start = hd_memory_u64(memory, ec + (uint64_t)l->ec_machine_start);
    uint64_t end = hd_memory_u64(memory, ec + (uint64_t)l->ec_machine_end);
    if (machine && start > end && end && start - end <= MACHINE_STACK_MAX)
        hd_references_scan(vm, end, start, each, data);
}

static bool storage_entry(void *data, uint64_t key, uint64_t value)
{
    (void)key;
    hd_reference(data, value);
    return true;
}

static void context_of_data(struct hd_references *r, uint64_t ec, bool machine)
{
    const struct hd_layout *l = r->vm->layout;
    hd_references_of_context(r->vm, ec, machine, r->each, r->data);
    uint64_t storage = hd_layout_has(l->ec_local_storage) ? hd_memory_u64(r->vm->memory, ec + (uint64_t)l->ec_local_storage) : 0;
    if (hd_layout_has(l->ec_local_storage_st)) /* up to 2.7 */
        hd_st_each(r->vm, storage, storage_entry, r);
    else
        hd_id_table_each(r->vm, storage, storage_entry, r);
}

static void proc_references(struct hd_references *r, const struct data *data)
{
    block_references(r, data->addr + (uint64_t)r->vm->layout->proc_block);
}

static void binding_references(struct hd_references *r, const struct data *data)
{
    block_references(r, data->addr + (uint64_t)r->vm->layout->binding_block);
    hd_reference_at(r, data->addr, r->vm->layout->binding_path);
}

static uint64_t word_at(struct hd_references *r, uint64_t base, int64_t offset)
{
    return base && hd_layout_has(offset) ? hd_memory_u64(r->vm->memory, base + (uint64_t)offset) : 0;
}

/* cont.c: the object of a struct rb_fiber_struct */
static void fiber_object(struct hd_references *r, uint64_t fiber)
{
    const struct hd_layout *l = r->vm->layout;
    if (fiber && hd_layout_has(l->fiber_cont))
        hd_reference_at(r, fiber + (uint64_t)l->fiber_cont, l->cont_self);
}

/* The object of a struct rb_ractor_struct is one of its first members, not everywhere the same. */
static void ractor_object(struct hd_references *r, uint64_t ractor)
{
    enum { MEMBERS_BYTES = 128 };
    for (uint64_t at = 0; ractor && at < MEMBERS_BYTES; at += 8) {
        uint64_t value = hd_memory_u64(r->vm->memory, ractor + at);
        const uint8_t *object = hd_vm_object_of(r->vm, value, HD_T_DATA);
        if (object && hd_typed_data_of(r->vm, object, value).addr == ractor)
            hd_reference(r, value);
    }
}

/* thread.c keeps what it marks all over the struct: every word of it that is an object */
static void thread_references(struct hd_references *r, const struct data *data)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t ec = hd_memory_u64(r->vm->memory, data->addr + (uint64_t)l->thread_ec);
    hd_references_scan(r->vm, data->addr, data->addr + (uint64_t)l->thread_size, r->each, r->data);
    if (!ec)
        return;
    context_of_data(r, ec, false); /* the machine stack is a root, with the registers */
    fiber_object(r, word_at(r, ec, l->ec_fiber));
    fiber_object(r, word_at(r, data->addr, l->thread_root_fiber));
    ractor_object(r, word_at(r, data->addr, l->thread_ractor));
}

/*
 * ractor_sync.c, ractor_queue_mark, since 4.0: messages that nobody has received yet, on a list (ccan/list.h) that goes round. What
 * does not look like such a list is none.
 */
static bool queue_references(void *data, uint64_t port, uint64_t queue)
{
    struct hd_references *r = data;
    const struct hd_layout *l = r->vm->layout;
    struct hd_memory *memory = r->vm->memory;
    uint64_t head = queue + (uint64_t)l->ractor_queue_set, node = head, next, back;
    (void)port;
    for (int i = 0; queue && i < MESSAGES_MAX && !hd_memory_exhausted(memory); i++, node = next) {
        if (!hd_memory_load_u64(memory, node, &next) || !next || (next & 7) || !hd_memory_load_u64(memory, next + 8, &back) || back != node)
            break;
        if (node != head)
            hd_reference_at(r, node - (uint64_t)l->ractor_basket_node, l->ractor_basket_value);
        if (next == head)
            break;
    }
    return true;
}

/* The queues of its ports, and that of what has come in and is in none of these yet. */
static void messages_references(struct hd_references *r, uint64_t ractor)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t unreadable = r->vm->memory->unreadable;
    if (!hd_layout_has(l->ractor_ports))
        return;
    hd_st_each(r->vm, hd_memory_u64(r->vm->memory, ractor + (uint64_t)l->ractor_ports), queue_references, r);
    for (uint64_t at = 0; at < (uint64_t)l->ractor_ports; at += 8) {
        uint64_t word = hd_memory_u64(r->vm->memory, ractor + at);
        if (hd_chunk_size(r->vm, word))
            queue_references(r, 0, word);
    }
    r->vm->memory->unreadable = unreadable; /* a queue is a guess */
}

/* ractor.c: its threads are on a list (ccan/list.h), whose head has pointers to the first and last node */
static void ractor_references(struct hd_references *r, const struct data *data)
{
    const struct hd_layout *l = r->vm->layout;
    hd_references_scan(r->vm, data->addr, data->addr + hd_chunk_size(r->vm, data->addr), r->each, r->data);
    messages_references(r, data->addr);
    if (!hd_layout_has(l->ractor_threads_set) || !hd_layout_has(l->thread_lt_node))
        return;
    uint64_t head = data->addr + (uint64_t)l->ractor_threads_set, node = hd_memory_u64(r->vm->memory, head);
    for (int i = 0; i < THREADS_MAX && node && node != head; i++) {
        hd_reference_at(r, node - (uint64_t)l->thread_lt_node, l->thread_self);
        node = hd_memory_u64(r->vm->memory, node);
    }
}

static void fiber_references(struct hd_references *r, const struct data *data)
{
    const struct hd_layout *l = r->vm->layout;
    hd_references_scan(r->vm, data->addr, data->addr + (uint64_t)l->fiber_size, r->each, r->data);
    uint64_t cont = data->addr + (uint64_t)l->fiber_cont, ec = cont + (uint64_t)l->cont_ec;
    context_of_data(r, ec, true);
    hd_reference_at(r, word_at(r, ec, l->ec_thread), l->thread_self);
    /* cont.c, cont_mark: where a fiber that does not run has left its machine stack */
    uint64_t stack = word_at(r, cont, l->cont_machine_stack), words = word_at(r, cont, l->cont_machine_stack_size);
    if (stack && words <= MACHINE_STACK_MAX / 8)
        hd_references_scan(r->vm, stack, stack + 8 * words, r->each, r->data);
}

static void autoload_references(struct hd_references *r, const struct data *data)
{
    hd_st_each(r->vm, data->addr, storage_entry, r);
}

static bool compatible_entry(void *data, uint64_t key, uint64_t value)
{
    (void)key;
    hd_reference_at(data, value, 0);
    hd_reference_at(data, value, 8);
    return true;
}

/* marshal.c, compat_allocator_tbl: by allocator a marshal_compat_t, which begins with two classes; has a name since 3.4 */
static void compatible_references(struct hd_references *r, const struct data *data)
{
    hd_st_each(r->vm, data->addr, compatible_entry, r);
}

/* random.c, rb_random_t: the seed comes first. Up to 2.7 the struct of Random::DEFAULT is a variable of libruby. */
static void random_references(struct hd_references *r, const struct data *data)
{
    hd_reference(r, hd_memory_u64(r->vm->memory, data->addr));
}

/* load.c / vm.c, pin_array_list: a linked list of arrays { next, count, values } */
static void pinned_references(struct hd_references *r, const struct data *data)
{
    const uint8_t *list = hd_memory_at(r->vm->memory, data->addr, 24);
    uint64_t count = list ? hd_word(list, 8) : 0;
    if (!list || count > PINNED_MAX)
        return;
    hd_reference(r, hd_word(list, 0));
    for (uint64_t i = 0; i < count; i++)
        hd_reference(r, hd_memory_u64(r->vm->memory, hd_word(list, 16) + 8 * i));
}

static bool key_reference(void *data, uint64_t key)
{
    hd_reference(data, key);
    return true;
}

/* set.c, since 4.0 */
static void set_references(struct hd_references *r, const struct data *data)
{
    hd_set_each(r->vm, data->addr + (uint64_t)r->vm->layout->set_object_table, key_reference, r);
}

/* id_table.c, rb_marked_id_table_type, since 4.0 */
static void id_table_references(struct hd_references *r, const struct data *data)
{
    hd_id_table_each(r->vm, data->addr, storage_entry, r);
}

/* vm_method.c, cc_table_type, since 4.0 */
static void caches_references(struct hd_references *r, const struct data *data)
{
    hd_id_table_each(r->vm, data->addr, hd_references_of_call_caches, r);
}

/* Tables that hold nothing, or only until nobody else does: id_table.c, concurrent_set.c, since 4.0 */
static void no_references(struct hd_references *r, const struct data *data)
{
    (void)r;
    (void)data;
}

/* ractor_sync.c, struct ractor_port: the ractor it belongs to comes first */
static void port_references(struct hd_references *r, const struct data *data)
{
    ractor_object(r, hd_memory_u64(r->vm->memory, data->addr));
}

static bool live_entry(void *data, uint64_t key, uint64_t value)
{
    (void)key;
    return hd_vm_object(data, value) != NULL;
}

/*
 * box.c, rb_box_entry_mark, since 4.0: its members, and the values of the tables among them that hold objects (files being loaded,
 * classes that the box has changed).
 */
static void box_references(struct hd_references *r, const struct data *data)
{
    const struct hd_layout *l = r->vm->layout;
    uint64_t unreadable = r->vm->memory->unreadable;
    for (uint64_t at = 0; at < (uint64_t)l->box_size; at += 8) {
        uint64_t value = hd_memory_u64(r->vm->memory, data->addr + at), size = hd_chunk_size(r->vm, value);
        hd_reference(r, value);
        if (size >= (uint64_t)l->st_size && size <= (uint64_t)l->st_size + 16 && hd_st_each(r->vm, value, live_entry, r->vm))
            hd_st_each(r->vm, value, storage_entry, r);
    }
    r->vm->memory->unreadable = unreadable; /* a table is a guess */
}

struct known_type {
    const char *name;
    void (*references)(struct hd_references *, const struct data *);
};

static const struct known_type *known_find(const struct known_type *types, size_t count, const struct data *data)
{
    for (size_t i = 0; i < count; i++)
        if (named(data, types[i].name))
            return &types[i];
    return NULL;
}

static bool known(struct hd_references *r, const struct data *data)
{
    static const struct known_type types[] = {
        {"proc", proc_references}, {"binding", binding_references}, {"VM/thread", thread_references},
        {"fiber", fiber_references}, {"ractor", ractor_references}, {"autoload_table", autoload_references},
        {"autoload", autoload_references} /* the same, up to 3.1 */, {"VM/pin_array_list", pinned_references},
        {"random/MT", random_references}, {"marshal_compat_table", compatible_references},
    };
    static const struct known_type since_4_0[] = { /* before, such a name is somebody else's */
        {"set", set_references}, {"VM/marked_id_table", id_table_references}, {"VM/cc_table", caches_references},
        {"VM/managed_id_table", no_references}, {"VM/concurrent_set", no_references}, {"ractor/port", port_references},
        {"Ruby::Box::Entry", box_references}, {"Ruby::Box::Root", box_references},
    };
    const struct known_type *type = known_find(types, sizeof types / sizeof *types, data);
    if (!type && hd_layout_has(r->vm->layout->set_object_table))
        type = known_find(since_4_0, sizeof since_4_0 / sizeof *since_4_0, data);
    if (type)
        type->references(r, data);
    return type != NULL;
}

void hd_references_of_data(struct hd_references *r, const uint8_t *object, uint64_t addr)
{
    struct data data = data_of(r, object, addr);
    if (!data.addr || !data.mark || declared(r, &data) || (data.typed && known(r, &data)))
        return;
    if (data.embedded) {
        const struct hd_page *page = hd_vm_page(r->vm, addr);
        hd_references_scan(r->vm, data.addr, addr + page->slot_size, r->each, r->data);
        return;
    }
    uint64_t size = hd_chunk_size(r->vm, data.addr);
    if (size)
        hd_references_scan(r->vm, data.addr, data.addr + size, r->each, r->data);
}

void hd_references_guess(struct hd_vm *vm, const uint8_t *object, uint64_t addr, hd_reference_each *each, void *data)
{
    enum { GUESS_BYTES = 512 };
    struct hd_references r = {vm, each, data};
    struct data own = data_of(&r, object, addr);
    if (!vm->chunks && own.addr && own.mark && !own.embedded)
        hd_references_scan(vm, own.addr, own.addr + GUESS_BYTES, each, data);
}
