/* realloc: however it is done, one block stays one block, at its last size. */
#include "count.h"

int main(int argc, char **argv)
{
    static const size_t steps[] = { 10, 100, 50, 5000, 4000, 100000, 99000, 3000000, 20, 0 };
    size_t rounds = count_rounds(argc, argv);
    for (size_t round = 0; round < rounds; round++) {
        void *block = malloc(1);
        size_t last = round % COUNT(steps);
        for (size_t i = 0; i <= last; i++)
            block = realloc(block, steps[i]);
        if (block)
            count_took(block);
    }
    count_print_in_use();
    return 0;
}
