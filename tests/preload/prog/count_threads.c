/* Eight threads, each with blocks of its own; some are left when it ends. */
#include "count.h"
#include <pthread.h>

static size_t rounds;

/* All threads exist before the first round: what the C library allocates for them is the same in every run. */
static pthread_barrier_t start;

static void *work(void *arg)
{
    uint64_t seed = 1 + (uintptr_t)arg;
    pthread_barrier_wait(&start);
    for (size_t round = 0; round < rounds; round++) {
        void *block = count_malloc((size_t)24 << expect_random(&seed) % 13);
        if (round % 50)
            count_free(block);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[8];
    rounds = count_rounds(argc, argv);
    pthread_barrier_init(&start, NULL, COUNT(threads));
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    count_print();
    return 0;
}
