/* See kept.h. */
#define _GNU_SOURCE
#include "cli/kept.h"

#include "cli/cli.h"
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
    const char *name;                   /* of the only dump, as it was given; NULL if there are several */
    int dumps;
};

/* What is to be kept when the index is there. */
struct waiting {
    struct waiting *next;
    struct hd_index_key key;
    struct hd_buffer question, answer;
};

static struct waiting *waiting;

bool hd_kept_by_parts;

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
    question->name = question->dumps ? NULL : path;
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

static void add_word(struct question *question, const char *word)
{
    add(&question->text, word, strlen(word) + 1);
}

/* Of a single dump the name does not matter: marks stand for it in the answer. False if the answer to this cannot be kept. */
static bool add_operands(struct question *question, const struct hd_call *call)
{
    add_word(question, ""); /* no option is called so */
    for (int i = 0; i < call->operand_count; i++) {
        bool dump = operand_of(call->command, i)->kind == HD_OPERAND_DUMP;
        if (dump && !add_dump(question, call->operand[i]))
            return false;
        if (!dump || question->dumps > 1)
            add_word(question, call->operand[i]);
    }
    if (question->dumps > 1) /* they are named here and there: the words must be the same */
        for (int i = 0; i < call->argc; i++)
            add_word(question, call->argv[i]);
    return question->dumps > 0 && !question->text.failed;
}

/* Writes what a mark stands for. */
static void unmark(FILE *file, char mark, bool colors, const char *name)
{
    if (mark == HD_OPEN_NAME_JSON)
        hd_json_string(file, name);
    else if (mark == HD_OPEN_NAME_CLEAN)
        hd_cli_print_clean(file, name);
    else if (mark == HD_OPEN_NAME_QUOTED)
        hd_open_print_quoted(file, name);
    else if (colors)
        fputs(mark == HD_TABLE_STRONG ? HD_TABLE_STRONG_TERMINAL : HD_TABLE_PLAIN_TERMINAL, file);
}

/* How much of a text comes before a mark. */
static size_t before_mark(const char *text, size_t length)
{
    static const char marks[] = {HD_TABLE_STRONG, HD_TABLE_PLAIN, HD_OPEN_NAME_JSON, HD_OPEN_NAME_CLEAN, HD_OPEN_NAME_QUOTED};
    for (size_t i = 0; i < sizeof marks; i++) { /* five fast looks: answers may be long */
        const char *at = memchr(text, marks[i], length);
        length = at ? (size_t)(at - text) : length;
    }
    return length;
}

/* Writes a text with what stands for its marks. False if it cannot be written. */
static bool pass_on(FILE *file, const char *text, size_t length, const char *name)
{
    bool colors = hd_table_colors();
    for (size_t at = 0; at < length;) {
        size_t end = at + before_mark(text + at, length - at);
        if (fwrite(text + at, 1, end - at, file) != end - at)
            return false;
        if (end < length)
            unmark(file, text[end], colors, name ? name : "");
        at = end + 1;
    }
    return !ferror(file);
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
    const char *name; /* of the dump */
    struct hd_buffer heard;
};

static ssize_t tee_write(void *cookie, const char *data, size_t length)
{
    struct tee *tee = cookie;
    if (tee->heard.length <= LONGEST)
        add(&tee->heard, data, length);
    return !tee->real || pass_on(tee->real, data, length, tee->name) ? (ssize_t)length : 0;
}

static bool tee_begin(struct tee *tee, FILE **place, int mode, const char *name, bool quiet)
{
    *tee = (struct tee){.place = *place, .real = quiet ? NULL : *place, .name = name};
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

/* Kept by hd_kept_settle: before, there may be no index. */
static void put_off(const struct question *question, int status, const struct hd_buffer *complaint, const struct hd_buffer *output)
{
    struct waiting *one = calloc(1, sizeof *one);
    const struct answer answer = {(uint64_t)status, complaint->length};
    if (!one)
        return;
    one->key = question->key[0];
    add(&one->question, question->text.data, question->text.length);
    add(&one->answer, &answer, sizeof answer);
    add(&one->answer, complaint->data, complaint->length);
    add(&one->answer, output->data, output->length);
    one->next = waiting;
    waiting = one;
}

void hd_kept_settle(void)
{
    while (waiting) {
        struct waiting *one = waiting;
        waiting = one->next;
        if (!one->question.failed && !one->answer.failed)
            hd_index_keep_answer(&one->key, hd_asked_text(&one->question), hd_asked_text(&one->answer), NULL);
        hd_buffer_deinit(&one->question);
        hd_buffer_deinit(&one->answer);
        free(one);
    }
}

static int run_and_keep(const struct hd_command *command, int argc, char **argv, const struct question *question,
                        bool quiet)
{
    struct tee output, complaint;
    double began = processor_time();
    bool heard = tee_begin(&output, &stdout, _IOFBF, question->name, quiet);
    heard = tee_begin(&complaint, &stderr, _IONBF, question->name, quiet) && heard;
    hd_kept_by_parts = false;
    hd_table_marks = heard;
    hd_open_name_marks = heard && question->name;
    int status = command->run(argc, argv);
    hd_table_marks = hd_open_name_marks = false;
    heard = tee_end(&complaint, &stderr) && heard;
    heard = tee_end(&output, &stdout) && heard;
    if (heard && status <= 1 && (quiet || (!hd_kept_by_parts && processor_time() - began > WORTH_IT)))
        put_off(question, status, &complaint.heard, &output.heard);
    hd_buffer_deinit(&output.heard);
    hd_buffer_deinit(&complaint.heard);
    return status;
}

/* The words, in the order they were given in, but by what they mean. False if this cannot be asked again. */
static bool read_words(struct question *question, struct hd_call *call, const struct hd_command *command, int argc, char **argv)
{
    bool writes = false; /* not only to standard output */
    hd_call_begin(call, command, argc, argv);
    bool known = hd_asked_program(&question->text);
    add_word(question, command->name);
    while (hd_call_option(call)) {
        writes = writes || !strcmp(call->option->name, "output");
        add_word(question, call->option->name);
        add_word(question, call->value ? call->value : "");
    }
    return known && !writes;
}

static int answer(const struct hd_command *command, int argc, char **argv, bool quiet)
{
    struct hd_call call;
    struct question question = {.dumps = 0};
    bool can = read_words(&question, &call, command, argc, argv);
    if (!hd_call_operands(&call)) {
        hd_buffer_deinit(&question.text);
        return call.status;
    }
    if (hd_open_without_index || !can || !add_operands(&question, &call)) {
        hd_buffer_deinit(&question.text);
        return quiet ? 0 : command->run(argc, argv);
    }
    struct repeated said = repeat(&question);
    if (said.status < 0)
        said.status = run_and_keep(command, argc, argv, &question, quiet);
    else if (!quiet && (!pass_on(stderr, said.complaint.data, said.complaint.length, question.name)
                        || !pass_on(stdout, said.output.data, said.output.length, question.name)))
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
