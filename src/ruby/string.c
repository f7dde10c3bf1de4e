/*
 * Objects that are text: T_STRING, T_SYMBOL, T_REGEXP.
 */
#include "dump/contents.h"
#include "ruby/decode.h"

static void contents_write(struct hd_line *line, struct hd_text text, uint64_t encoding)
{
    hd_contents_write(line->out, line->options, text.data, text.length, hd_contents_encoding_of(encoding));
}

/* encoding.h keeps the encoding's index in the flags; for indexes over 126 elsewhere ("other") */
static uint64_t encoding_write(struct hd_line *line, uint64_t flags)
{
    static const char *const names[] = {"ASCII-8BIT", "UTF-8", "US-ASCII", "UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE",
                                        "UTF-16", "UTF-32", "UTF8-MAC", "EUC-JP", "Windows-31J"}; /* encindex.h */
    const struct hd_layout *l = line->vm->layout;
    uint64_t index = (flags & (uint64_t)l->k_ENCODING_MASK) >> l->k_ENCODING_SHIFT;
    const char *name = NULL;
    if (line->vm->live && line->vm->live->encoding_name)
        name = line->vm->live->encoding_name((int)index);
    if (!name && index < sizeof names / sizeof *names)
        name = names[index];
    if (name) {
        hd_line_key(line, "encoding");
        hd_line_string(line, (struct hd_text){name, strlen(name)});
    }
    return index;
}

void hd_string_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_word(object, 0);
    bool outside = hd_flag(flags, l->k_RSTRING_NOEMBED), shared = outside && hd_flag(flags, l->k_STR_SHARED);
    struct hd_text text;
    uint64_t encoding = encoding_write(line, flags);
    if (!hd_string_text(line->vm, object, addr, &text)) {
        hd_line_literal(line, ",\"unreadable\":true");
        line->unreadable++;
        text = (struct hd_text){NULL, 0};
    } else {
        hd_line_key(line, "bytesize");
        hd_text_uint(line->out, text.length);
    }
    if (hd_flag(flags, l->k_RSTRING_FSTR))
        hd_line_literal(line, ",\"fstring\":true");
    if (shared) {
        hd_line_key_ref(line, "shared", hd_word(object, l->string_shared));
    } else if (outside && !hd_flag(flags, l->k_STR_NOFREE)) {
        hd_line_key(line, "capacity");
        hd_line_count(line, hd_word(object, l->string_capa));
    }
    if (text.data)
        contents_write(line, text, encoding);
}

void hd_symbol_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    uint64_t name = hd_word(object, line->vm->layout->symbol_fstr);
    const uint8_t *string = hd_vm_object_of(line->vm, name, HD_T_STRING);
    struct hd_text text = hd_line_text_at(line, name);
    if (!string || !text.data)
        return;
    uint64_t encoding = encoding_write(line, hd_word(string, 0));
    hd_line_key(line, "bytesize");
    hd_text_uint(line->out, text.length);
    contents_write(line, text, encoding);
    hd_line_key_ref(line, "str", name);
}

void hd_regexp_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    (void)addr;
    const struct hd_layout *l = line->vm->layout;
    uint64_t source = hd_word(object, l->regexp_src), pattern = hd_word(object, l->regexp_ptr);
    struct hd_text text = hd_line_text_at(line, source);
    if (text.data)
        contents_write(line, text, encoding_write(line, hd_word(object, 0)));
    if (pattern && hd_layout_has(l->regexp_options)) {
        hd_line_key(line, "options");
        hd_text_uint(line->out, hd_memory_u32(line->vm->memory, pattern + (uint64_t)l->regexp_options) & 7);
    }
    hd_line_key_ref(line, "str", source);
}

