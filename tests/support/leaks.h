/* leaks.h: asks memoir which blocks are lost, for programs that know.
 *
 * What a program keeps only to compare must not be a pointer to the block: addresses are kept hidden, the functions
 * that see them are never inlined, and the stack they used is wiped. */
#ifndef MR_TESTS_LEAKS_H
#define MR_TESTS_LEAKS_H

#define APART __attribute__((noinline, noclone, unused)) static

/* A case's frame has words that it never writes: what the cases before it left there must be no pointers. */
APART void wipe(void);
#define EXPECT_BEFORE_CASE() wipe()

#include "expect.h"
#include <malloc.h>
#include <memoir.h>

typedef uintptr_t hidden; /* no address of anything */

APART hidden hide(void *p) { return ~(uintptr_t)p; }
APART void *show(hidden h) { return expect_opaque((void *)~h); }

/* Overwrites what earlier calls left on the stack, and in the registers that calls may use. */
APART void wipe(void)
{
    volatile char stack[32 << 10];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0;
#if defined(__x86_64__)
    __asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi\n\t"
                     "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d\n\t"
                     "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3"
                     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3");
#endif
}

/* Written throughout, with what the size was rounded up to: what a free block held before must not count as a pointer
 * in it. */
EXPECT_UNUSED void *blank_block(void *p) { return memset(p, 0, malloc_usable_size(p)); }
EXPECT_UNUSED void *blank(size_t size) { return blank_block(malloc(size)); }

/* Without memoir there is nobody to ask. */
EXPECT_UNUSED void expect_leave(const char *why)
{
    expect_note("skipped", why);
    _exit(0);
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

enum { LEAKS_MOST = 1 << 16 };
static struct leaks_found {
    hidden block, holder;
    enum memoir_leak_kind kind;
    size_t size;
} leaks_found[LEAKS_MOST];
static size_t leaks_count;
static struct memoir_leaks leaks_sums;

EXPECT_UNUSED void leaks_note(void *ctx, const struct memoir_leak *leak)
{
    (void)ctx;
    EXPECT(leaks_count < LEAKS_MOST);
    struct leaks_found found = { ~(uintptr_t)leak->block, ~(uintptr_t)leak->holder, leak->kind, leak->size };
    leaks_found[leaks_count++] = found;
}

APART void leaks_ask_below(void)
{
    if (!memoir_leak_check)
        expect_leave("these are questions to memoir");
    leaks_count = 0;
    EXPECT_SAY(memoir_leak_check(&leaks_sums, leaks_note, NULL) != SIZE_MAX, "%s", leaks_sums.doubt);
}

/* What asks stands on wiped ground too: of its frame not every word is written. */
#define leaks_ask() (wipe(), leaks_ask_below())

EXPECT_UNUSED const struct leaks_found *leaks_find(hidden block)
{
    for (size_t i = 0; i < leaks_count; i++)
        if (leaks_found[i].block == block)
            return &leaks_found[i];
    return NULL;
}

EXPECT_UNUSED const char *leaks_name(enum memoir_leak_kind kind)
{
    static const char *const names[] = { "definitely lost", "indirectly lost", "possibly lost", "still reachable" };
    return names[kind];
}

/* After leaks_ask. */
#define EXPECT_KIND(block, expected)                                                            \
    do {                                                                                        \
        const struct leaks_found *found_ = leaks_find(block);                                   \
        EXPECT_SAY(found_, "%s: no block in use", #block);                                      \
        EXPECT_SAY(found_->kind == (expected), "%s is %s, not %s", #block, leaks_name(found_->kind), \
                   leaks_name(expected));                                                       \
    } while (0)

#define EXPECT_HELD(block, by)                                                       \
    do {                                                                             \
        EXPECT_KIND(block, MEMOIR_INDIRECTLY_LOST);                                  \
        EXPECT_SAY(leaks_find(block)->holder == (by), "%s does not hang on %s", #block, #by); \
    } while (0)

#define DEFINITE MEMOIR_DEFINITELY_LOST
#define INDIRECT MEMOIR_INDIRECTLY_LOST
#define POSSIBLE MEMOIR_POSSIBLY_LOST
#define REACHABLE MEMOIR_STILL_REACHABLE

#endif
