/*
 * Instruction sequences: names, source locations, local tables, and lines by instruction.
 *
 * vm_core.h, struct rb_iseq_constant_body. Literals, children and inline caches come from Ruby's own mark
 * function; here stand the fields people ask for.
 */
#include "ruby/decode.h"

enum { ISEQ_SIZE_MAX = 1 << 26, LOCALS_MAX = 1 << 16, NAMES_COMPARED = 1 << 12 };

uint64_t hd_iseq_body(struct hd_line *line, uint64_t iseq)
{
    if (hd_vm_imemo_type(line->vm, iseq) != line->vm->layout->k_imemo_iseq)
        return 0;
    return hd_word(hd_vm_object(line->vm, iseq), line->vm->layout->iseq_body);
}

static uint64_t body_word(struct hd_line *line, uint64_t body, int64_t offset)
{
    return body && hd_layout_has(offset) ? hd_memory_u64(line->vm->memory, body + (uint64_t)offset) : 0;
}

static uint32_t body_half(struct hd_line *line, uint64_t body, int64_t offset)
{
    return body && hd_layout_has(offset) ? hd_memory_u32(line->vm->memory, body + (uint64_t)offset) : 0;
}

struct hd_text hd_iseq_label(struct hd_line *line, uint64_t body)
{
    return hd_text_name(hd_line_text_at(line, body_word(line, body, line->vm->layout->iseq_body_label)));
}

/* iseq.c: pathobj is the path, or an Array of path and real path */
struct hd_text hd_iseq_path(struct hd_line *line, uint64_t body)
{
    uint64_t path = body_word(line, body, line->vm->layout->iseq_body_path), count;
    const uint8_t *pair = hd_vm_object_of(line->vm, path, HD_T_ARRAY);
    const uint8_t *elements = pair ? hd_array_elements(line->vm, pair, path, &count) : NULL;
    return hd_text_name(hd_line_text_at(line, elements && count ? hd_word(elements, 0) : path));
}

/* a Fixnum up to 3.1, an int since 3.2 */
uint64_t hd_iseq_first_line(struct hd_line *line, uint64_t body)
{
    const struct hd_layout *l = line->vm->layout;
    if (l->iseq_body_first_lineno_size == 4)
        return body_half(line, body, l->iseq_body_first_lineno);
    return body_word(line, body, l->iseq_body_first_lineno) >> 1;
}

/*
 * iseq.c, succ_index_table: how many of the sorted instruction positions are at or before `position`. The first
 * 54 positions are packed nine to a word, seven bits of rank each; then come blocks of 512 bits with a rank per
 * block and nine bits of rank per 64-bit word.
 */
static uint64_t succ_rank(struct hd_line *line, uint64_t table, uint64_t position)
{
    enum { IMMEDIATE = 54, PER_WORD = 9, BLOCK_BITS = 512, BLOCK_BYTES = 80 };
    struct hd_memory *memory = line->vm->memory;
    if (position < IMMEDIATE)
        return hd_memory_u64(memory, table + 8 * (position / PER_WORD)) >> (7 * (position % PER_WORD)) & 0x7f;
    uint64_t bit = position - IMMEDIATE, block = table + 8 * (IMMEDIATE / PER_WORD) + bit / BLOCK_BITS * BLOCK_BYTES;
    uint64_t word = bit % BLOCK_BITS / 64, ranks = hd_memory_u64(memory, block + 8);
    uint64_t small = word ? ranks >> (9 * (word - 1)) & 0x1ff : 0;
    uint64_t bits = hd_memory_u64(memory, block + 16 + 8 * word) << (63 - bit % 64);
    return hd_memory_u32(memory, block) + small + (uint64_t)__builtin_popcountll(bits);
}

