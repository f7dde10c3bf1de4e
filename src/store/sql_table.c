/* See sql_table.h. */
#include "store/sql_table.h"

#include "base/arena.h"
#include "dump/json_reader.h"
#include "graph/fields.h"
#include "graph/index_point.h"

#include <stdlib.h>
#include <string.h>

/* idxNum: the key, counted from 1, 0 for a scan; and the order. */
enum { PLAN_KEY = 0xff, PLAN_ORDER_SHIFT = 8, PLAN_ORDER = 3 << PLAN_ORDER_SHIFT, PLAN_DESCENDING = 0x400, PLAN_ALSO = 0x800 };

struct module {
    const struct hd_sql_table *table;
    struct hd_sql_heap *heap;
};

struct vtab {
    sqlite3_vtab base;
    const struct hd_sql_table *table;
    struct hd_sql_heap *heap;
    int columns;
    uint64_t lines; /* bits of the columns that are read from the dump's lines */
};

/* --- making it --- */

static bool from_line(const struct hd_sql_column *column)
{
    return !strncmp(column->about, "line:", 5);
}

static char *declaration(const struct hd_sql_table *table)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    sqlite3_str_appendall(text, "CREATE TABLE t(");
    for (int i = 0; table->about.columns[i].name; i++)
        sqlite3_str_appendf(text, "%s\"%w\" %s", i ? "," : "", table->about.columns[i].name, table->about.columns[i].type);
    if (table->hidden)
        sqlite3_str_appendf(text, ",%s", table->hidden);
    sqlite3_str_appendall(text, ")");
    return sqlite3_str_finish(text);
}

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **made, char **error)
{
    const struct module *module = aux;
    struct vtab *vtab = calloc(1, sizeof *vtab);
    char *text = declaration(module->table);
    (void)argc;
    (void)argv;
    (void)error;
    module->heap->declaring = true;
    int code = vtab && text ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    module->heap->declaring = false;
    sqlite3_free(text);
    if (code == SQLITE_OK) /* what they say are a process's secrets: for statements that people write, not for views and triggers */
        code = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (code != SQLITE_OK) {
        free(vtab);
        return code;
    }
    vtab->table = module->table;
    vtab->heap = module->heap;
    for (; vtab->table->about.columns[vtab->columns].name; vtab->columns++)
        if (from_line(&vtab->table->about.columns[vtab->columns]))
            vtab->lines |= (uint64_t)1 << (vtab->columns < 63 ? vtab->columns : 63);
    *made = &vtab->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *base)
{
    free(base);
    return SQLITE_OK;
}

/* --- which way --- */

/* The first usable `column = ?` of a key, compared byte by byte; -1 if there is none. *given: there is one that is not usable. */
static int constraint_of(sqlite3_index_info *info, int column, bool *given)
{
    int found = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || info->aConstraint[i].iColumn != column)
            continue;
        *given = true;
        if (found < 0 && info->aConstraint[i].usable && !sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY"))
            found = i;
    }
    return found;
}

static bool order_is(const sqlite3_index_info *info, int place, int column)
{
    return column >= 0 && info->nOrderBy > place && info->aOrderBy[place].iColumn == column;
}

/* Whether the rows come in the order that is wanted, of itself or on demand. */
static int order_choose(const struct hd_sql_table *table, sqlite3_index_info *info, int key)
{
    if (info->nOrderBy == 1 && order_is(info, 0, table->order) && !info->aOrderBy[0].desc) {
        info->orderByConsumed = 1;
        return 0;
    }
    bool also = info->nOrderBy == 2 && order_is(info, 1, table->order) && info->aOrderBy[0].desc == info->aOrderBy[1].desc;
    if (key != HD_SQL_SCAN || (info->nOrderBy != 1 && !also))
        return 0;
    for (int i = 0; i < 2; i++)
        if (order_is(info, 0, table->orders[i])) {
            info->orderByConsumed = 1;
            return (i + 1) << PLAN_ORDER_SHIFT | (info->aOrderBy[0].desc ? PLAN_DESCENDING : 0);
        }
    return 0;
}

static const char *column_name(const struct hd_sql_table *table, int column)
{
    int count = 0;
    while (table->about.columns[count].name)
        count++;
    return column < 0 ? "rowid" : column < count ? table->about.columns[column].name : table->about.arguments;
}

