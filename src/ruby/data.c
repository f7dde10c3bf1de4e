/*
 * T_DATA: objects whose insides belong to C code, ours to read where Ruby itself defines them.
 *
 * A table from the type's name to its members; procs, threads and fibers have functions of their own. What an
 * unknown type refers to is asked from its mark function (from inside), as "refs".
 */
#include "ruby/decode.h"
#include "ruby/typed_data.h"
#include "ruby/written.h"

struct data {
    uint64_t addr; /* of the C struct; 0 if it has none yet */
    struct hd_text name;
};

static struct data data_of(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    struct hd_typed_data typed = hd_typed_data_of(vm, object, addr);
    return (struct data){typed.addr, hd_typed_data_name(vm, &typed)};
}

static uint64_t member(struct hd_line *line, uint64_t base, int64_t offset)
{
    return hd_layout_has(offset) ? hd_memory_u64(line->vm->memory, base + (uint64_t)offset) : 0;
}

/* --- blocks: what procs and bindings consist of --- */

static void block_write(struct hd_line *line, uint64_t block)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t type = hd_memory_u32(line->vm->memory, block + (uint64_t)l->block_type);
    if (type == (uint64_t)l->k_block_type_symbol) {
        hd_line_key(line, "symbol");
        hd_line_plain_value(line, member(line, block, l->block_symbol));
        return;
    }
    if (type == (uint64_t)l->k_block_type_proc) {
        hd_line_key_ref(line, "blockprocval", member(line, block, l->block_proc));
        return;
    }
    uint64_t ep = member(line, block, l->block_ep), self = member(line, block, l->block_self);
    hd_line_key(line, "self");
    hd_line_plain_value(line, self);
    if (ep) { /* vm_core.h: an escaped environment's object is at ep[1] */
        uint64_t env = hd_memory_u64(line->vm->memory, ep + 8);
        if (hd_vm_imemo_type(line->vm, env) == l->k_imemo_env)
            hd_line_key_ref(line, "envval", env);
    }
    if (type == (uint64_t)l->k_block_type_iseq)
        hd_iseq_summary_write(line, member(line, block, l->block_code));
    else
        hd_line_key_ref(line, "ifunc", member(line, block, l->block_code));
}

static void proc_write(struct hd_line *line, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    /* vm_core.h, rb_proc_t: behind the block stand the bits is_from_method, is_lambda, is_isolated */
    uint32_t bits = hd_memory_u32(line->vm->memory, addr + (uint64_t)l->proc_size - 8);
    hd_line_key(line, "is_lambda");
    hd_buffer_append(line->out, bits & 2 ? "true" : "false", bits & 2 ? 4 : 5);
    if (bits & 1)
        hd_line_literal(line, ",\"is_from_method\":true");
    block_write(line, addr + (uint64_t)l->proc_block);
}

static void binding_write(struct hd_line *line, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    block_write(line, addr + (uint64_t)l->binding_block);
    hd_line_key_ref(line, "pathobj", member(line, addr, l->binding_path));
}

/* --- threads and fibers --- */

static void thread_name_write(struct hd_line *line, uint64_t thread)
{
    struct hd_text name = hd_text_name(hd_line_text_at(line, member(line, thread, line->vm->layout->thread_name)));
    if (!name.data || line->options->redact) /* the program's own text, like any String's */
        return;
    hd_line_key(line, "name");
    hd_line_string(line, name);
}

struct storage {
    struct hd_line *line;
    struct hd_series series;
};

static bool storage_write_entry(struct storage *storage, uint64_t id, struct hd_text name, uint64_t value)
{
    struct hd_line *line = storage->line;
    if (!storage->series.name)
        hd_series_open(line, &storage->series, "locals", '{');
    hd_series_next(line, &storage->series);
    if (name.data) {
        hd_line_name(line, name);
    } else {
        hd_line_literal(line, "\"#<id ");
        hd_text_uint(line->out, id);
        hd_line_literal(line, ">\":");
    }
    hd_line_value(line, value);
    return true;
}

/* A name that the program made up as it ran may hold anything: none for a redacted dump. */
static struct hd_text storage_name(struct hd_line *line, uint64_t serial)
{
    return hd_written_hides(line->vm, serial) ? (struct hd_text){0} : hd_serial_name(line->vm, serial);
}

static bool storage_serial(void *data, uint64_t serial, uint64_t value)
{
    struct storage *storage = data;
    return storage_write_entry(storage, serial, storage_name(storage->line, serial), value);
}

