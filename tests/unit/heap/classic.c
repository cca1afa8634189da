/* Every request through one coalescing free list: each test is a process of its own, so the strategy is
 * set before the heap is. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "facts.h"
#include "classic.h"

static void use(enum mr_fit fit)
{
    mr_conf.strategy = MR_STRATEGY_FIRST_FIT + fit;
    mr_heap_boot();
    cr_assert_eq(mr_heap_where(), MR_ROUTE_CLASSIC);
}

static struct criterion_test_params every_fit(void)
{
    static int fits[MR_FIT_COUNT];
    for (int i = 0; i < MR_FIT_COUNT; i++)
        fits[i] = i;
    return cr_make_param_array(int, fits, MR_FIT_COUNT);
}

#define FOR_EVERY_FIT(name)                                          \
    ParameterizedTestParameters(classic, name) { return every_fit(); } \
    ParameterizedTest(int *fit, classic, name, .timeout = 60)

FOR_EVERY_FIT(blocks_are_aligned_usable_and_apart)
{
    static char *blocks[300];
    use((enum mr_fit)*fit);
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = mr_heap_malloc(i * i);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % 16, 0);
        cr_assert_geq(mr_heap_usable(blocks[i], NULL), i * i);
        fill_pattern(blocks[i], mr_heap_usable(blocks[i], NULL), (unsigned)i);
    }
    for (size_t i = 0; i < 300; i++)
        cr_assert(has_pattern(blocks[i], mr_heap_usable(blocks[i], NULL), (unsigned)i), "block %zu", i);
    EXPECT_SOUND();
}

FOR_EVERY_FIT(random_work_keeps_contents_and_counts)
{
    static struct { unsigned char *p; size_t size; } blocks[800];
    uint64_t state = 5, allocs = 0, frees = 0;
    use((enum mr_fit)*fit);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned k = next_random(&state) % MR_COUNT(blocks);
        if (blocks[k].p) {
            cr_assert(has_pattern(blocks[k].p, blocks[k].size, k), "step %u", i);
            cr_assert_eq(mr_heap_free(blocks[k].p), MR_FREED);
            blocks[k].p = NULL;
            frees++;
        } else {
            blocks[k].size = random_size(&state) % 20000;
            blocks[k].p = mr_heap_malloc(blocks[k].size);
            fill_pattern(blocks[k].p, blocks[k].size, k);
            allocs++;
        }
    }
    EXPECT_SOUND();
    uint64_t bytes = 0;
    for (unsigned k = 0; k < MR_COUNT(blocks); k++)
        bytes += blocks[k].p ? mr_heap_usable(blocks[k].p, NULL) : 0;
    cr_expect_eq(look()->totals.allocations, allocs);
    cr_expect_eq(look()->totals.frees, frees);
    expect_in_use(allocs - frees, bytes);
    for (unsigned k = 0; k < MR_COUNT(blocks); k++)
        mr_heap_free(blocks[k].p);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

FOR_EVERY_FIT(only_blocks_in_use_are_freed)
{
    static char *blocks[200];
    char here[64] = { 0 };
    uint64_t state = 2;
    use((enum mr_fit)*fit);
    for (int i = 0; i < 200; i++)
        memset(blocks[i] = mr_heap_malloc(100), 0x11, 100);
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(mr_heap_free(blocks[i] + 16), MR_NOT_A_BLOCK, "inside block %d", i);
        cr_assert_eq(mr_heap_free(blocks[i] + 8), MR_NOT_A_BLOCK);
    }
    for (int round = 0; round < 150; round++) { /* in any order, so neighbours merge in every way */
        int i = (int)(next_random(&state) % 200);
        enum mr_freed wanted = blocks[i] ? MR_FREED : MR_NOT_A_BLOCK;
        static char *freed[200];
        cr_assert_eq(mr_heap_free(blocks[i] ? blocks[i] : freed[i]), wanted, "round %d, block %d", round, i);
        freed[i] = blocks[i] ? blocks[i] : freed[i];
        blocks[i] = NULL;
    }
    cr_expect_eq(mr_heap_free(here + 16), MR_NOT_OURS);
    EXPECT_SOUND();
}

FOR_EVERY_FIT(alignments_up_to_a_gibibyte)
{
    use((enum mr_fit)*fit);
    for (size_t align = 32; align <= 256 * MR_MIB; align *= 2) {
        char *p = mr_heap_aligned(align, 100);
        cr_assert_not_null(p, "align %zu", align);
        cr_expect_eq((uintptr_t)p % align, 0, "align %zu", align);
        cr_expect_geq(mr_heap_usable(p, NULL), 100);
        p[99] = 1;
    }
    EXPECT_SOUND();
}

