/* See sql_print.h. */
#include "cli/sql_print.h"

#include "cli/table.h"
#include "view/json.h"
#include "view/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, NARROWEST = 6, GAP = 2 };

const char *const hd_sql_modes[] = {"table", "lines", "csv", "json", "markdown", NULL};

/* --- one value --- */

static void real_append(struct hd_buffer *out, double real)
{
    char text[48];
    snprintf(text, sizeof text, "%.15g", real);
    if (strtod(text, NULL) != real)
        snprintf(text, sizeof text, "%.17g", real);
    if (!strpbrk(text, ".einf"))
        strcat(text, ".0");
    hd_buffer_append(out, text, strlen(text));
}

/* As a person reads it; NULL is nothing. */
static void value_append(struct hd_buffer *out, const struct hd_sql_value *value)
{
    static const char digits[] = "0123456789abcdef";
    char text[32];
    switch (value->type) {
    case HD_SQL_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)value->integer);
        hd_buffer_append(out, text, strlen(text));
        break;
    case HD_SQL_REAL:
        real_append(out, value->real);
        break;
    case HD_SQL_TEXT:
        hd_buffer_append(out, value->data, value->length);
        break;
    case HD_SQL_BLOB: /* as SQL writes it */
        hd_buffer_append(out, "x'", 2);
        for (size_t i = 0; i < value->length; i++) {
            unsigned char byte = (unsigned char)value->data[i];
            hd_buffer_append(out, (char[]){digits[byte >> 4], digits[byte & 15]}, 2);
        }
        hd_buffer_append(out, "'", 1);
        break;
    default:
        break;
    }
}

