#include "facts.h"
#include "peak.h"

TestSuite(peak, .timeout = 60);

static uint64_t peak(void) { return look()->totals.peak_bytes; }

/* What was reached and left again, without anybody looking meanwhile. A look is due after each sixty-fourth,
 * and each heap may hold back a quarter of that. */
static void expect_peak(uint64_t reached, uint64_t heaps, uint64_t slack)
{
    uint64_t p = peak();
    cr_expect_leq(p, reached, "%lu is more than ever was", p);
    cr_expect_geq(p, reached - reached / 64 - heaps * reached / 256 - slack, "%lu of %lu", p, reached);
}

static void rise_and_fall(size_t size, int count)
{
    void **blocks = malloc(sizeof *blocks * (size_t)count);
    for (int i = 0; i < count; i++)
        blocks[i] = mr_heap_malloc(size);
    for (int i = 0; i < count; i++)
        mr_heap_free(blocks[i]);
    free(blocks);
}

Test(peak, a_hill_of_small_blocks)
{
    rise_and_fall(64, 200000);
    expect_in_use(0, 0);
    expect_peak(200000 * 64, 1, 8192);
}

/* The block whose own carving makes the look due is in use at that moment, though nobody carves after it. */
Test(peak, a_block_that_came_and_went_alone)
{
    mr_heap_free(mr_heap_malloc(36864));
    cr_expect_eq(peak(), 36864);
}

Test(peak, a_hill_of_medium_blocks)
{
    rise_and_fall(8192, 3000);
    expect_peak(3000 * 8192, 1, 16384);
}

Test(peak, a_hill_of_large_blocks)
{
    rise_and_fall(100000, 500);
    expect_peak(500 * mr_align_up(100000, mr_os_page), 1, 102400);
}

Test(peak, the_highest_of_several)
{
    rise_and_fall(64, 50000);
    rise_and_fall(1000, 20000);
    rise_and_fall(64, 50000);
    expect_peak(20000 * 1024, 1, 16384);
}

Test(peak, a_look_itself_counts)
{
    char *p = mr_heap_malloc(1000);
    cr_expect_eq(peak(), 1024);
    mr_heap_free(p);
    cr_expect_eq(peak(), 1024);
    cr_expect_eq(look()->totals.in_use_bytes, 0);
}

Test(peak, the_time_is_that_of_the_peak)
{
    mr_heap_malloc(1);
    uint64_t before = mr_clock_ms();
    rise_and_fall(100000, 300);
    uint64_t after = mr_clock_ms();
    usleep(100000);
    uint64_t when = look()->totals.peak_ms;
    cr_expect(when >= before && when <= after, "%lu, not in %lu to %lu", when, before, after);
}

static void *go_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++)
        mr_heap_malloc(112);
    return NULL;
}

Test(peak, all_threads_count_together)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, go_up, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    uint64_t reached = 4 * 20000 * 112;
    cr_expect_leq(mr_counters.peak_bytes, reached);
    cr_expect_geq(mr_counters.peak_bytes, reached - reached / 64 - 4 * reached / 256 - 4 * 8192);
    expect_peak(reached, 0, 0);
}

static size_t carved(void) { return mr_peak_carved + (size_t)mr_heap_self->carved; }

Test(peak, what_is_carved_is_what_slabs_and_large_blocks_have)
{
    mr_heap_malloc(100);
    mr_heap_malloc(100000);
    char *p = mr_heap_malloc(8192);
    cr_expect_eq(carved(), 4096 / 112 * 112 + mr_align_up(100000, mr_os_page) + 8192);
    mr_heap_free(p);
    mr_heap_trim();
    cr_expect_eq(carved(), 4096 / 112 * 112 + mr_align_up(100000, mr_os_page));
}
