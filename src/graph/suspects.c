/* See suspects.h. The lines of the dump are read in suspects_read.c. */
#include "graph/suspects.h"

#include "base/progress.h"
#include "dump/json_reader.h"
#include "graph/best_names.h"

#include <stdlib.h>
#include <string.h>

enum { TELL_NODES = 1 << 16 };
enum { MANY = 16, JUMP = 8, STEPS_MAX = 20000 };

static bool is(struct hd_graph_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

static bool begins(struct hd_graph_text text, const char *word)
{
    return text.length > strlen(word) && !memcmp(text.data, word, strlen(word));
}

static bool is_class(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_ICLASS;
}

static bool has_label(const struct hd_graph *graph, uint32_t node, const char *label)
{
    return is(hd_graph_name(graph, graph->node_label[node]), label);
}

static bool is_thread(const struct hd_graph *graph, uint32_t node)
{
    return graph->node_type[node] == HD_BT_T_DATA
           && (has_label(graph, node, "VM/thread") || has_label(graph, node, "fiber"));
}

static bool is_proc(const struct hd_graph *graph, uint32_t node)
{
    return graph->node_type[node] == HD_BT_T_DATA
           && (has_label(graph, node, "proc") || has_label(graph, node, "method"));
}

static bool is_code(const struct hd_graph *graph, uint32_t node)
{
    static const char *const data[] = {"env", "VM/env", "svar", "memo", "tmpbuf", "alloc", "fields"};
    if (graph->node_type[node] != HD_BT_T_IMEMO)
        return is_class(graph, node);
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        if (has_label(graph, node, data[i]))
            return false;
    return true;
}

/* --- where the data are --- */

/*
 * An array of the virtual machine's own: its table of symbols is one of such arrays, which have no class (symbol.c of all
 * releases: global_symbols.ids). Since 4.0 (gc.c, rb_gc_mark_roots) roots of the kind global_symbols lead to it.
 */
static bool is_table(const struct hd_suspects *suspects, uint32_t node)
{
    const struct hd_graph *graph = suspects->graph;
    const struct hd_paths *paths = &suspects->paths;
    for (int level = 0; level < 2 && node != HD_NODE_ROOT; level++) {
        if (graph->node_type[node] != HD_BT_T_ARRAY || graph->node_class[node] != HD_NODE_NONE)
            return false;
        if (paths->parent[node] == HD_NODE_ROOT) {
            struct hd_graph_text root = hd_graph_name(graph, graph->edge_name[paths->edge[node]]);
            return is(root, "vm") || is(root, "global_symbols");
        }
        node = paths->parent[node];
    }
    return false;
}

/* What the virtual machine keeps in objects of its own since 3.5, VM/concurrent_set and the like: tables of all strings and symbols. */
static bool is_machine(const struct hd_graph *graph, uint32_t node)
{
    return graph->node_type[node] == HD_BT_T_DATA && graph->node_class[node] == HD_NODE_NONE
           && begins(hd_graph_name(graph, graph->node_label[node]), "VM/");
}

/* Not code, nor a literal of it, nor a stack, nor the virtual machine itself. `tables`: the virtual machine's tables and what is in them are data, too. */
static bool is_data(const struct hd_suspects *suspects, uint32_t node, bool tables)
{
    const struct hd_graph *graph = suspects->graph;
    uint32_t from = suspects->paths.parent[node];
    if (is_code(graph, node) || is_thread(graph, node) || (graph->node_type[node] == HD_BT_T_DATA && has_label(graph, node, "VM"))
        || is_machine(graph, node))
        return false;
    if (from != HD_NODE_ROOT && graph->node_type[from] == HD_BT_T_IMEMO && is_code(graph, from))
        return false;
    return tables || !(is_table(suspects, node) || (from != HD_NODE_ROOT && is_table(suspects, from)));
}

/* *left_out: bytes that would be data if tables were. False and *err if nobody waits. */
static bool add_up(struct hd_suspects *suspects, bool tables, uint64_t *left_out, struct hd_error *err)
{
    const struct hd_graph *graph = suspects->graph;
    const struct hd_paths *paths = &suspects->paths;
    memset(suspects->data, 0, graph->node_count * sizeof *suspects->data);
    memset(suspects->tree_data, 0, suspects->tree.count * sizeof *suspects->tree_data);
    *left_out = 0;
    for (uint32_t i = paths->reached; i-- > 1;) { /* what dominates a node is nearer to the root than it */
        if (i % TELL_NODES == 0 && !hd_progress_go_on(hd_progress_watcher(), 0, err))
            return false;
        uint32_t node = paths->order[i], up = suspects->dominators->parent[node];
        if (is_data(suspects, node, tables))
            suspects->data[node] += graph->node_size[node];
        else if (!tables && is_data(suspects, node, true))
            *left_out += graph->node_size[node];
        if (up == HD_NODE_NONE)
            continue;
        suspects->data[up] += suspects->data[node];
        uint32_t number = suspects->tree.number[node];
        if (number != HD_NODE_NONE && number != suspects->tree.number[up])
            suspects->tree_data[number] += suspects->data[node];
    }
    suspects->total = suspects->data[HD_NODE_ROOT];
    return true;
}

/*
 * Code and stacks are as big after a day as after a month: measured against them, every leak looks small at first. So are
 * the names of symbols, unless somebody makes symbols of what users send: then they are more than a quarter of the data.
 */
static bool weigh(struct hd_suspects *suspects, struct hd_error *err)
{
    suspects->data = calloc(suspects->graph->node_count, sizeof *suspects->data);
    suspects->tree_data = calloc(suspects->tree.count, sizeof *suspects->tree_data);
    suspects->owner = calloc(suspects->graph->node_count, 1);
    if (!suspects->data || !suspects->tree_data || !suspects->owner)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    uint64_t tables, nothing;
    return add_up(suspects, false, &tables, err)
           && (tables <= suspects->total / 4 || add_up(suspects, true, &nothing, err));
}

/* --- the accumulation points --- */

static uint32_t heaviest_child(const struct hd_suspects *suspects, uint32_t group)
{
    uint32_t best = HD_NODE_NONE;
    for (uint32_t at = suspects->tree.group[group].child; at != HD_NODE_NONE; at = suspects->tree.group[at].next)
        if (best == HD_NODE_NONE || suspects->tree_data[at] > suspects->tree_data[best])
            best = at;
    return best;
}

/* What is to be known of a group to tell whether it is the point, or that is further down. */
static struct hd_suspects_group look_at(const struct hd_suspects *suspects, uint32_t number)
{
    const struct hd_tree *tree = &suspects->tree;
    const struct hd_tree_group *group = &tree->group[number];
    bool thread = is_thread(suspects->graph, group->sample);
    bool class = number == 0 || is_class(suspects->graph, group->sample);
    uint32_t child = heaviest_child(suspects, number);
    struct hd_suspects_group found = {.group = number, .content = child, .data = suspects->tree_data[number],
                                      .heaviest = child == HD_NODE_NONE ? 0 : suspects->tree_data[child]};
    bool alike = found.heaviest && tree->group[child].count >= MANY && tree->group[child].count >= (uint64_t)JUMP * group->count
                 && !is_table(suspects, tree->group[child].sample); /* what is in the arrays of the table is */
    found.apart = !class && !thread && found.heaviest < found.data / 2;
    if (group->linked && group->count >= MANY && !class)
        found.rule = HD_SUSPECTS_IS_LIST;
    else if (group->parent == 0 && group->count >= MANY && !thread)
        found.rule = HD_SUSPECTS_IS_MANY;
    else if (alike && number != 0 && !is_thread(suspects->graph, tree->group[child].sample))
        found.rule = HD_SUSPECTS_ALIKE;
    return found;
}

/* All groups of weight; parents come before children. */
static bool search_make(struct hd_suspects *suspects, uint64_t least, struct hd_error *err)
{
    struct hd_suspects_search *search = &suspects->search;
    struct hd_suspects_group group = look_at(suspects, 0);
    search->from = least;
    search->count = 0;
    if (!hd_suspects_search_add(search, &group, err))
        return false;
    for (uint32_t i = 0; i < search->count; i++) {
        search->groups[i].first = search->count;
        if (search->groups[i].rule != HD_SUSPECTS_GO_ON)
            continue;
        for (uint32_t at = suspects->tree.group[search->groups[i].group].child; at != HD_NODE_NONE; at = suspects->tree.group[at].next) {
            group = look_at(suspects, at);
            if (group.data < least)
                continue;
            if (!hd_suspects_search_add(search, &group, err))
                return false;
            search->groups[i].count++;
        }
        hd_suspects_search_order(search, i);
    }
    return true;
}

/* Steps of the paths to all of them, or more than STEPS_MAX. */
static uint32_t steps_of(const struct hd_suspects *suspects, const struct hd_suspects_point *points, uint32_t count)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t at = suspects->tree.group[points[i].group].sample; at != HD_NODE_ROOT && at != HD_NODE_NONE && steps <= STEPS_MAX; steps++)
            at = suspects->paths.parent[at];
    return steps;
}

