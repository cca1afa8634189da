/* The heap's face: what malloc, free, calloc and realloc are made of. */
#include "company.h"

#include <errno.h>

TestSuite(local, .timeout = 60);

/* ---- taking ----------------------------------------------------------------------------------------- */

Test(local, every_size_is_aligned_and_usable)
{
    for (size_t size = 0; size <= 70000; size += size < 2100 ? 1 : 97) {
        char *p = mr_heap_malloc(size);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % 16, 0);
        cr_assert_geq(mr_heap_usable(p, NULL), mr_max(size, 1));
        memset(p, 1, mr_heap_usable(p, NULL));
        cr_assert_eq(mr_heap_free(p), MR_FREED);
    }
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

Test(local, blocks_do_not_overlap)
{
    static struct { char *p; size_t size; } blocks[2000];
    uint64_t state = 1;
    for (unsigned i = 0; i < MR_COUNT(blocks); i++) {
        blocks[i].p = mr_heap_malloc(random_size(&state));
        blocks[i].size = mr_heap_usable(blocks[i].p, NULL);
        fill_pattern(blocks[i].p, blocks[i].size, i);
    }
    for (unsigned i = 0; i < MR_COUNT(blocks); i++)
        cr_assert(has_pattern(blocks[i].p, blocks[i].size, i), "block %u", i);
}

Test(local, the_fast_path_takes_and_gives_alone)
{
    cr_expect_null(mr_heap_try_malloc(100), "nothing at hand yet");
    char *p = mr_heap_malloc(100), *q = mr_heap_try_malloc(100);
    cr_assert_not_null(q);
    cr_expect_eq(q, p + 112);
    cr_expect(mr_heap_try_free(q));
    cr_expect_eq(mr_heap_try_malloc(100), q);
    cr_expect_null(mr_heap_try_malloc(MR_SMALL_MAX + 1));
    cr_expect_not(mr_heap_try_free(NULL));
    cr_expect_not(mr_heap_try_free(&p), "an address on the stack");
}

/* The last block of a wide slab that begins in any slice but the first. */
static char *far_block(size_t size)
{
    char *p;
    do
        p = mr_heap_malloc(size);
    while (mr_slab_kind(mr_lookup_slice(p)) != MR_KIND_INTERIOR);
    return p;
}

Test(local, blocks_far_into_a_wide_slab_need_no_slow_path)
{
    char *p = far_block(20 * MR_KIB), *q = far_block(20 * MR_KIB);
    struct mr_slab *slab = mr_lookup_head(mr_lookup_slice(p));
    uint64_t in_use = mr_slab_in_use(slab);
    cr_expect_not(mr_heap_try_free(p), "the descriptor of its slice has no owner");
    cr_expect_not(mr_heap_try_free_next(p + 16), "inside a block");
    cr_expect_not(mr_heap_try_free_next(mr_lookup_start(slab) + 7 * MR_SLICE), "not carved yet");
    cr_expect(mr_heap_try_free_next(p));
    cr_expect_eq(mr_slab_in_use(slab), in_use - 1);
    cr_expect_not(mr_heap_try_free_next(p), "freed twice in a row");
    cr_expect_eq(mr_heap_try_medium(20 * MR_KIB), p);
    cr_expect(mr_heap_try_free_next(q));
    cr_expect_eq(mr_heap_free(q), MR_NOT_A_BLOCK);
    EXPECT_SOUND();
}

Test(local, blocks_far_into_a_wide_slab_of_nobody_else_need_no_slow_path)
{
    char *p = far_block(20 * MR_KIB), *small = mr_heap_malloc(100);
    cr_expect_not(mr_heap_try_free_next(small), "the fast path's");
    cr_expect_not(mr_heap_try_free_next(NULL));
    cr_expect_not(mr_heap_try_free_next(&p), "an address on the stack");
    struct mr_heap *self = mr_heap_self;
    mr_heap_self = MR_HEAP_LATE;
    cr_expect_not(mr_heap_try_free_next(p), "another heap's");
    mr_heap_self = self;
    cr_expect(mr_heap_try_free_next(p));
    EXPECT_SOUND();
}

