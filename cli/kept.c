/* See kept.h. */
#define _GNU_SOURCE
#include "cli/kept.h"

#include "cli/open.h"
#include "cli/table.h"
#include "dump/text.h"
#include "view/asked.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORTH_IT 0.01 /* seconds of processor time; less is not worth a place */
#define LONGEST ((size_t)8 << 20)

enum { DUMPS_MAX = 4 };

struct question {
    struct hd_buffer text;
    struct hd_index_key key[DUMPS_MAX]; /* of the dumps; the answer is kept with the first */
    int dumps;
};

/* What an answer begins with; standard error's text and standard output's follow. */
struct answer {
    uint64_t status, complaint_bytes;
};

static void add(struct hd_buffer *text, const void *data, size_t length)
{
    hd_buffer_append(text, data, length);
}

static bool add_dump(struct question *question, const char *path)
{
    if (question->dumps == DUMPS_MAX || !hd_index_identify(&question->key[question->dumps], path))
        return false;
    return hd_asked_dump(&question->text, &question->key[question->dumps++]);
}

static const struct hd_operand *operand_of(const struct hd_command *command, int number)
{
    const struct hd_operand *operands = command->operands;
    int i = 0;
    while (i < number && operands[i + 1].name)
        i++;
    return &operands[i];
}

/* False if the answer to this cannot be kept. */
static bool ask(struct question *question, const struct hd_call *call)
{
    if (!hd_asked_program(&question->text))
        return false;
    for (int i = 0; i < call->argc; i++)
        add(&question->text, call->argv[i], strlen(call->argv[i]) + 1);
    for (int i = 0; i < call->operand_count; i++)
        if (operand_of(call->command, i)->kind == HD_OPERAND_DUMP && !add_dump(question, call->operand[i]))
            return false;
    return question->dumps > 0 && !question->text.failed;
}

/* Writes a text with what a terminal needs, or nothing, in place of its marks. False if it cannot be written. */
static bool pass_on(FILE *file, const char *text, size_t length)
{
    bool colors = hd_table_colors();
    for (size_t at = 0; at < length;) {
        size_t end = at;
        while (end < length && text[end] != HD_TABLE_STRONG && text[end] != HD_TABLE_PLAIN)
            end++;
        if (fwrite(text + at, 1, end - at, file) != end - at)
            return false;
        if (end < length && colors)
            fputs(text[end] == HD_TABLE_STRONG ? HD_TABLE_STRONG_TERMINAL : HD_TABLE_PLAIN_TERMINAL, file);
        at = end + 1;
    }
    return true;
}

/* What was answered before; .status < 0: nothing. Its texts live as long as the index. */
struct repeated {
    struct hd_index *index;
    int status;
    struct hd_graph_text complaint, output;
};

static struct repeated repeat(const struct question *question)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct repeated said = {.index = hd_index_map_for(&question->key[0], HD_INDEX_HEADER, &graph, &dominators, NULL),
                            .status = -1};
    struct hd_graph_text kept = {NULL, 0};
    struct answer answer;
    if (said.index)
        kept = hd_index_answer(said.index, hd_asked_text(&question->text));
    if (!kept.data || kept.length < sizeof answer)
        return said;
    memcpy(&answer, kept.data, sizeof answer);
    size_t rest = kept.length - sizeof answer;
    if (answer.complaint_bytes > rest)
        return said;
    said.status = (int)answer.status;
    said.complaint = (struct hd_graph_text){kept.data + sizeof answer, answer.complaint_bytes};
    said.output = (struct hd_graph_text){said.complaint.data + answer.complaint_bytes, rest - answer.complaint_bytes};
    return said;
}

/* --- hearing what a command says, while it goes where it should --- */

struct tee {
    FILE *place; /* what was there before */
    FILE *file;  /* what stands for it meanwhile */
    FILE *real;  /* NULL: it only is heard */
    struct hd_buffer heard;
};

static ssize_t tee_write(void *cookie, const char *data, size_t length)
{
    struct tee *tee = cookie;
    if (tee->heard.length <= LONGEST)
        add(&tee->heard, data, length);
    return !tee->real || pass_on(tee->real, data, length) ? (ssize_t)length : 0;
}

static bool tee_begin(struct tee *tee, FILE **place, int mode, bool quiet)
{
    *tee = (struct tee){.place = *place, .real = quiet ? NULL : *place};
    tee->file = fopencookie(tee, "w", (cookie_io_functions_t){.write = tee_write});
    if (!tee->file)
        return false;
    setvbuf(tee->file, NULL, mode, 0);
    *place = tee->file;
    return true;
}

/* False if not all of it arrived or was heard. */
static bool tee_end(struct tee *tee, FILE **place)
{
    if (!tee->file)
        return false;
    bool ok = !ferror(tee->file);
    ok = !fclose(tee->file) && ok;
    *place = tee->place;
    return !fflush(tee->place) && ok && !tee->heard.failed && tee->heard.length <= LONGEST;
}

static double processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run_and_keep(const struct hd_command *command, int argc, char **argv, const struct question *question,
                        bool quiet)
{
    struct tee output, complaint;
    double began = processor_time();
    bool heard = tee_begin(&output, &stdout, _IOFBF, quiet);
    heard = tee_begin(&complaint, &stderr, _IONBF, quiet) && heard;
    hd_table_marks = output.file != NULL;
    int status = command->run(argc, argv);
    hd_table_marks = false;
    heard = tee_end(&complaint, &stderr) && heard;
    heard = tee_end(&output, &stdout) && heard;
    if (heard && status <= 1 && (quiet || processor_time() - began > WORTH_IT)) {
        struct hd_buffer text = {0};
        const struct answer answer = {(uint64_t)status, complaint.heard.length};
        add(&text, &answer, sizeof answer);
        add(&text, complaint.heard.data, complaint.heard.length);
        add(&text, output.heard.data, output.heard.length);
        if (!text.failed)
            hd_index_keep_answer(&question->key[0], hd_asked_text(&question->text), hd_asked_text(&text), NULL);
        hd_buffer_deinit(&text);
    }
    hd_buffer_deinit(&output.heard);
    hd_buffer_deinit(&complaint.heard);
    return status;
}

static int answer(const struct hd_command *command, int argc, char **argv, bool quiet)
{
    struct hd_call call;
    hd_call_begin(&call, command, argc, argv);
    bool writes = false; /* not only to standard output */
    while (hd_call_option(&call))
        writes = writes || !strcmp(call.option->name, "output");
    if (!hd_call_operands(&call))
        return call.status;
    struct question question = {.dumps = 0};
    if (hd_open_without_index || writes || !ask(&question, &call)) {
        hd_buffer_deinit(&question.text);
        return quiet ? 0 : command->run(argc, argv);
    }
    struct repeated said = repeat(&question);
    if (said.status < 0)
        said.status = run_and_keep(command, argc, argv, &question, quiet);
    else if (!quiet && (!pass_on(stderr, said.complaint.data, said.complaint.length)
                        || !pass_on(stdout, said.output.data, said.output.length)))
        said.status = hd_error_exit_status(HD_ERROR_IO); /* cli/main.c says why */
    hd_index_unmap(said.index);
    hd_buffer_deinit(&question.text);
    return said.status;
}

int hd_kept_run(const struct hd_command *command, int argc, char **argv)
{
    return command->kept ? answer(command, argc, argv, false) : command->run(argc, argv);
}

int hd_kept_ahead(const struct hd_command *command, int argc, char **argv)
{
    return answer(command, argc, argv, true);
}
