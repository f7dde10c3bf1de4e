/* See suspects.h. */
#include "view/suspects.h"

#include "view/json.h"
#include "view/path.h"
#include "view/suspects_words.h"

#include <string.h>

bool hd_view_suspects_make(struct hd_suspects *suspects, struct hd_open *open, double share, unsigned long limit,
                           struct hd_error *err)
{
    if (open->dominators.reachable <= 1)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.300s: no object is reached from a root in this dump, so nothing says what keeps what alive and "
                            "what leaks cannot be told; it is not whole: take a new one (`heap_dump top --sort size FILE` says what is in it)",
                            open->path);
    uint32_t most = limit && limit < HD_SUSPECTS_MAX ? (uint32_t)limit : HD_SUSPECTS_MAX;
    const struct hd_groups *classes = hd_derived_classes(open->derived, err);
    const struct hd_paths *paths = classes ? hd_derived_paths(open->derived, err) : NULL;
    if (!paths)
        return false;
    struct hd_tree tree;
    bool ready = hd_trees_ahead_take(open->basis->trees, &HD_SUSPECTS_SHAPE, &tree);
    if (!hd_suspects_find(suspects, &open->graph, &open->dominators, classes, paths, ready ? &tree : NULL, share, most, err))
        return false;
    const struct hd_lines *lines = open->basis->lines;
    /* standard input cannot be read again */
    if (!suspects->count || !strcmp(open->dump, "-")
        || hd_suspects_read(suspects, open->dump, lines ? &lines->strings : NULL, err))
        return true;
    hd_suspects_destroy(suspects);
    return false;
}

static void json_buffer(FILE *file, const char *key, struct hd_buffer *text)
{
    fprintf(file, ",\"%s\":", key);
    hd_json_text(file, (struct hd_graph_text){text->data ? text->data : "", text->length});
    hd_buffer_deinit(text);
}

static void json_path(FILE *file, const struct hd_open *open, const struct hd_path *path, uint32_t most)
{
    fputs(",\"path\":", file);
    hd_view_path_json_steps(file, open, path, most);
}

static void json_samples(FILE *file, const struct hd_open *open, const struct hd_suspect *suspect)
{
    fputs(",\"samples\":[", file);
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        struct hd_buffer text = {0};
        fprintf(file, "%s{", i ? "," : "");
        hd_open_json_node(file, open, suspect->sample[i]);
        if (suspect->sample_line[i]) {
            hd_suspects_words_contents(&text, open, suspect->sample_line[i]);
            json_buffer(file, "contents", &text);
        }
        fputs("}", file);
    }
    fputs("]", file);
}

static void json_suspect(FILE *file, const struct hd_open *open, const struct hd_suspects *suspects,
                         const struct hd_suspect *suspect, uint32_t most)
{
    struct hd_buffer text = {0};
    const struct hd_tree_group *groups = suspects->tree.group;
    fprintf(file, "{\"kind\":\"%s\",\"anchor\":\"%s\"", hd_suspects_words_kind(suspect->kind),
           hd_suspects_words_anchor(suspect->anchor));
    hd_suspects_words_place(&text, open, suspect);
    json_buffer(file, "place", &text);
    hd_suspects_words_guess(&text, open, suspects, suspect);
    json_buffer(file, "guess", &text);
    fprintf(file, ",\"retained\":%llu,\"data_bytes\":%llu,\"objects\":%llu,\"holders\":%u,\"holder\":{",
           (unsigned long long)suspect->retained, (unsigned long long)suspect->data,
           (unsigned long long)suspect->objects, groups[suspect->group].count);
    hd_open_json_node(file, open, groups[suspect->group].sample);
    fputs("}", file);
    if (suspect->content_group != HD_NODE_NONE) {
        fprintf(file, ",\"contents\":%u,\"content\":{", groups[suspect->content_group].count);
        hd_open_json_node(file, open, groups[suspect->content_group].sample);
        fputs("}", file);
    }
    json_path(file, open, &suspect->path, most);
    fputs(",\"classes\":[", file);
    for (uint32_t i = 0; i < suspect->class_count; i++) {
        fprintf(file, "%s{\"class\":", i ? "," : "");
        hd_json_text(file, suspects->classes->name[suspect->classes[i].number]);
        fprintf(file, ",\"count\":%llu,\"size\":%llu}", (unsigned long long)suspect->classes[i].count,
               (unsigned long long)suspect->classes[i].size);
    }
    fputs("]", file);
    json_samples(file, open, suspect);
    if (suspects->read)
        fprintf(file, ",\"duplicate_strings\":%llu,\"duplicate_bytes\":%llu", (unsigned long long)suspect->duplicates,
               (unsigned long long)suspect->duplicate_size);
    fputs("}", file);
}

void hd_view_suspects_json(FILE *file, const struct hd_open *open, const struct hd_suspects *suspects, uint32_t most)
{
    fputs("{", file);
    hd_open_json_head(file, open);
    fprintf(file, ",\"reachable_bytes\":%llu,\"data_bytes\":%llu,\"suspects\":[",
           (unsigned long long)open->dominators.reachable_size, (unsigned long long)suspects->total);
    for (uint32_t i = 0; i < suspects->count; i++) {
        fputs(i ? "," : "", file);
        json_suspect(file, open, suspects, &suspects->list[i], most);
    }
    fputs("]}\n", file);
}
