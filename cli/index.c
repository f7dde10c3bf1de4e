/* `heap_dump index`: makes a dump ready to be asked, so that nobody has to wait later. */
#include "cli/cli.h"

#include "cli/ahead.h"
#include "cli/open.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void print(bool json, const struct hd_open *open, const char *index, uint64_t bytes)
{
    char size[HD_WORDS_NUMBER];
    if (json) {
        printf("{");
        hd_open_json_head(stdout, open);
        printf(",\"index\":");
        hd_cli_print_json_string(stdout, index);
        printf(",\"bytes\":%llu,\"answers\":%u}\n", (unsigned long long)bytes, hd_ahead_count());
        return;
    }
    hd_cli_print_clean(stdout, index);
    printf("  %s\n", hd_words_bytes(size, bytes));
    hd_open_next(stdout, open, "suspects", "");
}

static bool made(const char *path, char index[PATH_MAX], uint64_t *bytes, struct hd_error *err)
{
    struct hd_index_key key;
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct stat status;
    if (!hd_index_identify(&key, path))
        return hd_error_set(err, HD_ERROR_IO, "only a file has an index, and %.200s is none: write the dump into a file first", path);
    struct hd_index *map = hd_index_map_for(&key, HD_INDEX_HEADER, &graph, &dominators, err);
    if (!map)
        return hd_error_set(err, HD_ERROR_IO, "no index could be written beside %.200s nor in the cache folder: give "
                            "one of them room and make it writable", path);
    strcpy(index, hd_index_where(map));
    hd_index_unmap(map);
    *bytes = stat(index, &status) ? 0 : (uint64_t)status.st_size;
    return true;
}

static int prepare(char *path, bool json)
{
    struct hd_open open;
    struct hd_error err;
    char index[PATH_MAX];
    uint64_t bytes;
    if (!hd_open_read_for(&open, path, HD_INDEX_SUMS, &err))
        return hd_open_fail("index", json, &err);
    hd_open_close(&open);
    hd_basis_wait(); /* here it is written */
    bool ok = made(path, index, &bytes, &err) && hd_ahead(path, true, &err) && made(path, index, &bytes, &err)
              && hd_open_read_for(&open, path, HD_INDEX_SUMS, &err);
    if (!ok)
        return hd_open_fail("index", json, &err);
    if (!json)
        hd_open_warn(&open, "index");
    print(json, &open, index, bytes);
    hd_open_close(&open);
    return 0;
}

static int run(int argc, char **argv)
{
    bool json = false;
    struct hd_call call;
    hd_call_begin(&call, &hd_command_index, argc, argv);
    while (hd_call_option(&call))
        json = true;
    return hd_call_operands(&call) ? prepare(call.operand[0], json) : call.status;
}

static const struct hd_option options[] = {
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_index = {
    .name = "index",
    .run = run,
    .summary = "make a dump ready, so that all questions are answered at once",
    .about = "Makes the index of a dump, FILE.idx, and answers ahead what takes long: suspects, tree, threads, strings, "
             "collections, flame, and top by file, gem, method and shape, whatever their options are, what find and diff look at, and the page of "
             "`heap_dump serve`. All commands make the "
             "index when they need it, and for big dumps these answers, too, after their own; this does it beforehand, for instance at the "
             "end of the job that took the dump.",
    .operands = {{"FILE", "a file", HD_OPERAND_DUMP, false, false, NULL}},
    .options = options,
    .notes = "Answers belong to the options of the question and to that very state of the "
             "dump. The index holds what the dump holds, and has mode 0600.",
    .statuses = HD_OPEN_STATUSES};