Test(local, large_blocks_are_freed_by_a_short_way)
{
    char *p = mr_heap_malloc(100 * MR_KIB);
    cr_expect_not(mr_heap_try_free_next(p + MR_SLICE), "inside it");
    cr_expect_not(mr_heap_try_free_next(p + 16), "inside its first slice");
    struct mr_heap *self = mr_heap_self;
    mr_heap_self = MR_HEAP_LATE;
    cr_expect_not(mr_heap_try_free_next(p), "no heap to give it to");
    mr_heap_self = self;
    cr_expect(mr_heap_try_free_next(p));
    cr_expect_not(atomic_load(&self->busy));
    cr_expect_not(mr_heap_try_free_next(p), "freed already");
    cr_expect_eq(mr_heap_free(p), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_malloc(100 * MR_KIB), p);
    EXPECT_SOUND();
}

/* What an interior slice was says nothing once the wide slab is gone. */
Test(local, a_slice_that_was_far_into_a_wide_slab)
{
    char *blocks[64], *p = NULL;
    unsigned n = 0;
    while (n < MR_COUNT(blocks) && mr_slab_kind(mr_lookup_slice(p = blocks[n++] = mr_heap_malloc(20 * MR_KIB))) != MR_KIND_INTERIOR)
        ;
    while (n > 0)
        cr_assert_eq(mr_heap_free(blocks[--n]), MR_FREED);
    mr_heap_trim();
    for (int i = 0; i < 2000; i++)
        mr_heap_malloc(100);
    char *large = mr_heap_malloc(MR_MIB);
    for (size_t at = 0; at < MR_MIB; at += 4096)
        cr_assert_not(at > 0 && mr_heap_try_free_next(large + at), "inside a large block, at %zu", at);
    cr_expect_not(mr_heap_try_free_next(p), "no block");
    EXPECT_SOUND();
}

Test(local, blocks_at_hand_of_any_class_need_no_slow_path)
{
    char *p = mr_heap_malloc(5000);
    cr_expect_null(mr_heap_try_medium(5000), "blocks of 5 KiB are carved one by one");
    mr_heap_free(p);
    cr_expect_eq(mr_heap_try_medium(4700), p, "4608 < 4700 <= 5120");
    cr_expect_null(mr_heap_try_medium(MR_SMALL_MAX));
    cr_expect_null(mr_heap_try_medium(0));
    cr_expect_null(mr_heap_try_medium(MR_SLAB_MAX + 1));
    EXPECT_SOUND();
}

Test(local, an_aligned_block_is_not_borrowed)
{
    void *lender = mr_heap_malloc(4608), *borrowed = mr_heap_malloc(4000), *p = mr_heap_aligned(4096, 4000);
    cr_expect_eq(head_of(borrowed), head_of(lender));
    cr_expect_eq((uintptr_t)p % 4096, 0);
    mr_heap_free(p);
    mr_heap_free(borrowed);
    mr_heap_free(lender);
    EXPECT_SOUND();
}

Test(local, aligned_blocks_at_hand_are_aligned)
{
    for (size_t align = 1; align <= 2 * MR_SMALL_MAX; align *= 2)
        for (size_t size = 0; size <= MR_SMALL_MAX + 1; size++) {
            mr_heap_free(mr_heap_aligned(align, size));
            char *p = mr_heap_try_aligned(align, size);
            cr_assert(p || (size | align) > MR_SMALL_MAX, "align %zu, size %zu", align, size);
            cr_assert_eq((uintptr_t)p % align, 0, "align %zu, size %zu", align, size);
            cr_assert(!p || mr_heap_usable(p, NULL) >= size, "align %zu, size %zu", align, size);
            mr_heap_free(p);
        }
    EXPECT_SOUND();
}

Test(local, every_alignment_is_kept)
{
    static const size_t sizes[] = { 0, 1, 24, 100, 1025, 5000, 33000, 65536, 65537, 300000 };
    for (size_t align = 1; align <= 64 * MR_MIB; align *= 2)
        for (size_t i = 0; i < MR_COUNT(sizes); i++) {
            char *p = mr_heap_aligned(align, sizes[i]);
            cr_assert_not_null(p, "align %zu, size %zu", align, sizes[i]);
            cr_assert_eq((uintptr_t)p % align, 0, "align %zu, size %zu", align, sizes[i]);
            cr_assert_geq(mr_heap_usable(p, NULL), sizes[i]);
            cr_assert_eq(mr_heap_free(p), MR_FREED);
        }
    char *p = mr_heap_aligned(MR_GIB, 5000);
    cr_assert_not_null(p);
    cr_expect_eq((uintptr_t)p % MR_GIB, 0);
    EXPECT_SOUND();
}

