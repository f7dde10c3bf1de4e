/*
 * Saves and maps index files, and knows where they are. See index.h; index_format.h has the format.
 *
 * An index lies beside its dump, as dump.json.idx; where that cannot be written, in $XDG_CACHE_HOME/heap_dump (or
 * ~/.cache/heap_dump) under a name made of the dump's device, inode and path. Only what this user wrote, and nobody else can
 * write, is mapped. The dump's times are in it with the inode's, so one that came with its dump from
 * somewhere else fits nothing. What was not used for CACHE_DAYS leaves the cache when something comes into it.
 */
#define _GNU_SOURCE
#include "graph/index_format.h"

#include "dump/json_reader.h"
#include "dump/output.h"
#include "heap_dump.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CACHE_DAYS 30
#define DAY ((time_t)24 * 60 * 60)

_Static_assert(sizeof(struct hd_index_header) <= 4096, "the header is one page");
_Static_assert(sizeof(struct hd_graph) == 168 && sizeof(struct hd_dominators) == 56 && sizeof(struct hd_paths) == 48
                   && sizeof(struct hd_retained_group) == 40,
               "a column that is new must be saved, too: add it to HD_INDEX_SECTIONS and raise HD_INDEX_VERSION");

struct hd_index {
    void *file;
    uint64_t length;
    enum hd_index_need need;
    atomic_bool damaged;
    _Atomic uint64_t held; /* sections that have been looked at together with all that are in the same set: see hd_index_hold */
    char path[PATH_MAX];
    struct hd_index_plan plan;
    uint8_t *looked; /* [blocks] 1 if it holds: for who looks at single elements; NULL before */
};

/* ---- places ---- */

static bool place_beside(char path[PATH_MAX], const struct hd_index_key *key)
{
    return snprintf(path, PATH_MAX, "%s.idx", key->path) < PATH_MAX;
}

static bool cache_folder(char path[PATH_MAX], bool make)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (cache && cache[0] == '/')
        length = snprintf(path, PATH_MAX, "%s", cache);
    else if (home && home[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/.cache", home);
    else
        return false;
    if (length >= PATH_MAX - 64)
        return false;
    if (make)
        mkdir(path, 0700);
    strcpy(path + length, "/heap_dump");
    if (make)
        mkdir(path, 0700); /* if it fails, so does what is written into it */
    return true;
}

static bool place_in_cache(char path[PATH_MAX], const struct hd_index_key *key, bool make)
{
    const uint64_t file[2] = {key->device, key->inode};
    uint64_t name = hd_index_hash(key->path, strlen(key->path), hd_index_hash(file, sizeof file, 0));
    if (!cache_folder(path, make))
        return false;
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%016llx.idx", (unsigned long long)name);
    return true;
}

static void clean_cache(void)
{
    char path[PATH_MAX];
    DIR *folder = cache_folder(path, false) ? opendir(path) : NULL;
    time_t now = time(NULL);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *name = entry->d_name;
        struct stat status;
        if (strlen(name) == 20 && strspn(name, "0123456789abcdef") == 16 && !strcmp(name + 16, ".idx")
            && !fstatat(dirfd(folder), name, &status, AT_SYMLINK_NOFOLLOW) && S_ISREG(status.st_mode)
            && now - status.st_mtime > CACHE_DAYS * DAY)
            unlinkat(dirfd(folder), name, 0);
    }
    if (folder)
        closedir(folder);
}

/* Only this user can have written it. */
static bool mine(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == geteuid() && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* ---- mapping ---- */

static bool unfit(struct hd_error *err, const char *path, const char *why)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.300s %s", path, why);
}

const struct hd_index_header *hd_index_header_of(const struct hd_index *index)
{
    return index->file;
}

static const uint64_t sections_of[] = {[HD_INDEX_HEADER] = 0,
                                       [HD_INDEX_SUMS] = HD_INDEX_SECTIONS_SUMS,
                                       [HD_INDEX_SIZES] = HD_INDEX_SECTIONS_SIZES,
                                       [HD_INDEX_LABELS] = HD_INDEX_SECTIONS_LABELS,
                                       [HD_INDEX_WAYS] = HD_INDEX_SECTIONS_WAYS,
                                       [HD_INDEX_NODES] = HD_INDEX_SECTIONS_NODES,
                                       [HD_INDEX_GRAPH] = HD_INDEX_SECTIONS_GRAPH,
                                       [HD_INDEX_TREE] = HD_INDEX_SECTIONS_TREE};

