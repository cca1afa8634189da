#include <criterion/criterion.h>
#include <string.h>

#include "../os/child.h"
#include "zone.h"

static const struct mr_unwind_start from = { .pc = 1 };

static void use(uint64_t check)
{
    mr_conf.check = check;
    mr_conf.on_error = MR_ON_ERROR_IGNORE;
}

Test(checked, new_bytes_are_filled_and_calloced_ones_are_zero)
{
    use(63);
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *p = mr_watch_malloc(&from, size), *q = mr_watch_calloc(&from, size);
        cr_expect_eq(mr_fill_difference(p, size, MR_FILL_NEW), size);
        cr_expect_eq(mr_fill_difference(q, size, 0), size);
        memset(q, 1, size);
        mr_watch_free(&from, p);
        mr_watch_free(&from, q);
    }
}

Test(checked, a_block_keeps_its_bytes_when_it_grows_and_shrinks)
{
    enum mr_freed freed;
    use(63);
    size_t had = 1;
    unsigned char *p = mr_watch_malloc(&from, had);
    p[0] = 7;
    for (size_t size = 2; size < 3000000; size = size * 5 / 4 + 1) {
        p = mr_watch_realloc(&from, p, size, &freed);
        cr_assert(p && freed == MR_FREED);
        cr_expect_eq(mr_fill_difference(p, had, 7), had, "%zu to %zu", had, size);
        memset(p, 7, size);
        cr_expect_eq(mr_watch_usable(p, &freed), size);
        had = size;
    }
    for (; had > 10; had /= 2) {
        p = mr_watch_realloc(&from, p, had / 2, &freed);
        cr_assert(p && freed == MR_FREED);
        cr_expect_eq(mr_fill_difference(p, had / 2, 7), had / 2);
    }
    cr_expect_eq(mr_watch_free(&from, p), MR_FREED);
}

Test(checked, what_is_freed_is_no_block)
{
    enum mr_freed freed;
    use(63);
    char *p = mr_watch_malloc(&from, 100);
    cr_expect_eq(mr_watch_free(&from, p - 16), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_watch_free(&from, p + 16), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_watch_free(&from, p), MR_FREED);
    cr_expect_eq(mr_watch_free(&from, p), MR_NOT_A_BLOCK);
    cr_expect_null(mr_watch_realloc(&from, p, 10, &freed));
    cr_expect_eq(freed, MR_NOT_A_BLOCK);
    cr_expect_eq(mr_watch_usable(p, &freed), 0);
    cr_expect_eq(freed, MR_NOT_A_BLOCK);
    cr_expect_eq(mr_watch_free(&from, &freed), MR_NOT_OURS);
    cr_expect_eq(mr_watch_free(&from, NULL), MR_FREED);
}

Test(checked, figures_are_the_programs)
{
    static struct mr_heap_stats before, after;
    use(63);
    mr_watch_free(&from, mr_watch_malloc(&from, 10));
    mr_heap_look(&before, false, 100);
    mr_checked_settle(&before);
    void *kept = mr_watch_malloc(&from, 100);
    for (int i = 0; i < 1000; i++)
        mr_watch_free(&from, mr_watch_malloc(&from, (size_t)i * 100));
    mr_heap_look(&after, false, 100);
    mr_checked_settle(&after);
    cr_expect_eq(after.totals.in_use_blocks - before.totals.in_use_blocks, 1);
    cr_expect_eq(after.totals.frees - before.totals.frees, 1000);
    for (size_t i = 0; i < MR_ROW_COUNT; i++)
        cr_expect_leq(after.rows[i].frees, after.rows[i].allocs, "row %zu", i);
    mr_watch_free(&from, kept);
}

Test(checked, the_heap_under_it_stays_whole)
{
    static char *blocks[500];
    uint32_t seed = 1;
    enum mr_freed freed;
    use(63);
    mr_conf.quarantine = 1 << 16;
    for (int i = 0; i < 20000; i++) {
        seed = mr_mix32(seed + 1);
        char **p = &blocks[seed % 500];
        size_t size = (seed >> 10) % (seed % 100 == 0 ? 200000 : 600);
        if (*p && seed >> 31)
            *p = mr_watch_realloc(&from, *p, size + 1, &freed);
        else {
            cr_assert_eq(mr_watch_free(&from, *p), MR_FREED);
            *p = size % 7 ? mr_watch_malloc(&from, size + 1) : mr_watch_aligned(&from, 64, size + 1);
        }
        memset(*p, (int)seed, size + 1);
    }
    cr_expect_null(mr_heap_check());
    for (size_t i = 0; i < MR_COUNT(blocks); i++)
        cr_expect_eq(mr_watch_free(&from, blocks[i]), MR_FREED);
}
