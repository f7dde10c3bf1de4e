/* See help.h. */
#include "cli/help.h"

#include <string.h>

enum { WIDTH = 100, OPTION_INDENT = 2, ABOUT_MAX = 34 };

/* --- what all forms share --- */

/* "--limit N", "--by class|type"; without the letter. Returns its length. */
static int option_text(char *text, size_t size, const struct hd_option *option)
{
    int length = snprintf(text, size, "--%s", option->name);
    if (option->choices) {
        for (int i = 0; option->choices[i] && (size_t)length < size; i++)
            length += snprintf(text + length, size - (size_t)length, "%s%s", i ? "|" : " ", option->choices[i]);
    } else if (option->argument) {
        length += snprintf(text + length, size - (size_t)length, " %s", option->argument);
    }
    return length;
}

/* One paragraph of `text`, which ends at a blank line; NULL after the last one. */
static const char *paragraph(const char *text, size_t *length)
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

static const struct hd_option help_option = {'h', "help", NULL, "this help", NULL, NULL};

/* The options of a command and --help: i from 0; NULL at the end. */
static const struct hd_option *option_at(const struct hd_command *command, int i)
{
    int count = 0;
    while (command->options && command->options[count].letter)
        count++;
    return i < count ? &command->options[i] : i == count ? &help_option : NULL;
}

