/* `heap_dump sql`: questions in SQL, over the mapped index. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/sql_edit.h"
#include "cli/sql_words.h"
#include "cli/table.h"
#include "store/queries.h"
#include "view/words.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ROWS_AT_TERMINAL = 1000, STATEMENT_MAX = 1 << 20 };

struct request {
    const char *path, *text;
    uint64_t limit, memory;
    double seconds;
    enum hd_sql_mode mode;
    bool has_limit, json;
};

static struct hd_sql *running; /* what Control-C ends */

static void on_interrupt(int signal)
{
    (void)signal;
    if (running)
        hd_sql_interrupt(running);
}

/* --- the prompt --- */

/* Names of tables, columns, functions and words that begin so; the n-th. */
static const char *complete(const char *text, unsigned number)
{
    size_t length = strlen(text);
    const struct hd_sql_about *about;
    for (size_t i = 0; text[0] == '.' && *hd_sql_words_list[i]; i++)
        if (!strncmp(hd_sql_words_list[i], text, length) && !number--)
            return hd_sql_words_list[i];
    for (size_t i = 0; (about = hd_sql_table(i)) != NULL; i++)
        if (!strncasecmp(about->name, text, length) && !number--)
            return about->name;
    for (size_t i = 0; (about = hd_sql_function(i)) != NULL; i++)
        if (!strncasecmp(about->name, text, length) && !number--)
            return about->name;
    for (size_t i = 0; (about = hd_sql_table(i)) != NULL; i++)
        for (const struct hd_sql_column *column = about->columns; column->name; column++)
            if (!strncasecmp(column->name, text, length) && !number--)
                return column->name;
    for (size_t i = 0; hd_query_at(i); i++)
        if (!strncmp(hd_query_at(i)->name, text, length) && !number--)
            return hd_query_at(i)->name;
    return NULL;
}

static void complain(const struct hd_error *err)
{
    fflush(stdout);
    hd_cli_fail("sql", err);
}

/* Adds a line to what has been said; false if memory ran out. */
static bool join(char **said, const char *line)
{
    char *longer = NULL;
    int length = *said ? asprintf(&longer, "%s\n%s", *said, line) : asprintf(&longer, "%s", line);
    if (length < 0)
        return false;
    free(*said);
    *said = longer;
    return true;
}

/* Lines up to a whole statement, or one word with a dot. NULL at the end of the input. */
static char *listen(bool *failed)
{
    char *said = NULL, *line;
    while ((line = hd_sql_edit_line(said ? "   ...> " : "sql> ")) != NULL) {
        bool nothing = !line[strspn(line, " \t\r\n")];
        if (nothing && said) { /* an empty line, and Control-C, leave off */
            free(said);
            said = NULL;
        } else if (!nothing) {
            *failed = !join(&said, line);
        }
        free(line);
        if (*failed || (said && (hd_sql_words_is_dot(said) || hd_sql_complete(said))))
            return said;
    }
    free(said);
    return NULL;
}

