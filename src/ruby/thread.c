/*
 * Frames: what every thread and fiber is doing, with its local variables by name.
 *
 * vm_core.h: an execution context has a VM stack; control frames grow down from its end, the newest at ec->cfp.
 * Values grow up from its start. A frame's locals lie below its environment pointer `ep`, which points into the
 * heap once the environment has escaped (a block or binding captured it).
 */
#include "ruby/decode.h"

enum { STACK_WORDS_MAX = 1 << 24, ENV_DEPTH_MAX = 1000 };

struct frame {
    uint64_t addr, pc, sp, iseq, self, ep;
    uint64_t body; /* of the iseq; 0 for a C function */
};

static bool frame_read(struct hd_line *line, uint64_t addr, struct frame *frame)
{
    const struct hd_layout *l = line->vm->layout;
    const uint8_t *cfp = hd_memory_at(line->vm->memory, addr, (uint64_t)l->cfp_size);
    if (!cfp)
        return false;
    frame->addr = addr;
    frame->pc = hd_word(cfp, l->cfp_pc);
    frame->sp = hd_word(cfp, l->cfp_sp);
    frame->iseq = hd_word(cfp, l->cfp_iseq);
    frame->self = hd_word(cfp, l->cfp_self);
    frame->ep = hd_word(cfp, l->cfp_ep);
    frame->body = frame->iseq ? hd_iseq_body(line, frame->iseq) : 0;
    return true;
}

/* vm_insnhelper.c, check_method_entry: ep[-2] holds a method entry, a cref, or an svar with one of them */
static uint64_t method_entry_at(struct hd_line *line, uint64_t ep)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t value = hd_memory_u64(line->vm->memory, ep - 16);
    if (hd_vm_imemo_type(line->vm, value) == l->k_imemo_svar)
        value = hd_word(hd_vm_object(line->vm, value), l->svar_cref_or_me);
    return hd_vm_imemo_type(line->vm, value) == l->k_imemo_ment ? value : 0;
}

/* From a block's environment outwards to the method it belongs to. */
static uint64_t frame_method(struct hd_line *line, const struct frame *frame)
{
    uint64_t ep = frame->ep;
    for (int depth = 0; ep && depth < ENV_DEPTH_MAX; depth++) {
        uint64_t ment = method_entry_at(line, ep);
        if (ment || hd_memory_u64(line->vm->memory, ep) & (uint64_t)line->vm->layout->k_VM_ENV_FLAG_LOCAL)
            return ment;
        ep = hd_memory_u64(line->vm->memory, ep - 8) & ~3ull;
    }
    return 0;
}

/* vm_backtrace.c: since 4.0 what Ruby itself has written in Ruby (<internal:…>) is shown as if it were written in C. */
static bool like_c(struct hd_line *line, const struct frame *frame)
{
    static const char internal[] = "<internal:";
    if (!frame->body || !hd_layout_has(line->vm->layout->box_object))
        return !frame->body;
    struct hd_text path = hd_iseq_path(line, frame->body);
    return path.data && path.length >= sizeof internal - 1 && !memcmp(path.data, internal, sizeof internal - 1);
}

static void location_write(struct hd_line *line, const struct frame *frame, const struct frame *caller)
{
    /* like Ruby's own backtraces: a C function stands at its caller's line */
    const struct frame *at = caller && like_c(line, frame) ? caller : frame;
    if (!at->body)
        return;
    struct hd_text path = hd_iseq_path(line, at->body);
    uint64_t number = hd_iseq_line(line, at->body, at->pc);
    if (path.data) {
        hd_line_key(line, "file");
        hd_line_string(line, path);
    }
    hd_line_key(line, "line");
    hd_text_uint(line->out, number ? number : hd_iseq_first_line(line, at->body));
}

/* What the frame has pushed for calls it is about to make, oldest first. */
static void temporaries_write(struct hd_line *line, const struct frame *frame, uint64_t older_sp, uint64_t limit)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t base, count = 0;
    if (frame->body) { /* vm_insnhelper.c, vm_base_ptr: from the caller's sp over the locals and environment data */
        uint64_t locals = hd_memory_u32(line->vm->memory, frame->body + (uint64_t)l->iseq_body_local_table_size);
        bool method = hd_memory_u32(line->vm->memory, frame->body + (uint64_t)l->iseq_body_type)
                      == (uint64_t)l->k_ISEQ_TYPE_METHOD;
        uint64_t flags = hd_memory_u64(line->vm->memory, frame->ep);
        if (method || (flags & (uint64_t)l->k_VM_FRAME_FLAG_BMETHOD))
            locals++; /* self */
        base = older_sp + 8 * (locals + (uint64_t)l->k_VM_ENV_DATA_SIZE);
    } else {
        base = frame->ep + 8;
    }
    if (!older_sp || base >= limit || (base & 7) || (limit - base) / 8 > STACK_WORDS_MAX)
        return;
    const uint8_t *values = hd_memory_at(line->vm->memory, base, limit - base);
    for (uint64_t i = 0; values && i < (limit - base) / 8; i++) {
        uint64_t value = hd_word(values, 8 * (int64_t)i);
        if (!hd_line_live(line, value))
            continue;
        if (count++)
            hd_line_literal(line, ",");
        else
            hd_line_literal(line, ",\"stack\":[");
        hd_line_value(line, value);
    }
    if (count)
        hd_line_literal(line, "]");
}