/* --- help --- */

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
    for (; text && (text = paragraph(text, &length)); text += length) {
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
    for (int i = 0; (option = option_at(command, i)); i++) {
        int length = option_text(text, sizeof text, option);
        if (length > widest && length <= ABOUT_MAX)
            widest = length;
    }
    int column = OPTION_INDENT + 4 + widest + 2;
    fputs("\n", file);
    for (int i = 0; (option = option_at(command, i)); i++) {
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

/* --- the manual page, mdoc --- */

/* A word or a text in mdoc, where a line must not begin with a control character and \ begins an escape. */
static void mdoc_text(FILE *file, const char *text, size_t length)
{
    bool start = true;
    for (size_t i = 0; i < length; i++) {
        if (start && (text[i] == ' ' || text[i] == '\n'))
            continue;
        if (start && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", file);
        if (text[i] == '\\')
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
    for (; text && (text = paragraph(text, &length)); text += length, first = false) {
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
        fprintf(file, " Fl %c Ns ,", option->letter);
    fprintf(file, " Fl \\-%s", option->name);
    if (option->choices) {
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
        fprintf(file, ".Nm\n.Cm %s%s", commands[i]->name, commands[i]->options ? " Op Ar options" : "");
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
        for (int k = 0; (option = option_at(commands[i], k)); k++)
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

/* --- bash --- */

static void words(FILE *file, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        fprintf(file, "%s%s", i ? " " : "", choices[i]);
}

static void bash_options(FILE *file, const struct hd_command *command)
{
    const struct hd_option *option;
    for (int i = 0; (option = option_at(command, i)); i++)
        fprintf(file, "%s--%s", i ? " " : "", option->name);
}

/* The line that says what may follow an option. */
static void bash_value(FILE *file, const struct hd_option *option)
{
    if (!option->choices && !option->argument)
        return;
    fputs("        ", file);
    if (option->letter < HD_CALL_NO_LETTER)
        fprintf(file, "-%c | ", option->letter);
    fprintf(file, "--%s) ", option->name);
    if (option->choices) {
        fputs("words=\"", file);
        words(file, option->choices);
        fputs("\" ;;\n", file);
    } else {
        fputs(strstr(option->argument, "FILE") ? "files=1 ;;\n" : "return ;;\n", file);
    }
}

static void bash_command(FILE *file, const struct hd_command *command, const struct hd_command *const *commands)
{
    const struct hd_option *option;
    bool files = false, values = false;
    fprintf(file, "    %s)\n        options=\"", command->name);
    bash_options(file, command);
    fputs("\"\n", file);
    for (int i = 0; (option = option_at(command, i)); i++)
        values = values || option->choices || option->argument;
    if (values) {
        fputs("        case $before in\n", file);
        for (int i = 0; (option = option_at(command, i)); i++)
            bash_value(file, option);
        fputs("        esac\n", file);
    }
    for (const struct hd_operand *operand = command->operands; operand->name; operand++)
        files = files || operand->kind == HD_OPERAND_DUMP || operand->kind == HD_OPERAND_FILE;
    if (files)
        fputs("        : \"${files:=1}\"\n", file);
    else if (command->operands[0].name) {
        fputs("        : \"${words:=", file);
        for (int i = 0; commands[i]; i++)
            fprintf(file, "%s%s", i ? " " : "", commands[i]->name);
        fputs("}\"\n", file);
    }
    fputs("        ;;\n", file);
}

void hd_help_bash(FILE *file, const struct hd_command *const *commands)
{
    fputs("# Completion of heap_dump for bash, made by `heap_dump help --format bash`.\n\n"
          "_heap_dump() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options= words= files=\n"
          "    COMPREPLY=()\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"", file);
    for (int i = 0; commands[i]; i++)
        fprintf(file, "%s ", commands[i]->name);
    fputs("--help --version\" -- \"$word\")\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", file);
    for (int i = 0; commands[i]; i++)
        bash_command(file, commands[i], commands);
    fputs("    *) return ;;\n"
          "    esac\n"
          "    if [[ $word == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
          "    elif [[ $words ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "    elif [[ $files ]]; then\n"
          "        compopt -o filenames 2>/dev/null\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
          "    fi\n"
          "}\n\n"
          "complete -F _heap_dump heap_dump\n", file);
}

/* --- zsh --- */

/* In single quotes, and what _arguments and _describe give a meaning behind a backslash. */
static void zsh_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", file);
        else if (strchr("[]:\\", *text))
            fprintf(file, "\\%c", *text);
        else
            fputc(*text, file);
    }
}

static void zsh_option(FILE *file, const struct hd_option *option)
{
    if (option->letter < HD_CALL_NO_LETTER)
        fprintf(file, "      '(-%c --%s)'{-%c,--%s}'[", option->letter, option->name, option->letter, option->name);
    else
        fprintf(file, "      '--%s[", option->name);
    zsh_text(file, option->help);
    fputs("]", file);
    if (option->choices) {
        fprintf(file, ":%s:(", option->name);
        words(file, option->choices);
        fputs(")", file);
    } else if (option->argument) {
        fputs(":", file);
        zsh_text(file, option->argument);
        fputs(strstr(option->argument, "FILE") ? ":_files" : ":", file);
    }
    fputs("'", file);
}

static void zsh_operands(FILE *file, const struct hd_command *command)
{
    int number = 1;
    for (const struct hd_operand *operand = command->operands; operand->name; operand++, number++) {
        fputs(" \\\n      '", file);
        if (operand->repeated)
            fputs("*", file);
        else
            fprintf(file, "%d", number);
        fputs(operand->optional && !operand->repeated ? "::" : ":", file);
        zsh_text(file, operand->name);
        if (operand->kind == HD_OPERAND_DUMP || operand->kind == HD_OPERAND_FILE)
            fputs(":_files'", file);
        else if (operand->kind == HD_OPERAND_WORD)
            fputs(":($names)'", file);
        else
            fputs(":'", file);
    }
}

void hd_help_zsh(FILE *file, const struct hd_command *const *commands)
{
    fputs("#compdef heap_dump\n# Completion of heap_dump for zsh, made by `heap_dump help --format zsh`.\n\n"
          "local -a commands\ncommands=(\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, "  '%s:", commands[i]->name);
        zsh_text(file, commands[i]->summary);
        fputs("'\n", file);
    }
    fputs(")\n\n"
          "if (( CURRENT == 2 )); then\n"
          "  _describe -t commands command commands\n"
          "  _arguments '--help[list the commands]' '--version[print the version]'\n"
          "  return\n"
          "fi\n\n"
          "local command=$words[2] names=\"${commands%%:*}\"\n"
          "shift words\n"
          "(( CURRENT-- ))\n\n"
          "case $command in\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, "  %s)\n    _arguments", commands[i]->name);
        const struct hd_option *option;
        for (int k = 0; (option = option_at(commands[i], k)); k++) {
            fputs(" \\\n", file);
            zsh_option(file, option);
        }
        zsh_operands(file, commands[i]);
        fputs("\n    ;;\n", file);
    }
    fputs("esac\n", file);
}
