/*
 * See queries.h. The file: for each query a block of lines, and an empty line between blocks:
 *
 *     -- name: biggest_strings
 *     -- title: The strings that take the most memory
 *     -- more about it, if there is more
 *     SELECT … ;
 *
 * What stands before the first name is for readers of the file.
 */
#include "store/queries.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The assembler puts the file in; the Makefile says that this object depends on it. */
__asm__(".pushsection .rodata\n"
        "hd_queries_text: .incbin \"docs/queries.sql\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char hd_queries_text[] __attribute__((visibility("hidden")));

enum { QUERIES_MAX = 100 };

static struct hd_query queries[QUERIES_MAX + 1]; /* the last one's name is NULL */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Ends the text at its newline; returns what is behind it. */
static char *line_end(char *line)
{
    char *end = strchr(line, '\n');
    if (!end)
        return line + strlen(line);
    *end = '\0';
    return end + 1;
}

/* Takes "-- " off the lines of comment that begin at `text`; ends them. Returns what is behind them. */
static char *comment_join(char *text)
{
    char *to = text;
    while (!strncmp(text, "-- ", 3)) {
        char *next = line_end(text);
        size_t length = strlen(text + 3);
        memmove(to, text + 3, length);
        to[length] = '\n';
        to += length + 1;
        text = next;
    }
    to[-1] = '\0';
    return text;
}

static void parse(void)
{
    static const char begin[] = "-- name: ", title[] = "-- title: ";
    static char none[] = "";
    char *text = strdup(hd_queries_text); /* lives as long as the program */
    size_t count = 0;
    for (char *at = text ? strstr(text, begin) : NULL; at && count < QUERIES_MAX; at = strstr(at, begin)) {
        struct hd_query *query = &queries[count++];
        query->name = at + sizeof begin - 1;
        at = line_end(at);
        query->title = query->about = none;
        if (!strncmp(at, title, sizeof title - 1)) {
            query->title = at + sizeof title - 1;
            at = line_end(at);
        }
        if (!strncmp(at, "-- ", 3)) {
            query->about = at;
            at = comment_join(at);
        }
        query->sql = at;
        char *end = strstr(at, "\n\n");
        at = end ? end + 2 : at + strlen(at);
        if (end)
            *end = '\0';
        else if (at > query->sql && at[-1] == '\n')
            at[-1] = '\0';
    }
}

const struct hd_query *hd_query_at(size_t number)
{
    pthread_once(&once, parse);
    return number < QUERIES_MAX && queries[number].name ? &queries[number] : NULL;
}

const struct hd_query *hd_query_named(const char *name)
{
    for (size_t i = 0; hd_query_at(i); i++)
        if (!strcmp(hd_query_at(i)->name, name))
            return hd_query_at(i);
    return NULL;
}