Test(local, hopeless_sizes_are_refused_without_harm)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX,
                                    PTRDIFF_MAX - MR_GIB + 1, PTRDIFF_MAX - MR_GIB, (size_t)1 << 50 };
    enum mr_freed known;
    char *p = mr_heap_malloc(50);
    fill_pattern(p, 50, 1);
    errno = 77;
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        cr_expect_null(mr_heap_malloc(sizes[i]), "%zx", sizes[i]);
        cr_expect_null(mr_heap_calloc(sizes[i]), "%zx", sizes[i]);
        cr_expect_null(mr_heap_aligned(64, sizes[i]), "%zx", sizes[i]);
        cr_expect_null(mr_heap_aligned(MR_GIB, sizes[i]), "%zx", sizes[i]);
        cr_expect_null(mr_heap_realloc(p, sizes[i], &known), "%zx", sizes[i]);
        cr_expect_eq(known, MR_FREED);
    }
    cr_expect_null(mr_heap_aligned((size_t)1 << 63, 10));
    cr_expect_null(mr_heap_aligned((size_t)1 << 62, SIZE_MAX));
    cr_expect_eq(errno, 77);
    cr_expect(has_pattern(p, 50, 1));
    expect_in_use(1, 64);
    EXPECT_SOUND();
}

/* ---- calloc ------------------------------------------------------------------------------------------- */

static void dirty(size_t size)
{
    void *blocks[20];
    for (int i = 0; i < 20; i++) {
        blocks[i] = mr_heap_malloc(size);
        memset(blocks[i], 0xab, mr_heap_usable(blocks[i], NULL));
    }
    for (int i = 0; i < 20; i++)
        mr_heap_free(blocks[i]);
}

Test(local, calloc_is_zero_after_others_used_the_memory)
{
    static const size_t sizes[] = { 1, 16, 100, 1024, 1025, 4096, 8192, 9000, 65536, 65537, 100000, 1000001 };
    mr_conf.purge_delay = 3600000;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < MR_COUNT(sizes); i++) {
            dirty(sizes[i]);
            for (int k = 0; k < 25; k++) {
                char *p = mr_heap_calloc(sizes[i]);
                cr_assert(is_zero(p, sizes[i]), "size %zu", sizes[i]);
                memset(p, 0xcd, sizes[i]);
            }
        }
}

/* So large that pages are given back rather than written; the odd end is written. */
Test(local, calloc_of_much_is_zero_to_the_last_byte)
{
    size_t size = 33 * MR_MIB + 77;
    mr_conf.purge_delay = 3600000;
    char *p = mr_heap_malloc(size);
    memset(p, 0xab, size);
    struct mr_heap *heap = mr_heaps_enter(); /* back as it is: the burst limit would have it purged */
    mr_conf.pool_limit = look()->totals.committed_bytes;
    mr_heaps_leave(heap);
    mr_heap_free(p);
    char *q = mr_heap_calloc(size);
    cr_assert_not_null(q);
    cr_expect(is_zero(q, size));
}

/* ---- giving back ----------------------------------------------------------------------------------------- */

Test(local, free_tells_what_a_pointer_was)
{
    static const size_t sizes[] = { 16, 100, 5000, 50000, 100000, 5000000 };
    int here;
    void *there = malloc(100);
    cr_expect_eq(mr_heap_free(NULL), MR_FREED);
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = mr_heap_malloc(sizes[i]);
        cr_expect_eq(mr_heap_usable(p + 1, NULL), 0);
        if (sizes[i] > MR_SLAB_MAX) {
            cr_expect_eq(mr_heap_free(p + 16), MR_NOT_A_BLOCK, "size %zu", sizes[i]);
            cr_expect_eq(mr_heap_free(p + MR_SLICE), MR_NOT_A_BLOCK);
        }
        cr_expect_eq(mr_heap_free(p), MR_FREED);
    }
    cr_expect_eq(mr_heap_free(&here), MR_NOT_OURS);
    cr_expect_eq(mr_heap_free(there), MR_NOT_OURS);
    cr_expect_eq(mr_heap_free((void *)16), MR_NOT_OURS);
    cr_expect_eq(mr_heap_free((void *)UINTPTR_MAX), MR_NOT_OURS);
    expect_in_use(0, 0);
    free(there);
}

