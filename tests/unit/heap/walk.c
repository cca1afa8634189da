/* The heap looked at as a whole: figures and blocks, against what the test did. */
#include "company.h"

TestSuite(walk, .timeout = 60);

/* ---- figures --------------------------------------------------------------------------------------- */

Test(walk, a_heap_nobody_used_is_all_zero)
{
    const struct mr_heap_stats *stats = look();
    for (size_t i = 0; i < mr_stat_count; i++)
        cr_expect_eq(mr_stat_value(&stats->totals, &mr_stats[i]), 0, "%s", mr_stats[i].name);
    cr_expect_null(mr_heap_check());
}

Test(walk, rows_are_named_in_ascending_order)
{
    const struct mr_heap_stats *stats = look();
    for (unsigned i = 0; i < MR_ROW_COUNT; i++) {
        cr_expect_eq(stats->rows[i].large, i >= MR_CLASS_COUNT);
        cr_expect(i == 0 || stats->rows[i].size > stats->rows[i - 1].size);
    }
    cr_expect_eq(stats->rows[MR_CLASS_COUNT].size, 2 * MR_SLAB_MAX);
}

/* Of class c: 7 c % 11 + 1 blocks taken and a third of them given back. */
static int taken_of(unsigned cls) { return (int)(7 * cls % 11 + 1); }
static int given_of(unsigned cls) { return taken_of(cls) / 3; }

static void do_known_work(void)
{
    void *blocks[12];
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        for (int i = 0; i < taken_of(cls); i++)
            blocks[i] = mr_heap_malloc(mr_sizeclass_bytes[cls] - i % 16);
        for (int i = 0; i < given_of(cls); i++)
            mr_heap_free(blocks[i]);
    }
}

Test(walk, every_class_is_counted_exactly)
{
    uint64_t allocs = 0, frees = 0, in_use = 0, allocated = 0;
    do_known_work();
    const struct mr_heap_stats *stats = look();
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        uint64_t size = mr_sizeclass_bytes[cls], taken = (uint64_t)taken_of(cls), given = (uint64_t)given_of(cls);
        const struct mr_row *row = &stats->rows[cls];
        cr_expect_eq(row->allocs, taken, "class %u", cls);
        cr_expect_eq(row->frees, given, "class %u", cls);
        cr_expect_eq(row->in_use_bytes, (taken - given) * size, "class %u", cls);
        cr_expect_eq(row->alloc_bytes, taken * size, "class %u", cls);
        allocs += taken, frees += given, in_use += (taken - given) * size, allocated += taken * size;
    }
    const struct mr_totals *t = &stats->totals;
    cr_expect_eq(t->allocations, allocs);
    cr_expect_eq(t->frees, frees);
    cr_expect_eq(t->in_use_blocks, allocs - frees);
    cr_expect_eq(t->in_use_bytes, in_use);
    cr_expect_eq(t->allocated_bytes, allocated);
    cr_expect_eq(t->freed_bytes, allocated - in_use);
    cr_expect_eq(t->threads, 1);
    cr_expect_eq(t->threads_peak, 1);
}

Test(walk, large_blocks_are_counted_exactly)
{
    static const size_t sizes[] = { 65537, 131072, 131073, 300000, 1 << 20, (1 << 20) + 1, 5000000 };
    static const unsigned rows[] = { 0, 0, 1, 2, 3, 4, 6 };
    uint64_t bytes[8] = { 0 }, blocks[8] = { 0 }, all = 0;
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        mr_heap_free(mr_heap_malloc(sizes[i]));
        mr_heap_malloc(sizes[i]);
        bytes[rows[i]] += mr_align_up(sizes[i], mr_os_page);
        blocks[rows[i]]++;
        all += mr_align_up(sizes[i], mr_os_page);
    }
    const struct mr_heap_stats *stats = look();
    for (unsigned k = 0; k < 8; k++) {
        const struct mr_row *row = &stats->rows[MR_CLASS_COUNT + k];
        cr_expect_eq(row->allocs, 2 * blocks[k], "row %u", k);
        cr_expect_eq(row->frees, blocks[k], "row %u", k);
        cr_expect_eq(row->in_use_bytes, bytes[k], "row %u", k);
        cr_expect_eq(row->alloc_bytes, 2 * bytes[k], "row %u", k);
    }
    expect_in_use(MR_COUNT(sizes), all);
}

