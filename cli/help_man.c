/* The manual page, in mdoc. See help.h. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

/*
 * Text in mdoc, where a line must not begin with a control character, \ begins an escape and a sentence begins a line.
 */
static void mdoc_text(FILE *file, const char *text, size_t length)
{
    bool start = true;
    for (size_t i = 0; i < length; i++) {
        if (start && (text[i] == ' ' || text[i] == '\n'))
            continue;
        if (start && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", file);
        bool sentence = text[i] == ' ' && i && text[i - 1] == '.' && i + 1 < length && isupper((unsigned char)text[i + 1]);
        if (sentence)
            fputc('\n', file);
        else if (text[i] == '\\')
            fputs("\\e", file);
        else if (text[i] == '-')
            fputs("\\-", file);
        else if (text[i] == '`' || text[i] == '"')
            fputs(text[i] == '`' ? "\\(ga" : "\\(dq", file);
        else
            fputc(text[i], file);
        start = text[i] == '\n';
    }
    fputc('\n', file);
}

static void mdoc_paragraphs(FILE *file, const char *text)
{
    size_t length;
    bool first = true;
    for (; text && (text = hd_help_paragraph(text, &length)); text += length, first = false) {
        if (!strncmp(text, "  ", 2)) {
            fprintf(file, ".Bd -literal -offset indent\n%.*s\n.Ed\n", (int)length, text);
            continue;
        }
        if (!first)
            fputs(".Pp\n", file);
        mdoc_text(file, text, length);
    }
}

static void mdoc_option(FILE *file, const struct hd_option *option)
{
    fputs(".It", file);
    if (option->letter < HD_CALL_NO_LETTER)
        fprintf(file, " Fl %c ,", option->letter);
    fprintf(file, " Fl \\-%s", option->name);
    if (option->choices && !option->argument) {
        for (int i = 0; option->choices[i]; i++)
            fprintf(file, "%s Cm %s", i ? " |" : "", option->choices[i]);
    } else if (option->argument) {
        fprintf(file, " Ar %s", option->argument);
    }
    fputs("\n", file);
    mdoc_text(file, option->help, strlen(option->help));
}

static void mdoc_operands(FILE *file, const struct hd_command *command)
{
    for (const struct hd_operand *operand = command->operands; operand->name; operand++)
        fprintf(file, "%s Ar %s%s", operand->optional ? " Op" : "", operand->name, operand->repeated ? " ..." : "");
}

void hd_help_man(FILE *file, const struct hd_command *const *commands)
{
    fputs(".Sh SYNOPSIS\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, ".Nm\n.Cm %s%s", commands[i]->name, commands[i]->options ? " Oo Ar options Oc" : "");
        mdoc_operands(file, commands[i]);
        fputs("\n", file);
    }
    fputs(".Sh COMMANDS\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, ".Ss heap_dump %s%s", commands[i]->name, commands[i]->options ? " [options]" : "");
        for (const struct hd_operand *operand = commands[i]->operands; operand->name; operand++)
            fprintf(file, " %s%s%s%s", operand->optional ? "[" : "", operand->name, operand->repeated ? "..." : "",
                    operand->optional ? "]" : "");
        fputs("\n", file);
        mdoc_paragraphs(file, commands[i]->about);
        fputs(".Bl -tag -width Ds\n", file);
        const struct hd_option *option;
        for (int k = 0; (option = hd_help_option(commands[i], k)); k++)
            mdoc_option(file, option);
        fputs(".El\n", file);
        if (commands[i]->notes) {
            fputs(".Pp\n", file);
            mdoc_paragraphs(file, commands[i]->notes);
        }
        if (commands[i]->statuses) {
            fputs(".Pp\nExit status:\n", file);
            mdoc_text(file, commands[i]->statuses, strlen(commands[i]->statuses));
        }
    }
}