static bool storage_id(void *data, uint64_t id, uint64_t value)
{
    struct storage *storage = data;
    return storage_write_entry(storage, id, storage_name(storage->line, hd_id_serial(storage->line->vm, id)), value);
}

/* Thread#[]: the locals of the thread's current fiber, in an st_table up to 2.7 */
static void storage_write(struct hd_line *line, uint64_t ec)
{
    struct storage storage = {.line = line};
    uint64_t table = member(line, ec, line->vm->layout->ec_local_storage);
    if (hd_layout_has(line->vm->layout->ec_local_storage_st))
        hd_st_each(line->vm, table, storage_id, &storage);
    else
        hd_id_table_each(line->vm, table, storage_serial, &storage);
    if (storage.series.name)
        hd_series_close(line, &storage.series);
}

/* A two-bit status; NULL where the release has none. The layout gives the bit's number from the struct's start. */
static const char *status_name(struct hd_line *line, uint64_t base, int64_t bit, const char *const names[4])
{
    uint8_t byte;
    if (!hd_layout_has(bit) || !hd_memory_load_u8(line->vm->memory, base + (uint64_t)bit / 8, &byte))
        return NULL;
    return names[byte >> (bit % 8) & 3];
}

static void status_write(struct hd_line *line, const char *status)
{
    if (!status)
        return;
    hd_line_key(line, "status");
    hd_line_string(line, (struct hd_text){status, strlen(status)});
}

static void thread_write(struct hd_line *line, uint64_t addr)
{
    static const char *const names[4] = {"runnable", "stopped", "stopped_forever", "killed"}; /* rb_thread_status */
    const struct hd_layout *l = line->vm->layout;
    uint64_t ec = member(line, addr, l->thread_ec);
    thread_name_write(line, addr);
    status_write(line, status_name(line, addr, l->thread_status_bit, names));
    hd_line_key_ref(line, "thgroup", member(line, addr, l->thread_thgroup));
    if (!ec)
        return;
    hd_line_key_ref(line, "errinfo", member(line, ec, l->ec_errinfo));
    storage_write(line, ec);
    hd_frames_write(line, ec);
}

static void fiber_write(struct hd_line *line, uint64_t addr)
{
    static const char *const names[4] = {"created", "resumed", "suspended", "terminated"}; /* cont.c, fiber_status */
    const struct hd_layout *l = line->vm->layout;
    uint64_t ec = addr + (uint64_t)l->fiber_cont + (uint64_t)l->cont_ec;
    status_write(line, status_name(line, addr, l->fiber_status_bit, names));
    hd_line_key_ref(line, "first_proc", member(line, addr, l->fiber_first_proc));
    uint64_t prev = member(line, addr, l->fiber_prev);
    if (prev)
        hd_line_key_ref(line, "prev", member(line, prev + (uint64_t)l->fiber_cont, l->cont_self));
    storage_write(line, ec);
    hd_frames_write(line, ec);
}

/*
 * thread_sync.c: a mutex that is held points to the fiber that holds it; since 4.0 it has that fiber's number, and the thread.
 */
static void mutex_write(struct hd_line *line, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    bool by_serial = hd_layout_has(l->mutex_ec_serial);
    uint64_t holder = member(line, addr, by_serial ? l->mutex_ec_serial : l->mutex_fiber);
    hd_line_key(line, "locked");
    hd_buffer_append(line->out, holder ? "true" : "false", holder ? 4 : 5);
    if (holder && by_serial) {
        uint64_t thread = member(line, addr, l->mutex_thread);
        hd_line_key_ref(line, "held_by_thread", thread ? member(line, thread, l->thread_self) : 0);
    } else if (holder) {
        hd_line_key_ref(line, "held_by_fiber", member(line, holder + (uint64_t)l->fiber_cont, l->cont_self));
    }
}

/* --- sets --- */

struct elements {
    struct hd_line *line;
    struct hd_series series;
};

static bool element_write(void *data, uint64_t value)
{
    struct elements *elements = data;
    hd_series_next(elements->line, &elements->series);
    hd_line_plain_value(elements->line, value);
    return true;
}