static bool check(struct hd_index *index, enum hd_index_need need, const struct hd_index_key *key, const char *path,
                  struct hd_error *err)
{
    struct hd_index_plan *plan = &index->plan;
    index->need = need;
    const struct hd_index_header *h = hd_index_header_of(index);
    char release[sizeof h->release] = {0};
    strncpy(release, HEAP_DUMP_VERSION, sizeof release - 1);
    if (memcmp(h->magic, HD_INDEX_MAGIC, sizeof h->magic))
        return unfit(err, path, "is no index");
    if (h->version != HD_INDEX_VERSION || h->word != HD_INDEX_WORD || memcmp(h->release, release, sizeof release))
        return unfit(err, path, "is of another release or machine");
    if (h->inode != key->inode || h->size != key->size || h->modified != key->modified || h->changed != key->changed
        || h->ends != key->ends)
        return unfit(err, path, "is of another dump, or of another state of this one");
    if (!hd_index_plan(plan, h) || plan->length > index->length)
        return unfit(err, path, "has not the length it should have");
    const uint64_t *sums = (const uint64_t *)((const char *)index->file + HD_INDEX_ALIGN);
    if (hd_index_header_sum(h, sums, plan->first_block[HD_INDEX_SECTION_COUNT]) != h->sum)
        return unfit(err, path, "has a damaged header");
    index->held = sections_of[need];
    return hd_index_check(h, plan, index->file, sections_of[need]) || unfit(err, path, "is damaged");
}

static const void *section(const struct hd_index *index, enum hd_index_section which)
{
    return (const char *)index->file + index->plan.offset[which];
}

/* Casts away const: a column of the dominators is no less read-only, but its owner may write to it elsewhere. */
static void publish(const struct hd_index *index, uint64_t sections, struct hd_graph *g, struct hd_dominators *d)
{
    const struct hd_index_header *h = hd_index_header_of(index);
    *g = (struct hd_graph){
        .node_count = (uint32_t)h->node_count, .edge_count = h->edge_count, .name_count = (uint32_t)h->name_count,
        .dump_bytes = h->dump_bytes, .heap_low = h->heap_low, .heap_high = h->heap_high, .head_name = h->head_name,
        .truncated = h->truncated, .redacted = h->redacted, .unnamed = h->unnamed, .dangling = h->dangling,
        .bad_lines = h->bad_lines};
    *d = (struct hd_dominators){.node_count = g->node_count, .reachable = (uint32_t)h->reachable,
                                .reachable_size = h->reachable_size};
#define PUBLISH(name, width, count, place) \
    _Static_assert(sizeof *(place) == (width), #name); \
    if (sections & HD_INDEX_BIT(name)) \
        place = (void *)section(index, HD_INDEX_##name);
    HD_INDEX_SECTIONS(PUBLISH)
#undef PUBLISH
}

static struct hd_index *map_file(int fd, const struct stat *status, struct hd_error *err)
{
    struct hd_index *index = calloc(1, sizeof *index);
    if (!index) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    index->length = (uint64_t)status->st_size;
    index->file = mmap(NULL, index->length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (index->file == MAP_FAILED) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot map an index");
        free(index);
        return NULL;
    }
    return index;
}

static struct hd_index *map_from(const char *path, const struct hd_index_key *key, enum hd_index_need need,
                                 struct hd_error *err)
{
    struct stat status;
    struct hd_index *index = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status))
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.300s", path);
    else if (!mine(&status))
        unfit(err, path, "may be somebody else's");
    else if ((uint64_t)status.st_size < HD_INDEX_ALIGN)
        unfit(err, path, "is too short for an index");
    else
        index = map_file(fd, &status, err);
    if (index)
        strcpy(index->path, path);
    if (index && !check(index, need, key, path, err)) {
        hd_index_unmap(index);
        index = NULL;
    }
    if (index && time(NULL) - status.st_mtime > DAY)
        futimens(fd, NULL); /* it is in use: clean_cache looks at this */
    if (fd >= 0)
        close(fd);
    return index;
}

struct hd_index *hd_index_map_for(const struct hd_index_key *key, enum hd_index_need need, struct hd_graph *graph,
                                  struct hd_dominators *dominators, struct hd_error *err)
{
    char path[PATH_MAX];
    struct hd_index *index = place_beside(path, key) ? map_from(path, key, need, err) : NULL;
    if (!index && place_in_cache(path, key, false) && !access(path, F_OK))
        index = map_from(path, key, need, err);
    if (index)
        publish(index, sections_of[need], graph, dominators);
    return index;
}

