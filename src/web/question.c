/* See question.h. */
#include "web/question.h"

#include "base/units.h"

#include <stdlib.h>
#include <string.h>

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes up to one of `stops` or the end into *to, which gets behind the NUL it writes. NULL if it is badly encoded. */
static const char *decode(const char *from, const char *stops, char **to, bool plus, struct hd_error *err)
{
    char *at = *to;
    for (; *from && !strchr(stops, *from); from++) {
        if (*from == '%') {
            int high = digit(from[1]), low = high < 0 ? -1 : digit(from[2]);
            if (low < 0 || (high == 0 && low == 0)) {
                hd_error_set(err, HD_ERROR_USAGE, "the address has a %% that is not followed by the two hexadecimal "
                                                  "digits of a byte, or stands for a NUL");
                return NULL;
            }
            *at++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *at++ = *from == '+' && plus ? ' ' : *from;
        }
    }
    *at++ = '\0';
    *to = at;
    return from;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct hd_web_parameter *)left)->name, ((const struct hd_web_parameter *)right)->name);
}

static bool parameters(struct hd_web_question *question, const char *at, char *to, struct hd_error *err)
{
    while (*at == '?' || *at == '&') {
        at++;
        if (*at == '&' || !*at)
            continue;
        if (question->count == HD_WEB_PARAMETERS)
            return hd_error_set(err, HD_ERROR_USAGE, "the address has more than %d parameters", HD_WEB_PARAMETERS);
        struct hd_web_parameter *parameter = &question->parameter[question->count++];
        parameter->name = to;
        at = decode(at, "&=#", &to, true, err);
        if (!at)
            return false;
        parameter->value = to;
        at = decode(*at == '=' ? at + 1 : at, "&#", &to, true, err);
        if (!at)
            return false;
    }
    qsort(question->parameter, question->count, sizeof *question->parameter, compare);
    for (unsigned i = 1; i < question->count; i++)
        if (!compare(&question->parameter[i - 1], &question->parameter[i]))
            return hd_error_set(err, HD_ERROR_USAGE, "the parameter %.60s is there twice", question->parameter[i].name);
    return true;
}

bool hd_web_question_parse(struct hd_web_question *question, const char *target, struct hd_error *err)
{
    char *to = question->text;
    question->count = 0;
    question->path = to;
    if (strlen(target) > HD_WEB_TARGET - 2 * HD_WEB_PARAMETERS)
        return hd_error_set(err, HD_ERROR_USAGE, "the address is too long");
    const char *at = decode(target, "?#", &to, false, err);
    return at && parameters(question, at, to, err);
}

static const struct hd_web_parameter *find(const struct hd_web_question *question, const char *name)
{
    for (unsigned i = 0; i < question->count; i++)
        if (!strcmp(question->parameter[i].name, name))
            return &question->parameter[i];
    return NULL;
}

const char *hd_web_question_get(const struct hd_web_question *question, const char *name)
{
    const struct hd_web_parameter *parameter = find(question, name);
    return parameter ? parameter->value : NULL;
}

void hd_web_question_drop(struct hd_web_question *question, const char *name)
{
    const struct hd_web_parameter *parameter = find(question, name);
    if (!parameter)
        return;
    size_t place = (size_t)(parameter - question->parameter);
    question->count--;
    memmove(&question->parameter[place], &question->parameter[place + 1],
            (question->count - place) * sizeof *question->parameter);
}

bool hd_web_question_number(const struct hd_web_question *question, const char *name, uint64_t fallback, uint64_t least,
                            uint64_t most, uint64_t *number, struct hd_error *err)
{
    const char *value = hd_web_question_get(question, name);
    *number = fallback;
    if (!value)
        return true;
    size_t length = strlen(value);
    bool digits = length > 0 && length < 19 && strspn(value, "0123456789") == length;
    *number = digits ? strtoull(value, NULL, 10) : 0;
    return (digits && *number >= least && *number <= most)
           || hd_error_set(err, HD_ERROR_USAGE, "%s takes a number from %llu to %llu, not %.60s", name,
                           (unsigned long long)least, (unsigned long long)most, value);
}

bool hd_web_question_bytes(const struct hd_web_question *question, const char *name, uint64_t *bytes, struct hd_error *err)
{
    const char *value = hd_web_question_get(question, name);
    *bytes = 0;
    return !value || hd_units_bytes(value, bytes)
           || hd_error_set(err, HD_ERROR_USAGE, "%s takes a size like 500, 10k or 1.5M, not %.60s", name, value);
}

bool hd_web_question_word(const struct hd_web_question *question, const char *name, const char *const *words, int *word,
                          struct hd_error *err)
{
    const char *value = hd_web_question_get(question, name);
    char list[200] = "";
    *word = 0;
    if (!value)
        return true;
    for (int i = 0; words[i]; i++) {
        if (!strcmp(words[i], value)) {
            *word = i;
            return true;
        }
        strncat(list, i ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, words[i], sizeof list - strlen(list) - 1);
    }
    return hd_error_set(err, HD_ERROR_USAGE, "%s is one of %s, not %.60s", name, list, value);
}

bool hd_web_question_flag(const struct hd_web_question *question, const char *name, bool *flag, struct hd_error *err)
{
    uint64_t number;
    if (!hd_web_question_number(question, name, 0, 0, 1, &number, err))
        return false;
    *flag = number == 1;
    return true;
}

/* What encodeURIComponent leaves as it is. */
static bool is_plain(char byte)
{
    static const char others[] = "-_.!~*'()";
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || (byte && strchr(others, byte));
}

static void encode(struct hd_buffer *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        char escape[] = {'%', digits[(unsigned char)*text >> 4], digits[*text & 15]};
        hd_buffer_append(out, is_plain(*text) ? text : escape, is_plain(*text) ? 1 : sizeof escape);
    }
}

void hd_web_question_key(const struct hd_web_question *question, struct hd_buffer *out)
{
    hd_buffer_append(out, question->path, strlen(question->path));
    for (unsigned i = 0; i < question->count; i++) {
        hd_buffer_append(out, i ? "&" : "?", 1);
        encode(out, question->parameter[i].name);
        hd_buffer_append(out, "=", 1);
        encode(out, question->parameter[i].value);
    }
    hd_buffer_append(out, "", 1);
}
