/* Where there was no libedit when heap_dump was built: lines as the terminal gives them. See sql_edit.h. */
#define _GNU_SOURCE
#include "cli/sql_edit.h"

#include <stdio.h>
#include <stdlib.h>

char *hd_sql_edit_line(const char *prompt)
{
    char *line = NULL;
    size_t capacity = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    ssize_t length = getline(&line, &capacity, stdin);
    if (length < 0) {
        free(line);
        return NULL;
    }
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = '\0';
    return line;
}

void hd_sql_edit_remember(const char *text)
{
    (void)text;
}

void hd_sql_edit_complete(const char *(*word)(const char *text, unsigned number))
{
    (void)word;
}
