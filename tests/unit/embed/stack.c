#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memoir/stack.h"

/* ---- what the handler was told ---------------------------------------------------------------------- */

static struct {
    int calls;
    enum memoir_stack_error kind;
    const void *pointer;
    char words[200];
} told;

static void listen(void *ctx, struct memoir_stack *stack, enum memoir_stack_error kind, const void *pointer,
                   const char *words)
{
    (void)ctx, (void)stack;
    told.calls++;
    told.kind = kind;
    told.pointer = pointer;
    strncpy(told.words, words, sizeof told.words - 1);
}

/* A pointer that is none of the stack's, which the compiler knows nothing of. */
static void *foreign(void)
{
    void *p = &told;
    __asm__("" : "+r"(p));
    return p;
}

static struct memoir_stack_options with(unsigned flags)
{
    return (struct memoir_stack_options){ .flags = flags, .on_error = listen };
}

static struct memoir_stack *make(unsigned flags)
{
    struct memoir_stack_options o = with(flags);
    struct memoir_stack *stack = memoir_stack_create(0, &o);
    cr_assert_not_null(stack);
    told.calls = 0;
    return stack;
}

static void expect_told(enum memoir_stack_error kind, const void *pointer)
{
    cr_expect_eq(told.calls, 1, "%d reports", told.calls);
    cr_expect_eq(told.kind, kind, "kind %d: %s", (int)told.kind, told.words);
    cr_expect_eq(told.pointer, pointer);
    told.calls = 0;
}

static void expect_sound(struct memoir_stack *stack)
{
    const char *why = memoir_stack_check(stack, NULL);
    cr_expect_null(why, "%s", why);
    cr_expect_eq(told.calls, 0, "%s", told.words);
}

static struct memoir_stack_stats stats_of(struct memoir_stack *stack)
{
    struct memoir_stack_stats stats;
    memoir_stack_stats(stack, &stats);
    return stats;
}

static const unsigned every[] = { 0, MEMOIR_STACK_THREAD_SAFE, MEMOIR_STACK_MAGIC, MEMOIR_STACK_GUARDS,
                                  MEMOIR_STACK_MAGIC | MEMOIR_STACK_GUARDS | MEMOIR_STACK_THREAD_SAFE };
#define FOR_EVERY_KIND(flags) for (const unsigned *flags = every; flags < every + sizeof every / sizeof *every; flags++)

/* ---- blocks ----------------------------------------------------------------------------------------- */

Test(embed_stack, blocks_are_aligned_apart_and_writable)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        char *before = NULL;
        size_t before_size = 0;
        for (size_t size = 0; size < 300; size++) {
            char *p = memoir_stack_alloc(stack, size);
            cr_assert_eq((uintptr_t)p % 16, 0);
            cr_assert(p >= before + before_size && p > before, "%zu", size);
            memset(p, (int)size, size);
            before = p;
            before_size = size;
        }
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, frees_backwards_and_comes_to_the_same_place)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        void *p[100];
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < 100; i++) {
                void *q = i % 7 == 3 ? memoir_stack_aligned_alloc(stack, (size_t)1 << i % 14, i)
                    : memoir_stack_alloc(stack, i * i);
                cr_assert(round == 0 || q == p[i], "round %d block %zu", round, i);
                p[i] = q;
            }
            for (size_t i = 100; i-- > 0;)
                memoir_stack_free(stack, p[i]);
            expect_sound(stack);
            cr_assert_eq(stats_of(stack).in_use, 0);
            cr_assert_eq(stats_of(stack).blocks, 0);
        }
        cr_expect_eq(stats_of(stack).allocs, 300);
        cr_expect_eq(stats_of(stack).frees, 300);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, a_block_costs_8_bytes_rounded_to_16)
{
    struct memoir_stack *stack = make(0);
    uint64_t before = 0;
    for (size_t size = 0; size < 100; size++) {
        memoir_stack_alloc(stack, size);
        uint64_t now = stats_of(stack).in_use;
        cr_expect_eq(now - before, (size + 8 + 15) / 16 * 16, "%zu bytes: %lu", size, now - before);
        before = now;
    }
    memoir_stack_destroy(stack);
}

