/*
 * HeapDump.dump: options, garbage collection, the clone and the wait for it, in the presence of Ruby's
 * interrupts. Owns the order of the steps and that every one of them is undone, whichever way out is taken.
 */
#include "ext.h"

#include <errno.h>
#include <ruby/thread.h>
#include <ruby/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct session {
    const struct hd_ext_request *request;
    struct hd_ext_result *result;
    struct hd_inside inside;
    struct hd_output output;
    struct hd_live live;
    struct hd_dump_options options;
    struct hd_inside_dump dump;
    struct hd_ext_public public;
    struct hd_buffer extra;
    char description[256];
    bool output_open, gc_was_enabled, committed;
    size_t gc_count; /* collections so far, when ours had ended */
    /* what a call without the GVL brought back */
    enum hd_inside_wait waited;
    bool called, ok;
};

static double now(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * The constant knows more (+YJIT), but a C host that never called ruby_options has none. A copy, as compaction may
 * move the String and the text within.
 */
static const char *description_copy(char *copy, size_t size)
{
    ID name = rb_intern("RUBY_DESCRIPTION");
    VALUE value = rb_const_defined(rb_cObject, name) ? rb_const_get(rb_cObject, name) : Qnil;
    snprintf(copy, size, "%s", RB_TYPE_P(value, T_STRING) ? StringValueCStr(value) : ruby_description);
    return copy;
}

static void options_fill(struct session *s)
{
    const struct hd_ext_request *request = s->request;
    s->options = (struct hd_dump_options){
        .redact = request->redact,
        .all = request->all,
        .collected = request->gc,
        .string_limit = request->string_limit,
        .source = "self",
        .ruby = ruby_version,
        .description = description_copy(s->description, sizeof s->description),
        .platform = ruby_platform,
        .pid = getpid(),
    };
    ssize_t got = getrandom(s->options.redact_key, sizeof s->options.redact_key, 0);
    if (got != sizeof s->options.redact_key && request->redact)
        rb_raise(rb_eRuntimeError, "the kernel gave no random key for the redaction");
    hd_ext_extra_build(&s->extra, request->redact);
    s->options.extra = s->extra.failed ? NULL : s->extra.data;
}

static void garbage_collect(struct session *s)
{
    double start = now(CLOCK_MONOTONIC);
    /* The method, as rb_gc does nothing while GC is disabled; a bare C host (without ruby_options) has no method. */
    if (s->request->gc && rb_check_funcall(rb_mGC, rb_intern("start"), 0, NULL) == Qundef)
        rb_gc();
    s->result->gc_seconds = now(CLOCK_MONOTONIC) - start;
    s->gc_count = rb_gc_count();
}

/*
 * Is what our collection left still the whole truth? Finalizers run behind it, and with them other threads, which
 * may have started the next one: then the heap holds dead objects again and the writer must trace what is alive.
 */
static bool collected_still(const struct session *s)
{
    return s->request->gc && rb_gc_count() == s->gc_count;
}

/*
 * The file is put in place in the same call: each return to Ruby waits for the GVL, up to 100 ms where another
 * thread computes.
 */
static void *wait_call(void *data)
{
    struct session *s = data;
    struct hd_error *err = &s->result->error;
    s->waited = hd_inside_wait(&s->inside);
    if (s->waited == HD_INSIDE_ENDED)
        s->ok = s->committed = hd_inside_result(&s->inside, err) && hd_output_commit(&s->output, err);
    s->called = true;
    return NULL;
}

static void *commit_call(void *data)
{
    struct session *s = data;
    s->ok = hd_output_commit(&s->output, &s->result->error);
    s->called = true;
    return NULL;
}

static void wake_call(void *data)
{
    struct session *s = data;
    hd_inside_wake(&s->inside);
}

/* Runs a call without the GVL. Interrupts of Ruby (Thread#raise, Timeout, trap handlers) are served here. */
static void outside_run(struct session *s, void *(*call)(void *))
{
    s->called = false;
    if (s->request->hold) {
        call(s);
        return;
    }
    while (!s->called) {
        /* Interrupts come before the call starts or wake it up; INTR_FAIL leaves serving them to us.
         * ASYNC_SAFE: writing to an eventfd is, and Ruby need not start a thread for it. */
        rb_nogvl(call, s, wake_call, s, RB_NOGVL_INTR_FAIL | RB_NOGVL_UBF_ASYNC_SAFE);
        rb_thread_check_ints();
    }
}

/* One clone, from start to end. */
static bool clone_run(struct session *s)
{
    struct hd_error *err = &s->result->error;
    s->options.time = now(CLOCK_REALTIME);
    s->options.collected = collected_still(s);
    if (!hd_inside_start(&s->inside, err))
        return false;
    s->result->pause += s->inside.pause;
    do
        outside_run(s, wait_call);
    while (s->waited == HD_INSIDE_WOKEN);
    if (s->waited == HD_INSIDE_ENDED)
        return s->ok;
    hd_inside_kill(&s->inside);
    if (s->waited == HD_INSIDE_BLOCKED) {
        s->inside.attempt++;
        return clone_run(s);
    }
    return hd_error_set(err, HD_ERROR_CHILD,
                        "the process that writes the dump made no progress for %d seconds and was killed; "
                        "fork: false dumps without a second process", HD_INSIDE_PATIENCE);
}

static bool write_once(struct session *s)
{
    if (s->request->fork)
        return clone_run(s);
    s->options.time = now(CLOCK_REALTIME);
    s->options.collected = collected_still(s);
    double start = now(CLOCK_MONOTONIC);
    /* The heap must hold still, and marking functions run: no collection may start. */
    s->gc_was_enabled = rb_gc_disable() == Qfalse;
    bool ok = hd_inside_write_here(&s->inside, &s->result->error);
    if (s->gc_was_enabled)
        rb_gc_enable();
    s->gc_was_enabled = false;
    s->result->pause += now(CLOCK_MONOTONIC) - start;
    return ok;
}

/*
 * HEAP_DUMP_UNNAMED in the environment forces what otherwise happens for a Ruby without a layout: the way out if
 * a Ruby is so much patched that the decoder fails on it.
 */
static bool unnamed_wanted(struct session *s)
{
    const char *value = getenv("HEAP_DUMP_UNNAMED");
    if (!value || !*value)
        return false;
    hd_error_set(&s->result->error, HD_ERROR_UNSUPPORTED, "HEAP_DUMP_UNNAMED is set");
    return true;
}

/* The decoder refuses before it writes anything, so the file is still empty for the second attempt. */
static bool layout_missing(const struct session *s)
{
    enum hd_error_code code = s->result->error.code;
    return (code == HD_ERROR_UNSUPPORTED || code == HD_ERROR_SELF_CHECK) &&
           atomic_load(&s->inside.shared->output.offset) == 0;
}

static bool public_write(struct session *s)
{
    static bool warned;
    if (!warned)
        rb_warn("heap_dump: %s; the dump is taken through Ruby's public functions alone, so its references have no "
                "names", s->result->error.text);
    warned = true;
    memset(&s->result->error, 0, sizeof s->result->error);
    s->result->unnamed = true;
    s->public.options = &s->options;
    s->inside.writer = &hd_ext_public_writer;
    s->inside.writer_data = &s->public;
    s->inside.processes = 1;
    hd_ext_public_prepare(&s->public);
    return write_once(s);
}

static VALUE session_run(VALUE arg)
{
    struct session *s = (struct session *)arg;
    struct hd_error *err = &s->result->error;
    double start = now(CLOCK_MONOTONIC);
    VALUE path = rb_get_path(s->request->path);
    if (!hd_inside_init(&s->inside, err))
        return Qfalse;
    s->output_open = hd_output_open(&s->output, StringValueCStr(path), &s->inside.shared->output, err);
    if (!s->output_open)
        return Qfalse;
    options_fill(s);
    hd_ext_live_prepare(&s->live);
    s->dump = (struct hd_inside_dump){.live = &s->live, .options = &s->options, .progress = &s->inside.shared->progress};
    s->inside.output = &s->output;
    s->inside.writer = &hd_inside_dumper;
    s->inside.writer_data = &s->dump;
    garbage_collect(s);
    bool ok = !unnamed_wanted(s) && write_once(s);
    if (!ok && layout_missing(s))
        ok = public_write(s);
    if (ok && !s->committed) {
        outside_run(s, commit_call);
        ok = s->ok;
    }
    if (!ok)
        return Qfalse;
    memset(err, 0, sizeof *err); /* what was tried in vain on the way may have left a sentence */
    struct hd_inside_shared *shared = s->inside.shared;
    s->result->objects = atomic_load(&shared->progress.objects);
    s->result->references = atomic_load(&shared->progress.references);
    s->result->unreadable = atomic_load(&shared->progress.unreadable);
    s->result->bytes = atomic_load(&shared->output.offset);
    s->result->plain_bytes = atomic_load(&shared->output.plain);
    s->result->seconds = now(CLOCK_MONOTONIC) - start;
    RB_GC_GUARD(path);
    return Qtrue;
}

static VALUE session_clean(VALUE arg)
{
    struct session *s = (struct session *)arg;
    if (s->gc_was_enabled)
        rb_gc_enable();
    hd_inside_deinit(&s->inside);
    if (s->output_open)
        hd_output_abort(&s->output);
    hd_ext_public_deinit(&s->public);
    hd_buffer_deinit(&s->extra);
    return Qnil;
}

void hd_ext_dump(const struct hd_ext_request *request, struct hd_ext_result *result)
{
    struct session s = {.request = request, .result = result};
    memset(result, 0, sizeof *result);
    s.inside.wakeup = s.inside.child_fd = -1; /* as hd_inside_init leaves them when it fails */
    rb_ensure(session_run, (VALUE)&s, session_clean, (VALUE)&s);
}