Test(local, a_large_block_is_freed_once)
{
    char *p = mr_heap_malloc(100000);
    cr_expect_eq(mr_heap_free(p), MR_FREED);
    cr_expect_eq(mr_heap_free(p), MR_NOT_A_BLOCK);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

/* Another thread's blocks are looked at more closely than one's own. */
Test(local, another_threads_interior_pointers_are_refused)
{
    static struct batch batch = { .size = 100, .count = 3 };
    static struct company other;
    company_start(&other);
    company_do(&other, batch_take, &batch);
    cr_expect_eq(mr_heap_free((char *)batch.blocks[1] + 16), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_free((char *)batch.blocks[1] + 1), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_free(batch.blocks[1]), MR_FREED);
    company_end(&other);
    expect_in_use(2, 224);
}

Test(local, usable_tells_what_a_pointer_is)
{
    enum mr_freed known;
    int here;
    char *p = mr_heap_malloc(100), *q = mr_heap_malloc(100000);
    cr_expect_eq(mr_heap_usable(p, &known), 112);
    cr_expect_eq(known, MR_FREED);
    cr_expect_eq(mr_heap_usable(q, &known), mr_align_up(100000, mr_os_page));
    cr_expect_eq(known, MR_FREED);
    cr_expect_eq(mr_heap_usable(p + 8, &known), 0);
    cr_expect_eq(known, MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_usable(q + 65536, &known), 0);
    cr_expect_eq(known, MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_usable(&here, &known), 0);
    cr_expect_eq(known, MR_NOT_OURS);
    cr_expect_eq(mr_heap_usable(&here, NULL), 0);
}

/* ---- realloc ------------------------------------------------------------------------------------------------ */

Test(local, realloc_stays_while_it_fits_and_half_is_used)
{
    enum mr_freed known;
    char *p = mr_heap_malloc(1000); /* usable 1024 */
    cr_expect_eq(mr_heap_realloc(p, 1024, &known), p);
    cr_expect_eq(mr_heap_realloc(p, 512, &known), p);
    cr_expect_eq(mr_heap_realloc(p, 513, &known), p);
    char *q = mr_heap_realloc(p, 511, &known);
    cr_expect_neq(q, p, "less than half");
    cr_expect_eq(mr_heap_usable(q, NULL), 512);
    char *r = mr_heap_realloc(q, 513, &known);
    cr_expect_neq(r, q, "no room");
    cr_expect_eq(mr_heap_usable(r, NULL), 576);
    char *small = mr_heap_malloc(64);
    cr_expect_eq(mr_heap_realloc(small, 1, &known), small, "small ones stay");
    expect_in_use(2, 576 + 64);
}

Test(local, realloc_keeps_contents_on_every_way)
{
    static const size_t sizes[] = { 1, 40, 2000, 60000, 65536, 65537, 70000, 500000, 30, 6000000, 9000000, 4000000,
                                    100000, 65536, 5 };
    enum mr_freed known;
    char *p = mr_heap_malloc(10);
    size_t before = 10;
    fill_pattern(p, before, 3);
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        mr_heap_malloc(70000); /* something in the way */
        p = mr_heap_realloc(p, sizes[i], &known);
        cr_assert_not_null(p, "to %zu", sizes[i]);
        cr_assert_eq(known, MR_FREED);
        cr_assert(has_pattern(p, mr_min(before, sizes[i]), 3), "to %zu", sizes[i]);
        cr_assert_geq(mr_heap_usable(p, NULL), sizes[i]);
        fill_pattern(p, sizes[i], 3);
        before = sizes[i];
    }
    cr_expect_eq(look()->totals.in_use_blocks, 1 + MR_COUNT(sizes));
    EXPECT_SOUND();
}

Test(local, realloc_of_what_is_no_block_does_nothing)
{
    enum mr_freed known;
    int here;
    char *p = mr_heap_malloc(100), *q = mr_heap_malloc(100000);
    cr_expect_null(mr_heap_realloc(p + 1, 10, &known));
    cr_expect_eq(known, MR_NOT_A_BLOCK);
    cr_expect_null(mr_heap_realloc(q + 4096, 10, &known));
    cr_expect_eq(known, MR_NOT_A_BLOCK);
    cr_expect_null(mr_heap_realloc(&here, 10, &known));
    cr_expect_eq(known, MR_NOT_OURS);
    expect_in_use(2, 112 + mr_align_up(100000, mr_os_page));
}

