/*
 * GC roots: what keeps objects alive without being an object.
 *
 * From inside, Ruby's own marking names a category for each root; global variables are added by name, from
 * rb_global_tbl (variable.c), which no symbol names: it is found by its contents.
 */
#include "ruby/roots.h"

#include "ruby/decode.h"
#include "ruby/hands.h"

#include <stdatomic.h>

/* --- global variables --- */

struct check {
    struct hd_vm *vm;
    uint64_t good, bad;
};

static bool global_check(void *data, uint64_t serial, uint64_t entry)
{
    struct check *check = data;
    const struct hd_layout *l = check->vm->layout;
    const uint8_t *p = hd_memory_at(check->vm->memory, entry, 16);
    struct hd_text name = hd_serial_name(check->vm, serial);
    bool good = p && hd_word(p, l->global_entry_id) >> l->k_ID_SCOPE_SHIFT == serial && name.data
                && name.length > 1 && name.data[0] == '$';
    /* operators like $~ have IDs of their own serial */
    good |= p && hd_word(p, l->global_entry_id) == serial;
    check->good += good;
    check->bad += !good;
    return check->bad < 8;
}

static bool global_validate(struct hd_vm *vm, uint64_t addr, void *data)
{
    const struct hd_layout *l = vm->layout;
    uint64_t unreadable = vm->memory->unreadable, table = hd_memory_u64(vm->memory, addr);
    const uint8_t *p = table && !(table & 7) ? hd_memory_at(vm->memory, table, 32) : NULL;
    struct check check = {.vm = vm};
    uint32_t capacity = p ? hd_half(p, l->id_table_capa) : 0;
    bool plausible = capacity >= 32 && capacity < 1 << 20 && !(capacity & (capacity - 1));
    if (plausible)
        hd_id_table_each(vm, table, global_check, &check);
    vm->memory->unreadable = unreadable; /* guesses are not failures */
    if (check.good < 20 || check.bad)
        return false;
    *(uint64_t *)data = table;
    return true;
}

void hd_globals_open(struct hd_vm *vm)
{
    hd_vm_scan_data(vm, global_validate, &vm->global_table);
}

struct globals {
    struct hd_vm *vm;
    hd_table_each *each;
    void *data;
    uint64_t value_getter, variable_getter;
};

/* variable.c: the data is the value itself, or where a C variable keeps it; anything else is computed on demand */
static bool global_entry(void *data, uint64_t serial, uint64_t entry)
{
    struct globals *globals = data;
    const struct hd_layout *l = globals->vm->layout;
    struct hd_memory *memory = globals->vm->memory;
    uint64_t variable = hd_memory_u64(memory, entry + (uint64_t)l->global_entry_var);
    uint64_t getter = variable ? hd_memory_u64(memory, variable + (uint64_t)l->global_variable_getter) : 0;
    uint64_t value = variable ? hd_memory_u64(memory, variable + (uint64_t)l->global_variable_data) : 0;
    if (getter == globals->variable_getter && value)
        value = hd_memory_u64(memory, value);
    else if (getter != globals->value_getter)
        return true;
    return globals->each(globals->data, serial, value);
}

void hd_globals_each(struct hd_vm *vm, hd_table_each *each, void *data)
{
    struct globals globals = {vm, each, data, hd_vm_symbol(vm, "rb_gvar_val_getter"), hd_vm_symbol(vm, "rb_gvar_var_getter")};
    if (vm->global_table)
        hd_id_table_each(vm, vm->global_table, global_entry, &globals);
}

struct global_writer {
    struct hd_line *line;
    struct hd_series series;
};

static bool global_write(void *data, uint64_t serial, uint64_t value)
{
    struct global_writer *writer = data;
    struct hd_text name = hd_serial_name(writer->line->vm, serial);
    if (!name.data || value == (uint64_t)writer->line->vm->layout->k_Qnil)
        return true;
    hd_series_next(writer->line, &writer->series);
    hd_line_name(writer->line, name);
    hd_line_value(writer->line, value);
    return true;
}

static void globals_write(struct hd_line *line)
{
    struct global_writer writer = {.line = line};
    if (!line->vm->global_table)
        return;
    hd_series_open(line, &writer.series, "global_variables", '{');
    hd_globals_each(line->vm, global_write, &writer);
    hd_series_close(line, &writer.series);
}

/* --- categories --- */

/* Ruby's own names (gc.c, gc_mark_roots) and ours where they say more */
static const char *category_name(const char *category)
{
    return strcmp(category, "machine_context") ? category : "stack_and_registers";
}

void hd_roots_add(struct hd_roots *roots, const char *category, uint64_t child)
{
    if (!hd_vm_object(roots->vm, child))
        return;
    if (roots->count == roots->capacity) {
        uint64_t capacity = roots->capacity ? roots->capacity * 2 : 4096;
        struct hd_root *grown = hd_arena_alloc(roots->vm->arena, capacity, sizeof *grown);
        if (!grown) {
            roots->failed = true;
            return;
        }
        if (roots->count)
            memcpy(grown, roots->items, roots->count * sizeof *grown);
        roots->items = grown;
        roots->capacity = capacity;
    }
    roots->items[roots->count++] = (struct hd_root){category, child};
}

static void category_each(const char *category, uint64_t child, void *data)
{
    hd_roots_add(data, category, child);
}