struct hd_index *hd_index_map(const struct hd_index_key *key, struct hd_graph *graph,
                              struct hd_dominators *dominators, struct hd_error *err)
{
    return hd_index_map_for(key, HD_INDEX_TREE, graph, dominators, err);
}

void hd_index_unmap(struct hd_index *index)
{
    if (!index)
        return;
    munmap(index->file, index->length);
    free(index->looked);
    if (atomic_load(&index->damaged))
        unlink(index->path); /* it may be another one by now: that is made again, too */
    free(index);
}

const char *hd_index_rest(const struct hd_index *index, uint64_t *offset, uint64_t *length)
{
    *offset = index->plan.length;
    *length = index->length - index->plan.length;
    return (const char *)index->file + index->plan.length;
}

const char *hd_index_where(const struct hd_index *index)
{
    return index->path;
}

/* ---- what is looked at later ---- */

void hd_index_condemn(struct hd_index *index)
{
    atomic_store(&index->damaged, true);
}

/* What was looked at is not looked at again; but a tree is one only if all its sections say so together. */
bool hd_index_hold(struct hd_index *index, uint64_t sections)
{
    if ((atomic_load(&index->held) & sections) == sections)
        return true;
    bool fine = hd_index_check(hd_index_header_of(index), &index->plan, index->file, sections);
    if ((sections & HD_INDEX_SECTIONS_PATHS) != HD_INDEX_SECTIONS_PATHS)
        sections &= ~HD_INDEX_BIT(PATH_PARENT); /* so that these are a tree is still to be seen */
    if (fine)
        atomic_fetch_or(&index->held, sections);
    else
        hd_index_condemn(index);
    return fine;
}

bool hd_index_search(struct hd_index *index, enum hd_index_section which, uint32_t wanted, uint64_t *list, uint64_t limit,
                     uint64_t *count)
{
    bool fine = hd_index_check_search(hd_index_header_of(index), &index->plan, index->file, which, wanted, list, limit, count);
    if (!fine)
        hd_index_condemn(index);
    return fine;
}

static bool block_holds(struct hd_index *index, uint64_t number)
{
    if (!index->looked)
        index->looked = calloc(index->plan.first_block[HD_INDEX_SECTION_COUNT], 1);
    if (!index->looked)
        return false;
    if (__atomic_load_n(&index->looked[number], __ATOMIC_RELAXED))
        return true;
    bool fine = hd_index_check_block(hd_index_header_of(index), &index->plan, index->file, number);
    if (fine)
        __atomic_store_n(&index->looked[number], 1, __ATOMIC_RELAXED);
    else
        hd_index_condemn(index);
    return fine;
}

const void *hd_index_elements(struct hd_index *index, enum hd_index_section which, uint64_t at, uint64_t count)
{
    const struct hd_index_plan *plan = &index->plan;
    uint64_t width = hd_index_width(which), have = plan->bytes[which] / width;
    if (at >= have || count == 0 || count > have - at)
        return NULL;
    uint64_t first = at * width / HD_INDEX_BLOCK, last = ((at + count) * width - 1) / HD_INDEX_BLOCK;
    for (uint64_t block = first; block <= last; block++)
        if (!block_holds(index, plan->first_block[which] + block))
            return NULL;
    return (const char *)section(index, which) + at * width;
}

void hd_index_discard(struct hd_index *index)
{
    unlink(index->path);
    atomic_store(&index->damaged, false);
}

bool hd_index_whole(struct hd_index *index, enum hd_index_need need, struct hd_graph *graph, struct hd_dominators *dominators,
                    struct hd_error *err)
{
    if (atomic_load(&index->damaged) || !hd_index_hold(index, sections_of[need]))
        return unfit(err, index->path, "is damaged");
    index->need = need;
    publish(index, sections_of[need], graph, dominators);
    return true;
}

/* ---- what is derived ---- */

