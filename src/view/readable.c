/* See readable.h. */
#include "view/readable.h"

#include "dump/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- walking --- */

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static size_t skip_space(struct hd_graph_text text, size_t at)
{
    while (at < text.length && is_space(text.data[at]))
        at++;
    return at;
}

/* Behind the string whose first quote is at `at`. */
static size_t skip_string(struct hd_graph_text text, size_t at)
{
    for (at++; at < text.length; at++) {
        if (text.data[at] == '\\')
            at++;
        else if (text.data[at] == '"')
            return at + 1;
    }
    return text.length;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(struct hd_graph_text text, size_t at)
{
    size_t depth = 0;
    while (at < text.length) {
        char byte = text.data[at];
        if (byte == '"') {
            at = skip_string(text, at);
            if (depth == 0)
                return at;
            continue;
        }
        if (byte == '{' || byte == '[') {
            depth++;
        } else if (byte == '}' || byte == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (byte == ',' || is_space(byte))) {
            return at;
        }
        at++;
    }
    return text.length;
}

struct hd_graph_text hd_readable_next(struct hd_graph_text list, size_t *at, struct hd_graph_text *key)
{
    const struct hd_graph_text none = {NULL, 0};
    if (list.length == 0 || (list.data[0] != '{' && list.data[0] != '['))
        return none;
    size_t begin = skip_space(list, *at ? *at : 1);
    if (begin < list.length && list.data[begin] == ',')
        begin = skip_space(list, begin + 1);
    if (begin >= list.length || list.data[begin] == '}' || list.data[begin] == ']')
        return none;
    *key = none;
    if (list.data[0] == '{') {
        size_t end = skip_value(list, begin);
        *key = (struct hd_graph_text){list.data + begin, end - begin};
        begin = skip_space(list, end);
        if (begin >= list.length || list.data[begin] != ':')
            return none;
        begin = skip_space(list, begin + 1);
    }
    size_t end = skip_value(list, begin);
    if (end == begin)
        return none;
    *at = end;
    return (struct hd_graph_text){list.data + begin, end - begin};
}

struct hd_graph_text hd_readable_string(struct hd_graph_text value)
{
    if (value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"')
        return (struct hd_graph_text){value.data + 1, value.length - 2};
    return value;
}

struct hd_graph_text hd_readable_member(struct hd_graph_text object, const char *name)
{
    size_t at = 0;
    for (struct hd_graph_text key, value; (value = hd_readable_next(object, &at, &key)).data;) {
        key = hd_readable_string(key);
        if (key.length == strlen(name) && !memcmp(key.data, name, key.length))
            return value;
    }
    return (struct hd_graph_text){NULL, 0};
}

uint64_t hd_readable_integer(struct hd_graph_text value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || result > UINT64_MAX / 10 - 1)
            return 0;
        result = result * 10 + (uint64_t)(value.data[i] - '0');
    }
    return result;
}

/* --- reading --- */

static char *copy(const struct hd_input_line *line, size_t *length, struct hd_error *err)
{
    /* our lines begin with `[` or `,`, ObjectSpace's do not */
    size_t skip = line->length > 0 && line->text[0] != '{' ? 1 : 0;
    if (line->length <= skip || line->text[skip] != '{') {
        hd_error_set(err, HD_ERROR_BAD_DUMP, "there is no object any more where one was: the file has changed");
        return NULL;
    }
    *length = line->length - skip;
    char *text = malloc(*length + 1);
    if (!text) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    memcpy(text, line->text + skip, *length);
    text[*length] = '\0';
    return text;
}

/* The first line at or behind `offset` of what the descriptor reads now. */
static char *line_at(int fd, const char *path, uint64_t offset, size_t *length, bool *plain, struct hd_error *err)
{
    struct hd_input *input = hd_input_open_fd(fd, path, err);
    if (!input)
        return NULL;
    hd_input_allow_long(input);
    char *text = NULL;
    struct hd_input_line line;
    enum hd_input_result result = hd_input_next(input, &line, err);
    *plain = !strcmp(hd_input_compression(input), "none");
    /* in a plain file the caller goes there at once */
    while (result == HD_INPUT_LINE && line.offset < offset && !*plain)
        result = hd_input_next(input, &line, err);
    if (result == HD_INPUT_LINE && (line.offset == offset || *plain))
        text = copy(&line, length, err);
    else if (result != HD_INPUT_FAILED)
        hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", path);
    hd_input_close(input);
    return text;
}

static bool has_id(struct hd_graph_text object, uint64_t id)
{
    struct hd_graph_text value = hd_readable_member(object, "id");
    if (value.data)
        return hd_readable_integer(value) == id;
    value = hd_readable_string(hd_readable_member(object, "address"));
    return value.length > 2 && value.data[0] == '0' && strtoull(value.data, NULL, 16) == id;
}

char *hd_readable_fetch(const char *path, uint64_t offset, uint64_t id, size_t *length, struct hd_error *err)
{
    if (!strcmp(path, "-")) {
        hd_error_set(err, HD_ERROR_IO, "standard input cannot be read again");
        return NULL;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s", path);
        return NULL;
    }
    bool plain = false;
    char *text = line_at(fd, path, offset, length, &plain, err);
    if (plain && offset > 0) {
        free(text);
        text = NULL;
        if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
            hd_error_set_errno(err, HD_ERROR_IO, errno, "%.200s cannot be read again", path);
        else
            text = line_at(fd, path, offset, length, &plain, err);
    }
    close(fd);
    if (text && !has_id((struct hd_graph_text){text, *length}, id)) {
        free(text);
        text = NULL;
        hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", path);
    }
    return text;
}