/* Those of all shares from *from bytes on; where they are too many, or the paths to them too long, of as small a share as there is room for. */
static bool all_take(struct hd_suspects *suspects, struct hd_suspects_point *points, uint64_t from, struct hd_error *err)
{
    if (!search_make(suspects, from, err))
        return false;
    uint32_t most = HD_SUSPECTS_POINTS;
    do {
        suspects->count = hd_suspects_choose_all(&suspects->search, points, most);
        most /= 2;
    } while (most > 0 && steps_of(suspects, points, suspects->count) > STEPS_MAX);
    uint64_t raised = suspects->search.from;
    suspects->all = steps_of(suspects, points, suspects->count) <= STEPS_MAX;
    return raised == from || search_make(suspects, raised, err); /* without what is too small now */
}

static bool points_take(struct hd_suspects *suspects, double share, uint32_t limit, double from, struct hd_error *err)
{
    struct hd_suspects_point points[HD_SUSPECTS_POINTS];
    uint64_t least = hd_suspects_least(share, suspects->total);
    if (from > 0 && from <= share && !all_take(suspects, points, hd_suspects_least(from, suspects->total), err))
        return false;
    suspects->all = suspects->all && least >= suspects->search.from;
    if (!suspects->all) {
        if (!search_make(suspects, least, err))
            return false;
        suspects->count = hd_suspects_choose(&suspects->search, least, points);
        suspects->count = suspects->count < limit ? suspects->count : limit;
    }
    for (uint32_t i = 0; i < suspects->count; i++)
        suspects->list[i] = (struct hd_suspect){.kind = points[i].kind, .found = points[i].kind, .group = points[i].group,
                                                .content_group = points[i].content, .member_step = HD_NODE_NONE, .block = HD_NODE_NONE,
                                                .retained = suspects->tree.group[points[i].group].retained, .data = points[i].data};
    return true;
}