/* What EXPLAIN QUERY PLAN shows. */
static char *plan_words(const struct vtab *vtab, const sqlite3_index_info *info, int key)
{
    const struct hd_sql_table *table = vtab->table;
    const char *order = info->idxNum & PLAN_ORDER ? " in order" : "";
    const char *lines = info->colUsed & vtab->lines ? ", reads lines" : "";
    if (key == HD_SQL_SCAN)
        return sqlite3_mprintf("all%s%s", order, lines);
    if (info->idxNum & PLAN_ALSO)
        return sqlite3_mprintf("%s=? %s=?%s", column_name(table, table->keys[key].column),
                               column_name(table, table->keys[key].also), lines);
    return sqlite3_mprintf("%s=?%s", column_name(table, table->keys[key].column), lines);
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct vtab *vtab = (const struct vtab *)base;
    const struct hd_sql_table *table = vtab->table;
    int key = HD_SQL_SCAN, used = -1;
    double rows = table->rows(vtab->heap);
    bool unique = false;
    for (int i = 0; i < table->key_count; i++) {
        bool given = false;
        int constraint = constraint_of(info, table->keys[i].column, &given);
        double found = table->keys[i].rows ? table->keys[i].rows(vtab->heap) : 1;
        if (table->keys[i].required && constraint < 0) {
            base->zErrMsg = given ? NULL : sqlite3_mprintf("%s needs its argument: FROM %s(%s)", table->about.name,
                                                           table->about.name, table->about.arguments);
            return given ? SQLITE_CONSTRAINT : SQLITE_ERROR; /* the former: another order of the join may do */
        }
        if (constraint >= 0 && (key == HD_SQL_SCAN || found < rows)) {
            key = i;
            used = constraint;
            rows = found;
            unique = !table->keys[i].rows;
        }
    }
    info->idxNum = (key + 1) | order_choose(table, info, key);
    if (used >= 0) {
        bool given;
        int also = table->keys[key].also > 0 ? constraint_of(info, table->keys[key].also, &given) : -1;
        info->aConstraintUsage[used].argvIndex = 1;
        info->aConstraintUsage[used].omit = table->keys[key].required;
        if (also >= 0) {
            info->aConstraintUsage[also].argvIndex = 2;
            info->idxNum |= PLAN_ALSO;
            rows = 1;
        }
    }
    info->idxFlags = unique ? SQLITE_INDEX_SCAN_UNIQUE : 0;
    info->estimatedRows = rows < 1 ? 1 : (sqlite3_int64)rows;
    info->estimatedCost = (rows < 1 ? 1 : rows) * (info->colUsed & vtab->lines ? 20 : 1) + (key == HD_SQL_SCAN ? 100 : 2);
    info->idxStr = plan_words(vtab, info, key);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* --- rows --- */

static int failed(struct hd_sql_cursor *cursor)
{
    sqlite3_vtab *vtab = cursor->base.pVtab;
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", cursor->heap->err.text);
    cursor->end = true;
    return cursor->heap->err.code == HD_ERROR_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **made)
{
    const struct vtab *vtab = (const struct vtab *)base;
    struct hd_sql_cursor *cursor = calloc(1, vtab->table->cursor_size);
    if (!cursor)
        return SQLITE_NOMEM;
    cursor->heap = vtab->heap;
    cursor->table = vtab->table;
    cursor->end = true;
    *made = &cursor->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    struct hd_sql_cursor *cursor = (struct hd_sql_cursor *)base;
    if (cursor->table->close)
        cursor->table->close(cursor);
    hd_sql_reader_deinit(&cursor->reader);
    hd_buffer_deinit(&cursor->scratch);
    free(cursor);
    return SQLITE_OK;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc, sqlite3_value **argv)
{
    struct hd_sql_cursor *cursor = (struct hd_sql_cursor *)base;
    struct hd_sql_plan plan = {.key = (number & PLAN_KEY) - 1, .value = argc > 0 ? argv[0] : NULL,
                               .also = argc > 1 ? argv[1] : NULL,
                               .order = ((number & PLAN_ORDER) >> PLAN_ORDER_SHIFT) - 1, .descending = number & PLAN_DESCENDING};
    (void)words;
    cursor->end = true;
    if (plan.value && sqlite3_value_type(plan.value) == SQLITE_NULL)
        return SQLITE_OK; /* nothing is equal to NULL */
    bool single = cursor->table->single && cursor->table->single(&plan);
    if (!single && !hd_sql_heap_whole(cursor->heap))
        return failed(cursor);
    return cursor->table->filter(cursor, &plan) ? SQLITE_OK : failed(cursor);
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct hd_sql_cursor *cursor = (struct hd_sql_cursor *)base;
    cursor->heap->rows++;
    return cursor->table->next(cursor) ? SQLITE_OK : failed(cursor);
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    return ((struct hd_sql_cursor *)base)->end;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    struct hd_sql_cursor *cursor = (struct hd_sql_cursor *)base;
    if (cursor->table->column(cursor, context, column))
        return SQLITE_OK;
    sqlite3_result_error(context, cursor->heap->err.text, -1);
    return cursor->heap->err.code == HD_ERROR_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    struct hd_sql_cursor *cursor = (struct hd_sql_cursor *)base;
    *rowid = cursor->table->rowid(cursor);
    return SQLITE_OK;
}

/* Without xCreate: they are there without anybody making them. Without xUpdate: read-only. */
static const sqlite3_module methods = {
    .iVersion = 0, .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect,
    .xOpen = cursor_open, .xClose = cursor_close, .xFilter = cursor_filter, .xNext = cursor_next, .xEof = cursor_eof,
    .xColumn = cursor_column, .xRowid = cursor_rowid};

int hd_sql_table_register(sqlite3 *db, struct hd_sql_heap *heap, const char *prefix)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && hd_sql_tables[i]; i++) {
        struct module *module = malloc(sizeof *module);
        char *name = sqlite3_mprintf("%s%s", prefix, hd_sql_tables[i]->about.name);
        if (module)
            *module = (struct module){hd_sql_tables[i], heap};
        /* frees the module itself if it fails */
        code = module && name ? sqlite3_create_module_v2(db, name, &methods, module, free) : SQLITE_NOMEM;
        if (!name)
            free(module);
        sqlite3_free(name);
    }
    return code;
}