static void base64_print(FILE *file, const struct hd_sql_value *value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *data = (const unsigned char *)value->data;
    for (size_t i = 0; i < value->length; i += 3) {
        size_t left = value->length - i;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        for (unsigned k = 0; k < 4; k++)
            fputc(k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=', file);
    }
}

void hd_sql_print_json(FILE *file, const struct hd_sql_value *value)
{
    struct hd_buffer text = {0};
    switch (value->type) {
    case HD_SQL_INTEGER:
        fprintf(file, "%lld", (long long)value->integer);
        break;
    case HD_SQL_REAL:
        if (isfinite(value->real)) {
            real_append(&text, value->real);
            fwrite(text.data, 1, text.length, file);
        } else {
            fputs(value->real > 0 ? "1e999" : value->real < 0 ? "-1e999" : "null", file);
        }
        break;
    case HD_SQL_TEXT:
        hd_json_text(file, (struct hd_graph_text){value->data, value->length});
        break;
    case HD_SQL_BLOB:
        fputs("{\"base64\":\"", file);
        base64_print(file, value);
        fputs("\"}", file);
        break;
    default:
        fputs("null", file);
    }
    hd_buffer_deinit(&text);
}

/* --- what is printed row by row --- */

struct run {
    struct hd_sql_print *print;
    struct hd_sql_query *query;
    int columns;
    struct hd_buffer cell;  /* the value at hand */
    struct hd_buffer cells; /* of the batch, each terminated */
    uint64_t batch;         /* rows in it */
    size_t *width;
    bool *text;             /* the column has a value that is no number */
    bool wide;              /* the table does not fit: line by line instead */
    bool begun;
};

/* Less what a terminal would obey, if it is one. */
static void raw_print(struct run *run, const char *data, size_t length)
{
    if (!run->print->terminal) {
        fwrite(data, 1, length, run->print->file);
        return;
    }
    run->cells.length = 0;
    hd_words_clean(&run->cells, data, length);
    fputs(run->cells.failed ? "" : run->cells.data, run->print->file);
}

static void csv_cell(struct run *run, const char *data, size_t length)
{
    FILE *file = run->print->file;
    bool quoted = false;
    for (size_t i = 0; i < length && !quoted; i++)
        quoted = strchr(",\"\r\n", data[i]) != NULL;
    if (!quoted) {
        raw_print(run, data, length);
        return;
    }
    fputc('"', file);
    for (size_t at = 0; at < length;) {
        const char *quote = memchr(data + at, '"', length - at);
        size_t end = quote ? (size_t)(quote - data) + 1 : length;
        raw_print(run, data + at, end - at);
        if (quote)
            fputc('"', file);
        at = end;
    }
    fputc('"', file);
}

/* One line of a Markdown table: no bar and no newline may end the cell, no markup may take effect. */
static void markdown_cell(struct run *run, const char *data, size_t length)
{
    FILE *file = run->print->file;
    struct hd_buffer clean = {0};
    hd_words_clean(&clean, data, length);
    for (const char *at = clean.failed ? "" : clean.data; *at; at++) {
        if (strchr("\\|`*_<>[]#&", *at))
            fputc('\\', file);
        fputc(*at, file);
    }
    hd_buffer_deinit(&clean);
}

static void line_cell(struct run *run, int column, size_t widest)
{
    struct hd_buffer clean = {0};
    hd_words_clean(&clean, run->cell.data ? run->cell.data : "", run->cell.length);
    const char *text = clean.failed ? "(out of memory)" : clean.data;
    size_t room = HD_TABLE_WIDTH - widest - 3;
    char *shorter = run->print->terminal && widest + 20 < HD_TABLE_WIDTH ? hd_words_shorten(text, strlen(text), room) : NULL;
    const char *name = hd_sql_column_name(run->query, column);
    fprintf(run->print->file, "%*s%s = %s\n", (int)(widest - hd_words_width(name, strlen(name))), "", name, shorter ? shorter : text);
    free(shorter);
    hd_buffer_deinit(&clean);
}

static size_t widest_name(const struct run *run)
{
    size_t widest = 0;
    for (int i = 0; i < run->columns; i++) {
        const char *name = hd_sql_column_name(run->query, i);
        size_t wide = hd_words_width(name, strlen(name));
        widest = wide > widest ? wide : widest;
    }
    return widest;
}

static void cell_read(struct run *run, int column)
{
    struct hd_sql_value value = hd_sql_value(run->query, column);
    run->cell.length = 0;
    value_append(&run->cell, &value);
}

static void head_print(struct run *run)
{
    FILE *file = run->print->file;
    for (int i = 0; i < run->columns; i++) {
        const char *name = hd_sql_column_name(run->query, i);
        if (run->print->mode == HD_SQL_CSV) {
            fputs(i ? "," : "", file);
            csv_cell(run, name, strlen(name));
        } else {
            fputs(i ? " | " : "| ", file);
            markdown_cell(run, name, strlen(name));
        }
    }
    fputs(run->print->mode == HD_SQL_CSV ? "\r\n" : " |\n|", file);
    for (int i = 0; run->print->mode == HD_SQL_MARKDOWN && i < run->columns; i++)
        fputs(hd_sql_value(run->query, i).type == HD_SQL_INTEGER ? "---:|" : "---|", file);
    fputs(run->print->mode == HD_SQL_MARKDOWN ? "\n" : "", file);
}

static void json_row(struct run *run)
{
    FILE *file = run->print->file;
    fputs(run->print->rows > 1 ? ",\n{" : "[{", file);
    for (int i = 0; i < run->columns; i++) {
        struct hd_sql_value value = hd_sql_value(run->query, i);
        fputs(i ? "," : "", file);
        hd_json_string(file, hd_sql_column_name(run->query, i));
        fputc(':', file);
        hd_sql_print_json(file, &value);
    }
    fputc('}', file);
}

static void row_print(struct run *run)
{
    FILE *file = run->print->file;
    size_t widest = run->print->mode == HD_SQL_LINES || run->wide ? widest_name(run) : 0;
    if (widest && run->print->rows > 1)
        fputc('\n', file);
    for (int i = 0; i < run->columns; i++) {
        cell_read(run, i);
        const char *data = run->cell.data ? run->cell.data : "";
        if (widest) {
            line_cell(run, i, widest);
        } else if (run->print->mode == HD_SQL_CSV) {
            fputs(i ? "," : "", file);
            csv_cell(run, data, run->cell.length);
        } else {
            fputs(i ? " | " : "| ", file);
            markdown_cell(run, data, run->cell.length);
        }
    }
    if (!widest)
        fputs(run->print->mode == HD_SQL_CSV ? "\r\n" : " |\n", file);
}

/* --- tables --- */

static void batch_add(struct run *run)
{
    for (int i = 0; i < run->columns; i++) {
        enum { NUMBER_TYPES = 1 << HD_SQL_NULL | 1 << HD_SQL_INTEGER | 1 << HD_SQL_REAL };
        cell_read(run, i);
        size_t at = run->cells.length;
        hd_words_clean(&run->cells, run->cell.data ? run->cell.data : "", run->cell.length);
        if (run->cells.failed)
            return;
        size_t wide = hd_words_width(run->cells.data + at, run->cells.length - at - 1);
        if (!run->begun) {
            run->width[i] = wide > run->width[i] ? wide : run->width[i];
            run->text[i] |= !(1 << hd_sql_value(run->query, i).type & NUMBER_TYPES);
        }
    }
    run->batch++;
}

/* Texts give way, the widest first. False if they do not fit even so. */
static bool widths_fit(struct run *run)
{
    size_t total = (size_t)(run->columns - 1) * GAP;
    for (int i = 0; i < run->columns; i++)
        total += run->width[i];
    while (total > HD_TABLE_WIDTH) {
        int widest = -1;
        for (int i = 0; i < run->columns; i++)
            if (run->text[i] && run->width[i] > NARROWEST && (widest < 0 || run->width[i] > run->width[widest]))
                widest = i;
        if (widest < 0)
            return false;
        run->width[widest]--;
        total--;
    }
    return true;
}

static void cell_print(struct run *run, int column, const char *text)
{
    FILE *file = run->print->file;
    size_t length = strlen(text), wide = hd_words_width(text, length), width = run->width[column];
    char *shorter = run->print->terminal && wide > width ? hd_words_shorten(text, length, width) : NULL;
    size_t pad = wide < width ? width - wide : 0;
    bool right = !run->text[column], last = column == run->columns - 1;
    fprintf(file, "%s%*s%s%*s", column ? "  " : "", right ? (int)pad : 0, "", shorter ? shorter : text,
            right || last ? 0 : (int)pad, "");
    if (last)
        fputc('\n', file);
    free(shorter);
}

/* The batch as lines: name = value. */
static void batch_lines(struct run *run, const char *cell)
{
    size_t widest = widest_name(run);
    for (uint64_t row = 0; row < run->batch; row++) {
        if (row)
            fputc('\n', run->print->file);
        for (int i = 0; i < run->columns; i++, cell += strlen(cell) + 1) {
            run->cell.length = 0;
            hd_buffer_append(&run->cell, cell, strlen(cell));
            line_cell(run, i, widest);
        }
    }
}

static void batch_print(struct run *run)
{
    const char *cell = run->cells.data;
    if (run->cells.failed) {
        fputs("(out of memory)\n", run->print->file);
        return;
    }
    if (!run->begun && run->batch) {
        run->begun = true;
        run->wide = run->print->terminal && !widths_fit(run);
        hd_table_strong(run->print->file, !run->wide);
        for (int i = 0; i < run->columns && !run->wide; i++)
            cell_print(run, i, hd_sql_column_name(run->query, i));
        hd_table_strong(run->print->file, false);
    }
    if (run->wide) {
        batch_lines(run, cell);
    } else {
        for (uint64_t row = 0; row < run->batch; row++)
            for (int i = 0; i < run->columns; i++, cell += strlen(cell) + 1)
                cell_print(run, i, cell);
    }
    run->cells.length = 0;
    run->batch = 0;
}

/* --- a query --- */

static bool run_init(struct run *run)
{
    run->width = calloc((size_t)run->columns + 1, sizeof *run->width);
    run->text = calloc((size_t)run->columns + 1, sizeof *run->text);
    for (int i = 0; run->width && run->text && i < run->columns; i++) {
        const char *name = hd_sql_column_name(run->query, i);
        run->width[i] = hd_words_width(name, strlen(name));
    }
    return run->width && run->text;
}

static void row_take(struct run *run)
{
    struct hd_sql_print *print = run->print;
    if (++print->rows == 1) {
        for (int i = 0; i < run->columns && !print->id; i++)
            if (!strcmp(hd_sql_column_name(run->query, i), "id") && hd_sql_value(run->query, i).integer > 0)
                print->id = (uint64_t)hd_sql_value(run->query, i).integer;
        if (print->mode == HD_SQL_CSV || print->mode == HD_SQL_MARKDOWN)
            head_print(run);
    }
    if (print->mode == HD_SQL_JSON) {
        json_row(run);
    } else if (print->mode == HD_SQL_TABLE && !run->wide) {
        batch_add(run);
        if (run->batch == BATCH || run->cells.failed)
            batch_print(run);
    } else {
        row_print(run);
    }
}

bool hd_sql_print(struct hd_sql_print *print, struct hd_sql_query *query, struct hd_error *err)
{
    struct run run = {.print = print, .query = query, .columns = hd_sql_column_count(query)};
    enum hd_sql_step step = HD_SQL_FAILED;
    print->rows = print->id = 0;
    print->more = false;
    bool ok = run_init(&run) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    while (ok && (step = hd_sql_step(query, err)) == HD_SQL_ROW && !ferror(print->file)) {
        print->more = print->limit && print->rows == print->limit;
        if (print->more)
            break;
        row_take(&run);
    }
    ok = ok && step != HD_SQL_FAILED;
    if (run.batch)
        batch_print(&run);
    if (print->mode == HD_SQL_JSON && run.columns)
        fputs(print->rows ? "]\n" : ok ? "[]\n" : "", print->file);
    hd_buffer_deinit(&run.cell);
    hd_buffer_deinit(&run.cells);
    free(run.width);
    free(run.text);
    return ok;
}
