#include "guarded.h"

#include "facts.h"

enum { BYTES = 1 << 20 }; /* 256 OS pages of 4 KiB: the first is nobody's, a small block takes two */

static void boot(void)
{
    mr_heap_boot();
    cr_assert(mr_guarded_boot(BYTES));
}

TestSuite(guarded, .init = boot);

static char *take_at(size_t size, size_t align, bool at_start, struct mr_guarded *block)
{
    struct mr_guarded ignored;
    struct mr_guarded_wish wish = { size, align, at_start, { 7, 8, 9 } };
    bool zero;
    return mr_guarded_take(&wish, &zero, block ? block : &ignored);
}

static char *take(size_t size) { return take_at(size, 16, false, NULL); }

static size_t most_at_once(void) { return (BYTES / mr_os_page - 1) / 2; }

Test(guarded, a_block_ends_where_its_pages_end)
{
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, 4096, 4097, 100000 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        struct mr_guarded block;
        char *p = take_at(sizes[i], 16, false, &block);
        cr_assert_not_null(p, "%zu bytes", sizes[i]);
        cr_expect_eq((uintptr_t)p % 16, 0);
        cr_expect_lt(block.to - ((uintptr_t)p + sizes[i]), 17);
        cr_expect(is_zero(p, sizes[i]));
        memset((void *)block.from, 1, block.to - block.from);
        cr_expect_not(is_readable((char *)block.to), "%zu bytes", sizes[i]);
        cr_expect_not(is_readable((char *)block.from - 1), "%zu bytes", sizes[i]);
        cr_expect_eq(mr_guarded_free(p), MR_FREED);
        cr_expect_not(is_readable(p));
    }
    cr_expect_null(mr_guarded_check(), "%s", mr_guarded_check());
}

Test(guarded, or_begins_where_they_begin)
{
    char *p = take_at(100, 16, true, NULL);
    cr_expect_eq((uintptr_t)p % mr_os_page, 0);
    cr_expect_not(is_readable(p - 1));
    cr_expect(is_readable(p + 100));
}

Test(guarded, alignments_up_to_a_page_are_kept)
{
    for (size_t align = 1; align <= mr_os_page; align *= 2)
        cr_expect_eq((uintptr_t)take_at(100, align, false, NULL) % align, 0, "align %zu", align);
    cr_expect_null(take_at(100, 2 * mr_os_page, false, NULL));
}

Test(guarded, freed_places_wait_as_long_as_they_can)
{
    size_t n = most_at_once();
    char *first = take(10);
    cr_expect_eq(mr_guarded_free(first), MR_FREED);
    for (size_t i = 1; i < n; i++) {
        char *p = take(10);
        cr_assert_neq(p, first, "place %zu", i);
        mr_guarded_free(p);
    }
    cr_expect_eq(take(10), first, "all the others were used meanwhile");
    cr_expect_null(mr_guarded_check(), "%s", mr_guarded_check());
}

Test(guarded, full_is_no_memory)
{
    size_t n = 0;
    while (take(10))
        n++;
    cr_expect_eq(n, most_at_once());
    cr_expect_null(take(10));
    cr_expect_null(take(BYTES));
}

Test(guarded, a_used_place_reads_as_zero_again)
{
    for (size_t i = 0; i < 3 * most_at_once(); i++) {
        char *p = take(5000);
        cr_assert(is_zero(p, 5000), "round %zu", i);
        memset(p, 0xff, 5000);
        mr_guarded_free(p);
    }
}

Test(guarded, only_a_block_in_use_is_freed)
{
    int here;
    char *p = take(100);
    cr_expect_eq(mr_guarded_free(p + 16), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_guarded_free(p), MR_FREED);
    cr_expect_eq(mr_guarded_free(p), MR_NOT_A_BLOCK);
    cr_expect_not(mr_guarded_holds(&here));
    cr_expect(mr_guarded_holds(p));
}

Test(guarded, an_address_leads_to_the_block_that_is_meant)
{
    struct mr_guarded block, found;
    char *p = take_at(100, 16, false, &block), *q = take_at(50, 16, true, NULL);
    cr_assert_eq((uintptr_t)q, block.to + mr_os_page, "they are neighbours");
    cr_assert(mr_guarded_find(block.to, &found));
    cr_expect_eq(found.start, (uintptr_t)p, "a little behind it");
    cr_assert(mr_guarded_find((uintptr_t)q - 1, &found));
    cr_expect_eq(found.start, (uintptr_t)q, "right before the other");
    cr_expect_eq(found.size, 50);
    cr_expect_eq(found.taken.ms, 7);
    cr_expect_eq(found.taken.thread, 8);
    cr_expect_eq(found.taken.stack, 9);
    mr_guarded_free(p);
    cr_assert(mr_guarded_find((uintptr_t)p + 5, &found));
    cr_expect_eq(found.start, (uintptr_t)p);
    cr_expect_eq(found.state, MR_GUARDED_FREED);
    cr_expect_not(mr_guarded_find(mr_guarded_base + BYTES - 1, &found), "nobody is near");
    cr_expect_not(mr_guarded_find((uintptr_t)&found, &found), "not ours at all");
}