/* --- what is known about one --- */

static enum hd_suspect_kind kind_of(const struct hd_suspects *suspects, const struct hd_suspect *suspect)
{
    const struct hd_graph *graph = suspects->graph;
    uint32_t holder = suspects->tree.group[suspect->group].sample;
    if (holder != HD_NODE_ROOT && is_table(suspects, holder))
        return HD_SUSPECT_SYMBOLS;
    if (suspect->kind != HD_SUSPECT_OBJECT)
        return suspect->kind;
    uint32_t content = suspects->tree.group[suspect->content_group].sample;
    struct hd_graph_text class = hd_groups_class_name(graph, holder);
    bool set = suspect->path.length > 1
               && is(hd_groups_class_name(graph, suspect->path.step[suspect->path.length - 2].node), "Set");
    if (is(class, "Thread::Queue") || is(class, "Queue") || is(class, "Thread::SizedQueue") || is(class, "SizedQueue"))
        return HD_SUSPECT_QUEUE;
    if (is_proc(graph, content))
        return HD_SUSPECT_CALLBACKS;
    const struct hd_tree_group *contents = &suspects->tree.group[suspect->content_group];
    if (contents->linked && suspects->classes->number[holder] == suspects->classes->number[content])
        return HD_SUSPECT_LIST; /* its first link holds the others */
    if (graph->node_type[holder] == HD_BT_T_ARRAY || set || is(class, "Set"))
        return HD_SUSPECT_COLLECTION;
    return graph->node_type[holder] == HD_BT_T_HASH ? HD_SUSPECT_MAP : HD_SUSPECT_OBJECT;
}