/* What slabs hold besides blocks in use: carved and free. */
Test(walk, slack_is_what_is_free_in_slabs)
{
    void *blocks[100];
    for (int i = 0; i < 100; i++)
        blocks[i] = mr_heap_malloc(64);
    struct mr_slab *slab = head_of(blocks[0]);
    cr_expect_eq(look()->rows[3].slabs, 1);
    cr_expect_eq(look()->rows[3].free_blocks, slab->ext - 100);
    for (int i = 0; i < 30; i++)
        mr_heap_free(blocks[i]);
    cr_expect_eq(look()->rows[3].free_blocks, slab->ext - 70);
    cr_expect_eq(look()->totals.slack_bytes, (slab->ext - 70) * 64);
}

/* Free spans, slabs, large blocks and our own slices are all there is. */
Test(walk, the_writable_space_is_accounted_for)
{
    do_known_work();
    mr_heap_free(mr_heap_malloc(3000000));
    mr_heap_malloc(700000);
    const struct mr_heap_stats *stats = look();
    size_t slabs = 0, meta = 0, spans = mr_regions[0].committed - mr_regions[0].table_bytes;
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++)
        slabs += stats->rows[cls].slabs * mr_sizeclass_slices(cls) * MR_SLICE;
    for (char *p = (char *)mr_regions[0].base + mr_regions[0].table_bytes; mr_lookup_slice(p); p += MR_SLICE)
        meta += mr_slab_kind(mr_lookup_slice(p)) == MR_KIND_META ? MR_SLICE : 0;
    const struct mr_totals *t = &stats->totals;
    cr_expect_eq(t->dirty_bytes + t->clean_bytes + slabs + meta + mr_align_up(700000, MR_SLICE), spans);
    cr_expect_eq(t->committed_bytes, spans + mr_regions[0].table_committed);
    cr_expect_geq(t->metadata_bytes, meta);
    cr_expect_eq(t->reserved_bytes, mr_regions[0].reserved);
}

Test(walk, resident_is_what_was_touched)
{
    static struct mr_heap_stats before, after;
    mr_heap_malloc(1);
    mr_heap_look(&before, true, 1000);
    cr_expect_gt(before.totals.resident_bytes, 0);
    memset(mr_heap_malloc(8 * MR_MIB), 1, 8 * MR_MIB);
    mr_heap_look(&after, true, 1000);
    cr_expect_geq(after.totals.resident_bytes, before.totals.resident_bytes + 8 * MR_MIB);
    cr_expect_leq(after.totals.resident_bytes, after.totals.committed_bytes);
    cr_expect_eq(look()->totals.resident_bytes, 0, "not unless asked for");
}

Test(walk, counted_events_are_passed_on)
{
    mr_heap_malloc(1);
    mr_counters.failed = 3;
    mr_counters.foreign_frees = 5;
    mr_counters.purged_bytes = 7;
    cr_expect_eq(look()->totals.failed, 3);
    cr_expect_eq(look()->totals.foreign_frees, 5);
    cr_expect_eq(look()->totals.purged_bytes, 7);
}

static void take_space_lock(void *unused)
{
    (void)unused;
    mr_lock_acquire(&mr_space_lock);
}

static void release_space_lock(void *unused)
{
    (void)unused;
    mr_lock_release(&mr_space_lock);
}

static bool count(void *ctx, const void *block, size_t size)
{
    (void)block;
    (void)size;
    ++*(int *)ctx;
    return true;
}

/* The holder may never come back: a look is taken all the same. */
Test(walk, patience_ends)
{
    struct company other;
    int blocks = 0;
    mr_heap_malloc(1);
    company_start(&other);
    company_do(&other, take_space_lock, NULL);
    static struct mr_heap_stats stats;
    mr_heap_look(&stats, false, 20);
    cr_expect_eq(stats.totals.in_use_blocks, 1);
    cr_expect(mr_heap_walk(count, &blocks, 20));
    cr_expect_eq(blocks, 1);
    company_do(&other, release_space_lock, NULL);
    company_end(&other);
    cr_expect(mr_lock_try(&mr_space_lock), "a look that went without the lock does not release it");
    mr_lock_release(&mr_space_lock);
}

Test(walk, who_holds_the_lock_looks_at_once)
{
    int blocks = 0;
    mr_heap_malloc(1);
    mr_lock_acquire(&mr_space_lock);
    cr_expect_eq(look()->totals.in_use_blocks, 1);
    cr_expect(mr_heap_walk(count, &blocks, 1000));
    cr_expect_eq(blocks, 1);
    cr_expect(mr_lock_is_mine(&mr_space_lock));
    mr_lock_release(&mr_space_lock);
}

/* ---- blocks ------------------------------------------------------------------------------------------- */

