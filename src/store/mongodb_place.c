/* See mongodb_place.h. */
#define _GNU_SOURCE
#include "store/mongodb_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE_LONGEST = 63, SECRET_SHORTEST = 3 };

static bool usage(struct hd_error *err, const char *sentence)
{
    return hd_error_set(err, HD_ERROR_USAGE, "%s", sentence);
}

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the URI");
}

/* ---- where the URI stands ---- */

static char *from_environment(const char *name, struct hd_error *err)
{
    const char *value = getenv(name);
    if (!value || !*value) {
        hd_error_set(err, HD_ERROR_USAGE, "the environment variable %.100s, which is to hold the URI of MongoDB, is not set",
                     name);
        return NULL;
    }
    char *uri = strdup(value);
    if (!uri)
        out_of_memory(err);
    return uri;
}

static char *from_file(const char *path, struct hd_error *err)
{
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read the URI of MongoDB from %.200s", path);
        return NULL;
    }
    errno = 0;
    ssize_t length = getline(&line, &capacity, file);
    int code = errno;
    fclose(file);
    while (length > 0 && strchr("\r\n \t", line[length - 1]))
        line[--length] = 0;
    if (length > 0)
        return line;
    free(line);
    if (code)
        hd_error_set_errno(err, HD_ERROR_IO, code, "cannot read the URI of MongoDB from %.200s", path);
    else
        hd_error_set(err, HD_ERROR_USAGE, "%.200s does not begin with a URI of MongoDB", path);
    return NULL;
}

/* ---- its parts ---- */

struct parts {
    const char *hosts;             /* behind user and password */
    const char *user, *password;   /* NULL if there is none */
    const char *path, *options;    /* at the slash behind the hosts; at the question mark, or the end */
};

static bool split(const char *uri, struct parts *parts, struct hd_error *err)
{
    const char *begin = !strncmp(uri, "mongodb://", 10) ? uri + 10 : !strncmp(uri, "mongodb+srv://", 14) ? uri + 14 : NULL;
    if (!begin)
        return usage(err, "a place in MongoDB is written mongodb://HOST/DATABASE/COLLECTION, mongodb+srv://… for a "
                          "cluster's name, mongodb:env:NAME or mongodb:file:PATH for where that is to be read");
    size_t length = strcspn(begin, "/?");
    const char *at = memrchr(begin, '@', length);
    *parts = (struct parts){.hosts = at ? at + 1 : begin, .path = begin + length};
    parts->options = parts->path + strcspn(parts->path, "?");
    if (at) {
        const char *colon = memchr(begin, ':', (size_t)(at - begin));
        parts->user = begin;
        parts->password = colon ? colon + 1 : NULL;
    }
    size_t path_length = (size_t)(parts->options - parts->path);
    if ((!at && memchr(parts->path, '@', path_length)) || (at && memchr(begin, '@', (size_t)(at - begin))))
        return usage(err, "in the URI of MongoDB the user or the password has one of the characters / ? @, which must be "
                          "written %2F %3F %40");
    return true;
}

static char *decode(const char *text, size_t length)
{
    char *out = malloc(length + 1), *to = out;
    for (size_t i = 0; out && i < length; i++) {
        char hex[3] = {text[i], 0, 0};
        if (text[i] == '%' && i + 2 < length && strspn(text + i + 1, "0123456789abcdefABCDEF") >= 2) {
            memcpy(hex, text + i + 1, 2);
            *to++ = (char)strtoul(hex, NULL, 16);
            i += 2;
        } else {
            *to++ = text[i];
        }
    }
    if (out)
        *to = 0;
    return out;
}