/* --- nodes --- */

void hd_sql_nodes_one(struct hd_sql_nodes *nodes, uint32_t node)
{
    bool some = node != HD_NODE_NONE;
    *nodes = (struct hd_sql_nodes){.at = some ? node : 0, .end = some ? node + 1 : 0};
}

void hd_sql_nodes_all(struct hd_sql_nodes *nodes, const struct hd_graph *graph)
{
    *nodes = (struct hd_sql_nodes){.at = 1, .end = graph->node_count};
}

void hd_sql_nodes_group(struct hd_sql_nodes *nodes, const struct hd_sql_order *order, uint32_t group)
{
    *nodes = (struct hd_sql_nodes){.list = order->node};
    if (group >= order->count)
        return;
    nodes->at = order->start[group];
    nodes->end = order->start[group + 1];
}

bool hd_sql_nodes_next(struct hd_sql_nodes *nodes, uint32_t *node)
{
    if (nodes->at >= nodes->end)
        return false;
    uint32_t place = nodes->backwards ? --nodes->end : nodes->at++;
    *node = nodes->list ? nodes->list[place] : place;
    return true;
}

/* --- values --- */

bool hd_sql_value_integer(sqlite3_value *value, int64_t *integer)
{
    int type = sqlite3_value_numeric_type(value);
    *integer = sqlite3_value_int64(value);
    return type == SQLITE_INTEGER || (type == SQLITE_FLOAT && (double)*integer == sqlite3_value_double(value));
}

/* Below 0: no object can have it. */
static int64_t value_id(sqlite3_value *value)
{
    int64_t id;
    return hd_sql_value_integer(value, &id) ? id : -1;
}

static uint32_t node_of_id(const struct hd_graph *graph, int64_t id, bool root)
{
    if (id <= 0)
        return id == 0 && root ? HD_NODE_ROOT : HD_NODE_NONE;
    return hd_graph_find(graph, (uint64_t)id);
}

uint32_t hd_sql_value_node(const struct hd_sql_heap *heap, sqlite3_value *value, bool root)
{
    return node_of_id(heap->source.graph, value_id(value), root);
}

