/* cfi_program.c: runs the programs of a function's entry up to one instruction of it. */
#include "cfi.h"
#include "cfi_read.h"

enum { REMEMBERED = 4 };

struct run {
    struct mr_cfi_cursor code;
    const struct mr_cfi_common *cie;
    uintptr_t location, pc;
    struct mr_cfi_rules *now;
    const struct mr_cfi_rules *initial; /* NULL while the CIE's own program runs */
    unsigned depth;
    struct mr_cfi_rules remembered[REMEMBERED];
};

enum {
    OP_ADVANCE = 0x40, OP_OFFSET = 0x80, OP_RESTORE = 0xc0,
    OP_NOP = 0x00, OP_SET_LOC, OP_ADVANCE1, OP_ADVANCE2, OP_ADVANCE4, OP_OFFSET_EXTENDED, OP_RESTORE_EXTENDED,
    OP_UNDEFINED, OP_SAME_VALUE, OP_REGISTER, OP_REMEMBER, OP_RESTORE_STATE, OP_DEF_CFA, OP_DEF_CFA_REGISTER,
    OP_DEF_CFA_OFFSET, OP_DEF_CFA_EXPRESSION, OP_EXPRESSION, OP_OFFSET_EXTENDED_SF, OP_DEF_CFA_SF,
    OP_DEF_CFA_OFFSET_SF, OP_VAL_OFFSET, OP_VAL_OFFSET_SF, OP_VAL_EXPRESSION,
    OP_GNU_ARGS_SIZE = 0x2e, OP_GNU_NEGATIVE_OFFSET = 0x2f,
};

/* Of registers we do not follow (vectors, segments) nothing is kept. */
static void set_rule(struct run *r, uint64_t number, struct mr_cfi_rule rule)
{
    if (number < MR_CFI_REGISTERS)
        r->now->registers[number] = rule;
}

static void set_offset(struct run *r, uint64_t number, uint8_t how, int64_t factored)
{
    int64_t offset;
    if (__builtin_mul_overflow(factored, r->cie->data_align, &offset) || offset != (int32_t)offset)
        set_rule(r, number, (struct mr_cfi_rule){ .how = MR_CFI_UNKNOWN });
    else
        set_rule(r, number, (struct mr_cfi_rule){ .how = how, .base = MR_CFI_CFA, .offset = (int32_t)offset });
}

static void restore(struct run *r, uint64_t number)
{
    if (!r->initial)
        r->code.bad = true;
    else if (number < MR_CFI_REGISTERS)
        r->now->registers[number] = r->initial->registers[number];
}

static void set_expression(struct run *r, uint64_t number, uint8_t how)
{
    struct mr_cfi_rule rule;
    uint64_t size = mr_cfi_uleb(&r->code);
    mr_cfi_evaluate(mr_cfi_part(&r->code, size), r->pc, true, &rule);
    if (rule.how != MR_CFI_UNKNOWN)
        rule.how = how;
    set_rule(r, number, rule);
}

static void set_cfa(struct run *r, uint64_t number, int64_t offset)
{
    bool known = number < MR_CFI_REGISTERS && offset == (int32_t)offset;
    r->now->cfa = (struct mr_cfi_rule){ .base = (uint8_t)number, .offset = (int32_t)offset };
    r->now->cfa.how = known ? MR_CFI_IS : MR_CFI_UNKNOWN;
}

static void set_cfa_expression(struct run *r)
{
    uint64_t size = mr_cfi_uleb(&r->code);
    mr_cfi_evaluate(mr_cfi_part(&r->code, size), r->pc, false, &r->now->cfa);
}

static void remember(struct run *r)
{
    if (r->depth == REMEMBERED)
        r->code.bad = true;
    else
        r->remembered[r->depth++] = *r->now;
}

static void recall(struct run *r)
{
    if (r->depth == 0)
        r->code.bad = true;
    else
        *r->now = r->remembered[--r->depth];
}

static int64_t factored(struct run *r, int64_t n)
{
    int64_t product;
    if (__builtin_mul_overflow(n, r->cie->data_align, &product))
        r->code.bad = true;
    return product;
}

static void advance(struct run *r, uint64_t n) { r->location += n * r->cie->code_align; }

static bool do_location(struct run *r, unsigned op)
{
    switch (op) {
    case OP_SET_LOC: r->location = mr_cfi_pointer(&r->code, r->cie->pointers); return true;
    case OP_ADVANCE1: advance(r, mr_cfi_u8(&r->code)); return true;
    case OP_ADVANCE2: advance(r, mr_cfi_u16(&r->code)); return true;
    case OP_ADVANCE4: advance(r, mr_cfi_u32(&r->code)); return true;
    default: return false;
    }
}

