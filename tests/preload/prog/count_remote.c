/* Blocks freed by a thread that did not make them: while their maker runs, and after it ended. */
#include "count.h"
#include <pthread.h>
#include <stdatomic.h>

enum { SLOTS = 500 };
static size_t rounds;
static _Atomic(void *) slots[SLOTS];

/* All threads exist before the first round: what the C library allocates for them is the same in every run. */
static pthread_barrier_t start;

/* Whatever comes out of a slot was put there by some thread or other. */
static void *swap(void *arg)
{
    uint64_t seed = 9 + (uintptr_t)arg;
    pthread_barrier_wait(&start);
    for (size_t round = 0; round < rounds; round++) {
        void *block = count_malloc((size_t)20 << expect_random(&seed) % 12);
        count_free(atomic_exchange(&slots[expect_random(&seed) % SLOTS], block));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[8];
    rounds = count_rounds(argc, argv);
    pthread_barrier_init(&start, NULL, COUNT(threads));
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, swap, (void *)i) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SLOTS; i += 2)
        count_free(atomic_exchange(&slots[i], NULL));
    count_print();
    return 0;
}