static uint64_t positions_rank(struct hd_line *line, uint64_t positions, uint64_t count, uint64_t position)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (hd_memory_u32(line->vm->memory, positions + 4 * middle) <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t hd_iseq_line(struct hd_line *line, uint64_t body, uint64_t pc)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t encoded = body_word(line, body, l->iseq_body_encoded), size = body_half(line, body, l->iseq_body_size);
    uint64_t count = body_half(line, body, l->iseq_body_insn_info_size);
    if (!pc || pc < encoded || (pc - encoded) / 8 > size || size > ISEQ_SIZE_MAX || !count || count > size)
        return 0;
    uint64_t position = (pc - encoded) / 8, rank = 1;
    if (position) /* the pc points behind the instruction that runs */
        position--;
    uint64_t table = body_word(line, body, l->iseq_body_succ_index);
    uint64_t positions = body_word(line, body, l->iseq_body_insn_positions);
    if (count > 1 && table)
        rank = succ_rank(line, table, position);
    else if (count > 1 && positions)
        rank = positions_rank(line, positions, count, position);
    if (!rank || rank > count)
        return 0;
    uint64_t info = body_word(line, body, l->iseq_body_insn_info) + (rank - 1) * (uint64_t)l->insn_info_size;
    return hd_memory_u32(line->vm->memory, info + (uint64_t)l->insn_info_line);
}

static const char *type_name(struct hd_line *line, uint64_t body)
{
    static const char *const names[] = {"top", "method", "block", "class", "rescue", "ensure", "eval", "main", "plain"};
    uint32_t type = body_half(line, body, line->vm->layout->iseq_body_type); /* enum iseq_type, unchanged since 2.7 */
    return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

static void text_field(struct hd_line *line, struct hd_text text, bool name)
{
    if (!text.data)
        return;
    if (name)
        hd_line_key(line, "name");
    else
        hd_line_key(line, "filename");
    hd_line_string(line, text);
}

static void location_write(struct hd_line *line, uint64_t body)
{
    text_field(line, hd_iseq_label(line, body), true);
    text_field(line, hd_iseq_path(line, body), false);
    hd_line_key(line, "line");
    hd_text_uint(line->out, hd_iseq_first_line(line, body));
    hd_line_key(line, "type");
    hd_line_string(line, (struct hd_text){type_name(line, body), strlen(type_name(line, body))});
}

void hd_iseq_summary_write(struct hd_line *line, uint64_t iseq)
{
    uint64_t body = hd_iseq_body(line, iseq);
    if (!body)
        return;
    hd_line_literal(line, ",\"iseq\":{\"id\":");
    hd_line_ref(line, iseq);
    location_write(line, body);
    hd_line_literal(line, "}");
}

/* The i-th name of the local table; unnamed ones (hidden arguments) and repeated ones get a name of their own. */
static void local_name_write(struct hd_line *line, const uint8_t *table, uint64_t i, const char *after)
{
    uint64_t id = hd_word(table, 8 * (int64_t)i);
    struct hd_text name = hd_symbol_name(line->vm, id);
    bool repeated = i >= NAMES_COMPARED; /* comparing each with each is quadratic */
    for (uint64_t k = 0; name.data && k < i && !repeated; k++)
        repeated = hd_word(table, 8 * (int64_t)k) == id;
    hd_memory_worked(line->vm->memory, repeated ? 0 : 8 * i);
    hd_buffer_append(line->out, "\"\\\\", name.data && hd_text_name_needs_backslash(name.data, name.length) ? 3 : 1);
    if (name.data)
        hd_text_escape_any(line->out, name.data, name.length);
    if (!name.data || repeated) {
        hd_line_literal(line, "#<slot ");
        hd_text_uint(line->out, i);
        hd_line_literal(line, ">");
    }
    hd_buffer_append(line->out, after, strlen(after));
}

static const uint8_t *local_table(struct hd_line *line, uint64_t body, uint64_t *count)
{
    const struct hd_layout *l = line->vm->layout;
    *count = body_half(line, body, l->iseq_body_local_table_size);
    uint64_t table = body_word(line, body, l->iseq_body_local_table);
    if (!table || !*count || *count > LOCALS_MAX)
        return NULL;
    return hd_memory_at(line->vm->memory, table, 8 * *count);
}

/*
 * vm_insnhelper.c, getblockparam: a &block parameter is made a Proc only when it is first used; until then its slot
 * holds nil and the block is the environment's block handler. The number of that parameter, or -1.
 */
static int64_t pending_block_param(struct hd_line *line, uint64_t body, uint64_t ep)
{
    enum { HAS_BLOCK = 1 << 6 }; /* vm_core.h, param.flags.has_block */
    const struct hd_layout *l = line->vm->layout;
    uint64_t flags = hd_memory_u64(line->vm->memory, ep);
    if (!hd_layout_has(l->iseq_body_param_block_start)
        || !(body_half(line, body, l->iseq_body_param_flags) & HAS_BLOCK)
        || !(flags & (uint64_t)l->k_VM_ENV_FLAG_LOCAL) || (flags & (uint64_t)l->k_VM_FRAME_FLAG_MODIFIED_BLOCK_PARAM))
        return -1;
    return (int32_t)body_half(line, body, l->iseq_body_param_block_start);
}

static void local_write(struct hd_line *line, uint64_t value)
{
    const struct hd_layout *l = line->vm->layout;
    /* a slot that was never assigned may hold anything the stack held before */
    if ((value & 7) == 0 && value > (uint64_t)l->k_Qundef && !hd_line_live(line, value)
        && (value & 0xff) != (uint64_t)l->k_RUBY_SYMBOL_FLAG)
        hd_line_literal(line, "{\"undef\":true}");
    else
        hd_line_value(line, value);
}

void hd_locals_write(struct hd_line *line, uint64_t iseq, uint64_t values, uint64_t ep)
{
    uint64_t count, body = hd_iseq_body(line, iseq);
    const uint8_t *names = local_table(line, body, &count);
    const uint8_t *value = names ? hd_memory_at(line->vm->memory, values, 8 * count) : NULL;
    if (!value)
        return;
    int64_t block = pending_block_param(line, body, ep);
    uint64_t handler = block >= 0 ? hd_memory_u64(line->vm->memory, ep - 8) : 0;
    hd_line_key(line, "locals");
    for (uint64_t i = 0; i < count; i++) {
        hd_buffer_append(line->out, i ? "," : "{", 1);
        local_name_write(line, names, i, "\":");
        if ((int64_t)i != block || !handler)
            local_write(line, hd_word(value, 8 * (int64_t)i));
        else if (handler & 3) /* a block that is no object yet */
            hd_line_literal(line, "{\"undef\":true}");
        else
            local_write(line, handler);
    }
    hd_line_literal(line, "}");
}

static void keyword_defaults_write(struct hd_line *line, uint64_t body)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t keyword = body_word(line, body, l->iseq_body_param_keyword);
    if (!(body_half(line, body, l->iseq_body_param_flags) & 1 << 4) || !keyword) /* param.flags.has_kw */
        return;
    uint32_t count = hd_memory_u32(line->vm->memory, keyword + (uint64_t)l->keyword_num);
    uint32_t required = hd_memory_u32(line->vm->memory, keyword + (uint64_t)l->keyword_required);
    uint64_t values = hd_memory_u64(line->vm->memory, keyword + (uint64_t)l->keyword_defaults);
    if (!values || required >= count || count > LOCALS_MAX)
        return;
    hd_line_key(line, "keyword_defaults");
    for (uint32_t i = 0; i < count - required; i++) {
        hd_buffer_append(line->out, i ? "," : "[", 1);
        hd_line_plain_value(line, hd_memory_u64(line->vm->memory, values + 8ull * i));
    }
    hd_line_literal(line, "]");
}

