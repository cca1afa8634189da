#include "cfi.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* One function of 0x100 bytes at `function`, with the program under test. CIE: cfa = rsp + 8, factors 1 and -8. */
static struct {
    uint8_t bytes[512];
    size_t size;
    uintptr_t function;
} made;

static void put(const void *bytes, size_t n)
{
    memcpy(made.bytes + made.size, bytes, n);
    made.size += n;
}
static void put8(uint8_t n) { put(&n, 1); }
static void put32(uint32_t n) { put(&n, 4); }
static uint32_t to(uintptr_t target) { return (uint32_t)(target - (uintptr_t)made.bytes - made.size); }

static void make(const char *augmentation, const uint8_t *program, size_t n)
{
    memset(&made, 0, sizeof made);
    made.function = (uintptr_t)made.bytes + 4096;
    put("\1\x1b\3\x3b", 4);
    put32(to((uintptr_t)made.bytes + 24));
    put32(1);
    put32(4096);
    put32(48);
    put32(0);
    put32(20); /* at 24: the CIE */
    put32(0);
    put8(1);
    put(augmentation, strlen(augmentation) + 1);
    put("\1\x78\x10\1\x1b\x0c\7\x08\x90\1", 10);
    made.size = 48; /* padded with instructions that do nothing */
    put32((uint32_t)(13 + n)); /* at 48: the FDE */
    put32(28);
    put32(to(made.function));
    put32(0x100);
    put8(0);
    put(program, n);
}

static struct mr_cfi_rules rules;
static bool find(uintptr_t offset)
{
    struct mr_cfi_data data = { made.bytes, made.bytes, made.bytes + made.size };
    return mr_cfi_find(&data, made.function + offset, &rules);
}

#define MAKE(...)                                                              \
    do {                                                                       \
        static const uint8_t program_[] = { 0, __VA_ARGS__ };                  \
        make("zR", program_, sizeof program_);                               \
    } while (0)

static void expect_cfa(unsigned base, int offset)
{
    cr_expect_eq(rules.cfa.how, MR_CFI_IS);
    cr_expect_eq(rules.cfa.base, base);
    cr_expect_eq(rules.cfa.offset, offset, "%d", rules.cfa.offset);
    cr_expect_not(rules.cfa.deref);
}

static void expect_saved(unsigned number, int offset)
{
    const struct mr_cfi_rule *rule = &rules.registers[number];
    cr_expect_eq(rule->how, MR_CFI_AT);
    cr_expect_eq(rule->base, MR_CFI_CFA);
    cr_expect_eq(rule->offset, offset, "%d", rule->offset);
}

Test(cfi, a_function_is_found_and_nothing_beside_it)
{
    MAKE(0);
    cr_assert(find(0));
    expect_cfa(MR_CFI_RSP, 8);
    expect_saved(MR_CFI_RIP, -8);
    cr_expect_eq(rules.registers[MR_CFI_RBP].how, MR_CFI_SAME);
    cr_expect(find(0xff));
    cr_expect_not(find(0x100));
    cr_expect_not(find((uintptr_t)-1));
}

Test(cfi, rules_hold_from_where_they_stand)
{
    /* push %rbp; mov %rsp, %rbp; ...; pop %rbp */
    MAKE(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x40, 0x0c, 7, 8, 0xc6);
    cr_assert(find(0));
    expect_cfa(MR_CFI_RSP, 8);
    cr_assert(find(1));
    expect_cfa(MR_CFI_RSP, 16);
    expect_saved(MR_CFI_RBP, -16);
    cr_assert(find(4));
    expect_cfa(MR_CFI_RBP, 16);
    cr_assert(find(0x44));
    expect_cfa(MR_CFI_RSP, 8);
    cr_expect_eq(rules.registers[MR_CFI_RBP].how, MR_CFI_SAME, "restored");
}

Test(cfi, states_are_remembered)
{
    MAKE(0x0a, 0x0e, 64, 0x86, 3, 0x41, 0x0b);
    cr_assert(find(0));
    expect_cfa(MR_CFI_RSP, 64);
    cr_assert(find(1));
    expect_cfa(MR_CFI_RSP, 8);
    cr_expect_eq(rules.registers[MR_CFI_RBP].how, MR_CFI_SAME);
}

