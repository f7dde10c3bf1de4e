/* `heap_dump strings`: which strings are there several times, which are big, what could be shared? */
#include "cli/cli.h"

#include "cli/twice.h"
#include "graph/strings.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1 << 20 };

struct request {
    const char *path;
    unsigned long limit;
    bool json;
};

struct result {
    struct hd_twice twice;
    struct hd_strings strings;
    struct hd_holders holders; /* of the groups shown */
    uint32_t *set;             /* [node_count] */
    uint32_t groups, biggest;  /* shown */
    struct hd_strings_text *texts; /* of the groups' strings that stay, then of the biggest */
    uint32_t text_count;
};

/* --- looking --- */

static bool holders_find(struct result *result, struct hd_error *err)
{
    const struct hd_graph *graph = &result->twice.open.graph;
    result->set = malloc(sizeof *result->set * graph->node_count);
    if (!result->set)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(result->set, 0xff, sizeof *result->set * graph->node_count);
    for (uint32_t i = 0; i < result->groups; i++) {
        const struct hd_strings_group *group = &result->strings.groups[i];
        for (uint64_t k = group->first; k < group->first + group->count; k++)
            result->set[result->strings.members[k].node] = i;
    }
    return hd_holders_create(&result->holders, &result->twice.paths, &result->twice.classes, result->set, result->groups, err);
}

static bool texts_read(struct result *result, struct hd_error *err)
{
    uint32_t count = result->groups + result->biggest;
    uint32_t *nodes = malloc(sizeof *nodes * ((size_t)count + 1));
    if (!nodes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < result->groups; i++)
        nodes[i] = result->strings.groups[i].kept;
    for (uint32_t i = 0; i < result->biggest; i++)
        nodes[result->groups + i] = result->strings.biggest[i];
    bool done = hd_strings_read(result->twice.dump, &result->twice.open.graph, nodes, count, &result->texts, err);
    result->text_count = done ? count : 0;
    free(nodes);
    return done;
}

static bool look(const struct request *request, struct result *result, struct hd_error *err)
{
    const struct hd_open *open = &result->twice.open;
    uint32_t limit = request->limit && request->limit < LINES_MAX ? (uint32_t)request->limit : LINES_MAX;
    if (!hd_strings_create(&result->strings, result->twice.dump, &open->graph, open->dominators.parent, limit, err))
        return false;
    result->groups = result->strings.group_count < limit ? result->strings.group_count : limit;
    result->biggest = result->strings.biggest_count;
    return holders_find(result, err) && texts_read(result, err);
}

/* --- printing --- */

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

/* What is in a string, in quotes; hashes and base64 are said to be what they are. */
static void contents(struct hd_buffer *out, const struct hd_strings_text *text)
{
    if (text->form == HD_STRINGS_UNKNOWN) {
        append(out, "(contents are not in the dump)");
        return;
    }
    append(out, text->form == HD_STRINGS_BASE64 ? "base64 " : text->form == HD_STRINGS_HASH ? "redacted " : "\"");
    hd_buffer_append(out, text->beginning ? text->beginning : "", text->length);
    append(out, text->truncated ? "…" : "");
    append(out, text->form == HD_STRINGS_TEXT ? "\"" : "");
}

static void sum_add(struct hd_table *table, uint64_t bytes, uint64_t count, const char *what)
{
    hd_table_add_bytes(table, bytes);
    hd_table_add_count(table, count);
    hd_table_add_string(table, what);
}

