/* Trait: small blocks of different threads, written often. An allocator that puts the blocks of two threads into
 * one cache line, at first or after one thread has freed the other's, pays for every write. */
#include "bench.h"

enum { SIZE = 8, WRITES = 400 };

static void *given[MAX_THREADS];

static uint64_t write_often(volatile unsigned char *p)
{
    for (unsigned n = 0; n < WRITES; n++)
        p[n % SIZE]++;
    return p[0];
}

static uint64_t work(unsigned index)
{
    uint64_t sum = 0;
    free(given[index]);
    for (size_t n = scaled(9000000) / bench.threads; n > 0; n--) {
        unsigned char *p = must(malloc(SIZE));
        memset(p, 0, SIZE);
        sum += write_often(p);
        free(p);
    }
    return sum;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    for (unsigned i = 0; i < bench.threads; i++)
        given[i] = must(malloc(SIZE));
    return bench_end(in_threads(bench.threads, work));
}
