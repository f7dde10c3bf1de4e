/* See sql_words.h. */
#include "cli/sql_words.h"

#include "cli/open.h"
#include "cli/table.h"
#include "store/queries.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- statements --- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* For a person: how many rows there were, and where they lead. */
static void epilogue(const struct hd_sql_talk *talk, double seconds)
{
    const struct hd_sql_print *print = &talk->print;
    char count[HD_TABLE_NUMBER], id[HD_TABLE_NUMBER];
    if (!print->terminal || print->mode == HD_SQL_CSV || print->mode == HD_SQL_JSON || print->mode == HD_SQL_MARKDOWN)
        return;
    fprintf(print->file, "%s%s %s%s in %.*f s\n", print->rows ? "\n" : "", hd_table_count(count, print->rows),
            print->rows == 1 ? "row" : "rows",
            !print->more ? "" : talk->prompt ? " and more (.limit 0 prints all)" : " and more (--limit 0 prints all)",
            seconds < 1 ? 3 : 1, seconds);
    if (!talk->prompt && print->id) {
        snprintf(id, sizeof id, "0x%llx", (unsigned long long)print->id);
        hd_open_next(print->file, talk->open, "show", id);
    }
}

static bool statements(struct hd_sql_talk *talk, const char *text, struct hd_error *err)
{
    for (;;) {
        double begin = now();
        struct hd_sql_query *query = hd_sql_prepare(talk->sql, text, &text, err);
        if (!query)
            return err->code == HD_OK;
        bool ok = hd_sql_print(&talk->print, query, err);
        hd_sql_finish(query);
        if (!ok)
            return false;
        epilogue(talk, now() - begin);
    }
}

/* --- words --- */

static void rows_print(FILE *file, const struct hd_table_column *columns, size_t count, struct hd_table *table)
{
    table->columns = columns;
    table->column_count = count;
    table->margin = 2;
    table->headless = true;
    hd_table_print(file, table);
    hd_table_deinit(table);
}

static const struct hd_table_column two[] = {{"", false, false}, {"", false, true}};

static bool say_tables(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    struct hd_table table = {0};
    const struct hd_sql_about *about;
    (void)argument;
    (void)err;
    for (size_t i = 0; (about = hd_sql_table(i)) != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, about->arguments ? "%s(%s)" : "%s", about->name, about->arguments);
        hd_table_add_string(&table, name);
        hd_table_add_string(&table, about->about);
    }
    rows_print(talk->print.file, two, 2, &table);
    fprintf(talk->print.file, "functions\n");
    for (size_t i = 0; (about = hd_sql_function(i)) != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s(%s)", about->name, about->arguments);
        hd_table_add_string(&table, name);
        hd_table_add_string(&table, about->about);
    }
    rows_print(talk->print.file, two, 2, &table);
    return true;
}

/* A declaration that can be read: each column with what it says. Those of the lines are marked. */
static void schema_print(FILE *file, const struct hd_sql_about *about)
{
    fprintf(file, "CREATE TABLE %s(", about->name);
    if (about->arguments)
        fprintf(file, " -- FROM %s(%s)", about->name, about->arguments);
    fprintf(file, " -- %s\n", about->about);
    for (const struct hd_sql_column *column = about->columns; column->name; column++) {
        bool line = !strncmp(column->about, "line: ", 6);
        int used = fprintf(file, "  %s%s%s%s", column->name, *column->type ? " " : "", column->type, column[1].name ? "," : "");
        fprintf(file, "%*s -- %s%s\n", used < 22 ? 22 - used : 0, "", line ? "* " : "", column->about + (line ? 6 : 0));
    }
    fprintf(file, ");\n");
}

static bool say_schema(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    const struct hd_sql_about *about;
    bool any = false;
    for (size_t i = 0; (about = hd_sql_table(i)) != NULL; i++)
        if (!*argument || !strcmp(argument, about->name)) {
            schema_print(talk->print.file, about);
            any = true;
        }
    if (!any)
        return hd_error_set(err, HD_ERROR_USAGE, "there is no table %.100s; .tables lists them", argument);
    fprintf(talk->print.file, "-- * read from the dump's lines when it is asked for\n");
    return true;
}

static bool say_mode(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    if (!*argument) {
        fprintf(talk->print.file, "%s\n", hd_sql_modes[talk->print.mode]);
        return true;
    }
    for (int i = 0; hd_sql_modes[i]; i++)
        if (!strcmp(argument, hd_sql_modes[i])) {
            talk->print.mode = (enum hd_sql_mode)i;
            return true;
        }
    return hd_error_set(err, HD_ERROR_USAGE, "there is no mode %.100s: table, lines, csv, json or markdown", argument);
}