static enum hd_suspect_anchor anchor_of(const struct hd_graph *graph, const struct hd_path *path, uint32_t step)
{
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[path->step[step].edge]);
    uint32_t from = step ? path->step[step - 1].node : HD_NODE_ROOT;
    if (begins(name, "global_variables."))
        return HD_ANCHOR_GLOBAL;
    if (begins(name, "consts."))
        return HD_ANCHOR_CONSTANT;
    if (begins(name, "cvars."))
        return HD_ANCHOR_CLASS_VARIABLE;
    if (begins(name, "ivs."))
        return from != HD_NODE_ROOT && is_class(graph, from) ? HD_ANCHOR_CLASS_IVAR : HD_ANCHOR_IVAR;
    if (begins(name, "members.") || begins(name, "generic_ivs."))
        return HD_ANCHOR_IVAR;
    if (begins(name, "frames.locals."))
        return HD_ANCHOR_FRAME;
    if (begins(name, "locals."))
        return from != HD_NODE_ROOT && is_thread(graph, from) ? HD_ANCHOR_THREAD_LOCAL : HD_ANCHOR_CLOSURE;
    return HD_ANCHOR_NONE;
}

static bool follow_path(struct hd_suspects *suspects, struct hd_suspect *suspect, struct hd_error *err)
{
    const struct hd_graph *graph = suspects->graph;
    if (!hd_paths_to(&suspects->paths, suspects->tree.group[suspect->group].sample, &suspect->path, err)
        || !hd_best_names_along(graph, &suspect->path, 1, err))
        return false;
    for (uint32_t i = suspect->path.length; i-- > 0;) {
        enum hd_suspect_anchor anchor = anchor_of(graph, &suspect->path, i);
        bool own = i + 1 == suspect->path.length || !is_class(graph, suspect->path.step[i].node);
        if (anchor == HD_ANCHOR_IVAR) {
            if (suspect->member_step == HD_NODE_NONE)
                suspect->member_step = i;
            continue;
        }
        if (anchor == HD_ANCHOR_NONE || !own) /* the constant that names a class says where it is, not what it holds */
            continue;
        suspect->anchor = anchor;
        suspect->anchor_step = i;
        return true;
    }
    if (suspect->member_step != HD_NODE_NONE) {
        suspect->anchor = HD_ANCHOR_IVAR;
        suspect->anchor_step = suspect->member_step;
        suspect->member_step = HD_NODE_NONE;
    }
    return true;
}

/* The code of a proc, HD_NODE_NONE if it is not known. */
static uint32_t block_of(const struct hd_graph *graph, uint32_t node)
{
    for (uint64_t edge = graph->edge_start[node]; edge < graph->edge_start[node + 1]; edge++)
        if (begins(hd_graph_name(graph, graph->edge_name[edge]), "iseq"))
            return graph->edge_to[edge];
    return HD_NODE_NONE;
}

static uint32_t sampled_group(const struct hd_suspect *suspect)
{
    return suspect->content_group == HD_NODE_NONE ? suspect->group : suspect->content_group;
}

/* One of the contents of a suspect, with a number of its own for what goes over them. */
typedef void visit_content(const struct hd_suspects *suspects, struct hd_suspect *suspect, uint32_t node, uint64_t *state);

/* Calls that for each of the contents of all suspects, by address. */
static bool visit_contents(struct hd_suspects *suspects, visit_content *visit, struct hd_error *err)
{
    uint64_t state[HD_SUSPECTS_POINTS] = {0};
    uint8_t next[HD_SUSPECTS_POINTS]; /* another one of the same group, + 1 */
    uint8_t *of_group = calloc(suspects->tree.count, 1);
    if (!of_group)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < suspects->count; i++) {
        uint8_t *place = &of_group[sampled_group(&suspects->list[i])];
        next[i] = *place;
        *place = (uint8_t)(i + 1);
    }
    for (uint32_t node = 1; node < suspects->graph->node_count; node++) {
        uint32_t number = suspects->tree.number[node];
        for (uint8_t at = number == HD_NODE_NONE ? 0 : of_group[number]; at; at = next[at - 1])
            visit(suspects, &suspects->list[at - 1], node, &state[at - 1]);
    }
    free(of_group);
    return true;
}

