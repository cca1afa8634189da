/* Huge blocks: address space is had where the kernel has it, memory only for what is touched. */
#include "expect.h"
#include <malloc.h>
#include <sys/mman.h>

#define GIB ((size_t)1 << 30)

/* Whether the kernel itself would map so much; with strict overcommit it would not. */
static bool kernel_gives(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, size) == 0;
}

static void touch(char *block, size_t size)
{
    for (size_t at = 0; at < size; at += GIB / 4)
        block[at] = (char)(at >> 28) + 1;
    block[size - 1] = 77;
}

static bool touched(const char *block, size_t size)
{
    for (size_t at = 0; at < size - 1; at += GIB / 4)
        if (block[at] != (char)((char)(at >> 28) + 1))
            return false;
    return block[size - 1] == 77;
}

static void one_huge(size_t size)
{
    if (!kernel_gives(size))
        SKIP("the kernel has not so much address space to give");
    long before = expect_rss_kib();
    char *block = malloc(size);
    EXPECT(block);
    EXPECT(malloc_usable_size(block) >= size);
    touch(block, size);
    EXPECT(touched(block, size));
    EXPECT_SAY(expect_rss_kib() - before < 128 * 1024, "%ld KiB more", expect_rss_kib() - before);
    free(block);
}

static void a_block_of_1_gib(void) { one_huge(GIB); }
static void a_block_of_2_gib_and_a_bit(void) { one_huge(2 * GIB + 12345); }
static void a_block_of_4_gib(void) { one_huge(4 * GIB); }
static void a_block_of_10_gib(void) { one_huge(10 * GIB); }

static void huge_calloc_touches_nothing(void)
{
    if (!kernel_gives(4 * GIB))
        SKIP("the kernel has not so much address space to give");
    long before = expect_rss_kib();
    char *block = calloc(4 * GIB / 64, 64);
    EXPECT(block);
    for (size_t at = 0; at < 4 * GIB; at += GIB / 16)
        EXPECT(block[at] == 0);
    EXPECT_SAY(expect_rss_kib() - before < 128 * 1024, "%ld KiB more", expect_rss_kib() - before);
    free(block);
}

static void huge_realloc_keeps_contents(void)
{
    if (!kernel_gives(6 * GIB))
        SKIP("the kernel has not so much address space to give");
    char *block = malloc(GIB / 2);
    touch(block, GIB / 2);
    block = realloc(block, 2 * GIB);
    EXPECT(block && block[GIB / 4] == 2 && block[GIB / 2 - 1] == 77);
    touch(block, 2 * GIB);
    block = realloc(block, GIB);
    EXPECT(block && block[0] == 1 && block[GIB / 2] == 3 && block[GIB * 3 / 4] == 4);
    free(block);
}

static void huge_blocks_come_and_go(void)
{
    if (!kernel_gives(8 * GIB))
        SKIP("the kernel has not so much address space to give");
    for (int turn = 0; turn < 200; turn++) {
        char *block = malloc(8 * GIB);
        EXPECT_SAY(block, "turn %d", turn);
        block[0] = block[8 * GIB - 1] = 1;
        free(block);
    }
}

/* Sum above the machine's memory, each untouched but for its ends. */
static void many_huge_blocks_at_once(void)
{
    enum { BLOCKS = 100 };
    char *blocks[BLOCKS];
    size_t size = 100 << 20;
    if (!kernel_gives(BLOCKS * size))
        SKIP("the kernel has not so much address space to give");
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(size + i * 4096);
        EXPECT_SAY(blocks[i], "block %zu", i);
        blocks[i][0] = blocks[i][size - 1] = (char)i;
    }
    for (size_t i = 0; i < BLOCKS; i++)
        EXPECT(blocks[i][0] == (char)i && blocks[i][size - 1] == (char)i);
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void freed_huge_blocks_give_memory_back(void)
{
    long before = expect_rss_kib();
    for (int turn = 0; turn < 3; turn++) {
        char *block = malloc(300 << 20);
        memset(block, 1, 300 << 20);
        free(block);
    }
    malloc_trim(0);
    EXPECT_SAY(expect_rss_kib() - before < 64 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

EXPECT_MAIN(CASE(a_block_of_1_gib), CASE(a_block_of_2_gib_and_a_bit), CASE(a_block_of_4_gib), CASE(a_block_of_10_gib),
            CASE(huge_calloc_touches_nothing), CASE(huge_realloc_keeps_contents), CASE(huge_blocks_come_and_go),
            CASE(many_huge_blocks_at_once), CASE(freed_huge_blocks_give_memory_back))
