/* The space on its own: no heap is set up, mr_space_init is the first call. */
#include "spans.h"

#include <sys/resource.h>

TestSuite(space, .timeout = 60);

/* ---- taking and giving -------------------------------------------------------------------------- */

Test(space, a_span_is_fresh_zero_and_whole)
{
    bool zero = false;
    start();
    struct mr_slab *head = mr_space_take(5, 1, &zero);
    cr_assert_not_null(head);
    cr_expect_eq(mr_slab_slices(head), 5);
    cr_expect_eq(mr_slab_kind(head), MR_KIND_NONE);
    cr_expect_eq(head->owner, 0);
    cr_expect(zero);
    cr_expect(is_zero(mr_lookup_start(head), 5 * MR_SLICE));
    EXPECT_SPACE_SOUND();
}

Test(space, dirty_memory_is_reused_and_said_to_be_dirty)
{
    bool zero;
    start();
    mr_conf.purge_delay = 3600000;
    char *p = take(3, &zero);
    memset(p, 1, 3 * MR_SLICE);
    give(p);
    cr_expect_eq(dirty(), 3 * MR_SLICE);
    cr_expect_eq(take(3, &zero), p, "before fresh memory is touched");
    cr_expect_not(zero);
    cr_expect_eq(dirty(), 0);
}

Test(space, clean_memory_stays_zero)
{
    bool zero = false;
    start();
    char *p = take(3, &zero);
    mr_space_give(mr_lookup_slice(p), true);
    cr_expect_eq(dirty(), 0);
    cr_expect_eq(take(3, &zero), p);
    cr_expect(zero);
}

/* Whoever is told "zero" does not write zeros: the flag must never be wrong. */
Test(space, the_zero_flag_is_truthful_in_any_order)
{
    char *spans[40] = { 0 };
    uint64_t state = 1;
    start();
    mr_conf.purge_delay = 3600000;
    for (int i = 0; i < 3000; i++) {
        char **p = &spans[next_random(&state) % 40];
        uint32_t slices = 1 + next_random(&state) % 6;
        bool zero;
        if (*p) {
            give(*p);
            *p = NULL;
        } else {
            *p = take(slices, &zero);
            cr_assert(!zero || is_zero(*p, slices * MR_SLICE), "step %d", i);
            memset(*p, 1, slices * MR_SLICE);
        }
        if (i % 200 == 0)
            mr_space_purge(true);
    }
    EXPECT_SPACE_SOUND();
}

Test(space, spans_are_aligned_up_to_a_gibibyte)
{
    bool zero;
    start();
    for (uint32_t align = 1; align <= MR_GIB >> MR_SLICE_SHIFT; align *= 2) {
        struct mr_slab *head = mr_space_take(2, align, &zero);
        cr_assert_not_null(head, "%u slices", align);
        cr_expect_eq((uintptr_t)mr_lookup_start(head) % (align * MR_SLICE), 0, "%u slices", align);
        cr_expect_eq(mr_slab_slices(head), 2);
    }
    EXPECT_SPACE_SOUND();
}

Test(space, what_no_machine_has_is_refused)
{
    bool zero;
    start();
    cr_expect_null(mr_space_take(1u << 30, 1, &zero));
    cr_expect_null(mr_space_take(1, 1u << 30, &zero));
    cr_expect_null(mr_space_take(UINT32_MAX, 1u << 31, &zero));
    cr_expect_not_null(mr_space_take(1, 1, &zero), "and nothing is broken by it");
    EXPECT_SPACE_SOUND();
}

/* ---- resizing -------------------------------------------------------------------------------------- */

Test(space, a_span_grows_into_what_is_free_behind_it)
{
    bool zero;
    start();
    char *p = take(2, &zero), *q = take(4, &zero), *r = take(1, &zero);
    cr_assert(q == p + 2 * MR_SLICE && r == q + 4 * MR_SLICE);
    memset(p, 7, 2 * MR_SLICE);
    cr_expect_not(mr_space_resize(mr_lookup_slice(p), 3), "q is in the way");
    give(q);
    cr_expect(mr_space_resize(mr_lookup_slice(p), 6));
    cr_expect_eq(mr_slab_slices(mr_lookup_slice(p)), 6);
    cr_expect_eq(p[2 * MR_SLICE - 1], 7);
    cr_expect_not(mr_space_resize(mr_lookup_slice(p), 7), "r is in the way");
    EXPECT_SPACE_SOUND();
}

Test(space, a_span_gives_back_what_is_cut_off)
{
    bool zero;
    start();
    mr_conf.purge_delay = 3600000;
    char *p = take(6, &zero), *r = take(1, &zero);
    memset(p, 7, 6 * MR_SLICE);
    cr_expect(mr_space_resize(mr_lookup_slice(p), 2));
    cr_expect_eq(mr_slab_slices(mr_lookup_slice(p)), 2);
    cr_expect_eq(dirty(), 4 * MR_SLICE);
    cr_expect_eq(take(4, &zero), p + 2 * MR_SLICE);
    cr_expect_not(zero);
    give(r);
    EXPECT_SPACE_SOUND();
}

/* ---- growth and its ends --------------------------------------------------------------------------------- */

Test(space, grows_in_steps_and_publishes_what_it_has)
{
    bool zero;
    size_t before = 0;
    start();
    for (int i = 0; i < 200; i++) {
        char *p = take(3, &zero);
        cr_assert_not_null(p);
        size_t committed = mr_regions[0].committed;
        cr_assert_eq(mr_lookup_bytes, committed);
        cr_assert_geq(committed, before);
        cr_assert_lt((uintptr_t)p + 3 * MR_SLICE - mr_regions[0].base - 1, committed);
        p[3 * MR_SLICE - 1] = 1;
        before = committed;
    }
    cr_expect_eq(mr_region_count, 1);
    EXPECT_SPACE_SOUND();
}