bool hd_index_classes(struct hd_index *index, struct hd_groups *classes)
{
    const struct hd_index_header *h = hd_index_header_of(index);
    bool numbers = index->need != HD_INDEX_SUMS; /* what was mapped for sums has been looked at */
    return (!numbers || hd_index_hold(index, HD_INDEX_SECTIONS_CLASSES))
           && hd_groups_restore(classes, numbers ? section(index, HD_INDEX_CLASS_NUMBER) : NULL,
                                (uint32_t)h->class_count, section(index, HD_INDEX_CLASS_NAME_START),
                                section(index, HD_INDEX_CLASS_NAME_BYTES));
}

const struct hd_retained_group *hd_index_class_sums(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(CLASS_SUMS)) ? section(index, HD_INDEX_CLASS_SUMS) : NULL;
}

const struct hd_retained_group *hd_index_type_sums(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(TYPE_SUMS)) ? section(index, HD_INDEX_TYPE_SUMS) : NULL;
}

const struct hd_index_marks *hd_index_get_marks(const struct hd_index *index)
{
    return &hd_index_header_of(index)->marks;
}

const uint64_t *hd_index_sizes(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(SIZE)) ? section(index, HD_INDEX_SIZE) : NULL;
}

const uint64_t *hd_index_retained(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(RETAINED)) ? section(index, HD_INDEX_RETAINED) : NULL;
}

const uint32_t *hd_index_order(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(PATH_ORDER)) ? section(index, HD_INDEX_PATH_ORDER) : NULL;
}

const uint32_t *hd_index_class_numbers(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(CLASS_NUMBER)) ? section(index, HD_INDEX_CLASS_NUMBER) : NULL;
}

const uint32_t *hd_index_parents(struct hd_index *index)
{
    return hd_index_hold(index, HD_INDEX_BIT(PARENT)) ? section(index, HD_INDEX_PARENT) : NULL;
}

bool hd_index_paths(struct hd_index *index, const struct hd_graph *graph, struct hd_paths *paths)
{
    bool order = index->need == HD_INDEX_WAYS;
    if (!hd_index_hold(index, order ? HD_INDEX_SECTIONS_ORDER : HD_INDEX_SECTIONS_PATHS))
        return false;
    *paths = (struct hd_paths){.graph = graph, .parent = order ? NULL : (void *)section(index, HD_INDEX_PATH_PARENT),
                               .edge = (void *)section(index, HD_INDEX_PATH_EDGE),
                               .order = (void *)section(index, HD_INDEX_PATH_ORDER),
                               .from = (void *)section(index, HD_INDEX_PATH_FROM),
                               .reached = (uint32_t)hd_index_header_of(index)->reachable};
    return true;
}

/* ---- saving ---- */

/* Up to the next node whose depth is known, then the same way again: no memory but the column. */
static uint32_t *depths(const struct hd_dominators *d)
{
    uint32_t *depth = malloc((size_t)d->node_count * sizeof *depth);
    if (!depth)
        return NULL;
    memset(depth, 0xff, (size_t)d->node_count * sizeof *depth);
    depth[HD_NODE_ROOT] = 0;
    for (uint32_t node = 1; node < d->node_count; node++) {
        uint32_t steps = 0, at = node;
        while (depth[at] == UINT32_MAX && d->parent[at] != HD_NODE_NONE) {
            at = d->parent[at];
            steps++;
        }
        for (uint32_t below = depth[at] + steps, back = node; back != at; back = d->parent[back])
            depth[back] = below--;
    }
    return depth;
}

struct content {
    struct hd_index_header header;
    struct hd_index_plan plan;
    const void *data[HD_INDEX_SECTION_COUNT];
    uint32_t *depth;
    const struct hd_index_derived *derived;
    uint64_t *class_name_start;
    char *class_name_bytes;
    uint64_t *sums;
};

static void describe(struct hd_index_header *h, const struct hd_index_key *key, const struct hd_graph *g,
                     const struct hd_dominators *d, const struct hd_index_derived *derived)
{
    *h = (struct hd_index_header){
        .version = HD_INDEX_VERSION, .word = HD_INDEX_WORD, .inode = key->inode, .size = key->size,
        .modified = key->modified, .changed = key->changed, .ends = key->ends, .node_count = g->node_count,
        .edge_count = g->edge_count, .name_count = g->name_count, .name_bytes = g->name_start[g->name_count],
        .dump_bytes = g->dump_bytes, .heap_low = g->heap_low, .heap_high = g->heap_high, .dangling = g->dangling,
        .bad_lines = g->bad_lines, .reachable = d->reachable, .reachable_size = d->reachable_size,
        .head_name = g->head_name, .truncated = g->truncated, .redacted = g->redacted, .unnamed = g->unnamed,
        .class_count = derived->classes->count, .marks = *derived->marks};
    for (uint32_t i = 0; i < derived->classes->count; i++)
        h->class_name_bytes += derived->classes->name[i].length;
    memcpy(h->magic, HD_INDEX_MAGIC, sizeof h->magic);
    strncpy(h->release, HEAP_DUMP_VERSION, sizeof h->release - 1);
}

