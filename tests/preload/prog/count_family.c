/* Each function of the family, each block freed but the last of a round. */
#include "count.h"

static void *aligned(size_t align, size_t size)
{
    void *block = NULL;
    EXPECT(posix_memalign(&block, align, size) == 0);
    return block;
}

int main(int argc, char **argv)
{
    size_t rounds = count_rounds(argc, argv);
    for (size_t round = 0; round < rounds; round++) {
        size_t size = 10 + round % 7 * 300;
        count_free(count_took(calloc(3, size)));
        count_free(count_took(realloc(NULL, size)));
        count_free(count_took(reallocarray(NULL, 2, size)));
        count_free(count_took(memalign(256, size)));
        count_free(count_took(aligned_alloc(64, size)));
        count_free(count_took(aligned(1024, size)));
        count_free(count_took(valloc(size)));
        count_free(count_took(pvalloc(size)));
        count_free(count_took(memalign(1 << 20, size * 100)));
        count_took(calloc(1, size));
        free(NULL);
    }
    count_print();
    return 0;
}
