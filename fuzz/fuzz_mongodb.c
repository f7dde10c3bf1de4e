/*
 * Fuzz target: the first line as a place in MongoDB, all lines as a dump that becomes documents. Each document must be
 * sound BSON of its line, and a place that is accepted must have all that the driver is told.
 */
#include "fuzz/fuzz_target.h"

#include "dump/input.h"
#include "store/mongodb_document.h"
#include "store/mongodb_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(bool truth, const char *what, const struct hd_error *err)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz_mongodb: %s (%s)\n", what, err->text);
    abort();
}

static void place(const uint8_t *data, size_t size)
{
    char to[256], hidden[256], message[256];
    struct hd_mongodb_place place;
    struct hd_error err = {0};
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    snprintf(to, sizeof to, "mongodb://%.*s", (int)(length < 200 ? length : 200), (const char *)data);
    snprintf(hidden, sizeof hidden, "%s", to);
    hd_mongodb_place_hide(hidden);
    require(strlen(hidden) == strlen(to), "hiding changes the length", &err);
    if (!hd_mongodb_place_read(&place, to, &err)) {
        require(err.text[0], "refused without a sentence", &err);
        return;
    }
    require(place.database[0] && place.collection[0] && place.uri[0], "accepted without a collection", &err);
    snprintf(message, sizeof message, "%s", to);
    hd_mongodb_place_mask(&place, message);
    require(!place.secret[0] || strlen(place.secret[0]) < 4 || !strstr(message, place.secret[0]) || strstr("***", place.secret[0]),
            "a message shows the password", &err);
    hd_mongodb_place_deinit(&place);
}

static void line(struct hd_mongodb_documents *documents, const struct hd_input_line *line)
{
    struct hd_error err = {0};
    const bson_t *document = NULL;
    if (hd_mongodb_documents_read(documents, line->text, line->length, &err))
        document = hd_mongodb_documents_make(documents, &err);
    require(document || err.text[0], "no document, but without a sentence", &err);
    size_t at = 0;
    bson_iter_t id;
    require(!document || bson_validate(document, BSON_VALIDATE_NONE, &at), "a document is not sound", &err);
    require(!document || (bson_iter_init(&id, document) && bson_iter_next(&id) && !strcmp(bson_iter_key(&id), "_id")),
            "a document does not begin with _id", &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file;
    if (!file)
        file = tmpfile();
    int fd = file ? fileno(file) : -1;
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        return 0;
    place(data, size);
    struct hd_error err = {0};
    struct hd_input_line read;
    struct hd_input *input = hd_input_open_fd(fd, "fuzz", &err);
    struct hd_mongodb_documents *documents = hd_mongodb_documents_create("fuzz");
    while (input && documents && hd_input_next(input, &read, &err) == HD_INPUT_LINE)
        line(documents, &read);
    hd_mongodb_documents_destroy(documents);
    hd_input_close(input);
    return 0;
}
