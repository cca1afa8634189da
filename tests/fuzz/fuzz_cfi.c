/* fuzz_cfi.c: arbitrary bytes as call frame information.
 *
 * The input stands in a buffer of exactly its size, so that AddressSanitizer sees each read outside. It is looked
 * through for a number of addresses. What is found must be sound: rules are of a kind there is, their bases registers
 * that exist. Random bytes seldom get past the header, so each input is also the program of an entry that is right.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "fuzz_require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const struct mr_cfi_rule *rule, bool may_be_cfa)
{
    require(rule->how <= MR_CFI_UNKNOWN, "a rule of no kind");
    if (rule->how != MR_CFI_AT && rule->how != MR_CFI_IS)
        return;
    require(rule->base < MR_CFI_REGISTERS || (may_be_cfa && rule->base == MR_CFI_CFA), "a base that is no register");
}

static void look_up(const uint8_t *bytes, size_t size, size_t hdr, uintptr_t pc)
{
    struct mr_cfi_data data = { bytes + hdr, bytes, bytes + size };
    struct mr_cfi_rules rules;
    if (!mr_cfi_find(&data, pc, &rules))
        return;
    require(rules.cfa.how == MR_CFI_IS || rules.cfa.how == MR_CFI_UNKNOWN, "a frame address that is in memory or lost");
    check_rule(&rules.cfa, false);
    for (size_t i = 0; i < MR_CFI_REGISTERS; i++)
        check_rule(&rules.registers[i], true);
}

/* ---- entries that are right, but for the program ------------------------------------------------------ */

enum { HDR = 0, CIE = 24, CIE_BYTES = 20, FDE = CIE + CIE_BYTES, FUNCTION = 0x1000, FUNCTION_BYTES = 0x100 };

static void put32(uint8_t *at, uint32_t n) { memcpy(at, &n, sizeof n); }

/* Header with one function, its CIE and its FDE, whose program is the input. */
static uint8_t *dress(const uint8_t *program, size_t n, size_t *size)
{
    static const uint8_t hdr[] = { 1, 0x1b, 0x03, 0x3b };
    static const uint8_t cie[] = { 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8 };
    *size = FDE + 17 + n;
    uint8_t *b = calloc(1, *size);
    memcpy(b, hdr, sizeof hdr);
    put32(b + 4, CIE - 4);
    put32(b + 8, 1);
    put32(b + 12, FUNCTION);
    put32(b + 16, FDE);
    put32(b + CIE, CIE_BYTES - 4);
    memcpy(b + CIE + 8, cie, sizeof cie);
    put32(b + FDE, (uint32_t)(13 + n));
    put32(b + FDE + 4, FDE + 4 - CIE);
    put32(b + FDE + 8, (uint32_t)(FUNCTION - (FDE + 8)));
    put32(b + FDE + 12, FUNCTION_BYTES);
    memcpy(b + FDE + 17, program, n);
    return b;
}

static void run_dressed(const uint8_t *program, size_t n)
{
    size_t size;
    uint8_t *b = dress(program, n, &size);
    struct mr_cfi_data data = { b, b, b + size };
    struct mr_cfi_rules rules;
    if (n == 0)
        require(mr_cfi_find(&data, (uintptr_t)b + FUNCTION, &rules) && rules.cfa.base == MR_CFI_RSP && rules.cfa.offset == 8,
                "what is right is not found");
    require(!mr_cfi_find(&data, (uintptr_t)b + FUNCTION + FUNCTION_BYTES, &rules), "found where nothing is");
    for (uintptr_t at = 0; at < FUNCTION_BYTES; at += 17)
        look_up(b, size, HDR, (uintptr_t)b + FUNCTION + at);
    free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    run_dressed(data + 1, size - 1);
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data, size);
    if (data[0] & 1 && size >= 12)
        memcpy(bytes, "\1\x1b\3\x3b", 4), memset(bytes + 9, 0, 3);
    for (unsigned i = 0; i < 16; i++)
        look_up(bytes, size, i < 8 ? 0 : i % size, (uintptr_t)bytes + i * (size / 16 + 1) - size / 2);
    free(bytes);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

/* Instructions are dense among small numbers. */
static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    (void)cap;
    size_t size = 1 + fuzz_below(round % 4 ? 32 : 255);
    for (size_t k = 0; k < size; k++)
        data[k] = fuzz_byte() & (fuzz_byte() & 1 ? 0xff : 0x1f);
    return size;
}
#endif
