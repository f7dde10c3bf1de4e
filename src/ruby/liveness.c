/*
 * Liveness: a trace from the roots, for a heap that was not garbage-collected just before.
 *
 * From inside, each object's own mark function says what it keeps alive, so the result is what the next
 * collection would leave. From outside its references are read off it (references.h), by as many threads as are allowed. What is
 * reached does not depend on who reaches it first, so all of them find what one would. Iterative, with stacks that grow: chains of
 * any length are normal.
 */
#include "ruby/liveness.h"

#include "ruby/hands.h"
#include "ruby/references.h"

#include <pthread.h>

enum {
    GLANCE = 64,        /* objects after which a tracer looks whether another one has nothing to do */
    SPARE_LEAST = 16,   /* addresses on a stack that are worth being shared */
    SPARE_MOST = 4096
};

/* What tracers have handed to each other. Nothing is left when it is empty and nobody is busy, who might add to it. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct hd_buffer stack; /* addresses to be visited, marked already */
    int busy;
    int waiting;            /* also read without the lock, as a hint */
    bool over;              /* all is done, or must end */
    bool failed;            /* memory ran out */
    _Atomic uint64_t *heartbeat;
};

struct tracer {
    _Alignas(HD_HANDS_APART) struct hd_vm *vm;
    struct pool *pool;      /* NULL: the only one */
    struct hd_buffer stack; /* addresses still to be visited, marked already */
    size_t from;            /* bytes at the beginning of it that were given away */
};

static void push(struct tracer *tracer, uint64_t addr)
{
    if (!hd_vm_object(tracer->vm, addr))
        return;
    struct hd_page *page = hd_vm_page(tracer->vm, addr);
    uint64_t slot = (addr - page->start) * page->magic >> 32, bit = 1ull << (slot % 64);
    uint64_t *bits = &page->traced[slot / 64];
    if (__atomic_load_n(bits, __ATOMIC_RELAXED) & bit)
        return;
    if (!tracer->pool)
        *bits |= bit;
    else if (__atomic_fetch_or(bits, bit, __ATOMIC_RELAXED) & bit) /* another one was quicker */
        return;
    hd_buffer_append(&tracer->stack, &addr, sizeof addr);
}

static void push_child(uint64_t child, void *data)
{
    push(data, child);
}

static void push_read(void *data, uint64_t child, bool inferred)
{
    (void)inferred; /* may be none, but what it seems to hold must not be called garbage */
    push(data, child);
}

static void children_push(struct tracer *tracer, uint64_t addr)
{
    struct hd_vm *vm = tracer->vm;
    if (vm->live && vm->live->reachable) {
        vm->live->reachable(addr, push_child, tracer);
        return;
    }
    const uint8_t *object = hd_vm_object(vm, addr);
    hd_references_each(vm, object, addr, push_read, tracer);
    if (!vm->chunks && (*object & HD_T_MASK) == HD_T_DATA)
        hd_references_guess(vm, object, addr, push_read, tracer);
}

/* --- sharing --- */

/* The oldest addresses are likely to lead to most. */
static void give(struct tracer *tracer)
{
    struct pool *pool = tracer->pool;
    size_t spare = (tracer->stack.length - tracer->from) / sizeof(uint64_t) / 2;
    spare = spare < SPARE_MOST ? spare : SPARE_MOST;
    if (spare < SPARE_LEAST)
        return;
    pthread_mutex_lock(&pool->lock);
    hd_buffer_append(&pool->stack, tracer->stack.data + tracer->from, spare * sizeof(uint64_t));
    pool->failed |= pool->stack.failed;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    tracer->from += spare * sizeof(uint64_t);
}

