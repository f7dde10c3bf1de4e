/* See readable.h. */
#include "view/readable.h"

#include "dump/input.h"
#include "graph/fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- walking --- */

struct hd_graph_text hd_readable_next(struct hd_graph_text list, size_t *at, struct hd_graph_text *key)
{
    return hd_fields_next(list, at, key);
}

struct hd_graph_text hd_readable_string(struct hd_graph_text value)
{
    if (value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"')
        return (struct hd_graph_text){value.data + 1, value.length - 2};
    return value;
}

struct hd_graph_text hd_readable_member(struct hd_graph_text object, const char *name)
{
    return hd_fields_get(object, name);
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

static bool has_id(struct hd_graph_text object, uint64_t id)
{
    struct hd_graph_text value = hd_readable_member(object, "id");
    if (value.data)
        return hd_readable_integer(value) == id;
    value = hd_readable_string(hd_readable_member(object, "address"));
    return value.length > 2 && value.data[0] == '0' && strtoull(value.data, NULL, 16) == id;
}

static void shut(struct hd_input *input, int fd)
{
    if (input)
        hd_input_close(input);
    if (fd >= 0)
        close(fd);
}

/* The input, of which `line` is the one that begins at `offset`; NULL and *err if it has none there. In a plain file it goes there at once. */
static struct hd_input *open_at(const char *path, uint64_t offset, struct hd_input_line *line, int *fd, struct hd_error *err)
{
    *fd = -1;
    if (!strcmp(path, "-")) {
        hd_error_set(err, HD_ERROR_IO, "standard input cannot be read again");
        return NULL;
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s", path);
        return NULL;
    }
    bool plain = hd_input_is_plain(*fd);
    struct hd_input *input = NULL;
    if (lseek(*fd, plain ? (off_t)offset : 0, SEEK_SET) < 0)
        hd_error_set_errno(err, HD_ERROR_IO, errno, "%.200s cannot be read again", path);
    else
        input = hd_input_open_fd(*fd, path, err);
    if (input)
        hd_input_allow_long(input);
    enum hd_input_result result = input ? hd_input_next(input, line, err) : HD_INPUT_FAILED;
    while (result == HD_INPUT_LINE && !plain && line->offset < offset)
        result = hd_input_next(input, line, err);
    bool found = result == HD_INPUT_LINE && (plain || line->offset == offset);
    if (!found && result != HD_INPUT_FAILED)
        hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", path);
    if (found)
        return input;
    shut(input, *fd);
    return NULL;
}

char *hd_readable_fetch(const char *path, uint64_t offset, uint64_t id, size_t *length, struct hd_error *err)
{
    struct hd_input_line line;
    int fd;
    struct hd_input *input = open_at(path, offset, &line, &fd, err);
    char *text = input ? copy(&line, length, err) : NULL;
    if (input)
        shut(input, fd);
    if (text && !has_id((struct hd_graph_text){text, *length}, id)) {
        free(text);
        text = NULL;
        hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", path);
    }
    return text;
}

bool hd_readable_rest(const char *path, uint64_t offset, uint64_t id, hd_readable_part *part, void *data, struct hd_error *err)
{
    struct hd_input_line line;
    int fd;
    struct hd_input *input = open_at(path, offset, &line, &fd, err);
    if (!input)
        return false;
    enum hd_input_result result;
    while ((result = hd_input_next(input, &line, err)) == HD_INPUT_LINE) {
        struct hd_graph_text object = {line.text + 1, (uint32_t)(line.length - 1)};
        struct hd_graph_text of = line.length > 1 && *line.text == ',' ? hd_readable_member(object, "continues") : (struct hd_graph_text){0};
        if (!of.data || hd_readable_integer(of) != id)
            break;
        part(data, object);
    }
    shut(input, fd);
    return result != HD_INPUT_FAILED;
}
