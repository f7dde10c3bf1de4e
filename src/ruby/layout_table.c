/*
 * From debug information to the C text of a layout table.
 *
 * Owns the rows while a table is made. Must not print to the user. Invariant: one row per member of struct
 * hd_layout, in its order.
 */
#include "ruby/layout_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct hd_layout_row names[] = {
#define FIELD_ROW(field, field_types, field_members) \
    {.name = #field, .types = field_types, .members = field_members},
    HD_LAYOUT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
#define CONST_ROW(constant) {.name = "k_" #constant, .members = #constant},
    HD_LAYOUT_CONSTS(CONST_ROW)
#undef CONST_ROW
};

/* A macro shows through its probe. Some constants have their short name in some releases only. */
static struct hd_dwarf_answer constant_ask(struct hd_dwarf *dwarf, const char *name)
{
    static const char *const prefixes[] = {HD_LAYOUT_TABLE_PROBE, "", "RUBY_"};
    struct hd_dwarf_answer answer = {0};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes && !answer.file; i++)
        answer = hd_dwarf_constant(dwarf, prefixes[i], name);
    return answer;
}

bool hd_layout_table_init(struct hd_layout_table *table, struct hd_dwarf *dwarf, struct hd_error *err)
{
    *table = (struct hd_layout_table){.count = sizeof names / sizeof *names};
    table->rows = malloc(sizeof names);
    if (!table->rows)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memcpy(table->rows, names, sizeof names);
    for (size_t i = 0; i < table->count; i++) {
        struct hd_layout_row *row = &table->rows[i];

        row->answer = row->types ? hd_dwarf_member(dwarf, row->types, row->members)
                                 : constant_ask(dwarf, row->members);
        row->value = row->answer.found ? row->answer.value : HD_ABSENT;
    }
    return true;
}

void hd_layout_table_deinit(struct hd_layout_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i].reason);
    free(table->rows);
    free(table->remarks);
    *table = (struct hd_layout_table){0};
}

/* ---- corrections ---- */

static bool remark_add(struct hd_layout_table *table, const char *line)
{
    size_t old = table->remarks ? strlen(table->remarks) : 0, more = strlen(line);
    char *grown;

    while (more && *line == ' ') {
        line++;
        more--;
    }
    grown = realloc(table->remarks, old + more + 2);
    if (!grown)
        return false;
    memcpy(grown + old, line, more);
    memcpy(grown + old + more, "\n", 2);
    table->remarks = grown;
    return true;
}

static struct hd_layout_row *row_find(struct hd_layout_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}

static bool value_parse(const char *text, int64_t *value)
{
    char *end;

    if (strcmp(text, "absent") == 0) {
        *value = HD_ABSENT;
        return true;
    }
    errno = 0;
    *value = strtoll(text, &end, 0);
    return !errno && end != text && !*end;
}

/* Text that may stand inside a C comment. */
static bool text_is_plain(const char *text)
{
    return !strstr(text, "*/") && !strstr(text, "/*");
}

static bool correction_apply(struct hd_layout_table *table, char *line, const char *where, int number,
                             struct hd_error *err)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " \t", &rest), *text = strtok_r(NULL, " \t", &rest);
    const char *reason = rest ? rest + strspn(rest, " \t") : "";
    struct hd_layout_row *row;
    int64_t value;

    if (!text || !*reason || !value_parse(text, &value))
        return hd_error_set(err, HD_ERROR_USAGE, "%s:%d: expected NAME VALUE REASON", where, number);
    row = row_find(table, name);
    if (!row)
        return hd_error_set(err, HD_ERROR_USAGE, "%s:%d: no layout member is called %s", where, number, name);
    if (row->value == value)
        return hd_error_set(err, HD_ERROR_USAGE, "%s:%d: %s has that value already; drop the line", where, number,
                            name);
    if (!text_is_plain(reason))
        return hd_error_set(err, HD_ERROR_USAGE, "%s:%d: a reason goes into a comment and cannot begin or end one",
                            where, number);
    free(row->reason);
    row->reason = strdup(reason);
    row->value = value;
    return row->reason || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

bool hd_layout_table_correct(struct hd_layout_table *table, const char *path, struct hd_error *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool good = true;

    if (!file)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %s", path);
    for (int number = 1; good && (length = getline(&line, &capacity, file)) >= 0; number++) {
        if (length && line[length - 1] == '\n')
            line[length - 1] = '\0';
        if (line[0] == '#' && !text_is_plain(line))
            good = hd_error_set(err, HD_ERROR_USAGE, "%s:%d: a remark goes into a comment and cannot begin or end one",
                                path, number);
        else if (line[0] == '#')
            good = remark_add(table, line + 1) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        else if (line[strspn(line, " \t")])
            good = correction_apply(table, line, path, number, err);
    }
    if (good && ferror(file))
        good = hd_error_set(err, HD_ERROR_IO, "cannot read %s", path);
    free(line);
    fclose(file);
    return good;
}

/* ---- writing ---- */

static void text_write(const char *text, FILE *out)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void head_write(const struct hd_layout_table *table, const struct hd_layout_table_head *head, FILE *out)
{
    fputs("/*\n * Written by `heap_dump layout`; do not edit: docs/layouts.md says how to make it again.\n", out);
    for (const char *line = table->remarks; line && *line;) {
        size_t length = strcspn(line, "\n");

        fprintf(out, length ? " * %.*s\n" : " *\n", (int)length, line);
        line += length + 1;
    }
    fputs(" */\nstatic const struct hd_layout ruby_", out);
    for (const char *c = head->ruby; *c; c++)
        putc(*c == '.' ? '_' : *c, out);
    fputs(" = {\n    .ruby = ", out);
    text_write(head->ruby, out);
    fputs(",\n    .platform = ", out);
    text_write(head->platform, out);
    /* A line for each release: tools/layouts/merge.rb moves them to where the same values are already. */
    fputs(",\n    .releases = (const struct hd_layout_release[]){\n        {", out);
    text_write(head->ruby, out);
    fputs(", ", out);
    text_write(head->origin, out);
    fputs(", (const char *const[]){", out);
    for (const char *const *id = head->build_ids; *id; id++) {
        text_write(*id, out);
        fputs(", ", out);
    }
    fputs("NULL}},\n        {NULL, NULL, NULL},\n    },\n", out);
}

void hd_layout_table_write(const struct hd_layout_table *table, const struct hd_layout_table_head *head, FILE *out)
{
    head_write(table, head, out);
    for (size_t i = 0; i < table->count; i++) {
        const struct hd_layout_row *row = &table->rows[i];

        if (row->value == HD_ABSENT)
            fprintf(out, "    .%s = HD_ABSENT,", row->name);
        else
            fprintf(out, "    .%s = %" PRId64 ",", row->name, row->value);
        fprintf(out, row->reason ? " /* %s */\n" : "\n", row->reason);
    }
    fputs("};\n", out);
}

void hd_layout_table_write_probe(FILE *out)
{
    fputs("/* Include this after Ruby's own source and compile with -g: macros become enumerators. */\n", out);
    /* One enum each: values above INT64_MAX and below 0 do not fit one common type. */
#define PROBE(constant) \
    fputs("#ifdef " #constant "\nenum { " HD_LAYOUT_TABLE_PROBE #constant " = (" #constant ") };\n#endif\n", out);
    HD_LAYOUT_CONSTS(PROBE)
#undef PROBE
}
