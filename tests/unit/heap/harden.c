/* A hardened heap: what a block's memory, or a wrong free, can do to it. */
#include "company.h"
#include "harden.h"

static void harden(void)
{
    mr_conf.harden = true;
    mr_conf.purge_delay = 3600000;
    mr_heap_boot();
    cr_assert_eq(mr_space_guard(), 1);
    mr_heap_free(mr_heap_malloc(100));
}

static void finish(void) { EXPECT_SOUND(); }

TestSuite(harden, .init = harden, .fini = finish, .timeout = 60);

Test(harden, no_block_of_a_slab_is_handed_out_twice)
{
    enum { N = 4096 };
    static char *blocks[N];
    for (int i = 0; i < N; i++) {
        blocks[i] = mr_heap_malloc(16);
        memset(blocks[i], 1, 16);
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 16; k++)
            cr_assert_eq(blocks[i][k], 1, "block %d", i);
        memset(blocks[i], 0, 16);
    }
    for (int i = 0; i < N; i++)
        cr_assert_eq(mr_heap_free(blocks[i]), MR_FREED);
    expect_in_use(0, 0);
}

Test(harden, the_next_block_is_not_the_neighbour)
{
    int neighbours = 0;
    char *last = mr_heap_malloc(64);
    for (int i = 0; i < 200; i++) {
        char *p = mr_heap_malloc(64);
        neighbours += p == last + 64;
        last = p;
    }
    cr_expect_lt(neighbours, 100, "%d of 200 blocks lie behind the one before", neighbours);
}

Test(harden, a_freed_block_reads_as_zero)
{
    static const size_t sizes[] = { 16, 100, 1024, 5000, 60000, 200000, 3000000 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = mr_heap_malloc(sizes[i]);
        memset(p, 0xab, sizes[i]);
        mr_heap_free(p);
        for (size_t k = 0; k < sizes[i]; k++)
            cr_assert_eq(p[k], 0, "byte %zu of %zu", k, sizes[i]);
    }
}

Test(harden, what_a_large_block_gives_up_reads_as_zero)
{
    static const size_t left[] = { 200000, 990000 };
    for (size_t i = 0; i < MR_COUNT(left); i++) {
        char *p = mr_heap_malloc(1000000), *end = p + 999999;
        memset(p, 0xab, 1000000);
        enum mr_freed freed;
        p = mr_heap_realloc(p, left[i], &freed);
        cr_expect_eq(*end, 0, "of %zu bytes left", left[i]);
        mr_heap_free(p);
    }
}

Test(harden, a_second_free_is_refused_however_much_later)
{
    char *p = mr_heap_malloc(100), *between[50];
    for (int i = 0; i < 50; i++)
        between[i] = mr_heap_malloc(100);
    cr_expect_eq(mr_heap_free(p), MR_FREED);
    for (int i = 0; i < 25; i++)
        mr_heap_free(between[i]);
    cr_expect_eq(mr_heap_free(p), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_usable(p, NULL), 0);
    enum mr_freed freed;
    cr_expect_null(mr_heap_realloc(p, 300, &freed));
    cr_expect_eq(freed, MR_NOT_A_BLOCK);
    for (int i = 25; i < 50; i++)
        mr_heap_free(between[i]);
}

Test(harden, writes_to_free_blocks_change_nothing_else)
{
    char *p[20];
    for (int i = 0; i < 20; i++)
        p[i] = mr_heap_malloc(100);
    for (int i = 0; i < 10; i++) {
        mr_heap_free(p[i]);
        memset(p[i], 0x41, 100);
    }
    EXPECT_SOUND();
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(mr_lookup_slice(mr_heap_malloc(100)) == NULL, false);
}

/* ---- other threads ---------------------------------------------------------------------------------- */

static struct company other;
static struct batch batch = { .size = 100, .count = 1000 };

Test(harden, blocks_freed_elsewhere_come_home)
{
    company_start(&other);
    company_do(&other, batch_take, &batch);
    batch_give(&batch);
    expect_in_use(0, 0);
    company_do(&other, pass_by, NULL);
    uint64_t held = 0;
    for (int i = 0; i < 1000; i++)
        held += mr_slab_kind(head_of(batch.blocks[i])) == MR_KIND_SLAB && mr_slab_in_use(head_of(batch.blocks[i])) > 0;
    cr_expect_eq(held, 0);
    company_end(&other);
}

Test(harden, a_block_freed_by_two_threads_is_refused_the_second)
{
    company_start(&other);
    company_do(&other, batch_take, &batch);
    cr_expect_eq(mr_heap_free(batch.blocks[7]), MR_FREED);
    cr_expect_eq(mr_heap_free(batch.blocks[7]), MR_NOT_A_BLOCK);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(mr_heap_free(batch.blocks[7]), MR_NOT_A_BLOCK);
    company_end(&other);
}

static void free_wrongly(void *result) { *(int *)result = (int)mr_heap_free(batch.blocks[3]); }