/* Exactly: not a slice more than the limit, none less. */
Test(space, the_limit_is_the_limit)
{
    static char *spans[1000];
    bool zero;
    start();
    mr_conf.pool_limit = 8 * MR_MIB + 3 * MR_SLICE;
    mr_conf.purge_delay = 3600000;
    int n = 0;
    while (n < 1000 && (spans[n] = take(1, &zero)))
        n++;
    cr_expect_eq(n, 131);
    cr_expect_null(take(1, &zero));
    for (int i = 0; i < n; i++)
        give(spans[i]);
    cr_expect_not_null(take(128, &zero), "what came back serves again, as one span");
    EXPECT_SPACE_SOUND();
}

Test(space, less_than_a_limit_leaves_room_for_is_refused_whole)
{
    bool zero;
    start();
    mr_conf.pool_limit = 2 * MR_MIB;
    cr_expect_null(take(33, &zero));
    cr_expect_not_null(take(32, &zero));
    cr_expect_null(take(1, &zero));
}

Test(space, goes_on_in_smaller_regions_when_the_rest_is_given_up)
{
    bool zero;
    start();
    char *first = take(4, &zero);
    mr_space_unreserve();
    cr_expect_eq(mr_regions[0].reserved, mr_regions[0].committed);
    cr_expect_eq(mappings_in((char *)mr_regions[0].base + mr_regions[0].committed, MR_SLICE), 0);
    char *second = take(512, &zero);
    cr_assert_not_null(second);
    cr_expect_eq(mr_region_count, 2);
    fill_pattern(second, 512 * MR_SLICE, 1);
    cr_expect_eq(mr_lookup_start(mr_lookup_slice(second)), second);
    mr_space_unreserve();
    char *third = take(512, &zero);
    cr_assert_not_null(third);
    cr_expect_eq(mr_region_count, 3);
    cr_expect(has_pattern(second, 512 * MR_SLICE, 1));
    give(first);
    give(second);
    give(third);
    EXPECT_SPACE_SOUND();
    mr_space_purge(true);
    cr_expect_eq(mr_vm_resident(second, 512 * MR_SLICE), 0, "later regions are purged like the first");
}

#ifndef __SANITIZE_ADDRESS__ /* its shadow needs more address space than any limit */
/* Under a limit the heap uses most of it, and leaves something for the rest of the process. */
static int fill_a_limited_space(void)
{
    bool zero;
    size_t taken = 0;
    struct rlimit limit = { 512 * MR_MIB, 512 * MR_MIB };
    if (setrlimit(RLIMIT_AS, &limit) != 0 || !mr_space_init())
        return 100;
    while (take(16, &zero))
        taken += MR_MIB;
    return (int)(taken * 100 / limit.rlim_cur);
}

Test(space, fills_what_a_limit_leaves)
{
    int percent = child_result(fill_a_limited_space);
    cr_expect(percent >= 70 && percent < 100, "%d %% of the limit", percent);
}
#endif

/* ---- memoir's own memory ------------------------------------------------------------------------------------ */

Test(space, meta_is_zeroed_and_apart)
{
    char *last = NULL;
    size_t before;
    start();
    before = mr_space_metadata();
    for (int i = 0; i < 200; i++) {
        char *p = mr_space_meta(1000);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % (2 * MR_CACHE_LINE), 0);
        cr_assert(is_zero(p, 1000));
        cr_assert(!last || p >= last + 1000 || p + 1000 <= last);
        cr_assert_eq(mr_slab_kind(mr_lookup_slice(p)), MR_KIND_META);
        memset(p, 1, 1000);
        last = p;
    }
    cr_expect_geq(mr_space_metadata() - before, 200 * 1000);
    cr_expect_not_null(mr_space_meta(MR_SLICE));
}

Test(space, meta_of_used_memory_is_zeroed_too)
{
    bool zero;
    start();
    mr_conf.purge_delay = 3600000;
    char *p = take(1, &zero);
    memset(p, 1, MR_SLICE);
    give(p);
    char *meta = mr_space_meta(MR_SLICE);
    cr_expect_eq(meta, p);
    cr_expect(is_zero(meta, MR_SLICE));
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

static _Atomic int broken;

static void *take_and_give(void *arg)
{
    char *spans[16] = { 0 };
    uint64_t state = (uintptr_t)arg;
    for (int i = 0; i < 3000; i++) {
        char **p = &spans[next_random(&state) % 16];
        uint32_t slices = 1 + next_random(&state) % 9;
        bool zero;
        if (*p) {
            broken += **p != (char)(uintptr_t)arg;
            give(*p);
            *p = NULL;
        } else if ((*p = take(slices, &zero))) {
            broken += zero && **p != 0;
            **p = (char)(uintptr_t)arg;
        }
    }
    for (int i = 0; i < 16; i++)
        if (spans[i])
            give(spans[i]);
    return NULL;
}

Test(space, serves_threads_at_once)
{
    pthread_t threads[4];
    start();
    mr_conf.purge_delay = 0;
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(broken, 0);
    EXPECT_SPACE_SOUND();
    const struct mr_region *region = &mr_regions[0];
    cr_expect_eq(region->pool.free_units * MR_SLICE, region->committed - region->table_bytes, "all came back");
}
