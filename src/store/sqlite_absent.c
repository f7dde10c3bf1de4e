/* Stands in for store/sqlite.c where there was no SQLite when heap_dump was built. */
#include "store/exporter.h"

extern const struct hd_exporter hd_exporter_sqlite;

const struct hd_exporter hd_exporter_sqlite = {
    .name = "sqlite",
    .where = "FILE",
    .help = "a database for any SQLite program, the tables of `heap_dump sql`",
    .flags = HD_EXPORTER_PATH | HD_EXPORTER_BINARY | HD_EXPORTER_LINES,
    .need = HD_INDEX_GRAPH,
    .missing = "SQLite, which is in libsqlite3-dev"};
