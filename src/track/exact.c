#include "exact.h"

#include "object.h"

#if defined(__x86_64__)

struct state {
    uintptr_t registers[MR_CFI_REGISTERS];
    bool interrupted; /* RIP is the next instruction, not one after a call */
};

/* Stack memory as it is, red zones of AddressSanitizer included. */
#define READS_STACKS __attribute__((no_sanitize_address, no_sanitize_thread))

READS_STACKS static bool load(struct mr_bounds *bounds, uintptr_t at, uintptr_t *word)
{
    if (at % 8 || !mr_bounds_enter(bounds, at))
        return false;
    *word = *(const volatile uintptr_t *)at;
    return true;
}

/* Here, in the function that calls this. */
MR_INLINE void capture(struct state *s)
{
    uintptr_t *r = s->registers;
    *s = (struct state){ .interrupted = true };
    __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                     "movq %%rbp, 48(%0)\n\t"
                     "movq %%rsp, 56(%0)\n\t"
                     "movq %%r12, 96(%0)\n\t"
                     "movq %%r13, 104(%0)\n\t"
                     "movq %%r14, 112(%0)\n\t"
                     "movq %%r15, 120(%0)\n\t"
                     "leaq 0(%%rip), %%rax\n\t"
                     "movq %%rax, 128(%0)"
                     :
                     : "r"(r)
                     : "rax", "memory");
}

static bool evaluate(struct mr_bounds *bounds, const struct state *s, uintptr_t cfa, const struct mr_cfi_rule *rule,
                     uintptr_t *value)
{
    *value = (rule->base == MR_CFI_CFA ? cfa : s->registers[rule->base]) + (uintptr_t)(intptr_t)rule->offset;
    if (rule->deref && !load(bounds, *value, value))
        return false;
    *value += (uintptr_t)(intptr_t)rule->then;
    return rule->how != MR_CFI_AT || load(bounds, *value, value);
}

static bool apply(struct mr_bounds *bounds, const struct mr_cfi_rules *rules, struct state *s)
{
    struct state next = *s;
    uintptr_t cfa;
    if (rules->cfa.how != MR_CFI_IS || !evaluate(bounds, s, 0, &rules->cfa, &cfa))
        return false;
    next.registers[MR_CFI_RSP] = cfa;
    for (unsigned i = 0; i < MR_CFI_REGISTERS; i++) {
        const struct mr_cfi_rule *rule = &rules->registers[i];
        if (rule->how == MR_CFI_UNKNOWN)
            return false;
        if (rule->how >= MR_CFI_AT && !evaluate(bounds, s, cfa, rule, &next.registers[i]))
            return false;
    }
    next.interrupted = rules->signal;
    *s = next;
    return true;
}

static uintptr_t key_of(const struct state *s) { return s->registers[MR_CFI_RIP] + s->interrupted; }

static bool step(struct mr_bounds *bounds, struct state *s)
{
    struct mr_object object;
    struct mr_cfi_rules rules;
    uintptr_t pc = key_of(s) - 1;
    if (!mr_object_find(pc, &object) || !mr_object_rules(&object, pc, &rules))
        return false;
    uint8_t ra = rules.registers[MR_CFI_RIP].how;
    return (ra == MR_CFI_AT || ra == MR_CFI_IS) && apply(bounds, &rules, s);
}

MR_NOINLINE bool mr_exact_step(struct mr_bounds *bounds, struct mr_exact_frame *frame)
{
    enum { FAR = 4096 };
    struct state s;
    capture(&s);
    for (unsigned i = 0; i < FAR; i++) {
        bool there = key_of(&s) == frame->pc && s.registers[MR_CFI_RSP] == frame->sp;
        if (!step(bounds, &s))
            return false;
        if (there) {
            *frame = (struct mr_exact_frame){ key_of(&s), s.registers[MR_CFI_RSP], s.registers[MR_CFI_RBP] };
            return true;
        }
    }
    return false;
}

#else

bool mr_exact_step(struct mr_bounds *bounds, struct mr_exact_frame *frame)
{
    (void)bounds, (void)frame;
    return false;
}

#endif
