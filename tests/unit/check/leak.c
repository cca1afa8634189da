/* The check as a whole, on the test's own heap: what it needs of the process is tested by programs that run under the
 * library (tests/preload/prog/leak_*). */
#include "../os/child.h"

#include <string.h>

#include "check.h"

TestSuite(leak, .timeout = 60);

/* ThreadSanitizer leaves copies of what the program held everywhere: there tests/stress/leaks.c stands for these. */
#if !defined(__SANITIZE_THREAD__)

static uintptr_t *shared; /* [0] hidden address, [1] kind + 1, [2] hidden holder, [3] blocks seen */
static void **volatile kept;

static void note(void *ctx, const struct mr_leak_block *block)
{
    (void)ctx;
    shared[3]++;
    if (block->start == ~shared[0]) {
        shared[1] = (uintptr_t)block->kind + 1;
        shared[2] = ~block->holder;
    }
}

static bool is_it(void *ctx, uintptr_t block)
{
    (void)ctx;
    return block == ~shared[0];
}

MR_NOINLINE static void wipe(void)
{
    volatile char stack[32 << 10];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0;
}

MR_NOINLINE static uintptr_t take(size_t size) { return ~(uintptr_t)memset(mr_heap_malloc(size), 0, size); }

/* The heap keeps the address where its first slab begins; here that is a root, for the library is part of the program. */
static void begin(void)
{
    shared = mr_world_share(4096);
    for (size_t size = 100; size < 500; size++)
        take(size);
}

MR_NOINLINE static int kind_of(uintptr_t hidden, struct mr_leak_request request, struct mr_leak_result *result)
{
    memset(shared, 0, 4096);
    shared[0] = hidden;
    request.each = note;
    cr_assert(mr_leak_check(&request, result), "%s", result->impossible);
    return (int)shared[1] - 1;
}

static void expect_kinds(struct mr_leak_request request)
{
    struct mr_leak_result result;
    begin();
    kept = mr_heap_malloc(100);
    memset(kept, 0, 100);
    uintptr_t lost = take(200), held = take(300), inner = take(400);
    kept[3] = (void *)~held;
    ((void **)~lost)[5] = (void *)~inner;
    wipe();
    cr_expect_eq(kind_of(lost, request, &result), MR_LEAK_DEFINITE);
    cr_expect_eq(result.in_place, request.in_place);
    wipe();
    cr_expect_eq(kind_of(held, request, &result), MR_LEAK_REACHABLE);
    wipe();
    cr_expect_eq(kind_of(inner, request, &result), MR_LEAK_INDIRECT);
    cr_expect_eq(shared[2], lost);
    uint64_t blocks = 0;
    for (int i = 0; i < MR_LEAK_KIND_COUNT; i++)
        blocks += result.kinds[i].blocks;
    cr_expect_eq(blocks, shared[3]);
    cr_expect_gt(result.pause_ns, 0);
}

Test(leak, in_a_copy) { expect_kinds((struct mr_leak_request){ .in_place = false }); }
Test(leak, in_place) { expect_kinds((struct mr_leak_request){ .in_place = true }); }

Test(leak, what_is_exempt_is_reachable)
{
    struct mr_leak_result result;
    begin();
    uintptr_t lost = take(200);
    wipe();
    cr_expect_eq(kind_of(lost, (struct mr_leak_request){ .is_exempt = is_it }, &result), MR_LEAK_REACHABLE);
    wipe();
    cr_expect_eq(kind_of(lost, (struct mr_leak_request){ .in_place = true }, &result), MR_LEAK_DEFINITE);
}

Test(leak, excluded_memory_is_no_root)
{
    struct mr_leak_result result;
    begin();
    void **place = mr_world_share(4096);
    struct mr_range excluded = { (uintptr_t)place, (uintptr_t)place + 4096 };
    uintptr_t block = take(200);
    place[7] = (void *)~block;
    wipe();
    cr_expect_eq(kind_of(block, (struct mr_leak_request){ .in_place = false }, &result), MR_LEAK_REACHABLE);
    wipe();
    cr_expect_eq(kind_of(block, (struct mr_leak_request){ .excluded = &excluded, .excluded_count = 1 }, &result),
                 MR_LEAK_DEFINITE);
}

#endif
