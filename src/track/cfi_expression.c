/* cfi_expression.c: DWARF expressions (DWARF 5, section 2.5) by symbols: a value on the stack is a constant, or a
 * place in the sense of cfi.h. The pc is a constant: rules are looked up for one instruction. */
#include "cfi.h"
#include "cfi_read.h"

enum { STACK = 16, NOTHING = 0xff };

enum {
    OP_DEREF = 0x06, OP_CONST1U = 0x08, OP_CONST1S, OP_CONST2U, OP_CONST2S, OP_CONST4U, OP_CONST4S, OP_CONST8U,
    OP_CONST8S, OP_CONSTU, OP_CONSTS, OP_DUP, OP_DROP, OP_OVER, OP_SWAP = 0x16,
    OP_AND = 0x1a, OP_MINUS = 0x1c, OP_MUL = 0x1e, OP_OR = 0x21, OP_PLUS, OP_PLUS_UCONST, OP_SHL, OP_SHR, OP_SHRA, OP_XOR,
    OP_EQ = 0x29, OP_GE, OP_GT, OP_LE, OP_LT, OP_NE, OP_LIT0 = 0x30, OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70, OP_BREG31 = 0x8f, OP_BREGX = 0x92, OP_NOP = 0x96,
};

struct value {
    uint8_t base; /* NOTHING: the constant `offset` */
    bool deref;
    int64_t offset, then;
};

struct machine {
    struct mr_cfi_cursor code;
    uintptr_t pc;
    unsigned depth;
    struct value stack[STACK];
};

static void push(struct machine *m, struct value v)
{
    if (m->depth == STACK)
        m->code.bad = true;
    else
        m->stack[m->depth++] = v;
}

static void push_constant(struct machine *m, int64_t n) { push(m, (struct value){ .base = NOTHING, .offset = n }); }

static struct value pop(struct machine *m)
{
    if (m->depth == 0) {
        m->code.bad = true;
        return (struct value){ .base = NOTHING };
    }
    return m->stack[--m->depth];
}

static void push_register(struct machine *m, uint64_t number, int64_t offset)
{
    if (number == MR_CFI_RIP)
        push_constant(m, (int64_t)((uint64_t)m->pc + (uint64_t)offset));
    else if (number < MR_CFI_RIP)
        push(m, (struct value){ .base = (uint8_t)number, .offset = offset });
    else
        m->code.bad = true;
}

static void push_sum(struct machine *m, struct value v, int64_t n)
{
    int64_t *last = v.deref ? &v.then : &v.offset;
    *last = (int64_t)((uint64_t)*last + (uint64_t)n);
    push(m, v);
}

static void dereference(struct machine *m)
{
    struct value v = pop(m);
    if (v.base == NOTHING || v.deref)
        m->code.bad = true;
    v.deref = true;
    push(m, v);
}

static int64_t combine(unsigned op, int64_t a, int64_t b)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    switch (op) {
    case OP_AND: return a & b;
    case OP_OR: return a | b;
    case OP_XOR: return a ^ b;
    case OP_MUL: return (int64_t)(ua * ub);
    case OP_SHL: return ub < 64 ? (int64_t)(ua << ub) : 0;
    case OP_SHR: return ub < 64 ? (int64_t)(ua >> ub) : 0;
    case OP_SHRA: return a >> (ub < 64 ? ub : 63);
    case OP_EQ: return a == b;
    case OP_GE: return a >= b;
    case OP_GT: return a > b;
    case OP_LE: return a <= b;
    case OP_LT: return a < b;
    default: return a != b; /* OP_NE */
    }
}

static void binary(struct machine *m, unsigned op)
{
    struct value b = pop(m), a = pop(m);
    if (op == OP_PLUS && a.base == NOTHING)
        push_sum(m, b, a.offset);
    else if (op == OP_PLUS && b.base == NOTHING)
        push_sum(m, a, b.offset);
    else if (op == OP_MINUS && b.base == NOTHING)
        push_sum(m, a, (int64_t)(0 - (uint64_t)b.offset));
    else if (op != OP_PLUS && op != OP_MINUS && a.base == NOTHING && b.base == NOTHING)
        push_constant(m, combine(op, a.offset, b.offset));
    else
        m->code.bad = true;
}