/* Waits for something to do; false if there will be nothing any more. */
static bool take(struct tracer *tracer)
{
    struct pool *pool = tracer->pool;
    tracer->stack.length = tracer->from = 0;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stack.length && pool->busy && !pool->over) {
        __atomic_store_n(&pool->waiting, pool->waiting + 1, __ATOMIC_RELAXED);
        pthread_cond_wait(&pool->changed, &pool->lock);
        __atomic_store_n(&pool->waiting, pool->waiting - 1, __ATOMIC_RELAXED);
    }
    size_t length = pool->over ? 0 : pool->stack.length, most = SPARE_MOST * sizeof(uint64_t);
    length = length < most ? length : most;
    if (length) {
        pool->stack.length -= length;
        hd_buffer_append(&tracer->stack, pool->stack.data + pool->stack.length, length);
        pool->busy++;
    } else {
        __atomic_store_n(&pool->over, true, __ATOMIC_RELAXED);
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return length > 0;
}

/* What it took is done. If that ended early, so do all. */
static void done(struct tracer *tracer, bool early)
{
    struct pool *pool = tracer->pool;
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    if (early)
        __atomic_store_n(&pool->over, true, __ATOMIC_RELAXED);
    pool->failed |= tracer->stack.failed;
    pthread_mutex_unlock(&pool->lock);
}

/* --- tracing --- */

/* Visits what is on the stack and what comes there meanwhile; false if it ended before that. */
static bool visit(struct tracer *tracer, _Atomic uint64_t *heartbeat)
{
    struct pool *pool = tracer->pool;
    for (uint64_t visited = 0; tracer->stack.length > tracer->from; visited++) {
        uint64_t addr;
        if (visited % 65536 == 0)
            atomic_fetch_add(heartbeat, 1);
        if (hd_memory_exhausted(tracer->vm->memory) || tracer->stack.failed)
            return false;
        if (pool && visited % GLANCE == 0) {
            if (__atomic_load_n(&pool->over, __ATOMIC_RELAXED))
                return false;
            if (__atomic_load_n(&pool->waiting, __ATOMIC_RELAXED))
                give(tracer);
        }
        tracer->stack.length -= sizeof addr;
        memcpy(&addr, tracer->stack.data + tracer->stack.length, sizeof addr);
        children_push(tracer, addr);
    }
    return true;
}

static void tracer_run(struct hd_vm *vm, void *work)
{
    struct tracer *tracer = work;
    tracer->vm = vm;
    while (take(tracer))
        done(tracer, !visit(tracer, tracer->pool->heartbeat));
}

/* The stack of the first becomes what all begin with. */
static bool trace_together(struct hd_vm *vm, struct tracer *tracers, _Atomic uint64_t *heartbeat)
{
    struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .stack = tracers[0].stack, .heartbeat = heartbeat};
    tracers[0].stack = (struct hd_buffer){0};
    for (int i = 0; i < HD_CREW_MAX; i++)
        tracers[i].pool = &pool;
    hd_hands_run(vm, tracer_run, tracers, sizeof *tracers);
    for (int i = 1; i < HD_CREW_MAX; i++)
        hd_buffer_deinit(&tracers[i].stack);
    hd_buffer_deinit(&pool.stack);
    return !pool.failed;
}

bool hd_liveness_trace(struct hd_vm *vm, const struct hd_roots *roots, _Atomic uint64_t *heartbeat, struct hd_error *err)
{
    struct tracer tracers[HD_CREW_MAX] = {{.vm = vm}};
    for (size_t i = 0; i < vm->page_count; i++) {
        vm->pages[i].traced = hd_arena_alloc(vm->arena, (vm->pages[i].slot_count + 63) / 64, sizeof(uint64_t));
        if (!vm->pages[i].traced)
            return hd_error_set(err, HD_ERROR_MEMORY, "no memory for tracing what is alive");
    }
    for (uint64_t i = 0; i < roots->count; i++)
        push(&tracers[0], roots->items[i].value);
    bool good = !tracers[0].stack.failed;
    if (good && hd_hands_count(vm) > 1)
        good = trace_together(vm, tracers, heartbeat);
    else if (good)
        visit(&tracers[0], heartbeat);
    good = good && !tracers[0].stack.failed;
    hd_buffer_deinit(&tracers[0].stack);
    return good || hd_error_set(err, HD_ERROR_MEMORY, "no memory for tracing what is alive");
}