static bool has_procs(const struct hd_suspects *suspects, const struct hd_suspect *suspect)
{
    return suspect->content_group != HD_NODE_NONE && is_proc(suspects->graph, suspects->tree.group[suspect->content_group].sample);
}

static void vote_block(const struct hd_suspects *suspects, struct hd_suspect *suspect, uint32_t node, uint64_t *votes)
{
    uint32_t block = has_procs(suspects, suspect) ? block_of(suspects->graph, node) : HD_NODE_NONE;
    if (block == HD_NODE_NONE)
        return;
    if (*votes == 0)
        suspect->block = block;
    *votes = block == suspect->block ? *votes + 1 : *votes - 1;
}

static void count_block(const struct hd_suspects *suspects, struct hd_suspect *suspect, uint32_t node, uint64_t *unused)
{
    (void)unused;
    suspect->block_count += suspect->block != HD_NODE_NONE && block_of(suspects->graph, node) == suspect->block;
}

/* The code that most procs have, by the votes of all of them: right if more than half agree, else one of many. */
static bool elect_blocks(struct hd_suspects *suspects, struct hd_error *err)
{
    bool any = false;
    for (uint32_t i = 0; i < suspects->count; i++)
        any = any || has_procs(suspects, &suspects->list[i]);
    return !any || (visit_contents(suspects, vote_block, err) && visit_contents(suspects, count_block, err));
}

/* Not the biggest, which may be odd ones: the first by address and one in the middle. */
static void offer_sample(const struct hd_suspects *suspects, struct hd_suspect *suspect, uint32_t node, uint64_t *seen)
{
    uint32_t want = suspect->block == HD_NODE_NONE ? suspects->tree.group[sampled_group(suspect)].count : suspect->block_count;
    if (suspect->sample_count == HD_SUSPECT_SAMPLES
        || (suspect->block != HD_NODE_NONE && block_of(suspects->graph, node) != suspect->block))
        return;
    if (*seen == (suspect->sample_count ? want / 2 : 0))
        suspect->sample[suspect->sample_count++] = node;
    ++*seen;
}

static void rank_classes(struct hd_suspect *suspect, const struct hd_suspect_class *sums, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = suspect->class_count;
        while (at > 0 && suspect->classes[at - 1].size < sums[i].size)
            at--;
        if (!sums[i].count || at == HD_SUSPECT_CLASSES)
            continue;
        uint32_t last = suspect->class_count < HD_SUSPECT_CLASSES ? suspect->class_count++ : HD_SUSPECT_CLASSES - 1;
        memmove(&suspect->classes[at + 1], &suspect->classes[at], (last - at) * sizeof *suspect->classes);
        suspect->classes[at] = sums[i];
    }
}

/* Which one each is within, and by group the innermost one + 1; they are by group, so that outer ones come first. NULL: memory ran out. */
static uint8_t *nest(struct hd_suspects *suspects)
{
    const struct hd_tree *tree = &suspects->tree;
    uint8_t *of_group = calloc(tree->count, 1);
    for (uint32_t i = 0; of_group && i < suspects->count; i++) {
        uint32_t group = suspects->list[i].group;
        for (uint32_t at = group; at != HD_NODE_NONE && !suspects->above[i]; at = tree->group[at].parent)
            suspects->above[i] = of_group[at];
        of_group[group] = (uint8_t)(i + 1);
    }
    return of_group;
}