/* A region is aligned to a gibibyte itself. */
FOR_EVERY_FIT(an_alignment_of_a_gibibyte)
{
    use((enum mr_fit)*fit);
    mr_heap_malloc(1);
    char *p = mr_heap_aligned(MR_GIB, 100);
    cr_assert_not_null(p);
    cr_expect_eq((uintptr_t)p % MR_GIB, 0);
    p[99] = 1;
    EXPECT_SOUND();
}

FOR_EVERY_FIT(calloc_is_zero_whatever_was_there)
{
    static char *blocks[100];
    uint64_t state = 3;
    use((enum mr_fit)*fit);
    for (int i = 0; i < 5000; i++) {
        char **p = &blocks[next_random(&state) % 100];
        size_t size = random_size(&state);
        if (*p) {
            mr_heap_free(*p);
            *p = NULL;
        } else if (i % 3) {
            *p = mr_heap_malloc(size);
            memset(*p, 0x77, mr_heap_usable(*p, NULL));
        } else {
            *p = mr_heap_calloc(size);
            cr_assert(is_zero(*p, size), "step %d, size %zu", i, size);
            memset(*p, 0x77, mr_heap_usable(*p, NULL));
        }
    }
    EXPECT_SOUND();
}

FOR_EVERY_FIT(realloc_keeps_contents)
{
    static const size_t sizes[] = { 10, 5000, 300, 100000, 3000000, 2000000, 64, 1 };
    enum mr_freed known;
    use((enum mr_fit)*fit);
    char *p = mr_heap_malloc(1), *wall;
    size_t before = 1;
    fill_pattern(p, 1, 6);
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        wall = mr_heap_malloc(40);
        p = mr_heap_realloc(p, sizes[i], &known);
        cr_assert_not_null(p);
        cr_assert_eq(known, MR_FREED);
        cr_expect(has_pattern(p, mr_min(before, sizes[i]), 6), "to %zu", sizes[i]);
        fill_pattern(p, sizes[i], 6);
        before = sizes[i];
        if (i % 2)
            mr_heap_free(wall);
    }
    cr_expect_eq(look()->totals.in_use_blocks, 1 + MR_COUNT(sizes) / 2);
    EXPECT_SOUND();
}

Test(classic, a_block_grows_into_a_free_neighbour)
{
    enum mr_freed known;
    use(MR_FIT_FIRST);
    char *p = mr_heap_malloc(100), *q = mr_heap_malloc(1000);
    mr_heap_malloc(10);
    mr_heap_free(q);
    cr_expect_eq(mr_heap_realloc(p, 900, &known), p);
    cr_expect_geq(mr_heap_usable(p, NULL), 900);
    expect_in_use(2, mr_heap_usable(p, NULL) + 24);
}

struct seen {
    size_t blocks, bytes;
    const void *last;
    bool ascending;
};

static bool see(void *ctx, const void *block, size_t size)
{
    struct seen *seen = ctx;
    seen->ascending &= block > seen->last;
    seen->last = block;
    seen->blocks++;
    seen->bytes += size;
    return true;
}

FOR_EVERY_FIT(walks_over_what_is_in_use)
{
    void *blocks[100];
    struct seen seen = { .ascending = true };
    size_t bytes = 0;
    use((enum mr_fit)*fit);
    for (size_t i = 0; i < 100; i++)
        blocks[i] = mr_heap_malloc(i * 37);
    for (size_t i = 0; i < 100; i += 3)
        mr_heap_free(blocks[i]);
    for (size_t i = 0; i < 100; i++)
        bytes += i % 3 ? mr_heap_usable(blocks[i], NULL) : 0;
    cr_expect(mr_heap_walk(see, &seen, 1000));
    cr_expect_eq(seen.blocks, 66);
    cr_expect_eq(seen.bytes, bytes);
    cr_expect(seen.ascending);
}

FOR_EVERY_FIT(the_limit_is_kept)
{
    mr_conf.pool_limit = 4 * MR_MIB;
    use((enum mr_fit)*fit);
    int n = 0;
    while (n < 1000 && mr_heap_malloc(60000))
        n++;
    cr_expect(n >= 60 && n <= 69, "%d blocks of 60,000 bytes", n);
    cr_expect_leq(look()->totals.committed_bytes, 4 * MR_MIB);
    cr_expect_null(mr_heap_malloc(60000));
    EXPECT_SOUND();
}

