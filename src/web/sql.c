/* See sql.h. */
#include "web/sql.h"

#include "dump/text.h"
#include "graph/fields.h"
#include "store/queries.h"
#include "store/sql.h"
#include "view/json.h"
#include "web/answer.h"
#include "web/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNNING_MAX = 4, ROWS = 1000, SECONDS = 10, SECONDS_MAX = 60, QUERY_NAME = 100, VALUE_BYTES = 10000 };
#define ANSWER_BYTES (8L << 20)
#define EXACT ((int64_t)1 << 53) /* integers beyond are no numbers in every reader of JSON */

/* A query that runs. */
struct hd_web_query {
    struct hd_web_query *next;
    char name[QUERY_NAME + 1]; /* "": nobody can call it */
    struct hd_sql *sql;
};

/* What a body asks for. */
struct wish {
    uint64_t dump, limit, seconds;
    struct hd_buffer sql, name, cancel; /* terminated where there is something */
};

bool hd_web_sql_available(struct hd_error *err)
{
    return hd_sql_available(err);
}

/* ---- what there is to ask ---- */

static void tables_json(FILE *out)
{
    const struct hd_sql_about *table;
    for (size_t i = 0; (table = hd_sql_table(i)) != NULL; i++) {
        fputs(i ? ",{\"name\":" : "{\"name\":", out);
        hd_json_string(out, table->name);
        fputs(",\"about\":", out);
        hd_json_string(out, table->about);
        fputs(",\"arguments\":", out);
        if (table->arguments)
            hd_json_string(out, table->arguments);
        else
            fputs("null", out);
        fputs(",\"columns\":[", out);
        for (const struct hd_sql_column *column = table->columns; column && column->name; column++) {
            fputs(column > table->columns ? "," : "", out);
            hd_json_string(out, column->name);
        }
        fputs("]}", out);
    }
}

bool hd_web_answer_queries(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    const struct hd_query *query;
    (void)ask;
    if (!hd_sql_available(err))
        return false;
    hd_json_limit(0); /* ours: nobody else's words are in it */
    fputs("{\"queries\":[", out);
    for (size_t i = 0; (query = hd_query_at(i)) != NULL; i++) {
        fputs(i ? ",{\"name\":" : "{\"name\":", out);
        hd_json_string(out, query->name);
        fputs(",\"title\":", out);
        hd_json_string(out, query->title);
        fputs(",\"about\":", out);
        hd_json_string(out, query->about);
        fputs(",\"sql\":", out);
        hd_json_string(out, query->sql);
        fputs("}", out);
    }
    fputs("],\"tables\":[", out);
    tables_json(out);
    fputs("]}\n", out);
    return true;
}

/* ---- what is asked ---- */

static bool number_read(struct hd_graph_text key, struct hd_graph_text value, uint64_t least, uint64_t most, uint64_t *number,
                        struct hd_error *err)
{
    *number = 0;
    bool digits = value.length > 0 && value.length < 10;
    for (size_t i = 0; digits && i < value.length; i++) {
        digits = value.data[i] >= '0' && value.data[i] <= '9';
        *number = *number * 10 + (uint64_t)(value.data[i] - '0');
    }
    return (digits && *number >= least && *number <= most)
           || hd_error_set(err, HD_ERROR_USAGE, "%.*s is a number from %llu to %llu", (int)key.length, key.data,
                           (unsigned long long)least, (unsigned long long)most);
}

