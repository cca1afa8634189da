/* Marking over a heap of the test's own: an array of blocks of 64 bytes. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reach.h"

TestSuite(mark, .timeout = 60);

enum { SIZE = 64, WORDS = SIZE / 8, BLOCKS = 4096 };

static uintptr_t (*heap)[WORDS];
static uint8_t states[BLOCKS];
static struct mr_reach reach;
static uintptr_t root[8];

static bool find(const void *ctx, uintptr_t word, struct mr_reach_block *block)
{
    uint32_t i = (uint32_t)((word - (uintptr_t)heap) / SIZE);
    (void)ctx;
    if (word - (uintptr_t)heap >= sizeof *heap * BLOCKS)
        return false;
    *block = (struct mr_reach_block){ (uintptr_t)heap[i], SIZE, i };
    return true;
}

static struct mr_reach_asked ask(const void *ctx, const struct mr_reach_block *block)
{
    (void)ctx;
    return (struct mr_reach_asked){ 50, block->size };
}

static struct mr_reach_asked ask_forty(const void *ctx, const struct mr_reach_block *block)
{
    (void)ctx;
    (void)block;
    return (struct mr_reach_asked){ 40, 40 };
}

static void open_reach(void)
{
    mr_os_init();
    heap = mmap(NULL, sizeof *heap * BLOCKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(heap, MAP_FAILED);
    memset(states, MR_REACH_UNSEEN, sizeof states);
    reach = (struct mr_reach){
        .find = find,
        .ask = ask,
        .low = (uintptr_t)heap,
        .high = (uintptr_t)heap + sizeof *heap * BLOCKS,
        .states = states,
        .count = BLOCKS,
        .pages = -1,
        .shared_pages = -1,
    };
    cr_assert(mr_mark_open(&reach));
}

static void mark_all(void)
{
    mr_mark_root(&reach, &(struct mr_root){ (uintptr_t)root, (uintptr_t)(root + 8), false });
    mr_mark_possible(&reach);
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (states[i])
            mr_mark_lost(&reach, &(struct mr_reach_block){ (uintptr_t)heap[i], SIZE, i });
    mr_mark_lost_done(&reach);
}

static uintptr_t at(uint32_t i) { return (uintptr_t)heap[i]; }
static void join(uint32_t from, uint32_t to) { heap[from][from % WORDS] = at(to); }

Test(mark, without_pointers_everything_is_lost)
{
    open_reach();
    mark_all();
    for (size_t i = 0; i < BLOCKS; i++)
        cr_assert_eq(states[i], MR_REACH_DEFINITE);
}

Test(mark, a_chain_is_followed_to_its_end)
{
    open_reach();
    root[3] = at(0);
    for (uint32_t i = 0; i + 2 < BLOCKS; i++)
        join(i, i + 1);
    mark_all();
    for (size_t i = 0; i < BLOCKS - 1; i++)
        cr_assert_eq(states[i], MR_REACH_REACHABLE, "block %zu", i);
    cr_expect_eq(states[BLOCKS - 1], MR_REACH_DEFINITE);
}

Test(mark, interior_pointers_make_possible_unless_a_start_is_known)
{
    open_reach();
    root[0] = at(1) + 40;
    join(1, 2);
    root[1] = at(3) + 40;
    root[2] = at(4);
    heap[4][0] = at(3);
    root[3] = at(5) + 33;
    heap[5][1] = at(5);
    mark_all();
    cr_expect_eq(states[1], MR_REACH_POSSIBLE);
    cr_expect_eq(states[2], MR_REACH_POSSIBLE);
    cr_expect_eq(states[3], MR_REACH_REACHABLE);
    cr_expect_eq(states[5], MR_REACH_POSSIBLE);
}

Test(mark, what_is_behind_the_bytes_asked_for_is_not_inside)
{
    open_reach();
    states[2] = MR_REACH_FREE;
    root[0] = at(2);
    mark_all();
    cr_expect_eq(states[1], MR_REACH_DEFINITE);
    cr_expect_eq(states[2], MR_REACH_FREE);
}

/* One definite block per source of the graph; a cycle is spoken for by its lowest. */
Test(mark, what_lies_behind_the_bytes_asked_for_leads_nowhere)
{
    open_reach();
    reach.ask = ask_forty;
    root[0] = at(1);
    heap[1][4] = at(2);
    heap[1][5] = at(3);
    mark_all();
    cr_expect_eq(states[1], MR_REACH_REACHABLE);
    cr_expect_eq(states[2], MR_REACH_REACHABLE);
    cr_expect_eq(states[3], MR_REACH_DEFINITE);
}

