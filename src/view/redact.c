/* See redact.h. The names are copied; the graph's columns, which refer to them by number, stay as they are. */
#include "view/redact.h"

#include "dump/json_reader.h"

#include <stdlib.h>
#include <string.h>

static bool begins(struct hd_graph_text text, const char *with)
{
    size_t length = strlen(with);
    return text.length > length && !memcmp(text.data, with, length);
}

bool hd_redact_hides_thread_locals(const struct hd_open *open)
{
    return open->redacted && !open->graph.redacted;
}

/* By name: used by threads and fibers for their own variables, and nowhere in code, which has names for its variables, too. */
enum { OF_THREAD = 1, OF_CODE = 2 };

static uint8_t *users_find(const struct hd_open *open)
{
    const struct hd_graph *graph = &open->graph;
    uint8_t *users = calloc((size_t)graph->name_count + 1, 1);
    for (uint32_t node = 0; users && node < graph->node_count; node++) {
        if (graph->node_type[node] != HD_BT_T_DATA && graph->node_type[node] != HD_BT_T_IMEMO)
            continue;
        uint8_t user = graph->node_type[node] == HD_BT_T_DATA ? OF_THREAD : OF_CODE;
        for (uint64_t edge = graph->edge_start[node]; edge < graph->edge_start[node + 1]; edge++) {
            uint32_t name = graph->edge_name[edge] & HD_NAME_MASK;
            if (name < graph->name_count)
                users[name] |= user;
        }
    }
    return users;
}

/* What to call it instead; the name itself if it tells nothing. */
static struct hd_graph_text instead(struct hd_graph_text name, uint8_t users, bool thread_locals)
{
    if (begins(name, "val."))
        return (struct hd_graph_text){"val{}", 5};
    if (thread_locals && begins(name, "locals.") && users == OF_THREAD)
        return (struct hd_graph_text){"locals.…", sizeof "locals.…" - 1};
    return name;
}

static bool names_copy(struct hd_open *open)
{
    struct hd_graph *graph = &open->graph;
    uint64_t *start = malloc(((size_t)graph->name_count + 1) * sizeof *start), length = 0;
    uint8_t *users = users_find(open);
    char *bytes = NULL;
    for (int pass = 0; start && users && pass < 2; pass++) {
        if (pass == 1 && !(bytes = malloc(length + 1)))
            break;
        length = 0;
        for (uint32_t i = 0; i < graph->name_count; i++) {
            bool head = graph->head_name != HD_NAME_MASK && i == (graph->head_name & HD_NAME_MASK);
            struct hd_graph_text name = hd_graph_name(graph, i);
            name = head ? name : instead(name, users[i], hd_redact_hides_thread_locals(open));
            start[i] = length;
            if (bytes && name.length)
                memcpy(bytes + length, name.data, name.length);
            length += name.length;
        }
        start[graph->name_count] = length;
    }
    free(users);
    if (!bytes) {
        free(start);
        return false;
    }
    open->redacted_start = start;
    open->redacted_bytes = bytes;
    graph->name_start = open->basis->graph.name_start = start; /* what is derived of it has them, too */
    graph->name_bytes = open->basis->graph.name_bytes = bytes;
    return true;
}

bool hd_redact_open(struct hd_open *open, struct hd_error *err)
{
    hd_basis_settle(open->basis);
    open->redacted = true;
    return names_copy(open) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

void hd_redact_close(struct hd_open *open)
{
    free(open->redacted_start);
    free(open->redacted_bytes);
}
