/* The program moves the break itself, or something lies in its way. */
#include "expect.h"
#include <sys/mman.h>

static void use_heap(void)
{
    enum { BLOCKS = 2000 };
    static char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(i * 10 + 1);
        EXPECT_SAY(blocks[i], "block %zu", i);
        expect_fill(blocks[i], i * 10 + 1, i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        EXPECT_SAY(expect_filled(blocks[i], i * 10 + 1, i), "block %zu", i);
        free(blocks[i]);
    }
}

static void the_programs_own_break_is_left_alone(void)
{
    char *own[20];
    for (size_t i = 0; i < COUNT(own); i++) {
        own[i] = sbrk(10000);
        EXPECT(own[i] != (void *)-1);
        expect_fill(own[i], 10000, i);
        use_heap();
    }
    for (size_t i = 0; i < COUNT(own); i++)
        EXPECT_SAY(expect_filled(own[i], 10000, i), "piece %zu", i);
}

static void a_mapping_behind_the_break_is_no_end(void)
{
    char *end = (char *)(((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095);
    void *wall = mmap(end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (wall == MAP_FAILED)
        SKIP("the place behind the break is taken");
    use_heap();
    char *large = malloc(100 << 20);
    EXPECT(large);
    free(large);
    use_heap();
}

EXPECT_MAIN(CASE(the_programs_own_break_is_left_alone), CASE(a_mapping_behind_the_break_is_no_end))