static bool do_cfa(struct run *r, unsigned op)
{
    struct mr_cfi_cursor *c = &r->code;
    const struct mr_cfi_rule *cfa = &r->now->cfa;
    uint64_t number = op == OP_DEF_CFA || op == OP_DEF_CFA_SF || op == OP_DEF_CFA_REGISTER ? mr_cfi_uleb(c) : cfa->base;
    switch (op) {
    case OP_DEF_CFA:
    case OP_DEF_CFA_OFFSET: set_cfa(r, number, (int64_t)mr_cfi_uleb(c)); return true;
    case OP_DEF_CFA_SF:
    case OP_DEF_CFA_OFFSET_SF: set_cfa(r, number, factored(r, mr_cfi_sleb(c))); return true;
    case OP_DEF_CFA_REGISTER: set_cfa(r, number, cfa->offset); return true;
    case OP_DEF_CFA_EXPRESSION: set_cfa_expression(r); return true;
    default: return false;
    }
}

static bool do_offset(struct run *r, unsigned op)
{
    if (op != OP_OFFSET_EXTENDED && op != OP_OFFSET_EXTENDED_SF && op != OP_GNU_NEGATIVE_OFFSET && op != OP_VAL_OFFSET &&
        op != OP_VAL_OFFSET_SF)
        return false;
    uint64_t number = mr_cfi_uleb(&r->code);
    bool is_signed = op == OP_OFFSET_EXTENDED_SF || op == OP_VAL_OFFSET_SF;
    uint64_t n = is_signed ? (uint64_t)mr_cfi_sleb(&r->code) : mr_cfi_uleb(&r->code);
    if (op == OP_GNU_NEGATIVE_OFFSET)
        n = 0 - n;
    set_offset(r, number, op == OP_VAL_OFFSET || op == OP_VAL_OFFSET_SF ? MR_CFI_IS : MR_CFI_AT, (int64_t)n);
    return true;
}

static void set_copy(struct run *r, uint64_t number)
{
    uint64_t from = mr_cfi_uleb(&r->code);
    uint8_t how = from < MR_CFI_REGISTERS ? MR_CFI_IS : MR_CFI_UNKNOWN;
    set_rule(r, number, (struct mr_cfi_rule){ .how = how, .base = (uint8_t)from });
}

static bool do_register(struct run *r, unsigned op)
{
    struct mr_cfi_cursor *c = &r->code;
    switch (op) {
    case OP_RESTORE_EXTENDED: restore(r, mr_cfi_uleb(c)); return true;
    case OP_UNDEFINED: set_rule(r, mr_cfi_uleb(c), (struct mr_cfi_rule){ .how = MR_CFI_UNDEFINED }); return true;
    case OP_SAME_VALUE: set_rule(r, mr_cfi_uleb(c), (struct mr_cfi_rule){ .how = MR_CFI_SAME }); return true;
    case OP_REGISTER: set_copy(r, mr_cfi_uleb(c)); return true;
    case OP_EXPRESSION: set_expression(r, mr_cfi_uleb(c), MR_CFI_AT); return true;
    case OP_VAL_EXPRESSION: set_expression(r, mr_cfi_uleb(c), MR_CFI_IS); return true;
    default: return false;
    }
}

static bool do_other(struct run *r, unsigned op)
{
    switch (op) {
    case OP_NOP: return true;
    case OP_REMEMBER: remember(r); return true;
    case OP_RESTORE_STATE: recall(r); return true;
    case OP_GNU_ARGS_SIZE: mr_cfi_uleb(&r->code); return true;
    default: return false;
    }
}

static void do_one(struct run *r)
{
    unsigned op = mr_cfi_u8(&r->code), low = op & 0x3f;
    if ((op & 0xc0) == OP_ADVANCE)
        advance(r, low);
    else if ((op & 0xc0) == OP_OFFSET)
        set_offset(r, low, MR_CFI_AT, (int64_t)mr_cfi_uleb(&r->code));
    else if ((op & 0xc0) == OP_RESTORE)
        restore(r, low);
    else if (!do_location(r, op) && !do_cfa(r, op) && !do_offset(r, op) && !do_register(r, op) && !do_other(r, op))
        r->code.bad = true;
}

/* Instructions hold from the location they stand at; those behind pc are not for us. */
static bool run(struct run *r)
{
    while (r->code.at < r->code.end && !r->code.bad && r->location <= r->pc)
        do_one(r);
    return !r->code.bad;
}

bool mr_cfi_run(const struct mr_cfi_common *cie, struct mr_cfi_cursor program, uintptr_t from, uintptr_t pc,
                struct mr_cfi_rules *rules)
{
    *rules = (struct mr_cfi_rules){ .cfa.how = MR_CFI_UNKNOWN, .signal = cie->signal };
    struct run r = { .code = cie->program, .cie = cie, .pc = pc, .location = from, .now = rules };
    if (!run(&r))
        return false;
    struct mr_cfi_rules initial = *rules;
    r.code = program;
    r.location = from;
    r.initial = &initial;
    return run(&r);
}
