/* See redact.h. The names are copied; the graph's columns, which refer to them by number, stay as they are. */
#include "view/redact.h"

#include <stdlib.h>
#include <string.h>

enum { PLAIN_MAX = 40 };

bool hd_redact_is_plain(struct hd_graph_text name)
{
    bool plain = name.length > 0 && name.length <= PLAIN_MAX;
    for (size_t i = 0; i < name.length && plain; i++) {
        char letter = (char)(name.data[i] | 0x20);
        bool last = i + 1 == name.length && (name.data[i] == '?' || name.data[i] == '!');
        plain = (letter >= 'a' && letter <= 'z') || name.data[i] == '_' || last;
    }
    return plain;
}

static bool begins(struct hd_graph_text text, const char *with)
{
    size_t length = strlen(with);
    return text.length > length && !memcmp(text.data, with, length);
}

/* What to call it instead; the name itself if it tells nothing. */
static struct hd_graph_text instead(struct hd_graph_text name)
{
    static const char locals[] = "locals.";
    if (begins(name, "val."))
        return (struct hd_graph_text){"val{}", 5};
    if (begins(name, locals)
        && !hd_redact_is_plain((struct hd_graph_text){name.data + sizeof locals - 1, name.length - sizeof locals + 1}))
        return (struct hd_graph_text){"locals.…", sizeof "locals.…" - 1};
    return name;
}

static bool names_copy(struct hd_open *open)
{
    struct hd_graph *graph = &open->graph;
    uint64_t *start = malloc(((size_t)graph->name_count + 1) * sizeof *start), length = 0;
    char *bytes = NULL;
    for (int pass = 0; start && pass < 2; pass++) {
        if (pass == 1 && !(bytes = malloc(length + 1)))
            break;
        length = 0;
        for (uint32_t i = 0; i < graph->name_count; i++) {
            bool head = graph->head_name != HD_NAME_MASK && i == (graph->head_name & HD_NAME_MASK);
            struct hd_graph_text name = hd_graph_name(graph, i);
            name = head ? name : instead(name);
            start[i] = length;
            if (bytes && name.length)
                memcpy(bytes + length, name.data, name.length);
            length += name.length;
        }
        start[graph->name_count] = length;
    }
    if (!bytes) {
        free(start);
        return false;
    }
    open->redacted_start = start;
    open->redacted_bytes = bytes;
    graph->name_start = start;
    graph->name_bytes = bytes;
    return true;
}

bool hd_redact_open(struct hd_open *open, struct hd_error *err)
{
    if (open->saving)
        pthread_join(open->saver, NULL);
    open->saving = false;
    open->redacted = true;
    return names_copy(open) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

void hd_redact_close(struct hd_open *open)
{
    free(open->redacted_start);
    free(open->redacted_bytes);
}
