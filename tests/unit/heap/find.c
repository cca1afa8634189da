#include "company.h"

TestSuite(find, .timeout = 60);

static struct mr_find find;

static void open_find(void)
{
    cr_assert(mr_heap_freeze(1000));
    cr_assert(mr_find_open(&find));
    mr_heap_thaw();
}

static bool is_found(const void *p, size_t offset, const void *start)
{
    struct mr_find_block block;
    return mr_find_block(&find, (uintptr_t)p + offset, &block) && block.start == (uintptr_t)start &&
           block.size == mr_heap_usable(start, NULL);
}

static bool is_nothing(const void *p)
{
    struct mr_find_block block;
    return !mr_find_block(&find, (uintptr_t)p, &block);
}

enum { BLOCKS = 3000 };
static void *blocks[BLOCKS];

static void count_block(void *ctx, const struct mr_find_block *block)
{
    uint32_t *next = ctx;
    struct mr_find_block again;
    cr_assert(mr_find_block(&find, block->start, &again));
    cr_assert_eq(again.index, block->index);
    cr_assert_geq(block->index, *next);
    *next = block->index + 1;
}

/* Every byte that matters of every block in use, and none of those that were freed. */
static int find_them(void)
{
    uint64_t state = 7;
    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = i % 50 ? mr_heap_malloc(random_size(&state)) : mr_heap_aligned(1 << i % 20, 100);
    for (size_t i = 0; i < BLOCKS; i += 3) {
        mr_heap_free(blocks[i]);
        blocks[i] = NULL;
    }
    open_find();
    size_t in_use = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!blocks[i])
            continue;
        size_t size = mr_heap_usable(blocks[i], NULL);
        in_use++;
        cr_expect(is_found(blocks[i], 0, blocks[i]), "block %zu", i);
        cr_expect(is_found(blocks[i], size / 2, blocks[i]), "block %zu", i);
        cr_expect(is_found(blocks[i], size - 1, blocks[i]), "block %zu", i);
        cr_expect_not(is_found(blocks[i], size, blocks[i]), "block %zu", i);
    }
    cr_expect_geq(find.in_use, in_use);
    uint32_t next = 0;
    mr_find_each(&find, count_block, &next);
    cr_expect_leq(next, find.count);
    mr_find_close(&find);
    return 0;
}

Test(find, every_block_in_use_is_found) { find_them(); }

Test(find, whatever_the_strategy)
{
    for (uint64_t s = MR_STRATEGY_FIRST_FIT; s <= MR_STRATEGY_BUDDY; s++) {
        mr_conf.strategy = s;
        mr_conf.strategy_set = true;
        cr_expect_eq(child_result(find_them), 0, "strategy %lu", s);
    }
}

Test(find, what_is_free_is_not_found)
{
    void *small = mr_heap_malloc(100), *large = mr_heap_malloc(1 << 20), *next = mr_heap_malloc(100);
    mr_heap_free(small);
    mr_heap_free(large);
    open_find();
    cr_expect(is_nothing(small));
    cr_expect(is_nothing(large));
    cr_expect(is_found(next, 1, next));
    cr_expect(is_nothing(&find));
    cr_expect(is_nothing(NULL));
    mr_find_close(&find);
}

static void *free_it(void *p)
{
    mr_heap_free(p);
    return NULL;
}

/* Freed by another thread, a block is on its way home, and free. */
Test(find, blocks_on_their_way_are_free)
{
    void *there = mr_heap_malloc(200), *here = mr_heap_malloc(200);
    in_thread(free_it, there);
    open_find();
    cr_expect(is_nothing(there));
    cr_expect(is_found(here, 0, here));
    mr_find_close(&find);
}

Test(find, own_memory_covers_every_block)
{
    struct mr_find_range own[128];
    void *p = mr_heap_malloc(100);
    size_t n = mr_find_own(own, 128);
    bool covered = false;
    for (size_t i = 0; i < n; i++)
        covered |= (uintptr_t)p - own[i].from < own[i].to - own[i].from;
    cr_expect(covered);
    cr_expect_leq(mr_find_own(own, 1), 1);
}