Test(local, realloc_without_memory_leaves_the_block)
{
    enum mr_freed known;
    mr_conf.pool_limit = 2 * MR_MIB;
    char *p = mr_heap_malloc(1000), *q = mr_heap_malloc(500000);
    fill_pattern(p, 1000, 1);
    fill_pattern(q, 500000, 2);
    while (mr_heap_malloc(65537))
        ;
    while (mr_heap_malloc(100))
        ;
    cr_expect_null(mr_heap_realloc(p, 3000000, &known));
    cr_expect_eq(known, MR_FREED);
    cr_expect_null(mr_heap_realloc(q, 3000000, &known));
    cr_expect(has_pattern(p, 1000, 1));
    cr_expect(has_pattern(q, 500000, 2));
    cr_expect_eq(mr_heap_realloc(p, 100, &known), p, "smaller is never refused");
    EXPECT_SOUND();
}

/* ---- the limit, trimming ------------------------------------------------------------------------ */

Test(local, the_limit_ends_every_kind_of_request)
{
    static void *blocks[4000];
    static const size_t sizes[] = { 1000, 30000, 200000 };
    mr_conf.pool_limit = 3 * MR_MIB;
    for (size_t s = 0; s < MR_COUNT(sizes); s++) {
        int n = 0;
        while (n < 4000 && (blocks[n] = mr_heap_malloc(sizes[s])))
            n++;
        cr_expect_leq((size_t)n * sizes[s], 3 * MR_MIB);
        cr_expect_geq((size_t)n * sizes[s], 2 * MR_MIB, "%d blocks of %zu", n, sizes[s]);
        cr_expect_null(mr_heap_calloc(sizes[s]));
        while (n-- > 0)
            mr_heap_free(blocks[n]);
        mr_heap_trim(); /* spans kept at hand serve only requests of their own size */
    }
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

Test(local, trim_gives_back_what_is_free)
{
    static void *blocks[600]; /* less than is given back without being told */
    cr_expect_eq(mr_heap_trim(), 0, "there is no heap yet");
    mr_conf.purge_delay = 3600000;
    for (int i = 0; i < 600; i++)
        memset(blocks[i] = mr_heap_malloc(3000), 1, 3000);
    for (int i = 0; i < 600; i++)
        mr_heap_free(blocks[i]);
    cr_expect_geq(mr_heap_trim(), 1500000);
    cr_expect_eq(look()->totals.dirty_bytes, 0);
    cr_expect_eq(mr_heap_trim(), 0);
}

Test(local, errno_is_never_touched)
{
    enum mr_freed known;
    errno = 77;
    for (size_t size = 1; size <= 40 * MR_MIB; size *= 3) {
        void *p = mr_heap_calloc(size);
        p = mr_heap_realloc(p, size * 2, &known);
        mr_heap_free(p);
        mr_heap_free(mr_heap_aligned(4096, size));
    }
    mr_heap_trim();
    cr_expect_eq(errno, 77);
}

/* ---- threads --------------------------------------------------------------------------------------- */

/* A table of blocks that all threads take from and put into: any may free or resize any. */
enum { SHARED = 256, THREADS = 4, STEPS = 20000 };
struct parcel {
    uint32_t size, seed;
    char bytes[];
};
static struct parcel *_Atomic table[SHARED];
static _Atomic int damaged;
static _Atomic uint64_t taken, given;

static struct parcel *pack(uint64_t *state)
{
    uint32_t size = (uint32_t)random_size(state) % 30000;
    struct parcel *p = mr_heap_malloc(sizeof *p + size);
    taken++;
    *p = (struct parcel){ .size = size, .seed = next_random(state) };
    fill_pattern(p->bytes, size, p->seed);
    return p;
}

static void unpack(struct parcel *p)
{
    if (!p)
        return;
    damaged += !has_pattern(p->bytes, p->size, p->seed);
    damaged += mr_heap_free(p) != MR_FREED;
    given++;
}

static void *exchange_parcels(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    for (int i = 0; i < STEPS; i++)
        unpack(atomic_exchange(&table[next_random(&state) % SHARED], i % 2 ? pack(&state) : NULL));
    return NULL;
}

Test(local, threads_free_each_others_blocks)
{
    pthread_t threads[THREADS];
    for (int round = 0; round < 3; round++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, exchange_parcels, (void *)(i + 1)), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        EXPECT_SOUND();
    }
    cr_expect_eq(damaged, 0);
    cr_expect_eq(look()->totals.in_use_blocks, taken - given);
    for (int i = 0; i < SHARED; i++)
        unpack(table[i]);
    expect_in_use(0, 0);
    cr_expect_eq(look()->totals.allocations, taken);
    cr_expect_leq(look()->totals.threads_peak, THREADS + 1);
    EXPECT_SOUND();
}