static bool say_queries(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    if (!*argument) {
        struct hd_table table = {0};
        for (size_t i = 0; hd_query_at(i); i++) {
            hd_table_add_string(&table, hd_query_at(i)->name);
            hd_table_add_string(&table, hd_query_at(i)->title);
        }
        rows_print(talk->print.file, two, 2, &table);
        fprintf(talk->print.file, ".queries NAME prints one and runs it\n");
        return true;
    }
    const struct hd_query *query = hd_query_named(argument);
    if (!query)
        return hd_error_set(err, HD_ERROR_USAGE, "there is no query %.100s; .queries lists them", argument);
    if (talk->print.mode == HD_SQL_TABLE || talk->print.mode == HD_SQL_LINES)
        fprintf(talk->print.file, "%s\n\n", query->sql);
    return statements(talk, query->sql, err);
}

static bool number_of(const char *word, const char *argument, double *number, struct hd_error *err)
{
    char *end;
    *number = strtod(argument, &end);
    return (*argument && !*end && *number >= 0 && *number < 1e15)
           || hd_error_set(err, HD_ERROR_USAGE, "%s takes a number, 0 for none", word);
}

static bool say_limit(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    double number;
    if (!number_of(".limit", argument, &number, err))
        return false;
    talk->print.limit = (uint64_t)number;
    return true;
}

static bool say_timeout(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    double number;
    if (!number_of(".timeout", argument, &number, err))
        return false;
    hd_sql_set_seconds(talk->sql, number);
    return true;
}

static bool say_quit(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    (void)argument;
    (void)err;
    talk->quit = true;
    return true;
}

static bool say_help(struct hd_sql_talk *talk, const char *argument, struct hd_error *err);

static const struct {
    const char *name, *argument, *help;
    bool (*say)(struct hd_sql_talk *talk, const char *argument, struct hd_error *err);
} words[] = {{".help", "", "this", say_help},
             {".tables", "", "the tables and functions there are", say_tables},
             {".schema", "[TABLE]", "the columns, and what they say", say_schema},
             {".queries", "[NAME]", "ready queries; with a name: prints one and runs it", say_queries},
             {".mode", "[MODE]", "how rows are printed: table, lines, csv, json, markdown", say_mode},
             {".limit", "N", "rows that are printed; 0 for all", say_limit},
             {".timeout", "SECONDS", "that a query may take; 0: as long as it wants", say_timeout},
             {".quit", "", "or Control-D", say_quit},
             {".exit", "", "the same", say_quit}};

enum { WORDS = sizeof words / sizeof *words };

const char *const hd_sql_words_list[] = {".help", ".tables", ".schema", ".queries", ".mode", ".limit", ".timeout", ".quit",
                                         ".exit", ""};

static bool say_help(struct hd_sql_talk *talk, const char *argument, struct hd_error *err)
{
    struct hd_table table = {0};
    (void)argument;
    (void)err;
    for (size_t i = 0; i < WORDS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", words[i].name, words[i].argument);
        hd_table_add_string(&table, name);
        hd_table_add_string(&table, words[i].help);
    }
    rows_print(talk->print.file, two, 2, &table);
    fprintf(talk->print.file, "Everything else is SQL, up to a semicolon. Control-C ends a query.\n");
    return true;
}

bool hd_sql_words_is_dot(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '.';
}

static bool word(struct hd_sql_talk *talk, const char *line, struct hd_error *err)
{
    static const char space[] = " \t\r\n;";
    line += strspn(line, space);
    size_t length = strcspn(line, space);
    const char *rest = line + length + strspn(line + length, space);
    size_t rest_length = strlen(rest);
    while (rest_length && strchr(space, rest[rest_length - 1]))
        rest_length--;
    char *argument = strndup(rest, rest_length);
    if (!argument)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    bool found = false, ok = true;
    for (size_t i = 0; i < WORDS && !found; i++) {
        found = strlen(words[i].name) == length && !strncmp(line, words[i].name, length);
        if (found)
            ok = words[i].say(talk, argument, err);
    }
    free(argument);
    return found ? ok : hd_error_set(err, HD_ERROR_USAGE, "there is no %.*s; .help lists what there is",
                                     length > 60 ? 60 : (int)length, line);
}

bool hd_sql_words(struct hd_sql_talk *talk, const char *text, struct hd_error *err)
{
    return hd_sql_words_is_dot(text) ? word(talk, text, err) : statements(talk, text, err);
}