bool hd_sql_find_node(struct hd_sql_heap *heap, sqlite3_value *value, bool root, uint32_t *node)
{
    int64_t id = value_id(value);
    if (heap->source.index && id > 0 && hd_index_find(heap->source.index, (uint64_t)id, node))
        return true;
    if (id > 0 && !hd_sql_heap_whole(heap))
        return false;
    *node = node_of_id(heap->source.graph, id, root);
    return true;
}

bool hd_sql_value_class(const struct hd_sql_heap *heap, sqlite3_value *value, uint32_t *rank)
{
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text)
        return false;
    uint32_t group = hd_groups_find(heap->classes, text, (size_t)sqlite3_value_bytes(value));
    if (group == HD_NODE_NONE)
        return false;
    *rank = heap->class_rank[group];
    return true;
}

void hd_sql_result_name(sqlite3_context *context, struct hd_graph_text text)
{
    if (text.data)
        sqlite3_result_text64(context, text.data, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

void hd_sql_result_bytes(sqlite3_context *context, uint64_t number)
{
    sqlite3_result_int64(context, number > INT64_MAX ? INT64_MAX : (int64_t)number);
}

void hd_sql_result_id(sqlite3_context *context, const struct hd_graph *graph, uint32_t node)
{
    if (node != HD_NODE_NONE)
        hd_sql_result_bytes(context, graph->node_address[node]);
}

void hd_sql_result_type(sqlite3_context *context, uint8_t type)
{
    if (type > HD_BT_NONE && type < HD_BT_COUNT)
        sqlite3_result_text(context, hd_bt_name(type), -1, SQLITE_STATIC);
}

static void result_text(sqlite3_context *context, const char *data, size_t length)
{
    sqlite3_result_text64(context, data, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void result_string(sqlite3_context *context, struct hd_buffer *scratch, struct hd_graph_text value)
{
    bool quoted = value.length >= 2 && value.data[value.length - 1] == '"';
    if (quoted && !memchr(value.data, '\\', value.length)) {
        result_text(context, value.data + 1, value.length - 2);
        return;
    }
    scratch->length = 0;
    hd_fields_unescape(scratch, value);
    if (scratch->failed)
        sqlite3_result_error_nomem(context);
    else
        result_text(context, scratch->data ? scratch->data : "", scratch->length);
}

/* Copied, because a number in the line is not terminated. */
static void result_number(sqlite3_context *context, struct hd_graph_text value)
{
    char text[64];
    uint64_t number;
    if (hd_sql_fields_integer(value, &number)) {
        sqlite3_result_int64(context, (int64_t)number);
        return;
    }
    if (value.length >= sizeof text) {
        result_text(context, value.data, value.length);
        return;
    }
    memcpy(text, value.data, value.length);
    text[value.length] = '\0';
    bool integer = !strpbrk(text, ".eE");
    long long whole = integer ? strtoll(text, NULL, 10) : 0;
    if (integer && whole > INT64_MIN && whole < INT64_MAX)
        sqlite3_result_int64(context, whole);
    else
        sqlite3_result_double(context, strtod(text, NULL));
}

void hd_sql_result_json(sqlite3_context *context, struct hd_buffer *scratch, struct hd_graph_text value)
{
    if (!value.data || value.length == 0 || hd_fields_is(value, "null"))
        return;
    if (value.data[0] == '"')
        result_string(context, scratch, value);
    else if (hd_fields_is(value, "true") || hd_fields_is(value, "false"))
        sqlite3_result_int(context, value.data[0] == 't');
    else if (value.data[0] == '[' || value.data[0] == '{')
        result_text(context, value.data, value.length);
    else
        result_number(context, value);
}

void hd_sql_result_base64(sqlite3_context *context, struct hd_buffer *scratch, struct hd_graph_text value)
{
    scratch->length = 0;
    hd_fields_base64(scratch, value);
    if (scratch->failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_blob64(context, scratch->data ? scratch->data : "", scratch->length, SQLITE_TRANSIENT);
}

double hd_sql_rows_objects(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count;
}

double hd_sql_rows_references(struct hd_sql_heap *heap)
{
    return (double)heap->source.graph->edge_count;
}

double hd_sql_rows_few(struct hd_sql_heap *heap)
{
    (void)heap;
    return 500;
}