static void print_sums(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"size", true, false}, {"count", true, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3};
    const struct hd_strings *strings = &result->strings;
    sum_add(&table, strings->all.bytes, strings->all.count, "strings that are reachable");
    sum_add(&table, strings->copies.bytes, strings->copies.count, "of these are copies: an equal one is there already");
    sum_add(&table, strings->frozen_copies.bytes, strings->frozen_copies.count, "of the copies are frozen: they could be one object each");
    if (strings->unknown.count)
        sum_add(&table, strings->unknown.bytes, strings->unknown.count, "could not be compared: the dump does not have their contents");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void print_groups(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"wasted", true, false}, {"copies", true, false}, {"frozen", true, false},
                                                     {"contents", false, true}, {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    for (uint32_t i = 0; i < result->groups; i++) {
        const struct hd_strings_group *group = &result->strings.groups[i];
        struct hd_buffer text = {0};
        contents(&text, &result->texts[i]);
        hd_table_add_bytes(&table, group->wasted);
        hd_table_add_count(&table, group->count - 1);
        hd_table_add_count(&table, group->frozen);
        hd_table_add(&table, text.data ? text.data : "", text.length);
        hd_twice_add_holder(&table, &result->twice, &result->holders, i);
        hd_buffer_deinit(&text);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void print_biggest(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"size", true, false}, {"id", false, false}, {"contents", false, true},
                                                     {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 4};
    const struct hd_graph *graph = &result->twice.open.graph;
    for (uint32_t i = 0; i < result->biggest; i++) {
        uint32_t node = result->strings.biggest[i];
        struct hd_buffer text = {0}, way = {0};
        char id[HD_TABLE_NUMBER];
        contents(&text, &result->texts[result->groups + i]);
        hd_twice_way_to(&way, &result->twice, node);
        snprintf(id, sizeof id, "0x%llx", (unsigned long long)graph->node_address[node]);
        hd_table_add_bytes(&table, graph->node_size[node]);
        hd_table_add_string(&table, id);
        hd_table_add(&table, text.data ? text.data : "", text.length);
        hd_table_add(&table, way.data ? way.data : "", way.length);
        hd_buffer_deinit(&text);
        hd_buffer_deinit(&way);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

/* Where the copies that waste most were made, if the dump knows: there one `freeze` or `-string` is enough. */
static void print_places(const struct result *result)
{
    char number[HD_TABLE_NUMBER];
    bool any = false;
    for (uint32_t i = 0; i < result->groups; i++) {
        const struct hd_strings_text *text = &result->texts[i];
        if (!text->file)
            continue;
        if (!any)
            printf("\nMade at\n");
        any = true;
        struct hd_buffer line = {0};
        append(&line, hd_table_bytes(number, result->strings.groups[i].wasted));
        append(&line, "  ");
        append(&line, text->file);
        snprintf(number, sizeof number, ":%llu", (unsigned long long)text->line);
        append(&line, number);
        hd_table_line(stdout, line.data ? line.data : "", line.length, 2);
        hd_buffer_deinit(&line);
    }
}

static void print_advice(const struct result *result)
{
    const struct hd_strings *strings = &result->strings;
    char bytes[HD_TABLE_NUMBER];
    if (!strings->copies.count)
        return;
    printf("\n%s would go if equal strings were one object. Literals: `# frozen_string_literal: true`.\n"
           "Others that never change: `-string` (String#-@) keeps one of each. Keys of records: symbols.\n",
           hd_table_bytes(bytes, strings->copies.bytes));
}

static void print_text(const struct request *request, const struct result *result)
{
    const struct hd_strings *strings = &result->strings;
    char number[HD_TABLE_NUMBER], id[HD_TABLE_NUMBER];
    print_sums(result);
    if (result->groups) {
        printf("\nCopies that waste most\n");
        print_groups(result);
        if (result->groups < strings->group_count)
            printf("… %s more (--limit 0 prints all)\n", hd_table_count(number, strings->group_count - result->groups));
        print_places(result);
    }
    if (result->biggest) {
        printf("\nBiggest\n");
        print_biggest(result);
    }
    print_advice(result);
    if (!result->biggest) {
        hd_open_next(stdout, &result->twice.open, "summary", "");
        return;
    }
    uint32_t node = result->groups ? strings->groups[0].kept : strings->biggest[0];
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)result->twice.open.graph.node_address[node]);
    hd_open_next(stdout, &result->twice.open, strcmp(request->path, "-") ? "path" : "show", id);
}

static void json_sum(const char *name, const struct hd_strings_sum *sum)
{
    printf(",\"%s\":{\"count\":%llu,\"bytes\":%llu}", name, (unsigned long long)sum->count, (unsigned long long)sum->bytes);
}

static void json_text(const struct hd_strings_text *text)
{
    static const char *const forms[] = {[HD_STRINGS_UNKNOWN] = "unknown", [HD_STRINGS_TEXT] = "text",
                                        [HD_STRINGS_BASE64] = "base64", [HD_STRINGS_HASH] = "hash"};
    printf(",\"bytesize\":%llu,\"form\":\"%s\",\"truncated\":%s,\"beginning\":", (unsigned long long)text->bytesize,
           forms[text->form], text->truncated ? "true" : "false");
    hd_table_json_text(stdout, (struct hd_graph_text){text->beginning ? text->beginning : "", text->length});
    if (!text->file)
        return;
    printf(",\"file\":");
    hd_cli_print_json_string(stdout, text->file);
    printf(",\"line\":%llu", (unsigned long long)text->line);
}

static void print_json(const struct result *result)
{
    const struct hd_strings *strings = &result->strings;
    printf("{");
    hd_open_json_head(stdout, &result->twice.open);
    json_sum("strings", &strings->all);
    json_sum("copies", &strings->copies);
    json_sum("frozen_copies", &strings->frozen_copies);
    json_sum("unknown", &strings->unknown);
    printf(",\"distinct\":%llu,\"unreachable\":%llu,\"total\":%u,\"duplicates\":[", (unsigned long long)strings->distinct,
           (unsigned long long)strings->unreachable, strings->group_count);
    for (uint32_t i = 0; i < result->groups; i++) {
        const struct hd_strings_group *group = &strings->groups[i];
        printf("%s{\"count\":%u,\"bytes\":%llu,\"wasted\":%llu,\"frozen\":%u,\"fstrings\":%u,\"by_prefix\":%s,\"kept\":{", i ? "," : "",
               group->count, (unsigned long long)group->bytes, (unsigned long long)group->wasted, group->frozen, group->fstrings,
               group->by_prefix ? "true" : "false");
        hd_open_json_node(stdout, &result->twice.open, group->kept);
        printf("}");
        json_text(&result->texts[i]);
        printf(",\"held_by\":");
        hd_twice_json_holders(stdout, &result->twice, &result->holders, i, 5);
        printf("}");
    }
    printf("],\"biggest\":[");
    for (uint32_t i = 0; i < result->biggest; i++) {
        struct hd_buffer way = {0};
        printf("%s{", i ? "," : "");
        hd_open_json_node(stdout, &result->twice.open, strings->biggest[i]);
        json_text(&result->texts[result->groups + i]);
        hd_twice_way_to(&way, &result->twice, strings->biggest[i]);
        printf(",\"held_by\":");
        hd_table_json_text(stdout, (struct hd_graph_text){way.data ? way.data : "", way.length});
        printf("}");
        hd_buffer_deinit(&way);
    }
    printf("]}\n");
}

static int strings(const struct request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_twice_open(&result.twice, request->path, &err))
        return hd_open_fail("strings", request->json, &err);
    bool done = look(request, &result, &err);
    if (done && request->json) {
        print_json(&result);
    } else if (done) {
        hd_open_warn(&result.twice.open, "strings");
        print_text(request, &result);
    }
    hd_strings_free(result.texts, result.text_count);
    hd_holders_destroy(&result.holders);
    free(result.set);
    hd_strings_destroy(&result.strings);
    hd_twice_close(&result.twice);
    return done ? 0 : hd_open_fail("strings", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.limit = 12};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_strings, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'l')
            request.limit = hd_call_count(&call);
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    return strings(&request);
}

static const struct hd_option options[] = {
    {'l', "limit", "N", "rows of each table (12); 0 for all", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_strings = {
    .name = "strings",
    .run = run,
    .kept = true,
    .summary = "strings that are there several times, and the biggest",
    .about = "Says how many bytes equal strings take that could be one object, who holds them, and which strings are the "
             "biggest.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "Strings are equal if their bytes and encodings are. wasted is what all but one of them take. Of strings that "
             "the dump has only the beginning of, length and beginning are compared; in a redacted dump, hashes. "
             "held by is who keeps them, by the way that leads to most of the bytes.",
    .statuses = HD_OPEN_STATUSES};
