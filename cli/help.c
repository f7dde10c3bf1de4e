/* See help.h. */
#include "cli/help.h"

#include <string.h>

enum { WIDTH = 100, OPTION_INDENT = 2, ABOUT_MAX = 34 };

static const struct hd_option help_option = {'h', "help", NULL, "this help", NULL, NULL};

const struct hd_option *hd_help_option(const struct hd_command *command, int i)
{
    int count = 0;
    while (command->options && command->options[count].letter)
        count++;
    return i < count ? &command->options[i] : i == count ? &help_option : NULL;
}

const char *hd_help_paragraph(const char *text, size_t *length)
{
    text += strspn(text, "\n");
    if (!*text)
        return NULL;
    const char *end = strstr(text, "\n\n");
    *length = end ? (size_t)(end - text) : strlen(text);
    while (*length && text[*length - 1] == '\n')
        --*length;
    return text;
}

/* "--limit N", "--by class|type"; without the letter. Returns its length. */
static int option_text(char *text, size_t size, const struct hd_option *option)
{
    int length = snprintf(text, size, "--%s", option->name);
    if (option->choices && !option->argument) {
        for (int i = 0; option->choices[i] && (size_t)length < size; i++)
            length += snprintf(text + length, size - (size_t)length, "%s%s", i ? "|" : " ", option->choices[i]);
    } else if (option->argument) {
        length += snprintf(text + length, size - (size_t)length, " %s", option->argument);
    }
    return length;
}

/* Characters, not bytes. */
static int width(const char *text, size_t length)
{
    int count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

/* Words up to the width; what begins in column `at` goes on in column `indent`. */
static void fill(FILE *file, const char *text, size_t length, int at, int indent)
{
    const char *end = text + length;
    bool first = true;
    while (text < end) {
        text += strspn(text, " \n");
        size_t word = strcspn(text, " \n");
        if (text >= end || !word)
            break;
        if (text + word > end)
            word = (size_t)(end - text);
        int columns = width(text, word);
        if (!first && at + 1 + columns > WIDTH) {
            fprintf(file, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        if (!first)
            fputc(' ', file), at++;
        fwrite(text, 1, word, file);
        at += columns;
        text += word;
        first = false;
    }
    fputc('\n', file);
}

static void print_usage(FILE *file, const struct hd_command *command)
{
    fprintf(file, "Usage: heap_dump %s%s", command->name, command->options ? " [options]" : "");
    for (const struct hd_operand *operand = command->operands; operand->name; operand++)
        fprintf(file, " %s%s%s%s", operand->optional ? "[" : "", operand->name, operand->repeated ? "..." : "",
                operand->optional ? "]" : "");
    fputs("\n", file);
}

static void print_paragraphs(FILE *file, const char *text)
{
    size_t length;
    for (; text && (text = hd_help_paragraph(text, &length)); text += length) {
        fputs("\n", file);
        if (!strncmp(text, "  ", 2))
            fprintf(file, "%.*s\n", (int)length, text);
        else
            fill(file, text, length, 0, 0);
    }
}

static void print_options(FILE *file, const struct hd_command *command)
{
    char text[256];
    int widest = 0;
    const struct hd_option *option;
    for (int i = 0; (option = hd_help_option(command, i)); i++) {
        int length = option_text(text, sizeof text, option);
        if (length > widest && length <= ABOUT_MAX)
            widest = length;
    }
    int column = OPTION_INDENT + 4 + widest + 2;
    fputs("\n", file);
    for (int i = 0; (option = hd_help_option(command, i)); i++) {
        int length = option_text(text, sizeof text, option);
        if (option->letter < HD_CALL_NO_LETTER)
            fprintf(file, "%*s-%c, %s", OPTION_INDENT, "", option->letter, text);
        else
            fprintf(file, "%*s%s", OPTION_INDENT + 4, "", text);
        if (length > widest)
            fprintf(file, "\n%*s", column, "");
        else
            fprintf(file, "%*s", widest - length + 2, "");
        fill(file, option->help, strlen(option->help), column, column);
    }
}

void hd_help_print(FILE *file, const struct hd_command *command)
{
    print_usage(file, command);
    print_paragraphs(file, command->about);
    print_options(file, command);
    print_paragraphs(file, command->notes);
    if (command->statuses) {
        fprintf(file, "\nExit status: ");
        fill(file, command->statuses, strlen(command->statuses), 13, 0);
    }
}