Test(embed_stack, alignments_hold_and_others_are_refused)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        for (size_t align = 1; align <= (size_t)1 << 22; align *= 2)
            cr_expect_eq((uintptr_t)memoir_stack_aligned_alloc(stack, align, 3) % align, 0);
        expect_sound(stack);
        cr_expect_null(memoir_stack_aligned_alloc(stack, 0, 1));
        expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
        cr_expect_null(memoir_stack_aligned_alloc(stack, 24, 1));
        expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
        cr_expect_null(memoir_stack_aligned_alloc(stack, (size_t)1 << 63, 1));
        cr_expect_eq(errno, ENOMEM);
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, marks_release_all_above)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        void *below = memoir_stack_alloc(stack, 10);
        struct memoir_stack_mark mark = memoir_stack_mark(stack);
        void *first = memoir_stack_alloc(stack, 100);
        for (int i = 0; i < 1000; i++)
            memoir_stack_alloc(stack, 100);
        memoir_stack_release(stack, mark);
        cr_expect_eq(stats_of(stack).blocks, 1);
        cr_expect_eq(memoir_stack_alloc(stack, 100), first);
        memoir_stack_release(stack, mark);
        memoir_stack_release(stack, mark); /* nothing to do */
        memoir_stack_free(stack, below);
        cr_expect_eq(stats_of(stack).in_use, 0);
        cr_expect_eq(stats_of(stack).frees, 1003);
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

/* ---- limits ----------------------------------------------------------------------------------------- */

Test(embed_stack, grows_to_its_limit_and_fails_there)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack_options o = with(*flags);
        struct memoir_stack *stack = memoir_stack_create(3 << 20, &o);
        size_t blocks = 0;
        void *last = NULL;
        for (char *p; (p = memoir_stack_alloc(stack, 5000)); last = p, blocks++)
            memset(p, 1, 5000);
        cr_expect_eq(errno, ENOMEM);
        cr_expect(blocks > 610 && blocks < 630, "%zu", blocks);
        cr_expect_eq(stats_of(stack).failures, 1);
        cr_expect_leq(stats_of(stack).capacity, stats_of(stack).limit);
        memoir_stack_free(stack, last);
        cr_expect_eq(memoir_stack_alloc(stack, 5000), last);
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, sizes_that_wrap_fail)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        for (size_t i = 0; i < 40; i++)
            cr_expect_null(memoir_stack_alloc(stack, SIZE_MAX - i));
        cr_expect_null(memoir_stack_alloc(stack, (size_t)1 << 63));
        cr_expect_null(memoir_stack_alloc(stack, MEMOIR_STACK_LARGEST));
        cr_expect_null(memoir_stack_aligned_alloc(stack, (size_t)1 << 33, MEMOIR_STACK_LARGEST));
        cr_expect_not_null(memoir_stack_alloc(stack, 1 << 20));
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, a_block_of_gigabytes_and_what_lies_behind_it)
{
    struct memoir_stack *stack = make(0);
    char *big = memoir_stack_alloc(stack, (size_t)9 << 30), *next = memoir_stack_alloc(stack, 1);
    if (big) { /* a machine may refuse to promise so much */
        cr_expect(next >= big + ((size_t)9 << 30));
        memoir_stack_free(stack, next);
        memoir_stack_free(stack, big);
        cr_expect_eq(stats_of(stack).in_use, 0);
    }
    expect_sound(stack);
    memoir_stack_destroy(stack);
}

