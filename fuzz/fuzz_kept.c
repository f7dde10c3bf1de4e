/*
 * Fuzz target: what views keep in an index (view/keep.h), changed by somebody who wants to be believed: the bytes are changes to what
 * was kept of a small dump, 16 of them for each: where (8) and what (8), or less than that of what was kept. Whatever is answered then
 * must be a proper answer.
 */
#include "fuzz/fuzz_target.h"

#include "fuzz/questions.h"
#include "graph/index_format.h"
#include "view/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANGE = 16, CHANGES_MAX = 16, THINGS = 30, LINE = 200 };

/* Under which words, and the command that keeps and uses it. */
static const struct {
    const char *what, *command;
} kinds[] = {{"rows of strings", "strings"}, {"rows of collections", "collections"}, {"suspects", "suspects"}, {"exact sums", "top"},
             {"sums of a facet, exact", "top"}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char folder[64] = "/tmp/heap_dump-kept-XXXXXX", dump[96], file[112];
static struct hd_buffer bare, kept[KINDS]; /* the index without anything kept, and what is */

static void put(const char *path, const struct hd_buffer *data)
{
    FILE *out = fopen(path, "wb");
    hd_question_require(out && fwrite(data->data, 1, data->length, out) == data->length && !fclose(out), "a file cannot be written");
}

static void tidy(void)
{
    unlink(file);
    unlink(dump);
    rmdir(folder);
}

static void add(struct hd_buffer *text, const char *line)
{
    hd_buffer_append(text, line, strlen(line));
}

/* Two constants with strings, arrays and hashes enough that there is something to tell. */
static void dump_make(struct hd_buffer *text)
{
    char line[LINE];
    add(text, "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1,\"ruby\":\"3.1.7\",\"heap\":[4096,99999]}\n"
              ",{\"id\":\"_ROOTS_\",\"vm\":[4096]}\n"
              ",{\"id\":4096,\"bt\":\"T_CLASS\",\"name\":\"Node\",\"size\":500,\"consts\":{\"LIST\":4136,\"MAP\":4176}}\n");
    for (int list = 0; list < 2; list++) {
        snprintf(line, sizeof line, ",{\"id\":%d,\"bt\":\"T_ARRAY\",\"size\":80,\"capacity\":90,\"val\":[", 4136 + 40 * list);
        add(text, line);
        for (int i = list; i < THINGS; i++) {
            snprintf(line, sizeof line, "%s%d", i > list ? "," : "", 8000 + 2000 * list + 40 * i);
            add(text, line);
        }
        add(text, "]}\n");
    }
    for (int i = 0; i < 2 * THINGS; i++) {
        int id = 8000 + 2000 * (i / THINGS) + 40 * (i % THINGS);
        if (i % 5)
            snprintf(line, sizeof line, ",{\"id\":%d,\"bt\":\"T_STRING\",\"size\":%d,\"val\":\"text %d\",\"bytesize\":6,\"encoding\":\"UTF-8\","
                     "\"file\":\"a.rb\",\"line\":%d}\n", id, 40 + i, i % 7, i);
        else
            snprintf(line, sizeof line, ",{\"id\":%d,\"bt\":\"T_HASH\",\"size\":%d,\"val\":{}}\n", id, 40 + 8 * i);
        add(text, line);
    }
    add(text, ",{\"id\":\"_END_\",\"objects\":63,\"references\":70,\"unreadable\":0}\n]\n");
}

static void ask(const char *command)
{
    for (unsigned i = 0; i < hd_question_count; i++)
        if (hd_question_is(i, command))
            hd_question_ask(i, dump, 4096);
}

static void begin(void)
{
    struct hd_open open;
    struct hd_error err = {0};
    struct hd_buffer text = {0};
    hd_question_require(mkdtemp(folder) != NULL, "no folder");
    atexit(tidy);
    snprintf(dump, sizeof dump, "%s/dump.json", folder);
    snprintf(file, sizeof file, "%s.idx", dump);
    dump_make(&text);
    put(dump, &text);
    hd_buffer_deinit(&text);
    hd_question_require(hd_open_read(&open, dump, &err), "the dump cannot be read");
    hd_open_close(&open);
    FILE *in = fopen(file, "rb");
    hd_question_require(in && !fseek(in, 0, SEEK_END), "there is no index");
    bare.length = (size_t)ftell(in);
    rewind(in);
    struct hd_buffer room = {0};
    hd_question_require(hd_buffer_reserve(&room, bare.length) && fread(room.data, 1, bare.length, in) == bare.length && !fclose(in),
                        "the index cannot be read");
    room.length = bare.length;
    bare = room;
    hd_question_require(hd_open_read_for(&open, dump, HD_INDEX_SUMS, &err), "the index cannot be used");
    for (unsigned i = 0; i < KINDS; i++) {
        ask(kinds[i].command);
        hd_question_require(hd_keep_find(&open, kinds[i].what, 0, &kept[i]), "nothing was kept");
    }
    hd_open_close(&open);
}

static void change(struct hd_buffer *bytes, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + CHANGE <= size && at < CHANGE * CHANGES_MAX && bytes->length; at += CHANGE) {
        uint64_t where;
        memcpy(&where, data + at, sizeof where);
        size_t width = (size_t)1 << (where >> 62); /* 1, 2, 4 or 8 bytes of it */
        size_t to = (size_t)((where & ~(UINT64_C(3) << 62)) % bytes->length);
        if (where % 3) /* most are numbers of 8 bytes each */
            to &= ~(size_t)7;
        if (to + width <= bytes->length)
            memcpy(bytes->data + to, data + at + 8, width);
    }
    if (size % CHANGE == 1)
        bytes->length = data[size - 1] * bytes->length / 256;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hd_open open;
    struct hd_error err = {0};
    struct hd_buffer bytes = {0};
    if (!bare.length)
        begin();
    unsigned kind = size ? data[0] % KINDS : 0;
    hd_buffer_append(&bytes, kept[kind].data, kept[kind].length);
    change(&bytes, size ? data + 1 : data, size ? size - 1 : 0);
    put(file, &bare);
    hd_question_require(hd_open_read_for(&open, dump, HD_INDEX_SUMS, &err), "the index cannot be used");
    hd_keep_add(&open, kinds[kind].what, 0, &bytes);
    hd_open_close(&open);
    hd_buffer_deinit(&bytes);
    ask(kinds[kind].command);
    return 0;
}