/* What the test holds, and how often the walk met each. */
struct held {
    void *block;
    size_t size;
    int met;
};
static struct held held[3000];
static int held_count, strangers, wrong_sizes;

static void hold(void *block)
{
    held[held_count++] = (struct held){ block, mr_heap_usable(block, NULL), 0 };
}

static bool meet(void *ctx, const void *block, size_t size)
{
    (void)ctx;
    for (int i = 0; i < held_count; i++)
        if (held[i].block == block) {
            held[i].met++;
            wrong_sizes += held[i].size != size;
            return true;
        }
    strangers++;
    return true;
}

static void expect_walk_meets_what_is_held(void)
{
    int missed = 0, twice = 0;
    for (int i = 0; i < held_count; i++)
        held[i].met = 0;
    strangers = wrong_sizes = 0;
    cr_expect(mr_heap_walk(meet, NULL, 1000));
    for (int i = 0; i < held_count; i++) {
        missed += held[i].met == 0;
        twice += held[i].met > 1;
    }
    cr_expect_eq(missed, 0, "%d blocks were not met", missed);
    cr_expect_eq(twice, 0);
    cr_expect_eq(strangers, 0, "%d free blocks were met", strangers);
    cr_expect_eq(wrong_sizes, 0);
}

Test(walk, meets_exactly_the_blocks_in_use)
{
    static void *blocks[800];
    uint64_t state = 11;
    for (int i = 0; i < 10000; i++) {
        void **p = &blocks[next_random(&state) % 800];
        if (*p)
            mr_heap_free(*p);
        *p = *p ? NULL : mr_heap_malloc(random_size(&state));
    }
    for (int i = 0; i < 800; i++)
        if (blocks[i])
            hold(blocks[i]);
    expect_walk_meets_what_is_held();
}

static bool three(void *ctx, const void *block, size_t size)
{
    return count(ctx, block, size) && *(int *)ctx < 3;
}

Test(walk, stops_when_it_is_told)
{
    int met = 0;
    for (int i = 0; i < 10; i++)
        mr_heap_malloc(100);
    mr_heap_malloc(100000);
    cr_expect(mr_heap_walk(three, &met, 1000));
    cr_expect_eq(met, 3);
}

/* On their way home they are in nobody's free list yet: in chains, then in the inbox, then at home. */
Test(walk, leaves_out_what_is_on_its_way_home)
{
    static struct company other;
    static struct batch batch = { .size = 1000, .count = 300 };
    company_start(&other);
    mr_heap_free(mr_heap_malloc(1));
    company_do(&other, batch_take, &batch);
    for (int i = 0; i < 300; i++)
        if (i % 3)
            hold(batch.blocks[i]);
    for (int i = 0; i < 300; i += 3)
        mr_heap_free(batch.blocks[i]);
    cr_expect_not_null(other.heap->inbox);
    cr_expect_neq(mr_heap_self->waiting, 0);
    expect_walk_meets_what_is_held();
    expect_in_use(200, 200 * 1024);
    mr_remote_flush(mr_heap_self);
    expect_walk_meets_what_is_held();
    company_do(&other, pass_by, NULL);
    expect_walk_meets_what_is_held();
    expect_in_use(200, 200 * 1024);
    company_end(&other);
    expect_walk_meets_what_is_held();
}

Test(walk, kept_and_empty_slabs_have_no_blocks)
{
    for (size_t size = 16; size <= 65536; size *= 2)
        mr_heap_free(mr_heap_malloc(size));
    expect_walk_meets_what_is_held();
    expect_in_use(0, 0);
}

Test(walk, later_regions_are_walked_too)
{
    hold(mr_heap_malloc(100));
    mr_heap_unreserve();
    for (int i = 0; i < 40; i++)
        hold(mr_heap_malloc(200000));
    for (int i = 0; i < 2000; i++)
        hold(mr_heap_malloc(300));
    cr_assert_gt(mr_region_count, 1);
    expect_walk_meets_what_is_held();
    cr_expect_eq(look()->totals.in_use_blocks, (uint64_t)held_count);
    EXPECT_SOUND();
}

/* ---- check --------------------------------------------------------------------------------------------- */

Test(walk, check_finds_damage_in_spans_and_slabs)
{
    char *p = mr_heap_malloc(100), *q = mr_heap_malloc(200000);
    EXPECT_SOUND();
    head_of(q)->units++;
    cr_expect_not_null(mr_heap_check());
    head_of(q)->units--;
    EXPECT_SOUND();
    head_of(p)->count++;
    cr_expect_not_null(mr_heap_check());
    head_of(p)->count--;
    EXPECT_SOUND();
}