Test(embed_stack, lives_in_a_buffer_of_any_alignment_and_stays_there)
{
    static char buffer[5000];
    for (size_t shift = 0; shift < 40; shift++) {
        memset(buffer, 0x5a, sizeof buffer);
        struct memoir_stack_options o = with(0);
        size_t size = MEMOIR_STACK_OVERHEAD + 1000;
        struct memoir_stack *stack = memoir_stack_create_in(buffer + shift, size, &o);
        cr_assert_not_null(stack);
        size_t blocks = 0;
        for (char *p; (p = memoir_stack_alloc(stack, 40)); blocks++)
            memset(p, 1, 40);
        cr_expect(blocks == 1000 / 48 || blocks == 1000 / 48 + 1, "shift %zu: %zu", shift, blocks);
        expect_sound(stack);
        for (size_t i = 0; i < sizeof buffer; i++)
            cr_assert((i >= shift && i < shift + size) || buffer[i] == 0x5a, "byte %zu, shift %zu", i, shift);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, trim_gives_memory_back_and_keeps_blocks)
{
    struct memoir_stack *stack = make(0);
    char *kept = memoir_stack_alloc(stack, 10000);
    memset(kept, 7, 10000);
    char *big = memoir_stack_alloc(stack, 1 << 20);
    memset(big, 7, 1 << 20);
    memoir_stack_free(stack, big);
    memoir_stack_trim(stack);
    cr_expect_eq(kept[9999], 7);
    cr_expect_eq(memoir_stack_alloc(stack, 1 << 20), big);
    cr_expect_eq(big[500000], 0);
    memoir_stack_destroy(stack);
}

/* ---- misuse ----------------------------------------------------------------------------------------- */

Test(embed_stack, what_is_not_on_top_stays)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        void *first = memoir_stack_alloc(stack, 10), *second = memoir_stack_alloc(stack, 10);
        memoir_stack_free(stack, NULL);
        expect_sound(stack);
        memoir_stack_free(stack, first);
        expect_told(MEMOIR_STACK_NOT_TOP, first);
        memoir_stack_free(stack, (char *)second + 1);
        expect_told(MEMOIR_STACK_NOT_TOP, (char *)second + 1);
        memoir_stack_free(stack, second);
        memoir_stack_free(stack, second);
        expect_told(MEMOIR_STACK_RELEASED, second);
        memoir_stack_free(stack, foreign());
        expect_told(MEMOIR_STACK_FOREIGN_POINTER, foreign());
        memoir_stack_free(stack, first);
        memoir_stack_free(stack, first);
        expect_told(MEMOIR_STACK_RELEASED, first);
        memoir_stack_free(stack, (char *)first - 64);
        expect_told(MEMOIR_STACK_FOREIGN_POINTER, (char *)first - 64);
        cr_expect_eq(stats_of(stack).frees, 2);
        expect_sound(stack);
        memoir_stack_destroy(stack);
    }
}

Test(embed_stack, bad_marks_are_told)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags), *other = make(*flags);
        memoir_stack_alloc(stack, 10);
        struct memoir_stack_mark low = memoir_stack_mark(stack);
        memoir_stack_alloc(stack, 10);
        struct memoir_stack_mark high = memoir_stack_mark(stack);
        memoir_stack_release(stack, low);
        memoir_stack_release(stack, high);
        expect_told(MEMOIR_STACK_BAD_MARK, high.top);
        memoir_stack_release(stack, memoir_stack_mark(other));
        cr_expect_eq(told.calls, 1);
        cr_expect_eq(told.kind, MEMOIR_STACK_BAD_MARK);
        told.calls = 0;
        memoir_stack_release(stack, (struct memoir_stack_mark){ 0 });
        expect_told(MEMOIR_STACK_BAD_MARK, NULL);
        cr_expect_eq(stats_of(stack).blocks, 1);
        expect_sound(stack);
        memoir_stack_destroy(stack);
        memoir_stack_destroy(other);
    }
}

Test(embed_stack, magic_finds_a_byte_too_many_on_either_side)
{
    struct memoir_stack *stack = make(MEMOIR_STACK_MAGIC);
    const void *where;
    for (size_t size = 0; size < 50; size++) {
        struct memoir_stack_mark mark = memoir_stack_mark(stack);
        char *p = memoir_stack_alloc(stack, size), was = p[size];
        p[size] ^= 1;
        cr_expect_not_null(memoir_stack_check(stack, &where));
        cr_expect_eq(where, p);
        memoir_stack_free(stack, p);
        expect_told(MEMOIR_STACK_CORRUPTED, p);
        memoir_stack_release(stack, mark);
        expect_told(MEMOIR_STACK_CORRUPTED, p);
        p[size] = was;
        for (int i = 1; i <= 24; i++) {
            p[-i] ^= 0x40;
            memoir_stack_free(stack, p);
            expect_told(MEMOIR_STACK_CORRUPTED, p);
            p[-i] ^= 0x40;
        }
        memoir_stack_free(stack, p);
        expect_sound(stack);
    }
    memoir_stack_destroy(stack);
}