Test(classic, hopeless_sizes_are_refused)
{
    use(MR_FIT_BEST);
    cr_expect_null(mr_heap_malloc(SIZE_MAX));
    cr_expect_null(mr_heap_malloc(PTRDIFF_MAX));
    cr_expect_null(mr_heap_malloc((size_t)1 << 40));
    cr_expect_null(mr_heap_aligned((size_t)1 << 50, 10));
    cr_expect_not_null(mr_heap_malloc(10));
    EXPECT_SOUND();
}

FOR_EVERY_FIT(trim_gives_free_memory_back)
{
    use((enum mr_fit)*fit);
    char *wall = mr_heap_malloc(10), *p[8];
    for (int i = 0; i < 8; i++)
        memset(p[i] = mr_heap_malloc(900000), 1, 900000); /* below what is purged at once */
    for (int i = 0; i < 8; i++)
        mr_heap_free(p[i]);
    size_t before = mr_classic_resident();
    cr_expect_geq(mr_heap_trim(), 6000000);
    cr_expect_leq(mr_classic_resident() + 6000000, before);
    memset(wall, 1, 10);
    char *again = mr_heap_calloc(900000);
    cr_expect(is_zero(again, 900000));
    EXPECT_SOUND();
}

FOR_EVERY_FIT(goes_on_when_the_rest_is_given_up)
{
    use((enum mr_fit)*fit);
    char *p = mr_heap_malloc(1000);
    fill_pattern(p, 1000, 1);
    mr_heap_unreserve();
    char *q = mr_heap_malloc(30 * MR_MIB);
    cr_assert_not_null(q);
    memset(q, 1, 30 * MR_MIB);
    cr_expect(has_pattern(p, 1000, 1));
    cr_expect_eq(mr_heap_free(q), MR_FREED);
    cr_expect_eq(mr_heap_free(p), MR_FREED);
    EXPECT_SOUND();
}

static _Atomic int wrong;

static void *work(void *arg)
{
    char *blocks[64] = { 0 };
    uint64_t state = (uintptr_t)arg;
    for (int i = 0; i < 5000; i++) {
        char **p = &blocks[next_random(&state) % 64];
        if (*p) {
            wrong += **p != (char)(uintptr_t)arg || mr_heap_free(*p) != MR_FREED;
            *p = NULL;
        } else {
            *p = mr_heap_malloc(random_size(&state));
            **p = (char)(uintptr_t)arg;
        }
    }
    for (int i = 0; i < 64; i++)
        mr_heap_free(blocks[i]);
    return NULL;
}

FOR_EVERY_FIT(serves_threads_at_once)
{
    pthread_t threads[4];
    use((enum mr_fit)*fit);
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

static char *handlers_block;
static enum mr_freed handler_freed;

static void on_signal(int sig)
{
    (void)sig;
    handlers_block = mr_heap_malloc(100);
    handler_freed = mr_heap_free(mr_heap_malloc(200));
}

Test(classic, a_handler_inside_the_list_gets_an_emergency_block)
{
    use(MR_FIT_SEGREGATED);
    char *p = mr_heap_malloc(10);
    signal(SIGUSR1, on_signal);
    mr_lock_acquire(&mr_classic_lock);
    raise(SIGUSR1);
    mr_lock_release(&mr_classic_lock);
    cr_assert_not_null(handlers_block);
    cr_expect_eq(handler_freed, MR_FREED);
    memset(handlers_block, 1, 100);
    cr_expect_eq(mr_heap_free(handlers_block), MR_FREED);
    cr_expect_eq(mr_heap_free(p), MR_FREED);
    EXPECT_SOUND();
}

static int works_in_child(void)
{
    void *p = mr_heap_malloc(100);
    return p && mr_heap_free(p) == MR_FREED && !mr_heap_check() ? 0 : 1;
}

static volatile bool stop;

static void *work_until_told(void *unused)
{
    (void)unused;
    while (!stop)
        mr_heap_free(mr_heap_malloc(500));
    return NULL;
}

Test(classic, a_fork_amid_working_threads_leaves_a_usable_child, .timeout = 60)
{
    pthread_t thread;
    use(MR_FIT_FIRST);
    cr_assert_eq(pthread_create(&thread, NULL, work_until_told, NULL), 0);
    for (int i = 0; i < 20; i++)
        cr_expect_eq(child_result(works_in_child), 0, "child %d", i);
    stop = true;
    pthread_join(thread, NULL);
    EXPECT_SOUND();
}
