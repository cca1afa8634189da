/* Requests that cannot be met are counted, and as nothing else. */
#include "count.h"

int main(int argc, char **argv)
{
    size_t rounds = count_rounds(argc, argv), huge = (size_t)PTRDIFF_MAX + 1;
    void *block = NULL;
    for (size_t round = 0; round < rounds; round++) {
        count_took(malloc(huge));
        count_took(calloc(huge, 2));
        count_took(realloc(NULL, huge));
        count_took(aligned_alloc(64, huge));
        count_took(pvalloc(SIZE_MAX));
        EXPECT(posix_memalign(&block, 64, huge) == ENOMEM);
        count_took(block);
        count_free(count_malloc(100));
    }
    count_print();
    return 0;
}