static bool names_check(const struct hd_mongodb_place *place, struct hd_error *err)
{
    const char *database = place->database, *collection = place->collection;
    if (!*database || !*collection)
        return usage(err, "the URI of MongoDB lacks the collection: it ends in /DATABASE/COLLECTION, then ?OPTIONS if any");
    if (strlen(database) > DATABASE_LONGEST || strpbrk(database, "/\\. \"$*<>:|?"))
        return hd_error_set(err, HD_ERROR_USAGE, "%.80s is no name of a database of MongoDB: at most %d bytes, none of "
                            "/\\. \"$*<>:|?", database, DATABASE_LONGEST);
    if (strchr(collection, '$') || !strncmp(collection, "system.", 7))
        return hd_error_set(err, HD_ERROR_USAGE, "%.80s is no name of a collection of MongoDB: it has no $ and does not "
                            "begin with system.", collection);
    return true;
}

static bool parts_copy(struct hd_mongodb_place *place, const char *uri, const struct parts *parts, struct hd_error *err)
{
    const char *path = parts->path + (*parts->path == '/');
    size_t length = (size_t)(parts->options - path);
    const char *slash = memchr(path, '/', length);
    size_t database = slash ? (size_t)(slash - path) : length;
    place->database = decode(path, database);
    place->collection = slash ? decode(slash + 1, length - database - 1) : strdup("");
    place->hosts = strndup(parts->hosts, (size_t)(parts->path - parts->hosts));
    bool copied = asprintf(&place->uri, "%.*s/%.*s%s", (int)(parts->path - uri), uri, (int)database, path, parts->options) >= 0;
    if (!copied)
        place->uri = NULL;
    if (parts->password) {
        size_t secret = (size_t)(parts->hosts - 1 - parts->password);
        place->secret[0] = strndup(parts->password, secret);
        place->secret[1] = decode(parts->password, secret);
        copied = copied && place->secret[0] && place->secret[1];
    }
    if (*parts->options)
        copied = (place->secret[2] = strdup(parts->options)) && copied;
    return (copied && place->database && place->collection && place->hosts) || out_of_memory(err);
}

bool hd_mongodb_place_read(struct hd_mongodb_place *place, const char *to, struct hd_error *err)
{
    struct parts parts = {0};
    char *uri;
    *place = (struct hd_mongodb_place){0};
    if (!strncmp(to, "mongodb:env:", 12))
        uri = from_environment(to + 12, err);
    else if (!strncmp(to, "mongodb:file:", 13))
        uri = from_file(to + 13, err);
    else if (!(uri = strdup(to)))
        out_of_memory(err);
    bool ok = uri && split(uri, &parts, err) && parts_copy(place, uri, &parts, err) && names_check(place, err);
    free(uri);
    if (!ok)
        hd_mongodb_place_deinit(place);
    return ok;
}

void hd_mongodb_place_deinit(struct hd_mongodb_place *place)
{
    free(place->uri);
    free(place->hosts);
    free(place->database);
    free(place->collection);
    for (size_t i = 0; i < 3; i++)
        free(place->secret[i]);
    *place = (struct hd_mongodb_place){0};
}

/* ---- what is not shown ---- */

void hd_mongodb_place_hide(char *to)
{
    char *begin = strstr(to, "://");
    char *at = begin ? strrchr(begin, '@') : NULL;
    char *colon = at ? memchr(begin + 3, ':', (size_t)(at - begin - 3)) : NULL;
    if (colon)
        memset(colon + 1, 'x', (size_t)(at - colon - 1));
}

/* A secret of one or two characters would take a message apart and say nothing about itself. */
static void secret_mask(char *message, const char *secret)
{
    size_t length = secret ? strlen(secret) : 0;
    if (length < SECRET_SHORTEST)
        return;
    for (char *at = message; (at = strstr(at, secret));) {
        memcpy(at, "***", 3);
        memmove(at + 3, at + length, strlen(at + length) + 1);
        at += 3;
    }
}

void hd_mongodb_place_mask(const struct hd_mongodb_place *place, char *message)
{
    for (size_t i = 0; i < 3; i++)
        secret_mask(message, place->secret[i]);
}