void hd_iseq_write(struct hd_line *line, const uint8_t *object, uint64_t addr)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t body = hd_iseq_body(line, addr), count;
    if (!body)
        return;
    location_write(line, body);
    const uint8_t *names = local_table(line, body, &count);
    hd_line_key(line, "local_table");
    hd_line_literal(line, "[");
    for (uint64_t i = 0; names && i < count; i++) {
        if (i)
            hd_line_literal(line, ",");
        local_name_write(line, names, i, "\"");
    }
    hd_line_literal(line, "]");
    hd_line_key_ref(line, "parent", body_word(line, body, l->iseq_body_parent));
    if (body_word(line, body, l->iseq_body_local_iseq) != addr)
        hd_line_key_ref(line, "local_iseq", body_word(line, body, l->iseq_body_local_iseq));
    hd_line_key_ref(line, "mandatory_only_iseq", body_word(line, body, l->iseq_body_mandatory));
    hd_line_key_ref(line, "coverage", body_word(line, body, l->iseq_body_coverage));
    hd_line_key_ref(line, "script_lines", body_word(line, body, l->iseq_body_script_lines));
    hd_line_key_ref(line, "wrapper", hd_word(object, l->iseq_wrapper));
    hd_line_key_ref(line, "name_string", body_word(line, body, l->iseq_body_label));
    hd_line_key_ref(line, "path_object", body_word(line, body, l->iseq_body_path));
    keyword_defaults_write(line, body);
}
