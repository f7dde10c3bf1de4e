/*
 * See calibrate.h. A decoder of the few x86-64 instructions that such functions are made of; it stops at the first one it does
 * not know, so that nothing is ever guessed out of step.
 */
#include "ruby/calibrate.h"

enum { CODE_BYTES = 96 };

enum kind { OTHER, GLOBAL, WORD, BYTE, CALL, END };

struct instruction {
    enum kind kind;
    int64_t displacement; /* of a load */
};

struct code {
    const uint8_t *bytes;
    size_t at;
};

/* The bytes of an operand in memory from ModRM on, and what it is. */
static size_t operand(const uint8_t *p, struct instruction *out, bool *in_register)
{
    unsigned mod = p[0] >> 6, rm = p[0] & 7;
    size_t length = 1 + (mod != 3 && rm == 4);
    int32_t wide = 0;
    *in_register = mod == 3;
    out->displacement = 0;
    if (mod == 1) {
        out->displacement = (int8_t)p[length];
        return length + 1;
    }
    if (mod == 2 || (mod == 0 && rm == 5)) {
        memcpy(&wide, p + length, 4);
        out->displacement = wide;
        out->kind = mod == 0 ? GLOBAL : out->kind;
        return length + 4;
    }
    return length;
}

/* Instructions without an operand of ModRM: their length, 0 if it is none of these. */
static size_t plain_length(const uint8_t *p, size_t prefix, enum kind *kind)
{
    uint8_t op = p[0];
    *kind = OTHER;
    if (op >= 0x50 && op <= 0x5f) /* push, pop */
        return 1;
    if (op >= 0xb8 && op <= 0xbf) /* mov $imm32, %r */
        return prefix ? 0 : 5;
    if (op == 0x74 || op == 0x75 || op == 0x24) /* je, jne, and $imm8, %al */
        return 2;
    if (op == 0xe8) {
        *kind = CALL;
        return 5;
    }
    if (op == 0xc3 || op == 0xe9 || op == 0xeb) {
        *kind = END;
        return 1;
    }
    return 0;
}

static struct instruction next(struct code *code)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    struct instruction out = {.kind = END};
    const uint8_t *p = code->bytes + code->at;
    if (code->at + 16 > CODE_BYTES)
        return out;
    if (!memcmp(p, endbr64, sizeof endbr64)) {
        code->at += sizeof endbr64;
        out.kind = OTHER;
        return out;
    }
    size_t prefix = (p[0] & 0xf0) == 0x40; /* REX */
    bool in_register, wide = prefix && p[0] & 8;
    p += prefix;
    size_t length = plain_length(p, prefix, &out.kind);
    if (length) {
        code->at += prefix + length;
        return out;
    }
    if (p[0] == 0x0f && p[1] == 0xb6) { /* movzbl */
        out.kind = BYTE;
        length = 2 + operand(p + 2, &out, &in_register);
    } else if (p[0] == 0x8b || p[0] == 0x8d) { /* mov from memory, lea */
        out.kind = p[0] == 0x8b && wide ? WORD : OTHER;
        length = 1 + operand(p + 1, &out, &in_register);
    } else if (p[0] == 0x89 || p[0] == 0x85 || p[0] == 0x84 || p[0] == 0x39 || p[0] == 0x3b || p[0] == 0x31) {
        length = 1 + operand(p + 1, &out, &in_register);
        in_register = true; /* whatever it is, it loads nothing for us */
    } else if (p[0] == 0x83 || p[0] == 0xc0 || p[0] == 0xc1 || p[0] == 0xf6) {
        length = 2 + operand(p + 1, &out, &in_register);
        in_register = true;
    } else {
        out.kind = END;
        return out;
    }
    if (in_register)
        out.kind = OTHER;
    code->at += prefix + length;
    return out;
}

enum fact { VM_OBJSPACE, OBJSPACE_COUNT, OBJSPACE_FLAGS, VM_AT_EXIT };

/*
 * gc.c, vm.c, 2.7 to 3.4. The variable that holds the VM is loaded first (directly or by its address), then the VM, then its
 * member. Since 3.4 rb_gc_count gets the object space from a function it calls.
 */
static int64_t fact_read(const uint8_t *bytes, enum fact fact)
{
    struct code code = {bytes, 0};
    bool global = false, called = false, space = false;
    int64_t last = HD_ABSENT;
    for (;;) {
        struct instruction found = next(&code);
        bool member = found.kind == WORD && found.displacement > 0;
        if (found.kind == END)
            return fact == OBJSPACE_COUNT && bytes[code.at - 1] == 0xc3 && (called || space) ? last : HD_ABSENT;
        global |= found.kind == GLOBAL;
        called |= found.kind == CALL;
        if (fact == VM_OBJSPACE && member && global)
            return found.displacement;
        if (fact == VM_AT_EXIT && member && global && called)
            return found.displacement;
        if (fact == OBJSPACE_FLAGS && found.kind == BYTE && space)
            return found.displacement;
        if (fact == OBJSPACE_COUNT && member && (called || space))
            last = found.displacement;
        space |= member && global;
    }
}

void hd_calibrate(struct hd_memory *memory, hd_calibrate_symbol *symbol, void *data, const struct hd_layout *layout,
                  struct hd_calibration_row rows[HD_CALIBRATION_ROWS])
{
    enum { FUNCTIONS_MAX = 3, FLAGS_BYTES = 4 };
    const struct {
        const char *member, *functions[FUNCTIONS_MAX + 1];
        int64_t table;
    } facts[HD_CALIBRATION_ROWS] = {
        [VM_OBJSPACE] = {"vm->objspace", {"rb_gc_get_objspace", "rb_during_gc", "rb_gc_count"}, layout->vm_objspace},
        [OBJSPACE_COUNT] = {"objspace->profile.count", {"rb_gc_count"}, layout->objspace_count},
        [OBJSPACE_FLAGS] = {"objspace->flags", {"rb_during_gc"}, layout->objspace_flags},
        [VM_AT_EXIT] = {"vm->at_exit", {"ruby_vm_at_exit"}, layout->vm_at_exit},
    };
    uint64_t unreadable = memory->unreadable;
    for (int i = 0; i < HD_CALIBRATION_ROWS; i++) {
        rows[i] = (struct hd_calibration_row){.member = facts[i].member, .code = HD_ABSENT, .table = facts[i].table};
        for (int k = 0; facts[i].functions[k] && !hd_layout_has(rows[i].code); k++) {
            uint64_t addr = symbol(data, facts[i].functions[k]);
            const uint8_t *bytes = addr ? hd_memory_at(memory, addr, CODE_BYTES) : NULL;
            rows[i].code = bytes ? fact_read(bytes, (enum fact)i) : HD_ABSENT;
            rows[i].function = hd_layout_has(rows[i].code) ? facts[i].functions[k] : NULL;
        }
        int64_t slack = i == OBJSPACE_FLAGS ? FLAGS_BYTES : 1; /* the bit is in one of the bytes */
        rows[i].differs = hd_layout_has(rows[i].code) && hd_layout_has(rows[i].table)
                          && (rows[i].code < rows[i].table || rows[i].code >= rows[i].table + slack);
    }
    memory->unreadable = unreadable;
}
