/* See groups.h. */
#include "graph/groups.h"

#include "dump/json_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool out_of_memory(struct hd_groups *groups, struct hd_error *err)
{
    hd_groups_destroy(groups);
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static uint64_t hash(const char *text, size_t length)
{
    uint64_t value = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)text[i]) * 0x100000001b3u;
    return value ^ value >> 29;
}

/* The slot of the name, or the free one where it belongs. There is always a free one. */
static uint32_t *slot_of(const struct hd_groups *groups, const char *text, size_t length)
{
    uint32_t mask = groups->slot_count - 1;
    for (uint32_t at = (uint32_t)hash(text, length) & mask;; at = (at + 1) & mask) {
        uint32_t number = groups->slots[at];
        if (!number || (groups->name[number - 1].length == length
                        && !memcmp(groups->name[number - 1].data, text, length)))
            return &groups->slots[at];
    }
}

uint32_t hd_groups_find(const struct hd_groups *groups, const char *name, size_t length)
{
    return *slot_of(groups, name, length) - 1; /* 0 - 1 is HD_NODE_NONE */
}

static bool grow(struct hd_groups *groups)
{
    if (groups->capacity > UINT32_MAX / 8)
        return false;
    uint32_t capacity = groups->capacity ? 2 * groups->capacity : 256, slot_count = 2 * capacity;
    struct hd_graph_text *name = realloc(groups->name, (size_t)capacity * sizeof *name);
    if (!name)
        return false;
    groups->name = name;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    free(groups->slots);
    groups->slots = slots;
    groups->slot_count = slot_count;
    groups->capacity = capacity;
    for (uint32_t i = 0; i < groups->count; i++)
        *slot_of(groups, name[i].data, name[i].length) = i + 1;
    return true;
}

/* The number of the group of that name, made if need be; HD_NODE_NONE if memory ran out. */
static uint32_t intern(struct hd_groups *groups, struct hd_graph_text name)
{
    uint32_t *slot = slot_of(groups, name.data, name.length);
    if (*slot)
        return *slot - 1;
    if (groups->count == groups->capacity) {
        if (!grow(groups))
            return HD_NODE_NONE;
        slot = slot_of(groups, name.data, name.length);
    }
    groups->name[groups->count++] = name;
    *slot = groups->count;
    return groups->count - 1;
}

static bool begin(struct hd_groups *groups, const struct hd_graph *graph)
{
    *groups = (struct hd_groups){0};
    groups->number = malloc(graph->node_count * sizeof *groups->number);
    if (!groups->number || !grow(groups))
        return false;
    if (graph->node_count > 0)
        groups->number[HD_NODE_ROOT] = HD_NODE_NONE;
    return true;
}

/* Not so: what is called by its own kind, whatever its class is. */
static bool is_instance(uint8_t type)
{
    return type != HD_BT_T_IMEMO && type != HD_BT_T_CLASS && type != HD_BT_T_MODULE && type != HD_BT_T_ICLASS;
}

struct hd_graph_text hd_groups_class_name(const struct hd_graph *graph, uint32_t node)
{
    uint32_t class = graph->node_class[node];
    uint8_t type = graph->node_type[node];
    if (type == HD_BT_T_CLASS)
        return (struct hd_graph_text){"Class", 5};
    if (type == HD_BT_T_MODULE && (class == HD_NODE_NONE || graph->node_flags[class] & HD_NODE_SINGLETON))
        return (struct hd_graph_text){"Module", 6};
    return hd_graph_class_name(graph, node);
}

bool hd_groups_names_itself(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return (type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_DATA)
           && hd_graph_name(graph, graph->node_label[node]).length > 0;
}

char *hd_groups_title_of(char title[HD_GROUPS_TITLE], struct hd_graph_text class, struct hd_graph_text own_name)
{
    if (own_name.length == class.length && !(class.length && memcmp(own_name.data, class.data, class.length)))
        own_name.length = 0;
    snprintf(title, HD_GROUPS_TITLE, "%.*s%s%.*s", (int)class.length, class.data ? class.data : "", own_name.length ? " " : "",
             (int)own_name.length, own_name.data ? own_name.data : "");
    return title;
}

char *hd_groups_title(char title[HD_GROUPS_TITLE], const struct hd_graph *graph, uint32_t node)
{
    if (node == HD_NODE_ROOT)
        return strcpy(title, "(root)");
    struct hd_graph_text own_name = {"", 0};
    if (hd_groups_names_itself(graph, node))
        own_name = hd_graph_name(graph, graph->node_label[node]);
    return hd_groups_title_of(title, hd_groups_class_name(graph, node), own_name);
}

bool hd_groups_by_class(struct hd_groups *groups, const struct hd_graph *graph, struct hd_error *err)
{
    if (!begin(groups, graph))
        return out_of_memory(groups, err);
    /* instances of one class have one name: found once for each class, not for each object */
    uint32_t *known = malloc(graph->node_count * sizeof *known);
    if (!known)
        return out_of_memory(groups, err);
    memset(known, 0xff, graph->node_count * sizeof *known);
    for (uint32_t node = 1; node < graph->node_count; node++) {
        uint32_t class = graph->node_class[node], none = HD_NODE_NONE;
        uint32_t *number = class != HD_NODE_NONE && is_instance(graph->node_type[node]) ? &known[class] : &none;
        if (*number == HD_NODE_NONE)
            *number = intern(groups, hd_groups_class_name(graph, node));
        if (*number == HD_NODE_NONE) {
            free(known);
            return out_of_memory(groups, err);
        }
        groups->number[node] = *number;
    }
    free(known);
    return true;
}

bool hd_groups_restore(struct hd_groups *groups, const uint32_t *number, uint32_t count, const uint64_t *start,
                       const char *name)
{
    *groups = (struct hd_groups){0};
    bool ok = true;
    while (ok && groups->capacity <= count)
        ok = grow(groups);
    for (uint32_t i = 0; ok && i < count; i++) {
        groups->name[i] = (struct hd_graph_text){name + start[i], start[i + 1] - start[i]};
        uint32_t *slot = slot_of(groups, groups->name[i].data, groups->name[i].length);
        groups->count = i + 1;
        if (!*slot)
            *slot = i + 1;
    }
    if (!ok)
        hd_groups_destroy(groups);
    groups->number = (uint32_t *)number;
    return ok;
}

struct hd_graph_text hd_groups_type_name(int type)
{
    const char *name = type == HD_BT_NONE ? "(none)" : hd_bt_name(type);
    return (struct hd_graph_text){name, strlen(name)};
}

bool hd_groups_by_type(struct hd_groups *groups, const struct hd_graph *graph, struct hd_error *err)
{
    if (!begin(groups, graph))
        return out_of_memory(groups, err);
    uint32_t known[HD_BT_COUNT];
    for (int type = 0; type < HD_BT_COUNT; type++) {
        known[type] = intern(groups, hd_groups_type_name(type));
    }
    for (uint32_t node = 1; node < graph->node_count; node++)
        groups->number[node] = known[graph->node_type[node] < HD_BT_COUNT ? graph->node_type[node] : HD_BT_NONE];
    return true;
}

void hd_groups_destroy(struct hd_groups *groups)
{
    free(groups->number);
    free(groups->name);
    free(groups->slots);
    *groups = (struct hd_groups){0};
}