Test(guarded, who_frees_it_is_noted)
{
    struct mr_guarded found;
    char *p = take(100);
    mr_guarded_note(p, &(struct mr_guarded_event){ 1, 2, 3 });
    mr_guarded_free(p);
    cr_assert(mr_guarded_find((uintptr_t)p, &found));
    cr_expect_eq(found.freed.stack, 3);
}

Test(guarded, what_is_opened_is_closed_when_the_place_is_used_again)
{
    struct mr_guarded block;
    char *p = take_at(100, 16, false, &block);
    cr_expect(mr_guarded_open(block.to));
    cr_expect_not(mr_guarded_open(block.to), "once");
    *(char *)block.to = 1;
    mr_guarded_free(p);
    cr_expect_not(is_readable((char *)block.to));
    cr_expect(mr_guarded_open((uintptr_t)p));
    memset(p, 2, 100);
    char *again = NULL;
    while (again != p)
        mr_guarded_free(again = take(100));
    cr_expect_not(is_readable(p));
    cr_expect_not(mr_guarded_open((uintptr_t)take(100)), "a block in use is open");
}

Test(guarded, a_freed_block_that_is_opened_holds_what_it_held)
{
    char *p = take(100);
    memset(p, 3, 100);
    mr_guarded_free(p);
    cr_assert(mr_guarded_open((uintptr_t)p));
    cr_expect_eq(p[50], 3);
}

static bool count(void *ctx, const void *block, size_t size)
{
    cr_expect(mr_guarded_holds(block));
    *(size_t *)ctx += size;
    return true;
}

Test(guarded, the_heap_counts_them)
{
    uint64_t blocks = look()->totals.in_use_blocks, bytes = look()->totals.in_use_bytes;
    size_t sum = 0;
    char *p = take(100), *q = take(200000);
    expect_in_use(blocks + 2, bytes + 200100);
    cr_expect(mr_guarded_walk(count, &sum));
    cr_expect_eq(sum, 200100);
    cr_expect_eq(mr_heap_usable(p, NULL), 100);
    cr_expect_eq(mr_heap_free(p), MR_FREED);
    cr_expect_eq(mr_heap_free(q), MR_FREED);
    expect_in_use(blocks, bytes);
    EXPECT_SOUND();
}

Test(guarded, they_carry_tags)
{
    struct mr_tag tag;
    char *p = take(100);
    mr_tag_set(p, 12, 100);
    cr_assert(mr_tag_get(p, &tag));
    cr_expect_eq(tag.label, 12);
    cr_expect_eq(tag.size, 100);
    mr_guarded_free(p);
    cr_expect_not(mr_tag_get(p, &tag));
}

Test(guarded, words_lead_to_them)
{
    struct mr_find find;
    struct mr_find_block block;
    char *p = take(100), *gone = take(100);
    mr_guarded_free(gone);
    cr_assert(mr_find_open(&find));
    cr_assert(mr_find_block(&find, (uintptr_t)p + 99, &block));
    cr_expect_eq(block.start, (uintptr_t)p);
    cr_expect_not(mr_find_block(&find, (uintptr_t)p + 100, &block));
    cr_expect_not(mr_find_block(&find, (uintptr_t)gone, &block));
    mr_find_close(&find);
}

static _Atomic int wrong;

static void *take_and_give(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        char *p = take(50);
        wrong += !p || *p != 0;
        *p = 1;
        wrong += mr_guarded_free(p) != MR_FREED;
    }
    return NULL;
}

Test(guarded, serve_threads_at_once, .timeout = 60)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0);
    cr_expect_null(mr_guarded_check(), "%s", mr_guarded_check());
}

/* A handler that interrupts us can free, and what it freed is given back later. */
Test(guarded, free_where_the_lock_is_ours_already)
{
    char *p = take(100);
    mr_lock_acquire(&mr_guarded_lock);
    cr_expect_eq(mr_guarded_free(p), MR_FREED);
    cr_expect_eq(mr_guarded_free(p), MR_NOT_A_BLOCK, "not twice");
    cr_expect_null(take(100));
    mr_lock_release(&mr_guarded_lock);
    cr_expect_not_null(take(100));
    cr_expect_not(is_readable(p));
    cr_expect_null(mr_guarded_check(), "%s", mr_guarded_check());
}