static bool prompt(struct hd_sql_talk *talk, struct hd_error *err)
{
    char objects[HD_TABLE_NUMBER];
    bool failed = false;
    talk->prompt = true;
    printf("%s objects. SQL, ended by a semicolon; .help, .tables, .queries; Control-D to leave.\n",
           hd_table_count(objects, talk->open->graph.node_count - 1));
    hd_sql_edit_complete(complete);
    for (char *said; !talk->quit && (said = listen(&failed)) != NULL; free(said)) {
        struct hd_error why = {0};
        hd_sql_edit_remember(said);
        if (!hd_sql_words(talk, said, &why))
            complain(&why);
        fflush(stdout);
    }
    return !failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* --- statements from standard input --- */

/* A statement may have lines; a word with a dot is one. Ends at the first that fails. */
static bool read_statements(struct hd_sql_talk *talk, FILE *file, struct hd_error *err)
{
    char *line = NULL, *said = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool ok = true;
    while (ok && !talk->quit && (length = getline(&line, &capacity, file)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            line[length - 1] = '\0';
        const char *begin = line + strspn(line, " \t\r");
        if (!said && (!*begin || !strncmp(begin, "--", 2))) /* SQLite would have the comment go on to a semicolon */
            continue;
        ok = join(&said, line) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        if (ok && strlen(said) > STATEMENT_MAX)
            ok = hd_error_set(err, HD_ERROR_USAGE, "a statement of more than 1 MiB");
        if (!ok || !(hd_sql_words_is_dot(said) || hd_sql_complete(said)))
            continue;
        ok = hd_sql_words(talk, said, err);
        free(said);
        said = NULL;
    }
    if (ok && said && !talk->quit) /* the last one may lack its semicolon */
        ok = hd_sql_words(talk, said, err);
    if (ok && ferror(file))
        ok = hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read standard input");
    free(said);
    free(line);
    return ok;
}

/* --- one JSON object --- */

static bool json_rows(const struct request *request, struct hd_sql_query *query, struct hd_error *err)
{
    enum hd_sql_step step;
    int columns = hd_sql_column_count(query);
    uint64_t rows = 0;
    printf(",\"columns\":[");
    for (int i = 0; i < columns; i++) {
        fputs(i ? "," : "", stdout);
        hd_cli_print_json_string(stdout, hd_sql_column_name(query, i));
    }
    printf("],\"rows\":[");
    while ((step = hd_sql_step(query, err)) == HD_SQL_ROW && !(request->limit && rows == request->limit)) {
        fputs(rows++ ? ",[" : "[", stdout);
        for (int i = 0; i < columns; i++) {
            struct hd_sql_value value = hd_sql_value(query, i);
            fputs(i ? "," : "", stdout);
            hd_sql_print_json(stdout, &value);
        }
        fputs("]", stdout);
    }
    printf("],\"more\":%s", step == HD_SQL_ROW ? "true" : "false");
    return step != HD_SQL_FAILED;
}

/* An object that has begun ends as one: with the error in it. */
static int json_print(const struct request *request, struct hd_sql_talk *talk)
{
    struct hd_error err = {0};
    struct hd_sql_query *query = hd_sql_prepare(talk->sql, request->text, NULL, &err);
    if (!query && err.code == HD_OK)
        hd_error_set(&err, HD_ERROR_USAGE, "there is no statement");
    if (!query)
        return hd_open_fail("sql", true, &err);
    printf("{");
    hd_open_json_head(stdout, talk->open);
    bool ok = json_rows(request, query, &err);
    hd_sql_finish(query);
    if (!ok) {
        printf(",\"status\":%d,\"error\":", hd_error_exit_status(err.code));
        hd_cli_print_json_string(stdout, err.text);
    }
    printf("}\n");
    return ok ? 0 : hd_error_exit_status(err.code);
}

/* --- the command --- */

static bool talk_over(const struct request *request, struct hd_sql_talk *talk, struct hd_error *err)
{
    if (request->text && strcmp(request->text, "-") != 0)
        return hd_sql_words(talk, request->text, err);
    return !request->text && isatty(STDIN_FILENO) ? prompt(talk, err) : read_statements(talk, stdin, err);
}

static bool whole(void *data, struct hd_error *err)
{
    return hd_open_whole(data, HD_INDEX_GRAPH, err);
}

static int answer(const struct request *request, struct hd_open *open)
{
    const struct hd_sql_source source = {open->path, open->dump, &open->graph, &open->dominators, open->derived,
                                         open->graph.node_address ? NULL : open->index, whole, open};
    const struct hd_sql_limits limits = {request->seconds, request->memory};
    struct hd_sql_talk talk = {.open = open, .print = {.file = stdout, .mode = request->mode, .terminal = isatty(STDOUT_FILENO)}};
    struct hd_error err = {0};
    talk.print.limit = request->has_limit ? request->limit : talk.print.terminal ? ROWS_AT_TERMINAL : 0;
    talk.sql = hd_sql_open(&source, &limits, &err);
    if (!talk.sql)
        return hd_open_fail("sql", request->json, &err);
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    running = talk.sql;
    sigaction(SIGINT, &action, &before);
    int status = 0;
    if (request->json)
        status = json_print(request, &talk);
    else if (!talk_over(request, &talk, &err)) {
        fflush(stdout);
        status = hd_cli_fail("sql", &err);
    }
    sigaction(SIGINT, &before, NULL);
    running = NULL;
    hd_sql_close(talk.sql);
    return status;
}

static int sql(const struct request *request)
{
    struct hd_open open;
    struct hd_error err = {0};
    if (!hd_sql_available(&err) || !hd_open_read_for(&open, request->path, HD_INDEX_HEADER, &err))
        return hd_open_fail("sql", request->json, &err);
    if (!request->json)
        hd_open_warn(&open, "sql");
    int status = answer(request, &open);
    hd_open_close(&open);
    return status;
}

static bool request_complete(struct hd_call *call, struct request *request)
{
    request->path = call->operand[0];
    request->text = call->operand_count > 1 ? call->operand[1] : NULL;
    bool reads = !request->text || !strcmp(request->text, "-");
    if (reads && !strcmp(request->path, "-"))
        return hd_call_refuse(call, "the dump is to come from standard input, so the query must be an argument");
    if (request->json && reads)
        return hd_call_refuse(call, "--json takes one query, as an argument");
    return true;
}

static double seconds_of(struct hd_call *call)
{
    char *end;
    double seconds = strtod(call->value, &end);
    if (end == call->value || *end || !(seconds >= 0) || seconds > 1e9)
        hd_call_refuse(call, "--timeout takes seconds, not %s", call->value);
    return seconds;
}

static int run(int argc, char **argv)
{
    struct request request = {.mode = HD_SQL_TABLE};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_sql, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 'o':
            request.mode = (enum hd_sql_mode)call.choice;
            break;
        case 'l':
            request.limit = hd_call_count(&call);
            request.has_limit = true;
            break;
        case 't':
            request.seconds = seconds_of(&call);
            break;
        case 'm':
            request.memory = hd_call_bytes(&call);
            break;
        default:
            request.json = true;
        }
    }
    if (!hd_call_operands(&call) || !request_complete(&call, &request))
        return call.status;
    return sql(&request);
}

