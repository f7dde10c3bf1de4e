/*
 * Fuzz target: any bytes as what a client of the server sends: an address, headers, the body of a query.
 *
 * What is parsed must say the same when it is written and parsed again; an answer is a JSON object or a sentence. The dump that is
 * asked about is a small one of ours.
 */
#include "fuzz/fuzz_target.h"

#include "web/answer.h"
#include "web/guard.h"
#include "web/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char dump[] =
    "[{\"id\":\"_DUMP_\",\"format\":\"heap_dump\",\"version\":1,\"ruby\":\"3.1.2\",\"pid\":1,\"source\":\"self\",\"heap\":[4096,8192]}\n"
    ",{\"id\":\"_ROOTS_\",\"vm\":[4096,4136],\"threads\":[4376]}\n"
    ",{\"id\":4096,\"bt\":\"T_CLASS\",\"size\":100,\"name\":\"Shop::Order\",\"ivs\":{\"@all\":4176},\"consts\":{\"NAME\":\"x\"},\"inlined\":[4216]}\n"
    ",{\"id\":4136,\"bt\":\"T_HASH\",\"class\":4096,\"size\":168,\"val\":{\":a\":4176,\"key\":\"text\",\"#<4296>\":null},\"inlined\":[4256,4216]}\n"
    ",{\"id\":4176,\"bt\":\"T_ARRAY\",\"class\":4096,\"size\":40,\"val\":[4296,1,\":sym\",null,2.5,\"in\",4336],\"inlined\":[4256]}\n"
    ",{\"id\":4216,\"bt\":\"T_STRING\",\"size\":40,\"encoding\":\"UTF-8\",\"bytesize\":4,\"val\":\"te\\u0000t\"}\n"
    ",{\"id\":4256,\"bt\":\"T_STRING\",\"size\":40,\"encoding\":\"BINARY\",\"bytesize\":2,\"val_base64\":\"/wD+\"}\n"
    ",{\"id\":4296,\"bt\":\"T_OBJECT\",\"class\":4096,\"size\":40,\"ivs\":{\"@order\":4336,\"@n\":7}}\n"
    ",{\"id\":4336,\"bt\":\"T_DATA\",\"size\":80,\"type_name\":\"proc\",\"self\":4296,\"iseq\":{\"id\":4176,\"name\":\"b\",\"filename\":\"a.rb\",\"line\":3}}\n"
    ",{\"id\":4376,\"bt\":\"T_DATA\",\"size\":90,\"type_name\":\"VM/thread\",\"name\":\"t\",\"status\":\"run\",\"locals\":{\"q\":4176},"
    "\"frames\":[{\"method\":\"m\",\"file\":\"a.rb\",\"line\":1,\"self\":4296,\"locals\":{\"x\":4216}}]}\n"
    ",{\"id\":\"_END_\",\"objects\":8,\"references\":23,\"unreadable\":0}\n]\n";

static struct hd_web_site site;

static void begin(void)
{
    char path[] = "/tmp/heap_dump-fuzz-XXXXXX";
    struct hd_error err;
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, dump, sizeof dump - 1) != (ssize_t)sizeof dump - 1)
        abort();
    static char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    unlink(path);
    hd_open_without_index = true;
    if (!hd_web_site_add(&site, again, &err)) {
        fprintf(stderr, "fuzz_web: %s\n", err.text);
        abort();
    }
}

static void require(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz_web: %s\n", what);
    abort();
}

static void answer(const struct hd_web_question *question)
{
    const struct hd_web_route *route = hd_web_answer_route(question);
    char *text = NULL;
    size_t length = 0;
    unsigned status = 0;
    struct hd_error err = {0};
    FILE *out = route ? open_memstream(&text, &length) : NULL;
    if (!out)
        return;
    bool done = hd_web_answer(&site, route, question, out, &status, &err);
    fclose(out);
    require(done ? status == 200 && length > 3 && text[0] == '{' && !strcmp(text + length - 2, "}\n") : status >= 400 && *err.text,
            "neither an answer nor a sentence");
    free(text);
}

static void address(const char *text)
{
    struct hd_web_question *first = malloc(sizeof *first), *second = malloc(sizeof *second);
    struct hd_buffer key = {0}, again = {0};
    struct hd_error err = {0};
    if (first && second && hd_web_question_parse(first, text, &err)) {
        hd_web_question_key(first, &key);
        if (!strpbrk(first->path, "?#%")) { /* paths that are routes are plain */
            require(hd_web_question_parse(second, key.data, &err), "its own key is no address");
            hd_web_question_key(second, &again);
            require(!strcmp(key.data, again.data), "a key of a key is another");
        }
        answer(first);
    } else {
        require(*err.text, "no address, but without a sentence");
    }
    hd_buffer_deinit(&key);
    hd_buffer_deinit(&again);
    free(first);
    free(second);
}

static void body(const char *text, size_t length)
{
    static struct hd_web_sql sql = {.lock = PTHREAD_MUTEX_INITIALIZER, .stopping = true}; /* none is run */
    char *out_text = NULL;
    size_t out_length = 0;
    unsigned status = 0;
    struct hd_error err = {0};
    FILE *out = open_memstream(&out_text, &out_length);
    if (!out)
        return;
    bool done = hd_web_sql_answer(&sql, &site, (struct hd_graph_text){text, length}, out, &status, &err);
    fclose(out);
    require(done || (status >= 400 && *err.text), "no query, but without a sentence");
    free(out_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!site.count)
        begin();
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    address(text);
    char prefixed[512];
    snprintf(prefixed, sizeof prefixed, "/api/%.500s", text);
    address(prefixed);
    body(text, size);
    hd_web_guard_is_host("127.0.0.1", text);
    hd_web_guard_is_host("0.0.0.0", text);
    hd_web_guard_is_ours(text, text, text);
    hd_web_guard_is_token("0123456789abcdef0123456789abcdef", text);
    free(text);
    return 0;
}
