/*
 * Answers of the living Ruby for the decoder. Everything here runs in a clone of a multithreaded process: it
 * must not allocate, neither from Ruby nor from malloc.
 */
#include "ext.h"

#include "capture/loaded.h"

#include <ruby/encoding.h>

#include <dlfcn.h>
#include <link.h>
#include <string.h>

_Static_assert(_Generic((VALUE)0, uint64_t: 1, default: 0), "a VALUE is an unsigned 64-bit integer");

static struct hd_loaded libruby;
static VALUE probe_symbol; /* a static Symbol: no object, nothing to mark */

/*
 * What ext/objspace remembers of an object's allocation (ext/objspace/objspace.h; the same from Ruby 2.1 to
 * 3.4). objspace.so exports the look-up to its own second half.
 */
struct allocation_info {
    int living;
    VALUE flags;
    VALUE klass;
    const char *path;
    unsigned long line;
    const char *class_path;
    VALUE mid;
    size_t generation;
};
static struct allocation_info *(*allocation_lookup)(VALUE value);

/*
 * With several Ractors, one that runs elsewhere may hold the VM's lock at the moment of the clone. Looking a Symbol
 * up takes it (symbol.c, get_id_serial_entry), and nothing else.
 */
static void live_lock_probe(void)
{
    rb_sym2str(probe_symbol);
}

static uint64_t live_memsize(uint64_t value)
{
    return rb_obj_memsize_of(value);
}

static uint64_t live_symbol(const char *name)
{
    return hd_loaded_symbol(&libruby, name);
}

static const char *live_encoding_name(int index)
{
    const rb_encoding *encoding = rb_enc_from_index(index);
    return encoding ? rb_enc_name(encoding) : NULL;
}

static const char *method_name(VALUE symbol)
{
    if (NIL_P(symbol) || !RB_SYMBOL_P(symbol)) /* a symbol made at run time is not kept alive by the tracer */
        return NULL;
    VALUE name = rb_sym2str(symbol);
    return RB_TYPE_P(name, T_STRING) ? RSTRING_PTR(name) : NULL;
}

static bool live_allocation(uint64_t value, const char **file, uint64_t *line, const char **method,
                            uint64_t *generation)
{
    const struct allocation_info *info = allocation_lookup(value);
    if (!info || !info->living)
        return false;
    *file = info->path;
    *line = info->line;
    *method = method_name(info->mid);
    *generation = info->generation;
    return true;
}

static int objspace_find(struct dl_phdr_info *info, size_t size, void *found)
{
    static const char tail[] = "/objspace.so";
    size_t length = strlen(info->dlpi_name);
    (void)size;
    if (length < sizeof tail || strcmp(info->dlpi_name + length - (sizeof tail - 1), tail))
        return 0;
    *(const char **)found = info->dlpi_name;
    return 1;
}

/* Ruby loads extensions with RTLD_LOCAL, so the default search does not see them. */
static void allocation_prepare(void)
{
    const char *path = NULL;
    if (allocation_lookup || !dl_iterate_phdr(objspace_find, &path))
        return;
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (library)
        allocation_lookup = (struct allocation_info *(*)(VALUE))dlsym(library, "objspace_lookup_allocation_info");
}

void hd_ext_live_prepare(struct hd_live *live)
{
    hd_loaded_find(&libruby, (const void *)rb_obj_memsize_of);
    allocation_prepare();
    probe_symbol = ID2SYM(rb_intern("heap_dump"));
    *live = (struct hd_live){
        .lock_probe = live_lock_probe,
        .memsize = live_memsize,
        .reachable = rb_objspace_reachable_objects_from,
        .roots = rb_objspace_reachable_objects_from_root,
        .encoding_name = live_encoding_name,
        .symbol = live_symbol,
        .allocation = allocation_lookup ? live_allocation : NULL,
    };
}
