/*
 * Answers behind the sections of an index: what a second pass over the dump was needed for is there the next time.
 *
 * Owns their format: one after the other, each a struct head, the question, the answer, and zeros up to 8 bytes. They are only ever
 * appended, by one writer at a time (flock), so whoever has the file mapped is not disturbed. The first one that is
 * not whole ends the row: a writer that was killed leaves such a piece, and the next one writes over it.
 * Must not know what is asked. Invariant: an answer that is handed out is one that was kept, to the byte.
 */
#define _GNU_SOURCE
#include "graph/index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "hdanswer"
#define ALL ((uint64_t)64 << 20)
#define ONE ((uint64_t)8 << 20)
#define EACH ((uint64_t)4) /* bytes for each object of the dump, which an answer and all of them may have beyond that: for a column */

struct head {
    char magic[8];
    uint64_t question_bytes, answer_bytes;
    uint64_t sum; /* of the lengths, the question and the answer */
};

static uint64_t longest(const struct hd_index_header *header)
{
    return ONE + EACH * header->node_count;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) & ~(uint64_t)7;
}

static uint64_t sum_of(struct hd_graph_text question, struct hd_graph_text answer)
{
    const uint64_t lengths[2] = {question.length, answer.length};
    uint64_t sum = hd_index_hash(lengths, sizeof lengths, 0);
    return hd_index_hash(answer.data, answer.length, hd_index_hash(question.data, question.length, sum));
}

/* The one at *at, of at most so many bytes; *at then is the next one's place. False at the end of the row. */
static bool next(const char *data, uint64_t length, uint64_t most, uint64_t *at, struct hd_graph_text *question,
                 struct hd_graph_text *answer, uint64_t *sum)
{
    struct head head;
    if (length - *at < sizeof head)
        return false;
    memcpy(&head, data + *at, sizeof head);
    uint64_t left = length - *at - sizeof head;
    if (memcmp(head.magic, MAGIC, sizeof head.magic) || head.question_bytes > ONE || head.answer_bytes > most
        || padded(head.question_bytes + head.answer_bytes) > left)
        return false;
    *question = (struct hd_graph_text){data + *at + sizeof head, head.question_bytes};
    *answer = (struct hd_graph_text){question->data + question->length, head.answer_bytes};
    *sum = head.sum;
    *at += sizeof head + padded(head.question_bytes + head.answer_bytes);
    return true;
}

struct hd_graph_text hd_index_answer(const struct hd_index *index, struct hd_graph_text question)
{
    uint64_t offset, length, at = 0, sum;
    const char *data = hd_index_rest(index, &offset, &length);
    struct hd_graph_text other, answer;
    while (next(data, length, longest(hd_index_header_of(index)), &at, &other, &answer, &sum))
        if (other.length == question.length && !memcmp(other.data, question.data, question.length)
            && sum_of(other, answer) == sum)
            return answer;
    return (struct hd_graph_text){NULL, 0};
}

/* How many bytes of the row are whole. */
static uint64_t whole(const char *data, uint64_t length, uint64_t most)
{
    struct hd_graph_text question, answer;
    uint64_t at = 0, end = 0, sum;
    while (next(data, length, most, &at, &question, &answer, &sum) && sum_of(question, answer) == sum)
        end = at;
    return end;
}

static bool write_all(int fd, const void *data, size_t length, uint64_t offset)
{
    const char *bytes = data;
    while (length) {
        ssize_t wrote = pwrite(fd, bytes, length, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        offset += (uint64_t)wrote;
        length -= (size_t)wrote;
    }
    return true;
}

/* The head comes last: without it there is nothing. */
static bool append(int fd, uint64_t at, struct hd_graph_text question, struct hd_graph_text answer)
{
    static const char zeros[8];
    struct head head = {.question_bytes = question.length, .answer_bytes = answer.length,
                        .sum = sum_of(question, answer)};
    memcpy(head.magic, MAGIC, sizeof head.magic);
    uint64_t body = at + sizeof head, bytes = question.length + answer.length;
    return write_all(fd, question.data, question.length, body)
           && write_all(fd, answer.data, answer.length, body + question.length)
           && write_all(fd, zeros, padded(bytes) - bytes, body + bytes) && write_all(fd, &head, sizeof head, at);
}

/* `header`: of the index that the file at this path was a moment ago; another one may have taken its place. */
static bool keep_in(int fd, const struct hd_index_header *header, uint64_t end, struct hd_graph_text question,
                    struct hd_graph_text answer, struct hd_error *err)
{
    struct stat status;
    if (flock(fd, LOCK_EX) || fstat(fd, &status) || (uint64_t)status.st_size < end)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot lock the index");
    uint64_t have = (uint64_t)status.st_size - end;
    char *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot map the index");
    bool same = !memcmp(file, header, sizeof *header);
    uint64_t used = same ? whole(file + end, have, longest(header)) : 0;
    munmap(file, (size_t)status.st_size);
    if (!same)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "the index was made anew meanwhile");
    if (used + sizeof(struct head) + question.length + answer.length + 8 > ALL + EACH * header->node_count)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the index has enough answers");
    return append(fd, end + used, question, answer) || hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write an answer");
}

bool hd_index_keep_answer(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text answer,
                          struct hd_error *err)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_index *index = hd_index_map_for(key, HD_INDEX_HEADER, &graph, &dominators, err);
    if (!index)
        return false;
    if (question.length > ONE || answer.length > longest(hd_index_header_of(index))) {
        hd_index_unmap(index);
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the answer is too long to be kept");
    }
    uint64_t end, length;
    const char *path = hd_index_where(index);
    hd_index_rest(index, &end, &length);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 ? keep_in(fd, hd_index_header_of(index), end, question, answer, err)
                      : hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.300s", path);
    if (fd >= 0)
        close(fd); /* and the lock with it */
    hd_index_unmap(index);
    return ok;
}