/* Marks all that each suspect retains, and counts it by class. */
static bool mark_all(struct hd_suspects *suspects, const uint8_t *of_group, struct hd_suspect_class *sums, struct hd_error *err)
{
    const struct hd_paths *paths = &suspects->paths;
    uint32_t classes = suspects->classes->count;
    for (uint32_t i = 1; i < paths->reached; i++) {
        if (i % TELL_NODES == 0 && !hd_progress_go_on(hd_progress_watcher(), 0, err))
            return false;
        uint32_t node = paths->order[i], up = suspects->dominators->parent[node], group = suspects->tree.number[node];
        uint8_t owner = up == HD_NODE_NONE ? 0 : suspects->owner[up];
        if (group != HD_NODE_NONE && of_group[group])
            owner = of_group[group];
        suspects->owner[node] = owner;
        if (!owner)
            continue;
        uint32_t number = suspects->classes->number[node];
        struct hd_suspect_class *sum = &sums[(size_t)classes * (owner - 1u) + number];
        *sum = (struct hd_suspect_class){number, sum->count + 1, sum->size + suspects->graph->node_size[node]};
        suspects->list[owner - 1].objects++;
    }
    return true;
}

static void add_to_above(struct hd_suspects *suspects, uint32_t i, struct hd_suspect_class *sums)
{
    uint32_t above = suspects->above[i] - 1u, classes = suspects->classes->count;
    const struct hd_suspect_class *from = sums + (size_t)classes * i;
    struct hd_suspect_class *to = sums + (size_t)classes * above;
    for (uint32_t k = 0; k < classes; k++)
        if (from[k].count)
            to[k] = (struct hd_suspect_class){from[k].number, to[k].count + from[k].count, to[k].size + from[k].size};
    suspects->list[above].objects += suspects->list[i].objects;
}

static bool mark(struct hd_suspects *suspects, struct hd_error *err)
{
    uint32_t classes = suspects->classes->count;
    struct hd_suspect_class *sums = calloc((size_t)classes * suspects->count + 1, sizeof *sums);
    uint8_t *of_group = nest(suspects);
    bool done = (sums && of_group) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    done = done && mark_all(suspects, of_group, sums, err);
    for (uint32_t k = suspects->count; done && k-- > 0;) {
        if (suspects->above[k])
            add_to_above(suspects, k, sums);
        rank_classes(&suspects->list[k], sums + (size_t)classes * k, classes);
    }
    free(of_group);
    free(sums);
    return done;
}

bool hd_suspects_find(struct hd_suspects *suspects, const struct hd_graph *graph, const struct hd_dominators *dominators,
                      const struct hd_groups *classes, const struct hd_paths *paths, struct hd_tree *tree, double share,
                      uint32_t limit, double from, struct hd_error *err)
{
    memset(suspects, 0, sizeof *suspects);
    suspects->graph = graph;
    suspects->dominators = dominators;
    suspects->classes = classes;
    suspects->paths = *paths;
    struct hd_tree_shape shape = HD_SUSPECTS_SHAPE;
    shape.paths = &suspects->paths;
    if (tree)
        suspects->tree = *tree;
    bool done = (tree || hd_tree_create(&suspects->tree, graph, dominators, classes, &shape, err)) && weigh(suspects, err)
                && points_take(suspects, share, limit, from, err) && mark(suspects, err);
    for (uint32_t i = 0; done && i < suspects->count; i++) {
        struct hd_suspect *suspect = &suspects->list[i];
        done = hd_progress_go_on(hd_progress_watcher(), 0, err) && follow_path(suspects, suspect, err);
        if (!done)
            break;
        suspect->kind = kind_of(suspects, suspect);
    }
    done = done && elect_blocks(suspects, err) && visit_contents(suspects, offer_sample, err);
    if (!done)
        hd_suspects_destroy(suspects);
    return done;
}

void hd_suspects_destroy(struct hd_suspects *suspects)
{
    for (uint32_t i = 0; i < suspects->count; i++) {
        free(suspects->list[i].path.step);
        for (uint32_t k = 0; k < HD_SUSPECT_SAMPLES; k++)
            free(suspects->list[i].sample_line[k]);
    }
    free(suspects->search.groups);
    free(suspects->data);
    free(suspects->tree_data);
    free(suspects->owner);
    hd_tree_destroy(&suspects->tree);
    memset(suspects, 0, sizeof *suspects);
}