Test(mark, heads_of_lost_graphs)
{
    open_reach();
    join(10, 9); /* a list against the order of addresses */
    join(9, 8);
    join(20, 21); /* a cycle with a tail */
    join(21, 22);
    join(22, 20);
    heap[21][0] = at(23);
    join(31, 30); /* a cycle behind a head that comes later */
    join(30, 32);
    join(32, 31);
    join(33, 32);
    join(40, 41); /* two heads of one block */
    join(42, 41);
    join(50, 50); /* itself */
    mark_all();
    static const struct { uint32_t block, holder; } held[] = {
        { 9, 10 }, { 8, 10 }, { 21, 20 }, { 22, 20 }, { 23, 20 }, { 30, 33 }, { 31, 33 }, { 32, 33 },
    };
    static const uint32_t heads[] = { 10, 20, 33, 40, 42, 50, 60 };
    for (size_t i = 0; i < MR_COUNT(held); i++) {
        cr_expect_eq(states[held[i].block], MR_REACH_INDIRECT, "%u", held[i].block);
        cr_expect_eq(mr_mark_holder(&reach, held[i].block), at(held[i].holder), "%u", held[i].block);
    }
    for (size_t i = 0; i < MR_COUNT(heads); i++)
        cr_expect_eq(states[heads[i]], MR_REACH_DEFINITE, "%u", heads[i]);
    cr_expect_eq(states[41], MR_REACH_INDIRECT);
}

/* ---- against a slow and plain reckoning ---------------------------------------------------------------------- */

enum { FEW = 60 };
static bool leads[FEW][FEW]; /* by any number of pointers */

static void reckon(void)
{
    for (size_t k = 0; k < FEW; k++)
        for (size_t i = 0; i < FEW; i++)
            for (size_t j = 0; j < FEW; j++)
                leads[i][j] |= leads[i][k] && leads[k][j];
}

/* The lowest of those that lead to it and that it leads to. */
static bool is_head(size_t i, const bool *reached)
{
    for (size_t j = 0; j < FEW; j++)
        if (!reached[j] && j != i && leads[j][i] && (!leads[i][j] || j < i))
            return false;
    return true;
}

static void try_graph(unsigned seed)
{
    bool reached[FEW] = { false };
    srand(seed);
    open_reach();
    memset(leads, 0, sizeof leads);
    memset(states + FEW, MR_REACH_FREE, BLOCKS - FEW);
    for (unsigned n = 0, most = (unsigned)rand() % (2 * FEW); n < most; n++) {
        uint32_t i = (uint32_t)rand() % FEW, j = (uint32_t)rand() % FEW, word = (uint32_t)rand() % WORDS;
        if (heap[i][word])
            continue;
        heap[i][word] = at(j);
        leads[i][j] = true;
    }
    reckon();
    uint32_t first = (uint32_t)rand() % FEW;
    memset(root, 0, sizeof root);
    root[0] = at(first);
    for (size_t j = 0; j < FEW; j++)
        reached[j] = j == first || leads[first][j];
    mark_all();
    for (size_t i = 0; i < FEW; i++) {
        int expected = reached[i] ? MR_REACH_REACHABLE : is_head(i, reached) ? MR_REACH_DEFINITE : MR_REACH_INDIRECT;
        cr_assert_eq(states[i], expected, "seed %u: block %zu is %d, not %d", seed, i, states[i], expected);
        if (expected == MR_REACH_INDIRECT) {
            size_t holder = (mr_mark_holder(&reach, (uint32_t)i) - at(0)) / SIZE;
            cr_assert(states[holder] == MR_REACH_DEFINITE && leads[holder][i], "seed %u: block %zu", seed, i);
        }
    }
    mr_mark_close(&reach);
    munmap(heap, sizeof *heap * BLOCKS);
}

Test(mark, random_graphs)
{
    for (unsigned seed = 0; seed < 500; seed++)
        try_graph(seed);
}

/* ---- what cannot be read --------------------------------------------------------------------------------------- */

/* ASan takes the faults for the program's. */
#if !defined(__SANITIZE_ADDRESS__)
Test(mark, pages_that_fault_are_passed_over)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    open_reach();
    uintptr_t *range = mmap(NULL, 5 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    range[0] = at(1);
    range[5 * page / 8 - 1] = at(2);
    range[3 * page / 8] = at(3);
    mprotect((char *)range + page, page, PROT_NONE);
    mprotect((char *)range + 3 * page, page, PROT_NONE);
    mr_mark_root(&reach, &(struct mr_root){ (uintptr_t)range, (uintptr_t)range + 5 * page, false });
    cr_expect_eq(reach.faults, 2);
    mark_all();
    cr_expect_eq(states[1], MR_REACH_REACHABLE);
    cr_expect_eq(states[2], MR_REACH_REACHABLE);
    cr_expect_eq(states[3], MR_REACH_DEFINITE);
}
#endif
