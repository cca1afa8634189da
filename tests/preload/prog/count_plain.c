/* One thread, sizes of every kind; nine of ten blocks are freed. */
#include "count.h"

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 0, 1, 16, 24, 100, 128, 129, 500, 1000, 4096, 9000, 40000, 70000, 300000, 2000000 };
    size_t rounds = count_rounds(argc, argv);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < COUNT(sizes); i++) {
            void *block = count_malloc(sizes[i]);
            if (round % 10)
                count_free(block);
        }
    count_print();
    return 0;
}
