/* See kept.h. */
#define _GNU_SOURCE
#include "cli/kept.h"

#include "cli/open.h"
#include "cli/table.h"
#include "dump/text.h"
#include "graph/index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Another build of the same release may have other words. */
static bool add_program(struct hd_buffer *text)
{
    struct stat status;
    if (stat("/proc/self/exe", &status))
        return false;
    const uint64_t program[] = {status.st_ino, (uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec,
                                (uint64_t)status.st_mtim.tv_nsec, hd_table_colors()};
    add(text, program, sizeof program);
    return true;
}

static bool add_dump(struct question *question, const char *path)
{
    if (question->dumps == DUMPS_MAX || !hd_index_identify(&question->key[question->dumps], path))
        return false;
    const struct hd_index_key *key = &question->key[question->dumps++];
    const uint64_t state[] = {key->device, key->inode, key->size, key->modified, key->changed, key->ends};
    add(&question->text, state, sizeof state);
    return key->settled;
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
    if (!add_program(&question->text))
        return false;
    for (int i = 0; i < call->argc; i++)
        add(&question->text, call->argv[i], strlen(call->argv[i]) + 1);
    for (int i = 0; i < call->operand_count; i++)
        if (operand_of(call->command, i)->kind == HD_OPERAND_DUMP && !add_dump(question, call->operand[i]))
            return false;
    return question->dumps > 0 && !question->text.failed;
}

static struct hd_graph_text text_of(const struct hd_buffer *buffer)
{
    return (struct hd_graph_text){(const char *)buffer->data, buffer->length};
}

/* True if the question has been answered; *status is the command's then. */
static bool repeat(const struct question *question, int *status)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_index *index = hd_index_map_for(&question->key[0], HD_INDEX_HEADER, &graph, &dominators, NULL);
    struct hd_graph_text kept = index ? hd_index_answer(index, text_of(&question->text)) : (struct hd_graph_text){NULL, 0};
    struct answer answer;
    bool found = kept.data && kept.length >= sizeof answer;
    if (found) {
        memcpy(&answer, kept.data, sizeof answer);
        found = answer.complaint_bytes <= kept.length - sizeof answer;
    }
    if (found) {
        const char *complaint = kept.data + sizeof answer, *output = complaint + answer.complaint_bytes;
        fwrite(complaint, 1, answer.complaint_bytes, stderr);
        fwrite(output, 1, (size_t)(kept.data + kept.length - output), stdout);
        *status = (int)answer.status;
    }
    hd_index_unmap(index);
    return found;
}

/* --- hearing what a command says, while it goes where it should --- */

struct tee {
    FILE *file; /* what stands for the real one meanwhile */
    FILE *real;
    struct hd_buffer heard;
};

static ssize_t tee_write(void *cookie, const char *data, size_t length)
{
    struct tee *tee = cookie;
    size_t wrote = fwrite(data, 1, length, tee->real);
    if (tee->heard.length <= LONGEST)
        add(&tee->heard, data, wrote);
    return (ssize_t)wrote;
}

static int tee_flush_real(struct tee *tee)
{
    return fflush(tee->real) || ferror(tee->real);
}

static bool tee_begin(struct tee *tee, FILE **place, int mode)
{
    *tee = (struct tee){.real = *place};
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
    *place = tee->real;
    return !tee_flush_real(tee) && ok && !tee->heard.failed && tee->heard.length <= LONGEST;
}

static double processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run_and_keep(const struct hd_command *command, int argc, char **argv, const struct question *question)
{
    struct tee output, complaint;
    double began = processor_time();
    bool heard = tee_begin(&output, &stdout, _IOFBF);
    heard = tee_begin(&complaint, &stderr, _IONBF) && heard;
    int status = command->run(argc, argv);
    heard = tee_end(&complaint, &stderr) && heard;
    heard = tee_end(&output, &stdout) && heard;
    if (heard && status <= 1 && processor_time() - began > WORTH_IT) {
        struct hd_buffer text = {0};
        const struct answer answer = {(uint64_t)status, complaint.heard.length};
        add(&text, &answer, sizeof answer);
        add(&text, complaint.heard.data, complaint.heard.length);
        add(&text, output.heard.data, output.heard.length);
        if (!text.failed)
            hd_index_keep_answer(&question->key[0], text_of(&question->text), text_of(&text), NULL);
        hd_buffer_deinit(&text);
    }
    hd_buffer_deinit(&output.heard);
    hd_buffer_deinit(&complaint.heard);
    return status;
}

int hd_kept_run(const struct hd_command *command, int argc, char **argv)
{
    if (!command->kept)
        return command->run(argc, argv);
    struct hd_call call;
    hd_call_begin(&call, command, argc, argv);
    while (hd_call_option(&call))
        ;
    if (!hd_call_operands(&call))
        return call.status;
    struct question question = {.dumps = 0};
    int status;
    if (hd_open_without_index || !ask(&question, &call))
        status = command->run(argc, argv);
    else if (!repeat(&question, &status))
        status = run_and_keep(command, argc, argv, &question);
    hd_buffer_deinit(&question.text);
    return status;
}
