/* See command.h. getopt_long does the reading, its arrays are made from the command's table. */
#include "cli/command.h"

#include "base/units.h"
#include "cli/cli.h"
#include "cli/help.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 24 };

void hd_call_begin(struct hd_call *call, const struct hd_command *command, int argc, char **argv)
{
    if (command->prepare)
        command->prepare();
    *call = (struct hd_call){.command = command, .argc = argc, .argv = argv};
    opterr = 0;
    optind = 0; /* starts anew, whatever was read before */
}

static bool stop(struct hd_call *call, int status)
{
    call->stopped = true;
    call->status = status;
    return false;
}

bool hd_call_refuse(struct hd_call *call, const char *format, ...)
{
    va_list args;
    if (call->stopped)
        return false;
    va_start(args, format);
    fprintf(stderr, "heap_dump %s: ", call->command->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see `heap_dump %s --help`\n", call->command->name);
    va_end(args);
    return stop(call, hd_error_exit_status(HD_ERROR_USAGE));
}

static bool takes_value(const struct hd_option *option)
{
    return option->argument || option->choices;
}

static int next(struct hd_call *call)
{
    struct option options[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    char letters[2 * OPTIONS_MAX + 3] = ":h";
    int count = 1;
    for (const struct hd_option *at = call->command->options; at && at->letter && count < OPTIONS_MAX; at++) {
        options[count++] = (struct option){at->name, takes_value(at) ? required_argument : no_argument, NULL, at->letter};
        if (at->letter < HD_CALL_NO_LETTER) {
            char letter[] = {(char)at->letter, takes_value(at) ? ':' : 0, 0};
            strcat(letters, letter);
        }
    }
    return getopt_long(call->argc, call->argv, letters, options, NULL);
}

/* "class, type or file" */
static void choices_print(FILE *file, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        fprintf(file, "%s%s", !i ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

static bool choose(struct hd_call *call)
{
    const char *const *choices = call->option->choices;
    for (call->choice = 0; choices[call->choice]; call->choice++)
        if (!strcmp(choices[call->choice], call->value))
            return true;
    char *words = NULL;
    size_t length;
    FILE *file = open_memstream(&words, &length);
    if (file) {
        choices_print(file, choices);
        fclose(file);
    }
    hd_call_refuse(call, "--%s takes %s, not %s", call->option->name, words ? words : "other words", call->value);
    free(words);
    return false;
}

static bool bad_option(struct hd_call *call, int letter)
{
    const char *word = call->argv[optind - 1];
    if (letter == ':')
        return hd_call_refuse(call, "the option %s needs a value", word);
    if (optopt > 0 && optopt < 128 && strncmp(word, "--", 2) != 0)
        return hd_call_refuse(call, "there is no option -%c", optopt);
    return hd_call_refuse(call, "there is no option %s", word);
}

int hd_call_option(struct hd_call *call)
{
    int letter;
    while (!call->stopped && (letter = next(call)) != -1) {
        if (letter == 'h') {
            hd_help_print(stdout, call->command);
            return stop(call, 0);
        }
        if (letter == '?' || letter == ':')
            return bad_option(call, letter);
        const struct hd_option *option = call->command->options;
        while (option->letter != letter)
            option++;
        call->option = option;
        call->value = takes_value(option) ? optarg : NULL;
        if (option->choices && !option->argument && !choose(call))
            return 0;
        if (!option->flag)
            return letter;
        *option->flag = true;
    }
    return 0;
}

/* "a file and an id are missing", "a file is missing" */
static bool missing(struct hd_call *call, int have)
{
    const struct hd_operand *operands = call->command->operands;
    const char *first = operands[have].said;
    const char *second = operands[have + 1].name && !operands[have + 1].optional ? operands[have + 1].said : NULL;
    if (second)
        return hd_call_refuse(call, "%s and %s are missing", first, second);
    return hd_call_refuse(call, "%s is missing", first);
}

bool hd_call_operands(struct hd_call *call)
{
    const struct hd_operand *operands = call->command->operands;
    int most = 0, least = 0;
    if (call->stopped)
        return false;
    while (operands[most].name)
        least = operands[most++].optional ? least : most;
    call->operand = call->argv + optind;
    call->operand_count = call->argc - optind;
    if (call->operand_count < least)
        return missing(call, call->operand_count);
    if (call->operand_count <= most || (most && operands[most - 1].repeated))
        return true;
    const char *also = call->operand[most];
    if (!most)
        return hd_call_refuse(call, "it takes no arguments, but there is %s", also);
    if (most == 1)
        return hd_call_refuse(call, "one %s at a time, but there is also %s",
                              operands[0].kind == HD_OPERAND_WORD ? "word" : "file", also);
    if (operands[most - 1].kind == HD_OPERAND_OBJECT)
        return hd_call_refuse(call, "one object at a time, but there is also %s", also);
    return hd_call_refuse(call, "at most %d words, but there is also %s", most, also);
}

unsigned long hd_call_count(struct hd_call *call)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(call->value, &end, 10);
    if (isdigit((unsigned char)call->value[0]) && !*end && !errno)
        return number;
    return hd_call_refuse(call, "--%s takes a number, not %s", call->option->name, call->value);
}

uint64_t hd_call_bytes(struct hd_call *call)
{
    uint64_t bytes;
    if (hd_units_bytes(call->value, &bytes))
        return bytes;
    return hd_call_refuse(call, "--%s takes a size like 500kB, 10MB or 1.5GB, not %s", call->option->name, call->value);
}