/* set.c, since 4.0: a hash table without values */
static void set_write(struct hd_line *line, uint64_t addr)
{
    struct elements elements = {.line = line};
    uint64_t table = addr + (uint64_t)line->vm->layout->set_object_table;
    if (!hd_layout_has(line->vm->layout->set_object_table))
        return;
    if (hd_table_by_identity(line->vm, table, line->vm->layout->set_type))
        hd_line_literal(line, ",\"compare_by_identity\":true");
    const uint8_t *power = hd_memory_at(line->vm->memory, table + (uint64_t)line->vm->layout->set_entry_power, 1);
    hd_line_key(line, "capacity");
    hd_line_count(line, power && *power < 48 ? 1ull << *power : 0);
    hd_series_open(line, &elements.series, "elements", '[');
    hd_set_each(line->vm, table, element_write, &elements);
    hd_series_close(line, &elements.series);
}

/* --- the table --- */

struct field {
    const char *type, *name;
    int64_t offset;
};

/* Members that are VALUEs (or pointers to objects), by type; an absent one is left out. */
static void fields_write(struct hd_line *line, const struct data *data)
{
    const struct hd_layout *l = line->vm->layout;
    const struct field fields[] = {
        {"method", "recv", l->method_recv},           {"method", "klass", l->method_klass},
        {"method", "iclass", l->method_iclass},       {"method", "owner", l->method_owner},
        {"method", "me", l->method_me},               {"enumerator", "obj", l->enumerator_obj},
        {"enumerator", "args", l->enumerator_args},   {"enumerator", "fib", l->enumerator_fib},
        {"enumerator", "dst", l->enumerator_dst},     {"enumerator", "lookahead", l->enumerator_lookahead},
        {"enumerator", "feedvalue", l->enumerator_feedvalue}, {"enumerator", "stop_exc", l->enumerator_stop_exc},
        {"enumerator", "enum_size", l->enumerator_size}, {"enumerator", "procs", l->enumerator_procs},
        {"generator", "proc", l->generator_proc},     {"generator", "obj", l->generator_obj},
        {"yielder", "proc", l->yielder_proc},         {"producer", "init", l->producer_init},
        {"producer", "proc", l->producer_proc},       {"proc_entry", "proc", l->proc_entry_proc},
        {"proc_entry", "memo", l->proc_entry_memo},   {"chain", "enums", l->enum_chain_enums},
        {"product", "enums", l->enum_product_enums},  {"queue", "que", l->queue_que},
        {"sized_queue", "que", l->queue_que},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *field = &fields[i];
        if (strlen(field->type) != data->name.length || memcmp(field->type, data->name.data, data->name.length))
            continue;
        uint64_t value = member(line, data->addr, field->offset);
        if (!hd_line_live(line, value))
            continue;
        hd_line_literal(line, ",\"");
        hd_buffer_append(line->out, field->name, strlen(field->name));
        hd_line_literal(line, "\":");
        hd_line_ref(line, value);
    }
    if (data->name.length == 10 && !memcmp(data->name.data, "enumerator", 10)) {
        struct hd_text meth = hd_written_method(line->vm, member(line, data->addr, l->enumerator_meth));
        if (meth.data) {
            hd_line_key(line, "meth");
            hd_line_string(line, meth);
        }
    }
}

bool hd_data_is_thread(const struct hd_vm *vm, const uint8_t *object, uint64_t addr)
{
    static const char name[] = "VM/thread";
    struct data data = data_of(vm, object, addr);
    return data.name.data && data.name.length == sizeof name - 1 && !memcmp(data.name.data, name, sizeof name - 1);
}

void hd_data_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    static const struct {
        const char *type;
        void (*write)(struct hd_line *, uint64_t);
    } writers[] = {{"proc", proc_write}, {"binding", binding_write}, {"VM/thread", thread_write},
                   {"fiber", fiber_write}, {"mutex", mutex_write}, {"set", set_write}};
    struct data data = data_of(line->vm, object, addr);
    hd_line_track(line);
    hd_line_seen(line, hd_word(object, 8)); /* already written as "class" */
    if (data.name.data) {
        hd_line_key(line, "type_name");
        hd_line_string(line, data.name);
    }
    hd_line_key_ref(line, "fields", hd_fields_object(line->vm, object, addr));
    if (data.addr && data.name.data) {
        for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
            if (strlen(writers[i].type) == data.name.length
                && !memcmp(writers[i].type, data.name.data, data.name.length))
                writers[i].write(line, data.addr);
        fields_write(line, &data);
    }
    hd_line_unnamed_refs(line, addr);
}
