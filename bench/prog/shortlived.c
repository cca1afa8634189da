/* Trait: many short-lived threads, each making and freeing some hundred blocks: what a thread's birth and death cost. */
#include "bench.h"

enum { LIVE = 100 };

static void *live(void *arg)
{
    struct slot slots[LIVE] = { 0 };
    uint64_t *rng = arg, sum = 0;
    for (size_t n = 0; n < 6 * LIVE; n++) {
        struct slot *s = &slots[rng_range(rng, 0, LIVE - 1)];
        sum += slot_clear(s);
        slot_fill(s, rng_size(rng, 7), n);
    }
    *rng = rng_seed(sum + slots_clear(slots, LIVE));
    return NULL;
}

static uint64_t work(unsigned index)
{
    uint64_t rng = rng_seed(500 + index);
    for (size_t n = scaled(36000) / bench.threads; n > 0; n--) {
        pthread_t thread;
        thread_start(&thread, live, &rng);
        pthread_join(thread, NULL);
    }
    return rng;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    return bench_end(in_threads(bench.threads, work));
}
