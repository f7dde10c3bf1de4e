/*
 * Answers behind the sections of an index: what a second pass over the dump was needed for is there the next time.
 *
 * Owns their format: one after the other, each a struct head, the question, the answer, and zeros up to 8 bytes. They are only ever
 * appended, by one writer at a time (flock), so whoever has the file mapped is not disturbed. The first one that has
 * no head ends the row: a writer that was killed leaves such a piece, as the head is written last, and the next one writes over it.
 * A head has a sum of its own, so that who looks for one answer, or for the end, does not look at what is in the others.
 * Must not know what is asked. Invariant: an answer that is handed out is one that was kept, to the byte.
 */
#define _GNU_SOURCE
#include "graph/index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "hdanswer"
#define ALL ((uint64_t)64 << 20)
#define ONE ((uint64_t)8 << 20)
#define LONG ((uint64_t)1 << 30) /* of data: a column has some bytes for each object */

struct head {
    char magic[8];
    uint64_t question_bytes, answer_bytes;
    uint64_t sum; /* of the lengths, the question and the answer */
    uint64_t data;     /* 1: what many answers are made of, which has a limit of its own */
    uint64_t head_sum; /* of all before */
};

/* One of the row, and where it was found. */
struct kept {
    struct hd_graph_text question, answer;
    uint64_t sum;
    bool data;
};

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

static uint64_t head_sum(const struct head *head)
{
    return hd_index_hash(head, offsetof(struct head, head_sum), 0);
}

/* The one at *at; *at then is the next one's place. False at the end of the row. */
static bool next(const char *data, uint64_t length, uint64_t *at, struct kept *kept)
{
    struct head head;
    if (length - *at < sizeof head)
        return false;
    memcpy(&head, data + *at, sizeof head);
    uint64_t left = length - *at - sizeof head;
    if (memcmp(head.magic, MAGIC, sizeof head.magic) || head.head_sum != head_sum(&head) || head.question_bytes > ONE
        || head.answer_bytes > (head.data ? LONG : ONE)
         || padded(head.question_bytes + head.answer_bytes) > left)
        return false;
    kept->question = (struct hd_graph_text){data + *at + sizeof head, head.question_bytes};
    kept->answer = (struct hd_graph_text){kept->question.data + kept->question.length, head.answer_bytes};
    kept->sum = head.sum;
    kept->data = head.data != 0;
    *at += sizeof head + padded(head.question_bytes + head.answer_bytes);
    return true;
}

struct hd_graph_text hd_index_answer(const struct hd_index *index, struct hd_graph_text question)
{
    uint64_t offset, length, at = 0;
    const char *data = hd_index_rest(index, &offset, &length);
    struct kept kept;
    while (next(data, length, &at, &kept))
        if (kept.question.length == question.length && !memcmp(kept.question.data, question.data, question.length)
            && sum_of(kept.question, kept.answer) == kept.sum)
            return kept.answer;
    return (struct hd_graph_text){NULL, 0};
}

/* Where the row ends; *answers and *data: what either takes of it. */
static uint64_t end_of(const char *file, uint64_t length, uint64_t *answers, uint64_t *data)
{
    struct kept kept;
    uint64_t at = 0;
    *answers = *data = 0;
    for (uint64_t from = 0; next(file, length, &at, &kept); from = at)
        *(kept.data ? data : answers) += at - from;
    return at;
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
static bool append(int fd, uint64_t at, const struct kept *kept)
{
    static const char zeros[8];
    const struct hd_graph_text question = kept->question, answer = kept->answer;
    struct head head = {.question_bytes = question.length, .answer_bytes = answer.length, .sum = sum_of(question, answer),
                        .data = kept->data};
    memcpy(head.magic, MAGIC, sizeof head.magic);
    head.head_sum = head_sum(&head);
    uint64_t body = at + sizeof head, bytes = question.length + answer.length;
    return write_all(fd, question.data, question.length, body)
           && write_all(fd, answer.data, answer.length, body + question.length)
           && write_all(fd, zeros, padded(bytes) - bytes, body + bytes) && write_all(fd, &head, sizeof head, at);
}

/* How many bytes of data may be kept: so that an index stays of the order of its dump. */
static uint64_t data_room(const struct hd_index_header *header, uint64_t end)
{
    return end / 4 + header->size / 8;
}

/* `header`: of the index that the file at this path was a moment ago; another one may have taken its place. */
static bool keep_in(int fd, const struct hd_index_header *header, uint64_t end, const struct kept *kept, struct hd_error *err)
{
    struct stat status;
    if (flock(fd, LOCK_EX) || fstat(fd, &status) || (uint64_t)status.st_size < end)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot lock the index");
    uint64_t have = (uint64_t)status.st_size - end, answers = 0, data = 0;
    char *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot map the index");
    bool same = !memcmp(file, header, sizeof *header);
    uint64_t used = same ? end_of(file + end, have, &answers, &data) : 0;
    munmap(file, (size_t)status.st_size);
    if (!same)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "the index was made anew meanwhile");
    uint64_t more = sizeof(struct head) + kept->question.length + kept->answer.length + 8;
    if (kept->data ? data + more > ONE + data_room(header, end) : answers + more > ALL)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the index has enough answers");
    return append(fd, end + used, kept) || hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write an answer");
}

static bool keep(const struct hd_index_key *key, const struct kept *kept, struct hd_error *err)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    if (kept->question.length > ONE || kept->answer.length > (kept->data ? LONG : ONE))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "the answer is too long to be kept");
    struct hd_index *index = hd_index_map_for(key, HD_INDEX_HEADER, &graph, &dominators, err);
    if (!index)
        return false;
    uint64_t end, length;
    const char *path = hd_index_where(index);
    hd_index_rest(index, &end, &length);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 ? keep_in(fd, hd_index_header_of(index), end, kept, err)
                      : hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.300s", path);
    if (fd >= 0)
        close(fd); /* and the lock with it */
    hd_index_unmap(index);
    return ok;
}

bool hd_index_keep_answer(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text answer,
                          struct hd_error *err)
{
    const struct kept kept = {question, answer, 0, false};
    return keep(key, &kept, err);
}

bool hd_index_keep_data(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text data,
                        struct hd_error *err)
{
    const struct kept kept = {question, data, 0, true};
    return keep(key, &kept, err);
}

uint64_t hd_index_room(const struct hd_index *index)
{
    uint64_t end, length;
    hd_index_rest(index, &end, &length);
    return data_room(hd_index_header_of(index), end);
}
