/* The map against what the heap says of itself otherwise. */
#include "company.h"

TestSuite(map, .timeout = 60);

static struct mr_ledger_map map;

static void draw(void)
{
    memset(&map, 0, sizeof map);
    cr_assert(mr_heap_freeze(1000));
    mr_map_fill(&map);
    mr_heap_thaw();
}

static uint64_t sum_of(enum mr_map_state state)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < map.cell_count; i++)
        sum += map.cells[i].bytes[state];
    return sum;
}

static uint64_t length_of(const struct mr_ledger_cell *cell)
{
    uint64_t sum = 0;
    for (int s = 0; s < MR_MAP_STATE_COUNT; s++)
        sum += cell->bytes[s];
    return sum;
}

static uint64_t gap_bytes(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < MR_LEDGER_GAPS; i++)
        sum += map.gaps[i].bytes;
    return sum;
}

/* Cells of a region lie side by side and are of one size but for the last. */
static void expect_whole(void)
{
    for (uint64_t i = 0; i < map.cell_count; i++) {
        const struct mr_ledger_cell *cell = &map.cells[i];
        bool ends = i + 1 == map.cell_count || cell[1].address != cell->address + map.cell_bytes;
        cr_expect(length_of(cell) == map.cell_bytes || (ends && length_of(cell) < map.cell_bytes), "cell %lu has %lu bytes", i,
                  length_of(cell));
    }
}

Test(map, a_heap_nobody_used_has_no_cells)
{
    draw();
    cr_expect_eq(map.cell_count, 0);
    cr_expect_eq(gap_bytes(), 0);
}

Test(map, bytes_in_use_are_those_of_the_blocks)
{
    static void *small[5000], *large[20];
    uint64_t large_bytes = 0;
    for (size_t i = 0; i < MR_COUNT(small); i++)
        small[i] = mr_heap_malloc(100 + i % 3000);
    for (size_t i = 0; i < MR_COUNT(large); i++)
        large[i] = mr_heap_malloc(100000 + i * 5000);
    for (size_t i = 0; i < MR_COUNT(small); i += 3)
        mr_heap_free(small[i]);
    for (size_t i = 0; i < MR_COUNT(large); i += 2)
        mr_heap_free(large[i]);
    for (size_t i = 1; i < MR_COUNT(large); i += 2)
        large_bytes += mr_heap_usable(large[i], NULL);
    draw();
    expect_whole();
    cr_expect_eq(map.cell_bytes, MR_SLICE);
    cr_expect_eq(sum_of(MR_MAP_SLAB_USED), look()->totals.in_use_bytes - large_bytes);
    cr_expect_eq(sum_of(MR_MAP_SLAB_FREE), look()->totals.slack_bytes);
    cr_expect_eq(sum_of(MR_MAP_DIRTY), look()->totals.dirty_bytes);
    cr_expect(sum_of(MR_MAP_LARGE) >= large_bytes && sum_of(MR_MAP_LARGE) < large_bytes + 10 * MR_SLICE);
    cr_expect_eq(gap_bytes(), sum_of(MR_MAP_DIRTY) + sum_of(MR_MAP_CLEAN));
}

Test(map, cells_grow_with_the_heap)
{
    static void *blocks[64];
    for (size_t i = 0; i < MR_COUNT(blocks); i++)
        blocks[i] = mr_heap_malloc(16 * MR_MIB);
    draw();
    expect_whole();
    cr_expect_eq(map.cell_bytes, 16 * MR_SLICE, "1 GiB has %lu cells of %lu bytes", map.cell_count, map.cell_bytes);
    cr_expect_eq(sum_of(MR_MAP_LARGE), 64 * 16 * MR_MIB);
    for (size_t i = 0; i < MR_COUNT(blocks) - 1; i++)
        mr_heap_free(blocks[i]);
    draw();
    cr_expect_eq(map.largest_gap, 63 * 16 * MR_MIB, "%lu", map.largest_gap);
    cr_expect_eq(map.gaps[29].count, 1);
}

/* What lies behind the last span that is held has no cells. */
Test(map, it_ends_where_nothing_is_held)
{
    void *p = mr_heap_malloc(100);
    draw();
    const struct mr_ledger_cell *last = &map.cells[map.cell_count - 1];
    cr_expect_eq(last->bytes[MR_MAP_CLEAN], 0);
    cr_expect_lt(map.cell_count, 100);
    mr_heap_free(p);
}

Test(map, a_classic_heap_is_blocks_and_gaps)
{
    setenv("MEMOIR_STRATEGY", "best-fit", 1);
    static void *blocks[100];
    for (size_t i = 0; i < MR_COUNT(blocks); i++)
        blocks[i] = mr_heap_malloc(10000);
    for (size_t i = 0; i < MR_COUNT(blocks); i += 2)
        mr_heap_free(blocks[i]);
    draw();
    expect_whole();
    cr_expect_eq(map.cell_bytes, 4096);
    cr_expect(sum_of(MR_MAP_LARGE) >= 50 * 10000 && sum_of(MR_MAP_LARGE) < 51 * 10016);
    cr_expect_eq(sum_of(MR_MAP_SLAB_USED), 0);
    cr_expect_geq(map.gaps[13].count, 49);
    unsetenv("MEMOIR_STRATEGY");
}
