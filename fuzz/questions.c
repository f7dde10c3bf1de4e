/* See questions.h. */
#include "fuzz/questions.h"

#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_HERE "FILE"
#define ID_HERE "ID"
enum { WORDS = 10 };

static const struct {
    const struct hd_command *command;
    const char *words[WORDS];
} questions[] = {
    {&hd_command_summary, {FILE_HERE}},
    {&hd_command_summary, {FILE_HERE, "--json"}},
    {&hd_command_summary, {"-"}},
    {&hd_command_top, {FILE_HERE, "--limit", "0", "--exact"}},
    {&hd_command_top, {FILE_HERE, "--json", "--by", "type", "--limit", "0"}},
    {&hd_command_top, {FILE_HERE, "--by", "file"}},
    {&hd_command_top, {FILE_HERE, "--by", "gem", "--exact"}},
    {&hd_command_top, {FILE_HERE, "--by", "shape"}},
    {&hd_command_top, {FILE_HERE, "--by", "method", "--json"}},
    {&hd_command_show, {FILE_HERE, ID_HERE}},
    {&hd_command_show, {FILE_HERE, ID_HERE, "--json"}},
    {&hd_command_path, {FILE_HERE, ID_HERE, "--all", "5"}},
    {&hd_command_path, {FILE_HERE, ID_HERE}},
    {&hd_command_path, {FILE_HERE, "String"}},
    {&hd_command_path, {FILE_HERE, "Array", "--json", "--exclude-weak"}},
    {&hd_command_find, {FILE_HERE, "--value", "a"}},
    {&hd_command_find, {FILE_HERE, "--class", "*", "--limit", "0", "--json"}},
    {&hd_command_find, {FILE_HERE, "--name", "*"}},
    {&hd_command_tree, {FILE_HERE, "--depth", "0", "--min", "0%", "--limit", "0"}},
    {&hd_command_tree, {FILE_HERE, ID_HERE, "--json", "--min", "0%"}},
    {&hd_command_flame, {FILE_HERE}},
    {&hd_command_flame, {FILE_HERE, ID_HERE, "--count"}},
    {&hd_command_suspects, {FILE_HERE, "--share", "1", "--limit", "0"}},
    {&hd_command_suspects, {FILE_HERE, "--share", "1", "--json"}},
    {&hd_command_strings, {FILE_HERE, "--limit", "0"}},
    {&hd_command_strings, {FILE_HERE, "--json"}},
    {&hd_command_strings, {FILE_HERE, "--limit", "3"}},
    {&hd_command_collections, {FILE_HERE, "--limit", "0"}},
    {&hd_command_collections, {FILE_HERE, "--json"}},
    {&hd_command_collections, {FILE_HERE, "--limit", "3"}},
    {&hd_command_threads, {FILE_HERE, "--limit", "0"}},
    {&hd_command_threads, {FILE_HERE, "--json"}},
    {&hd_command_sql, {FILE_HERE, "SELECT *, path(id), dump_line(id) FROM objects", "--json"}},
    {&hd_command_sql, {FILE_HERE, "SELECT class, count(*), sum(length) FROM objects GROUP BY class ORDER BY class DESC"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM objects a JOIN refs ON to_id = a.id LEFT JOIN objects b ON b.id = from_id", "--json"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM objects a JOIN objects b ON b.dominator = a.id JOIN classes USING (class)", "--json"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM strings LEFT JOIN roots USING (id)", "--output", "lines"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM methods LEFT JOIN iseqs USING (id)", "--output", "markdown"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM threads t LEFT JOIN frames ON thread_id = t.id LEFT JOIN locals USING (thread_id, depth)"}},
    {&hd_command_sql, {FILE_HERE, "SELECT * FROM thread_locals JOIN dump LEFT JOIN path(id)", "--json"}},
    {&hd_command_export, {FILE_HERE, "--to", "heapsnapshot:-"}},
    {&hd_command_export, {FILE_HERE, "--to", "pprof:-"}},
    {&hd_command_export, {FILE_HERE, "--to", "speedscope:-"}},
    {&hd_command_export, {FILE_HERE, "--to", "collapsed:-", "--min", "1%"}},
    {&hd_command_export, {FILE_HERE, "--to", "objspace:-"}},
    {&hd_command_diff, {FILE_HERE, FILE_HERE}},
    {&hd_command_diff, {FILE_HERE, FILE_HERE, FILE_HERE, "--json"}},
};
const unsigned hd_question_count = sizeof questions / sizeof *questions;

void hd_question_require(int truth, const char *words)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz: %s\n", words);
    abort();
}

/* C0 and C1 controls, DEL, and characters that change the direction of what follows. */
static void require_harmless(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i], next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        unsigned char third = i + 2 < length ? (unsigned char)text[i + 2] : 0;
        bool control = (c < 32 && c != '\n') || c == 127 || (c == 0xc2 && next >= 0x80 && next < 0xa0);
        bool bidi = c == 0xe2 && ((next == 0x80 && third >= 0xaa && third <= 0xae)
                                  || (next == 0x81 && third >= 0xa6 && third <= 0xa9));
        hd_question_require(!control && !bidi, "a byte that a terminal obeys is printed");
    }
}

