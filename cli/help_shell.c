/* Completion for bash and zsh. See help.h. */
#include "cli/help.h"

#include <string.h>

/* --- bash --- */

static void words(FILE *file, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        fprintf(file, "%s%s", i ? " " : "", choices[i]);
}

static void bash_options(FILE *file, const struct hd_command *command)
{
    const struct hd_option *option;
    for (int i = 0; (option = hd_help_option(command, i)); i++)
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
    for (int i = 0; (option = hd_help_option(command, i)); i++)
        values = values || option->choices || option->argument;
    if (values) {
        fputs("        case $before in\n", file);
        for (int i = 0; (option = hd_help_option(command, i)); i++)
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
          "        [[ $words == *:* ]] && compopt -o nospace 2>/dev/null\n"
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
        for (int i = 0; option->choices[i]; i++) {
            fputs(i ? " " : "", file);
            zsh_text(file, option->choices[i]);
        }
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
          "local -a list\nlist=(\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, "  '%s:", commands[i]->name);
        zsh_text(file, commands[i]->summary);
        fputs("'\n", file);
    }
    fputs(")\n\n"
          "if (( CURRENT == 2 )); then\n"
          "  _describe -t commands command list\n"
          "  _arguments '--help[list the commands]' '--version[print the version]'\n"
          "  return\n"
          "fi\n\n"
          "local command=$words[2] names=\"${list%%:*}\"\n"
          "shift words\n"
          "(( CURRENT-- ))\n\n"
          "case $command in\n", file);
    for (int i = 0; commands[i]; i++) {
        fprintf(file, "  %s)\n    _arguments", commands[i]->name);
        const struct hd_option *option;
        for (int k = 0; (option = hd_help_option(commands[i], k)); k++) {
            fputs(" \\\n", file);
            zsh_option(file, option);
        }
        zsh_operands(file, commands[i]);
        fputs("\n    ;;\n", file);
    }
    fputs("esac\n", file);
}
