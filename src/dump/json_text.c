/* The part of json_reader.h that needs no JSON parser: names of builtin types, paths and texts for people. */
#include "dump/json_reader.h"

#include <stdio.h>
#include <string.h>

const char *hd_bt_name(enum hd_bt bt)
{
    static const char *const names[HD_BT_COUNT] = {
        [HD_BT_NONE] = "",
#define HD_BT_NAME(name) [HD_BT_##name] = #name,
        HD_BT_LIST(HD_BT_NAME)
#undef HD_BT_NAME
    };
    return (unsigned)bt < HD_BT_COUNT ? names[bt] : "";
}

/* Appends what fits as whole characters; returns the new length. */
static size_t append(char *buffer, size_t used, size_t size, struct hd_json_text text)
{
    size_t room = size - 1 - used;
    size_t take = text.length < room ? text.length : room;
    if (take < text.length)
        while (take > 0 && ((unsigned char)text.data[take] & 0xc0) == 0x80)
            take--;
    for (size_t i = 0; i < take; i++) {
        unsigned char c = (unsigned char)text.data[i];
        buffer[used + i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    buffer[used + take] = '\0';
    return used + take;
}

static size_t append_string(char *buffer, size_t used, size_t size, const char *string)
{
    return append(buffer, used, size, (struct hd_json_text){string, strlen(string)});
}

char *hd_json_text_format(struct hd_json_text text, char *buffer, size_t size)
{
    append(buffer, 0, size, text);
    return buffer;
}

char *hd_json_path_format(const struct hd_json_reference *reference, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < reference->depth; i++) {
        const struct hd_json_step *step = &reference->steps[i];
        if (step->name.data) {
            if (i > 0)
                used = append_string(buffer, used, size, ".");
            used = append(buffer, used, size, step->name);
        } else {
            char index[32];
            snprintf(index, sizeof index, "[%llu]", (unsigned long long)step->index);
            used = append_string(buffer, used, size, index);
        }
    }
    if (reference->is_key)
        append_string(buffer, used, size, " (the key)");
    return buffer;
}