/*
 * The class Object, where all constants begin. The VM keeps it (vm.c, rb_vm_add_root_module), but depending on the release by a table
 * that only Ruby itself walks, or by a list of objects that says nothing: paths should begin at it on all of them.
 */
static void object_class_add(struct hd_roots *roots)
{
    uint64_t variable = hd_vm_symbol(roots->vm, "rb_cObject");
    uint64_t object = variable ? hd_memory_u64(roots->vm->memory, variable) : 0;
    for (uint64_t i = 0; i < roots->count; i++)
        if (roots->items[i].value == object && !strcmp(roots->items[i].category, "vm"))
            return;
    hd_roots_add(roots, "vm", object);
}

bool hd_roots_collect(struct hd_roots *roots, struct hd_vm *vm, const struct hd_dump_target *target)
{
    *roots = (struct hd_roots){.vm = vm};
    if (vm->live && vm->live->roots)
        vm->live->roots(category_each, roots);
    else if (!vm->live)
        hd_roots_collect_outside(roots, target);
    object_class_add(roots);
    return !roots->failed;
}

static void categories_write(struct hd_line *line, const struct hd_roots *roots)
{
    const char *done[64];
    size_t done_count = 0;
    for (uint64_t i = 0; i < roots->count && done_count < 64; i++) {
        const char *category = roots->items[i].category;
        bool seen = false;
        for (size_t k = 0; k < done_count; k++)
            seen |= strcmp(done[k], category) == 0;
        if (seen)
            continue;
        done[done_count++] = category;
        struct hd_series series;
        hd_series_open(line, &series, category_name(category), '[');
        for (uint64_t k = i; k < roots->count; k++) {
            if (strcmp(roots->items[k].category, category))
                continue;
            hd_series_next(line, &series);
            hd_line_ref(line, roots->items[k].value);
        }
        hd_series_close(line, &series);
    }
}

/* --- threads --- */

struct thread_search {
    _Alignas(HD_HANDS_APART) _Atomic uint64_t *next; /* page that nobody has taken */
    struct hd_buffer found; /* addresses, each greater than the one before: pages are taken in their order */
    uint64_t merged;        /* of these */
};

static void threads_look(struct hd_vm *vm, void *work)
{
    struct thread_search *search = work;
    for (uint64_t i; (i = atomic_fetch_add(search->next, 1)) < vm->page_count;) {
        const struct hd_page *page = &vm->pages[i];
        for (uint32_t k = 0; k < page->slot_count; k++) {
            const uint8_t *slot = page->slots + (uint64_t)k * page->slot_size;
            uint64_t addr = page->start + (uint64_t)k * page->slot_size;
            if ((*slot & HD_T_MASK) == HD_T_DATA && hd_vm_object(vm, addr) && hd_data_is_thread(vm, slot, addr))
                hd_buffer_append(&search->found, &addr, sizeof addr);
        }
    }
}

static uint64_t address_at(const struct thread_search *search)
{
    uint64_t addr = UINT64_MAX;
    if (search->merged < search->found.length / sizeof addr)
        memcpy(&addr, search->found.data + search->merged * sizeof addr, sizeof addr);
    return addr;
}

static void searches_merge(struct hd_roots *roots, struct thread_search *searches)
{
    uint64_t count = 0;
    for (int i = 0; i < HD_CREW_MAX; i++) {
        roots->failed |= searches[i].found.failed;
        count += searches[i].found.length / sizeof(uint64_t);
    }
    roots->threads = hd_arena_alloc(roots->vm->arena, count + 1, sizeof *roots->threads);
    roots->failed |= !roots->threads;
    while (roots->threads && roots->thread_count < count) {
        struct thread_search *least = searches;
        for (int i = 1; i < HD_CREW_MAX; i++)
            if (address_at(&searches[i]) < address_at(least))
                least = &searches[i];
        roots->threads[roots->thread_count++] = address_at(least);
        least->merged++;
    }
}

void hd_roots_threads_find(struct hd_roots *roots)
{
    struct thread_search searches[HD_CREW_MAX] = {0};
    _Atomic uint64_t next = 0;
    if (roots->threads_found)
        return;
    for (int i = 0; i < HD_CREW_MAX; i++)
        searches[i].next = &next;
    hd_hands_run(roots->vm, threads_look, searches, sizeof *searches);
    searches_merge(roots, searches);
    for (int i = 0; i < HD_CREW_MAX; i++)
        hd_buffer_deinit(&searches[i].found);
    roots->threads_found = true;
}

/* Every Thread: people look for these first. */
static void threads_write(struct hd_line *line, struct hd_roots *roots)
{
    struct hd_series series;
    hd_roots_threads_find(roots);
    line->head.failed |= roots->failed;
    hd_series_open(line, &series, "threads", '[');
    for (uint64_t i = 0; i < roots->thread_count; i++) {
        if (!hd_line_live(line, roots->threads[i]))
            continue;
        hd_series_next(line, &series);
        hd_line_ref(line, roots->threads[i]);
    }
    hd_series_close(line, &series);
}

void hd_roots_write(struct hd_line *line, struct hd_roots *roots)
{
    hd_line_begin_named(line, "_ROOTS_");
    categories_write(line, roots);
    threads_write(line, roots);
    globals_write(line);
    hd_line_end(line);
}