/* What is evaluated is called like the code around it; since 3.4 (vm_eval.c) its own label says "<compiled>". */
static struct hd_text frame_label(struct hd_line *line, uint64_t body)
{
    const struct hd_layout *l = line->vm->layout;
    for (int depth = 0; body && depth < ENV_DEPTH_MAX; depth++) {
        uint64_t type = hd_memory_u32(line->vm->memory, body + (uint64_t)l->iseq_body_type);
        uint64_t parent = hd_memory_u64(line->vm->memory, body + (uint64_t)l->iseq_body_parent);
        if (type != (uint64_t)l->k_ISEQ_TYPE_EVAL || !parent || !hd_iseq_body(line, parent))
            break;
        body = hd_iseq_body(line, parent);
    }
    return hd_iseq_label(line, body);
}

static void frame_write(struct hd_line *line, const struct frame *frame, const struct frame *caller, uint64_t older_sp)
{
    const struct hd_layout *l = line->vm->layout;
    uint64_t ment = frame_method(line, frame);
    struct hd_text label = frame_label(line, frame->body);
    hd_line_literal(line, "{\"method\":");
    if (!ment || !hd_method_name_write(line, ment))
        hd_line_string(line, label.data ? label : (struct hd_text){"<unknown>", 9});
    if (label.data) {
        hd_line_key(line, "label");
        hd_line_string(line, label);
    }
    if (!frame->body)
        hd_line_literal(line, ",\"cfunc\":true");
    location_write(line, frame, caller);
    hd_line_key(line, "self");
    hd_line_plain_value(line, frame->self);
    hd_line_key_ref(line, "method_entry", ment);
    if (frame->body) {
        uint64_t locals = hd_memory_u32(line->vm->memory, frame->body + (uint64_t)l->iseq_body_local_table_size);
        hd_iseq_summary_write(line, frame->iseq);
        hd_locals_write(line, frame->iseq, frame->ep - 8 * (locals + (uint64_t)l->k_VM_ENV_DATA_SIZE - 1),
                        frame->ep);
    }
    temporaries_write(line, frame, older_sp, frame->sp);
    hd_line_literal(line, "}");
}

/* The nearest older frame that runs Ruby code of a program. */
static bool caller_find(struct hd_line *line, uint64_t addr, uint64_t end, struct frame *caller)
{
    uint64_t size = (uint64_t)line->vm->layout->cfp_size;
    for (; addr + size <= end && frame_read(line, addr, caller); addr += size)
        if (caller->body && caller->pc && !like_c(line, caller))
            return true;
    return false;
}

void hd_frames_write(struct hd_line *line, uint64_t ec)
{
    const struct hd_layout *l = line->vm->layout;
    struct hd_memory *memory = line->vm->memory;
    uint64_t stack = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack);
    uint64_t words = hd_memory_u64(memory, ec + (uint64_t)l->ec_vm_stack_size);
    uint64_t cfp = hd_memory_u64(memory, ec + (uint64_t)l->ec_cfp), size = (uint64_t)l->cfp_size;
    if (!stack || !words || words > STACK_WORDS_MAX || cfp < stack || cfp > stack + 8 * words)
        return;
    uint64_t end = stack + 8 * words;
    struct frame frame, caller = {0}, older;
    struct hd_series series;
    hd_series_open(line, &series, "frames", '[');
    for (; cfp + size <= end && frame_read(line, cfp, &frame); cfp += size) {
        bool has_older = cfp + 2 * size <= end && frame_read(line, cfp + size, &older);
        if (!frame.ep || (!frame.body && !frame_method(line, &frame))) /* the dummy frame at the stack's end */
            continue;
        /* C functions in a row share one caller: do not search again for each */
        if (like_c(line, &frame) && caller.addr <= cfp && !caller_find(line, cfp + size, end, &caller))
            caller = (struct frame){0};
        hd_series_next(line, &series);
        frame_write(line, &frame, caller.addr ? &caller : NULL, has_older ? older.sp : stack);
    }
    hd_series_close(line, &series);
}