static void shuffle(struct machine *m, unsigned op)
{
    struct value top = pop(m), below = op == OP_OVER || op == OP_SWAP ? pop(m) : top;
    if (op == OP_OVER)
        push(m, below);
    if (op != OP_DROP)
        push(m, top);
    if (op != OP_DROP)
        push(m, below); /* for OP_DUP this is the top again */
}

static bool constant(struct machine *m, unsigned op)
{
    struct mr_cfi_cursor *c = &m->code;
    switch (op) {
    case OP_CONST1U: push_constant(m, mr_cfi_u8(c)); return true;
    case OP_CONST1S: push_constant(m, (int8_t)mr_cfi_u8(c)); return true;
    case OP_CONST2U: push_constant(m, mr_cfi_u16(c)); return true;
    case OP_CONST2S: push_constant(m, (int16_t)mr_cfi_u16(c)); return true;
    case OP_CONST4U: push_constant(m, mr_cfi_u32(c)); return true;
    case OP_CONST4S: push_constant(m, (int32_t)mr_cfi_u32(c)); return true;
    case OP_CONST8U:
    case OP_CONST8S: push_constant(m, (int64_t)mr_cfi_u64(c)); return true;
    case OP_CONSTU: push_constant(m, (int64_t)mr_cfi_uleb(c)); return true;
    case OP_CONSTS: push_constant(m, mr_cfi_sleb(c)); return true;
    default: return false;
    }
}

static bool is_binary(unsigned op)
{
    static const uint64_t ops = 1ull << OP_AND | 1ull << OP_MINUS | 1ull << OP_MUL | 1ull << OP_OR | 1ull << OP_PLUS |
                                1ull << OP_SHL | 1ull << OP_SHR | 1ull << OP_SHRA | 1ull << OP_XOR | 1ull << OP_EQ |
                                1ull << OP_GE | 1ull << OP_GT | 1ull << OP_LE | 1ull << OP_LT | 1ull << OP_NE;
    return op < 64 && ops >> op & 1;
}

static void operate(struct machine *m, unsigned op)
{
    if (op >= OP_LIT0 && op <= OP_LIT31)
        push_constant(m, op - OP_LIT0);
    else if (op >= OP_BREG0 && op <= OP_BREG31)
        push_register(m, op - OP_BREG0, mr_cfi_sleb(&m->code));
    else if (op == OP_BREGX) {
        uint64_t number = mr_cfi_uleb(&m->code);
        push_register(m, number, mr_cfi_sleb(&m->code));
    } else if (op == OP_DEREF)
        dereference(m);
    else if (op == OP_PLUS_UCONST)
        push_sum(m, pop(m), (int64_t)mr_cfi_uleb(&m->code));
    else if (op == OP_DUP || op == OP_DROP || op == OP_OVER || op == OP_SWAP)
        shuffle(m, op);
    else if (is_binary(op))
        binary(m, op);
    else if (op != OP_NOP && !constant(m, op))
        m->code.bad = true;
}

static bool fits(int64_t n) { return n == (int32_t)n; }

void mr_cfi_evaluate(struct mr_cfi_cursor expression, uintptr_t pc, bool of_cfa, struct mr_cfi_rule *place)
{
    struct machine m = { .code = expression, .pc = pc };
    if (of_cfa)
        push(&m, (struct value){ .base = MR_CFI_CFA });
    while (m.code.at < m.code.end && !m.code.bad)
        operate(&m, mr_cfi_u8(&m.code));
    struct value v = pop(&m);
    if (m.code.bad || v.base == NOTHING || !fits(v.offset) || !fits(v.then))
        *place = (struct mr_cfi_rule){ .how = MR_CFI_UNKNOWN };
    else
        *place = (struct mr_cfi_rule){ MR_CFI_IS, v.base, v.deref, (int32_t)v.offset, (int32_t)v.then };
}