static const struct hd_option options[] = {
    {'o', "output", NULL, "how rows are printed (table)", hd_sql_modes, NULL},
    {'l', "limit", "N", "rows to print of each query; 0 for all (1000 on a terminal, else all)", NULL, NULL},
    {'t', "timeout", "SECONDS", "a query may take (0: as long as it wants)", NULL, NULL},
    {'m', "memory", "SIZE", "it may use for sorting and grouping (1 GB)", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_sql = {
    .name = "sql",
    .run = run,
    .summary = "questions in SQL, with ready ones to begin with",
    .about = "Answers SQL (SQLite's) over the dump, without importing anything. The tables are objects, refs, roots, classes, "
             "strings, threads, frames, locals, thread_locals, methods, iseqs, path(id) and dump; .schema tells their columns, "
             ".queries has ready queries for common questions, docs/sql.md more.\n\n"
             "  heap_dump sql dump.json \"SELECT class, count(*) FROM objects GROUP BY class\"\n"
             "  heap_dump sql dump.json \".queries biggest_strings\"\n"
             "  heap_dump sql dump.json                    a prompt, if this is a terminal\n"
             "  heap_dump sql dump.json - < queries.sql    statements from standard input\n\n"
             "A query can only read. Control-C ends it.",
    .operands = {HD_OPERAND_DUMP_FILE, {"QUERY|-", "a query", HD_OPERAND_WORD, true, false, NULL}},
    .options = options,
    .notes = "Columns that .schema marks with * are read from the dump's lines, so they are slower, and not to be had from -.",
    .statuses = "0 fine, 2 wrong options or SQL, 3 not a dump, 4 the file could not be read, 5 built without SQLite, "
                "8 the time or memory allowed was not enough, 130 interrupted."};