Test(embed_stack, an_overwritten_header_is_told_even_without_magic)
{
    struct memoir_stack *stack = make(0);
    char *first = memoir_stack_alloc(stack, 24), *second = memoir_stack_alloc(stack, 24);
    memset(first + 24, 0xff, 8);
    memoir_stack_free(stack, second);
    expect_told(MEMOIR_STACK_CORRUPTED, second);
    const void *where;
    cr_expect_not_null(memoir_stack_check(stack, &where));
    cr_expect_eq(where, second);
    memset(first + 24, 0, 8);
    memoir_stack_free(stack, second);
    expect_told(MEMOIR_STACK_CORRUPTED, second);
    memoir_stack_destroy(stack);
}

Test(embed_stack, bad_options_are_told)
{
    static char buffer[400];
    struct memoir_stack_options o = with(64);
    told.calls = 0;
    cr_expect_null(memoir_stack_create(0, &o));
    cr_expect_eq(errno, EINVAL);
    expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
    o = with(0);
    cr_expect_null(memoir_stack_create(MEMOIR_STACK_LARGEST + 1, &o));
    expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
    cr_expect_null(memoir_stack_create_in(buffer, MEMOIR_STACK_OVERHEAD - 1, &o));
    expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
    cr_expect_null(memoir_stack_create_in(NULL, sizeof buffer, &o));
    expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
    o = with(MEMOIR_STACK_GUARDS);
    cr_expect_null(memoir_stack_create_in(buffer, sizeof buffer, &o));
    expect_told(MEMOIR_STACK_BAD_REQUEST, NULL);
    memoir_stack_destroy(NULL);
}

Test(embed_stack, the_default_handler_aborts, .signal = SIGABRT)
{
    struct memoir_stack *stack = memoir_stack_create(0, &(struct memoir_stack_options){ .name = "mine" });
    close(2);
    memoir_stack_free(stack, foreign());
}

/* Whether a child that does it ends badly; by a signal or by what a sanitizer makes of it. */
static bool is_fatal(void (*act)(char *first, size_t room))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        close(2);
        struct memoir_stack *stack = memoir_stack_create(4096,
                &(struct memoir_stack_options){ .flags = MEMOIR_STACK_GUARDS });
        act(memoir_stack_alloc(stack, 4000), 4096);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status != 0;
}

static void run_past(char *first, size_t room) { *(volatile char *)(first + room) = 1; }
static void run_below(char *first, size_t room) { (void)room, *(volatile char *)(first - 40) = 1; }
static void stay_inside(char *first, size_t room) { (void)room, *(volatile char *)first = 1; }

Test(embed_stack, guards_stop_who_runs_past_either_end)
{
    cr_expect(is_fatal(run_past));
    cr_expect(is_fatal(run_below));
    cr_expect_not(is_fatal(stay_inside));
}

/* ---- statistics and threads ------------------------------------------------------------------------- */

Test(embed_stack, the_peak_is_exact_and_can_be_reset)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_stack *stack = make(*flags);
        void *a = memoir_stack_alloc(stack, 1000), *b = memoir_stack_alloc(stack, 3000);
        uint64_t most = stats_of(stack).in_use;
        cr_expect_eq(stats_of(stack).peak, most);
        memoir_stack_free(stack, b);
        memoir_stack_free(stack, a);
        memoir_stack_alloc(stack, 1000);
        cr_expect_eq(stats_of(stack).peak, most);
        memoir_stack_reset_stats(stack);
        cr_expect_eq(stats_of(stack).peak, stats_of(stack).in_use);
        memoir_stack_destroy(stack);
    }
}

static void *take_many(void *stack)
{
    for (int i = 0; i < 20000; i++) {
        int *p = memoir_stack_alloc(stack, sizeof *p);
        *p = i;
    }
    return NULL;
}

Test(embed_stack, threads_share_one)
{
    struct memoir_stack *stack = make(MEMOIR_STACK_THREAD_SAFE | MEMOIR_STACK_MAGIC);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, take_many, stack);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(stats_of(stack).blocks, 80000);
    expect_sound(stack);
    memoir_stack_destroy(stack);
}