/* What a question prints: for people, JSON, or some other tool's form. */
enum form { TEXT, JSON, JSON_EXPORT, BINARY_EXPORT };

static enum form form_of(const char *const *words)
{
    for (unsigned i = 0; i < WORDS && words[i]; i++) {
        if (!strcmp(words[i], "--json"))
            return JSON;
        if (!strcmp(words[i], "pprof:-"))
            return BINARY_EXPORT;
        if (!strcmp(words[i], "heapsnapshot:-") || !strcmp(words[i], "speedscope:-"))
            return JSON_EXPORT;
    }
    return TEXT;
}

static void judge(int status, enum form form, const char *out, size_t out_length, const char *complaint,
                  size_t complaint_length)
{
    hd_question_require(status == 0 || status == 2 || status == 3 || status == 4 || status == 5,
                        "an exit status that no file should cause");
    require_harmless(complaint, complaint_length);
    if (form == TEXT)
        require_harmless(out, out_length);
    else if (form == JSON || (form == JSON_EXPORT && status == 0)) /* an export that fails may be half there */
        hd_question_require(out_length > 2 && out[0] == '{' && out[out_length - 2] == '}' && out[out_length - 1] == '\n',
                            "--json does not print an object");
    if (status != 0)
        hd_question_require(form == JSON || (complaint_length && complaint[complaint_length - 1] == '\n'), "a failure without a sentence");
}

int hd_question_is(unsigned question, const char *command)
{
    return !strcmp(questions[question].command->name, command);
}

int hd_question_ask(unsigned question, const char *path, uint64_t id)
{
    char id_text[32], *argv[WORDS + 3] = {(char *)questions[question].command->name};
    const char *const *words = questions[question].words;
    int argc = 1;
    snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)id);
    for (unsigned i = 0; i < WORDS && words[i]; i++)
        argv[argc++] = !strcmp(words[i], FILE_HERE) ? (char *)path
                       : !strcmp(words[i], ID_HERE) ? id_text : (char *)words[i];
    char *out = NULL, *complaint = NULL;
    size_t out_length = 0, complaint_length = 0;
    FILE *real_out = stdout, *real_err = stderr;
    FILE *new_out = open_memstream(&out, &out_length), *new_err = open_memstream(&complaint, &complaint_length);
    hd_question_require(new_out && new_err, "no memory to catch what is printed");
    stdout = new_out;
    stderr = new_err;
    int status = questions[question].command->run(argc, argv);
    stdout = real_out;
    stderr = real_err;
    fclose(new_out);
    fclose(new_err);
    if (getenv("FUZZ_SHOW"))
        fprintf(stderr, "%s: status %d\n%s%s", argv[0], status, out, complaint);
    judge(status, form_of(words), out, out_length, complaint, complaint_length);
    free(out);
    free(complaint);
    return status;
}