Test(harden, the_owner_is_refused_what_another_has_freed)
{
    int freed = -1;
    company_start(&other);
    company_do(&other, batch_take, &batch);
    mr_heap_free(batch.blocks[3]);
    company_do(&other, free_wrongly, &freed);
    cr_expect_eq(freed, MR_NOT_A_BLOCK);
    company_end(&other);
}

/* ---- what the whole heap looks like -------------------------------------------------------------------- */

static bool count(void *ctx, const void *p, size_t size)
{
    (void)p;
    *(size_t *)ctx += size == 112;
    return true;
}

static void count_found(void *ctx, const struct mr_find_block *block) { *(size_t *)ctx += block->size == 112; }

Test(harden, walks_and_searches_see_what_is_in_use)
{
    size_t walked = 0, found = 0;
    struct mr_find find;
    company_start(&other);
    company_do(&other, batch_take, &batch);
    for (int i = 0; i < 400; i++)
        mr_heap_free(batch.blocks[i]);
    cr_assert(mr_heap_walk(count, &walked, 1000));
    cr_assert(mr_find_open(&find));
    mr_find_each(&find, count_found, &found);
    mr_find_close(&find);
    cr_expect_eq(walked, 600);
    cr_expect_eq(found, 600);
    company_end(&other);
}

Test(harden, a_map_that_lies_is_noticed)
{
    char *p = mr_heap_malloc(100);
    head_of(p)->count += 1;
    cr_expect_str_eq(mr_heap_check(), "the map of a slab and its count disagree about the blocks in use");
    head_of(p)->count -= 1;
}

/* ---- guards ----------------------------------------------------------------------------------------------- */

static char *behind(const void *p)
{
    const struct mr_slab *head = head_of(p);
    return mr_lookup_start(head) + ((size_t)(mr_slab_slices(head) - 1) << MR_SLICE_SHIFT);
}

Test(harden, behind_every_span_lies_what_cannot_be_touched)
{
    static const size_t sizes[] = { 16, 60000, 100000, 5000000 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = mr_heap_malloc(sizes[i]);
        const char *victim = behind(p);
        cr_expect(head_of(p)->guarded);
        cr_expect_not(mr_vm_readable(victim), "behind %zu bytes", sizes[i]);
        cr_expect(mr_vm_readable(victim - 8));
        mr_heap_free(p);
    }
}

Test(harden, a_block_that_is_resized_keeps_its_guard)
{
    enum mr_freed freed;
    char *p = mr_heap_malloc(100000);
    for (size_t size = 150000; size < 20000000; size += size / 3) {
        p = mr_heap_realloc(p, size, &freed);
        memset(p, 1, size);
        cr_expect_not(mr_vm_readable(behind(p)), "%zu bytes", size);
    }
    p = mr_heap_realloc(p, 300000, &freed);
    cr_expect_not(mr_vm_readable(behind(p)));
    mr_heap_free(p);
}

Test(harden, a_guard_outlives_its_span_until_somebody_needs_the_place)
{
    enum { N = 40 };
    char *blocks[N], *fence;
    for (int i = 0; i < N; i++)
        blocks[i] = mr_heap_malloc(100000);
    fence = behind(blocks[N / 2]);
    for (int i = 0; i < N; i++)
        mr_heap_free(blocks[i]);
    mr_heap_trim();
    cr_expect_not(mr_vm_readable(fence), "it stays where it was");
    for (int round = 0; round < 2; round++) {
        char *p = mr_heap_malloc((size_t)(N - 2) * 3 * MR_SLICE);
        cr_assert(p <= fence && fence < p + mr_heap_usable(p, NULL), "the test wants the place");
        for (size_t k = 0; k < mr_heap_usable(p, NULL); k++)
            cr_assert_eq(p[k], 0, "byte %zu", k);
        memset(p, 1, mr_heap_usable(p, NULL));
        cr_expect_not(mr_vm_readable(behind(p)));
        mr_heap_free(p);
    }
}

Test(harden, a_block_grows_over_old_guards)
{
    enum mr_freed freed;
    char *blocks[20];
    for (int i = 0; i < 20; i++)
        blocks[i] = mr_heap_malloc(100000);
    for (int i = 1; i < 20; i++)
        mr_heap_free(blocks[i]);
    mr_heap_trim();
    for (size_t size = 100000; size < 3000000; size += 100000) {
        blocks[0] = mr_heap_realloc(blocks[0], size, &freed);
        memset(blocks[0], 1, size);
    }
    mr_heap_free(blocks[0]);
}

Test(harden, maps_lie_between_inaccessible_pages)
{
    char *maps = (char *)mr_regions[0].maps;
    cr_expect(mr_vm_readable(maps));
    cr_expect_not(mr_vm_readable(maps - 8));
}

Test(harden, descriptors_end_before_an_inaccessible_slice)
{
    char *end = (char *)mr_regions[0].base + mr_regions[0].table_bytes;
    cr_expect_not(mr_vm_readable(end - MR_SLICE));
    cr_expect(mr_vm_readable(end));
}