/* The names of the classes in a row. */
static bool join_names(struct content *content)
{
    const struct hd_groups *classes = content->derived->classes;
    uint64_t at = 0;
    content->class_name_start = malloc(((size_t)classes->count + 1) * sizeof *content->class_name_start);
    content->class_name_bytes = malloc(content->header.class_name_bytes + 1);
    if (!content->class_name_start || !content->class_name_bytes)
        return false;
    for (uint32_t i = 0; i < classes->count; i++) {
        content->class_name_start[i] = at;
        memcpy(content->class_name_bytes + at, classes->name[i].data, classes->name[i].length);
        at += classes->name[i].length;
    }
    content->class_name_start[classes->count] = at;
    return true;
}

static bool content_init(struct content *c, const struct hd_index_key *key, const struct hd_graph *g,
                         const struct hd_dominators *d, const struct hd_index_derived *derived, struct hd_error *err)
{
    *c = (struct content){.derived = derived};
    describe(&c->header, key, g, d, derived);
    if (derived->paths->reached != d->reachable || !hd_index_plan(&c->plan, &c->header))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the graph is too large for an index");
    uint64_t blocks = c->plan.first_block[HD_INDEX_SECTION_COUNT];
    c->depth = depths(d);
    c->sums = calloc(blocks, sizeof *c->sums);
    if (!join_names(c) || !c->depth || !c->sums)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the index");
#define DATA(name, width, count, place) c->data[HD_INDEX_##name] = place;
    HD_INDEX_SECTIONS(DATA)
    HD_INDEX_DERIVED_SECTIONS(DATA)
#undef DATA
    hd_index_sum_blocks(&c->plan, c->data, c->sums);
    c->header.sum = hd_index_header_sum(&c->header, c->sums, blocks);
    return true;
}

static void content_deinit(struct content *content)
{
    free(content->depth);
    free(content->class_name_start);
    free(content->class_name_bytes);
    free(content->sums);
}

static bool write_padded(struct hd_output *out, const void *data, uint64_t bytes, struct hd_error *err)
{
    static const char zeros[HD_INDEX_ALIGN];
    return hd_output_write(out, data, bytes, err)
           && hd_output_write(out, zeros, (HD_INDEX_ALIGN - bytes % HD_INDEX_ALIGN) % HD_INDEX_ALIGN, err);
}

static bool write_to(const char *path, const struct content *content, struct hd_error *err)
{
    struct hd_output_shared shared = {0};
    struct hd_output out;
    struct stat status;
    if (!hd_output_open(&out, path, &shared, err))
        return false;
    out.no_sync = true; /* half of it after a power failure is a damaged one */
    bool ok = !fstat(out.fd, &status) && mine(&status);
    if (!ok)
        unfit(err, path, "would not be mapped: its file system gives it to somebody else");
    ok = ok && write_padded(&out, &content->header, sizeof content->header, err)
         && write_padded(&out, content->sums, content->plan.first_block[HD_INDEX_SECTION_COUNT] * 8, err);
    for (unsigned i = 0; ok && i < HD_INDEX_SECTION_COUNT; i++)
        ok = write_padded(&out, content->data[i], content->plan.bytes[i], err);
    ok = ok && hd_output_commit(&out, err);
    hd_output_abort(&out);
    return ok;
}

bool hd_index_save(const struct hd_index_key *key, const struct hd_graph *graph,
                   const struct hd_dominators *dominators, const struct hd_index_derived *derived,
                   struct hd_error *err)
{
    char path[PATH_MAX];
    struct content content;
    if (!key->settled)
        return hd_error_set(err, HD_ERROR_IO, "%.300s may be changing", key->path);
    bool ok = content_init(&content, key, graph, dominators, derived, err);
    if (ok && !(place_beside(path, key) && write_to(path, &content, err))) {
        ok = place_in_cache(path, key, true) && write_to(path, &content, err);
        if (ok)
            clean_cache();
    }
    content_deinit(&content);
    return ok;
}