Test(cfi, every_other_instruction)
{
    MAKE(0x05, 6, 4, 0x11, 12, 0x7d, 0x07, 16, 0x09, 3, 13, 0x14, 14, 2, 0x2e, 8, 0x2f, 15, 2, 0x08, 1, 0x13, 0x70, 0x05, 40, 1);
    cr_assert(find(0));
    expect_saved(6, -32);
    expect_saved(12, 24);
    cr_expect_eq(rules.registers[MR_CFI_RIP].how, MR_CFI_UNDEFINED);
    cr_expect_eq(rules.registers[3].how, MR_CFI_IS);
    cr_expect_eq(rules.registers[3].base, 13);
    cr_expect_eq(rules.registers[14].how, MR_CFI_IS);
    cr_expect_eq(rules.registers[14].offset, -16);
    expect_saved(15, 16);
    expect_cfa(MR_CFI_RSP, 128);
}

Test(cfi, stubs_of_the_linker_depend_on_the_address)
{
    /* rsp + 8 + ((rip & 15) >= 11) * 8 */
    MAKE(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
    for (uintptr_t at = 0; at < 32; at++) {
        cr_assert(find(at));
        expect_cfa(MR_CFI_RSP, ((made.function + at) & 15) >= 11 ? 16 : 8);
    }
}

Test(cfi, places_behind_a_pointer)
{
    MAKE(0x0f, 5, 0x77, 16, 0x06, 0x23, 8, 0x10, 6, 2, 0x76, 0x70, 0x16, 3, 3, 0x77, 8, 0x06);
    cr_assert(find(0));
    cr_expect(rules.cfa.deref);
    cr_expect_eq(rules.cfa.offset, 16);
    cr_expect_eq(rules.cfa.then, 8);
    cr_expect_eq(rules.registers[6].how, MR_CFI_AT);
    cr_expect_eq(rules.registers[6].base, 6);
    cr_expect_eq(rules.registers[6].offset, -16);
    cr_expect_eq(rules.registers[3].how, MR_CFI_IS);
    cr_expect(rules.registers[3].deref);
}

Test(cfi, expressions_that_are_no_place_are_unknown)
{
    static const uint8_t expressions[][4] = {
        { 0x70, 0, 0x71, 0 },       /* leaves two, and that is all right: the last one counts */
        { 0x06, 0x96, 0x96, 0x96 }, /* nothing to dereference */
        { 0x30, 0x96, 0x96, 0x96 }, /* a constant */
        { 0x22, 0x96, 0x96, 0x96 }, /* nothing to add */
        { 0x28, 0x00, 0x00, 0x96 }, /* a branch */
        { 0x77, 0x00, 0x12, 0x1e }, /* a product of registers */
    };
    for (size_t i = 0; i < MR_COUNT(expressions); i++) {
        uint8_t program[6] = { 0x0f, 4 };
        memcpy(program + 2, expressions[i], 4);
        make("zR", program, sizeof program);
        cr_assert(find(0));
        cr_expect_eq(rules.cfa.how, i == 0 ? MR_CFI_IS : MR_CFI_UNKNOWN, "%zu", i);
    }
}

Test(cfi, signal_frames_say_so)
{
    make("zRS", (const uint8_t *)"", 1);
    cr_assert(find(0));
    cr_expect(rules.signal);
}

Test(cfi, senseless_programs_are_refused)
{
    static const uint8_t programs[][3] = {
        { 0x0b, 0, 0 },       /* recalls what was not remembered */
        { 0x3f, 0, 0 },       /* no instruction */
        { 0x0c, 0x80, 0x80 }, /* cut off */
        { 0x0f, 100, 0 },     /* an expression beyond the end */
    };
    for (size_t i = 0; i < MR_COUNT(programs); i++) {
        make("zR", programs[i], 3);
        cr_expect_not(find(0), "%zu", i);
    }
}

Test(cfi, cut_short_anywhere_it_is_refused_and_nothing_is_read_beyond)
{
    MAKE(0x41, 0x0e, 16, 0x86, 2);
    for (size_t size = 0; size < made.size; size++) {
        uint8_t *copy = malloc(size + 1); /* AddressSanitizer watches its end */
        memcpy(copy, made.bytes, size);
        struct mr_cfi_data data = { copy, copy, copy + size };
        cr_expect_not(mr_cfi_find(&data, (uintptr_t)copy + 4096, &rules), "%zu", size);
        free(copy);
    }
}