static bool text_read(struct hd_graph_text key, struct hd_graph_text value, struct hd_buffer *text, struct hd_error *err)
{
    if (value.data[0] != '"' || text->length)
        return hd_error_set(err, HD_ERROR_USAGE, "%.*s is a text, and there once", (int)key.length, key.data);
    hd_fields_unescape(text, value);
    if (!text->failed && memchr(text->data ? text->data : "", '\0', text->length))
        return hd_error_set(err, HD_ERROR_USAGE, "%.*s has a NUL in it", (int)key.length, key.data);
    hd_buffer_append(text, "", 1);
    return !text->failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static bool member_read(struct wish *wish, const struct hd_web_site *site, struct hd_graph_text key,
                        struct hd_graph_text value, struct hd_error *err)
{
    if (hd_fields_is(key, "dump"))
        return number_read(key, value, 0, site->count - 1, &wish->dump, err);
    if (hd_fields_is(key, "limit"))
        return number_read(key, value, 1, HD_WEB_ROWS, &wish->limit, err);
    if (hd_fields_is(key, "seconds"))
        return number_read(key, value, 1, SECONDS_MAX, &wish->seconds, err);
    if (hd_fields_is(key, "sql"))
        return text_read(key, value, &wish->sql, err);
    if (hd_fields_is(key, "query"))
        return text_read(key, value, &wish->name, err);
    if (hd_fields_is(key, "cancel"))
        return text_read(key, value, &wish->cancel, err);
    return hd_error_set(err, HD_ERROR_USAGE, "a query has no member %.*s", (int)(key.length < 60 ? key.length : 60), key.data);
}

static bool wish_read(struct wish *wish, const struct hd_web_site *site, struct hd_graph_text body, struct hd_error *err)
{
    while (body.length > 0 && strchr(" \t\r\n", body.data[0])) {
        body.data++;
        body.length--;
    }
    *wish = (struct wish){.limit = ROWS, .seconds = SECONDS};
    if (body.length == 0 || body.data[0] != '{')
        return hd_error_set(err, HD_ERROR_USAGE, "a query is sent as a JSON object, {\"sql\":\"SELECT …\"}");
    size_t at = 0;
    for (struct hd_graph_text key, value; (value = hd_fields_next(body, &at, &key)).data;)
        if (!member_read(wish, site, key, value, err))
            return false;
    if (wish->name.length > QUERY_NAME || wish->cancel.length > QUERY_NAME)
        return hd_error_set(err, HD_ERROR_USAGE, "the name of a query has at most %d bytes", QUERY_NAME - 1);
    return wish->sql.length || wish->cancel.length || hd_error_set(err, HD_ERROR_USAGE, "there is no \"sql\" in the body");
}

static void wish_forget(struct wish *wish)
{
    hd_buffer_deinit(&wish->sql);
    hd_buffer_deinit(&wish->name);
    hd_buffer_deinit(&wish->cancel);
}

/* ---- which run ---- */

static bool enter(struct hd_web_sql *sql, struct hd_web_query *query, unsigned *status, struct hd_error *err)
{
    pthread_mutex_lock(&sql->lock);
    bool room = sql->count < RUNNING_MAX && !sql->stopping;
    if (room) {
        query->next = sql->running;
        sql->running = query;
        sql->count++;
    }
    pthread_mutex_unlock(&sql->lock);
    if (!room)
        *status = 503;
    return room || hd_error_set(err, HD_ERROR_LIMIT, "%d queries are running already: try again when one is done", RUNNING_MAX);
}

static void leave(struct hd_web_sql *sql, struct hd_web_query *query)
{
    pthread_mutex_lock(&sql->lock);
    for (struct hd_web_query **at = &sql->running; *at; at = &(*at)->next)
        if (*at == query) {
            *at = query->next;
            sql->count--;
            break;
        }
    pthread_mutex_unlock(&sql->lock);
}

static bool cancel(struct hd_web_sql *sql, const char *name)
{
    bool found = false;
    pthread_mutex_lock(&sql->lock);
    for (struct hd_web_query *query = sql->running; query; query = query->next)
        if (*query->name && !strcmp(query->name, name)) {
            hd_sql_interrupt(query->sql);
            found = true;
        }
    pthread_mutex_unlock(&sql->lock);
    return found;
}

void hd_web_sql_stop(struct hd_web_sql *sql)
{
    pthread_mutex_lock(&sql->lock);
    sql->stopping = true;
    for (struct hd_web_query *query = sql->running; query; query = query->next)
        hd_sql_interrupt(query->sql);
    pthread_mutex_unlock(&sql->lock);
}

/* ---- rows ---- */

static void blob_json(FILE *out, const char *data, size_t length)
{
    struct hd_buffer text = {0};
    hd_text_base64(&text, data, length);
    fprintf(out, "{\"base64\":\"%.*s\"}", (int)text.length, text.data ? text.data : "");
    hd_buffer_deinit(&text);
}

static void value_json(FILE *out, const struct hd_sql_value *value)
{
    switch (value->type) {
    case HD_SQL_INTEGER:
        fprintf(out, value->integer < EXACT && value->integer > -EXACT ? "%lld" : "\"%lld\"", (long long)value->integer);
        return;
    case HD_SQL_REAL:
        if (isfinite(value->real))
            fprintf(out, "%.17g", value->real);
        else
            fprintf(out, "\"%s\"", isnan(value->real) ? "NaN" : value->real > 0 ? "Infinity" : "-Infinity");
        return;
    case HD_SQL_TEXT:
        hd_json_text(out, (struct hd_graph_text){value->data, value->length});
        return;
    case HD_SQL_BLOB:
        blob_json(out, value->data, value->length < VALUE_BYTES ? value->length : VALUE_BYTES);
        return;
    default:
        fputs("null", out);
    }
}

static bool rows_json(FILE *out, struct hd_sql_query *query, uint64_t limit, struct hd_error *err)
{
    int columns = hd_sql_column_count(query);
    enum hd_sql_step step;
    uint64_t rows = 0;
    fputs(",\"columns\":[", out);
    for (int i = 0; i < columns; i++) {
        fputs(i ? "," : "", out);
        hd_json_string(out, hd_sql_column_name(query, i));
    }
    fputs("],\"rows\":[", out);
    while ((step = hd_sql_step(query, err)) == HD_SQL_ROW && rows < limit && ftell(out) < ANSWER_BYTES) {
        fputs(rows++ ? ",[" : "[", out);
        for (int i = 0; i < columns; i++) {
            struct hd_sql_value value = hd_sql_value(query, i);
            fputs(i ? "," : "", out);
            value_json(out, &value);
        }
        fputs("]", out);
    }
    fprintf(out, "],\"more\":%s", step == HD_SQL_ROW ? "true" : "false");
    return step != HD_SQL_FAILED;
}

static bool statement(const struct wish *wish, struct hd_sql *sql, const struct hd_open *open, FILE *out, struct hd_error *err)
{
    double begun = hd_web_now();
    struct hd_sql_query *query = hd_sql_prepare(sql, wish->sql.data, NULL, err);
    if (!query)
        return err->code != HD_OK ? false : hd_error_set(err, HD_ERROR_USAGE, "there is no statement in the query");
    size_t before = hd_json_limit(VALUE_BYTES);
    fputs("{", out);
    hd_open_json_head(out, open);
    bool done = rows_json(out, query, wish->limit, err);
    fprintf(out, ",\"seconds\":%.3f}\n", hd_web_now() - begun);
    hd_json_limit(before);
    hd_sql_finish(query);
    return done;
}

static unsigned status_of(const struct hd_error *err)
{
    return err->code == HD_ERROR_LIMIT ? 408 : err->code == HD_ERROR_INTERRUPTED ? 409 : hd_web_answer_status(err);
}

static bool ask(struct hd_web_sql *sql, const struct wish *wish, struct hd_web_site *site, FILE *out, unsigned *status,
                struct hd_error *err)
{
    struct hd_open *open = &site->dump[wish->dump].open;
    struct hd_sql_source source = {open->path, open->dump, &open->graph, &open->dominators, open->derived, NULL, NULL, NULL};
    struct hd_sql_limits limits = {.seconds = (double)wish->seconds};
    struct hd_web_query query = {0};
    query.sql = hd_sql_open(&source, &limits, err);
    if (!query.sql)
        return false;
    snprintf(query.name, sizeof query.name, "%s", wish->name.data ? wish->name.data : "");
    bool done = enter(sql, &query, status, err);
    if (done) {
        done = statement(wish, query.sql, open, out, err);
        leave(sql, &query);
    }
    hd_sql_close(query.sql);
    return done;
}

bool hd_web_sql_answer(struct hd_web_sql *sql, struct hd_web_site *site, struct hd_graph_text body, FILE *out,
                       unsigned *status, struct hd_error *err)
{
    struct wish wish;
    *status = 0;
    bool done = wish_read(&wish, site, body, err);
    if (done && wish.cancel.length)
        fprintf(out, "{\"cancelled\":%s}\n", cancel(sql, wish.cancel.data) ? "true" : "false");
    else if (done)
        done = ask(sql, &wish, site, out, status, err);
    wish_forget(&wish);
    if (!done && !*status)
        *status = status_of(err);
    return done;
}
