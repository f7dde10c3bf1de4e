/*
 * Fuzz target: SQL that somebody has written, over the index of a small dump. Whatever the statement, it ends: with rows or
 * with one sentence, in bounded time and memory; and the dump and what lies beside it are as they were.
 */
#include "fuzz/fuzz_target.h"

#include "fuzz/questions.h"
#include "store/sql.h"
#include "view/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS_MAX = 10000 };

static char folder[64] = "/tmp/heap_dump-fuzz-XXXXXX", dump[96], index_file[112];
static struct hd_open opened;
static struct hd_sql *sql;
static nlink_t links;
static struct stat before;

static const char text[] =
    "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1,\"ruby\":\"3.1.7\",\"heap\":[4096,9999]}\n"
    ",{\"id\":\"_ROOTS_\",\"vm\":[4096],\"threads\":[4296],\"global_variables\":{\"\\\\$list\":4136}}\n"
    ",{\"id\":4096,\"bt\":\"T_CLASS\",\"name\":\"Node\",\"size\":500,\"methods\":{\"a\":4256,\"b\":\"(CFUNC)\"},\"consts\":{\"LIST\":4136}}\n"
    ",{\"id\":4136,\"bt\":\"T_OBJECT\",\"class\":4096,\"size\":40,\"ivs\":{\"@next\":4176,\"@text\":4216}}\n"
    ",{\"id\":4176,\"bt\":\"T_OBJECT\",\"class\":4096,\"size\":40,\"ivs\":{\"@next\":null,\"@text\":4216}}\n"
    ",{\"id\":4216,\"bt\":\"T_STRING\",\"size\":40,\"encoding\":\"UTF-8\",\"bytesize\":3,\"val\":\"one\"}\n"
    ",{\"id\":4236,\"bt\":\"T_STRING\",\"size\":40,\"encoding\":\"UTF-8\",\"bytesize\":3,\"val_base64\":\"AP8B\"}\n"
    ",{\"id\":4256,\"bt\":\"T_IMEMO\",\"size\":80,\"type_name\":\"iseq\",\"name\":\"a\",\"filename\":\"a.rb\",\"line\":1,\"type\":\"method\"}\n"
    ",{\"id\":4276,\"bt\":\"T_ARRAY\",\"size\":80,\"val\":[4216,1,null]}\n"
    ",{\"id\":4296,\"bt\":\"T_DATA\",\"size\":80,\"type_name\":\"VM/thread\",\"status\":\"runnable\",\"locals\":{\"x\":4276},"
    "\"frames\":[{\"method\":\"Node#a\",\"file\":\"a.rb\",\"line\":2,\"self\":4136,\"locals\":{\"y\":4216,\"z\":1}}]}\n"
    ",{\"id\":\"_END_\",\"objects\":8,\"references\":17,\"unreadable\":0}\n]\n";

static void tidy(void)
{
    hd_sql_close(sql);
    hd_open_close(&opened);
    unlink(index_file);
    unlink(dump);
    rmdir(folder);
}

static void begin(void)
{
    const struct hd_sql_limits limits = {0.5, 64 << 20};
    struct hd_error err = {0};
    struct stat status;
    hd_question_require(mkdtemp(folder) != NULL, "no folder");
    snprintf(dump, sizeof dump, "%s/dump.json", folder);
    snprintf(index_file, sizeof index_file, "%s.idx", dump);
    FILE *out = fopen(dump, "wb");
    hd_question_require(out && fwrite(text, 1, sizeof text - 1, out) == sizeof text - 1 && !fclose(out), "a file cannot be written");
    hd_question_require(hd_open_read(&opened, dump, &err), "the dump cannot be read");
    const struct hd_sql_source source = {dump, dump, &opened.graph, &opened.dominators, opened.derived, NULL, NULL, NULL};
    sql = hd_sql_open(&source, &limits, &err);
    hd_question_require(sql != NULL, "SQLite does not start");
    hd_question_require(!stat(folder, &status) && !stat(dump, &before), "the folder is gone");
    links = status.st_nlink;
    atexit(tidy);
}

/* Writes nowhere, makes nothing. */
static void require_untouched(void)
{
    struct stat status, now;
    hd_question_require(!stat(folder, &status) && status.st_nlink == links, "there is a folder that was not there");
    hd_question_require(!stat(dump, &now) && now.st_size == before.st_size && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec,
                        "the dump has changed");
}

static void ask(const char *words)
{
    struct hd_error err = {0};
    struct hd_sql_query *query;
    for (const char *at = words; (query = hd_sql_prepare(sql, at, &at, &err)) != NULL; hd_sql_finish(query)) {
        enum hd_sql_step step = HD_SQL_DONE;
        unsigned rows = 0;
        while (rows++ < ROWS_MAX && (step = hd_sql_step(query, &err)) == HD_SQL_ROW)
            for (int i = 0; i < hd_sql_column_count(query); i++) {
                struct hd_sql_value value = hd_sql_value(query, i);
                hd_question_require(value.length == 0 || value.data != NULL, "a value without data");
                hd_question_require(hd_sql_column_name(query, i) != NULL, "a column without a name");
            }
        if (step == HD_SQL_FAILED) {
            hd_question_require(err.code != HD_OK && err.code != HD_ERROR_INTERNAL && *err.text, "a failure without a sentence");
            hd_sql_finish(query);
            return;
        }
    }
    hd_question_require(err.code == HD_OK || *err.text, "a failure without a sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!sql)
        begin();
    char *words = malloc(size + 1);
    hd_question_require(words != NULL, "out of memory");
    memcpy(words, data, size);
    words[size] = '\0';
    ask(words);
    free(words);
    require_untouched();
    return 0;
}
