/* Trait: thirty-two threads sleep for each one that runs; each wakes up now and then with a cold cache, works a
 * little and sleeps again on what its cache holds. The peak tells what sleeping threads sit on. */
#include "bench.h"

enum { SLEEPERS = 32, LIVE = 50 };

/* Thread `turn` of a ring runs, the others wait; the ring has ended when rounds == 0. */
struct ring {
    pthread_mutex_t lock;
    pthread_cond_t wake[SLEEPERS];
    unsigned turn;
    size_t rounds;
};
struct sleeper {
    pthread_t thread;
    struct ring *ring;
    unsigned index;
    uint64_t rng, sum;
    struct slot slots[LIVE];
};

static void wake_up(struct sleeper *s, unsigned how_many)
{
    for (size_t n = how_many; n > 0; n--) {
        struct slot *slot = &s->slots[rng_range(&s->rng, 0, LIVE - 1)];
        s->sum += slot_clear(slot);
        slot_fill(slot, rng_size(&s->rng, 8), n);
    }
}

static bool wait_for_turn(struct sleeper *s)
{
    struct ring *r = s->ring;
    while (r->turn != s->index && r->rounds > 0)
        pthread_cond_wait(&r->wake[s->index], &r->lock);
    return r->rounds > 0;
}

static void pass_on(struct ring *r)
{
    r->turn = (r->turn + 1) % SLEEPERS;
    if (--r->rounds > 0)
        pthread_cond_signal(&r->wake[r->turn]);
    else
        for (unsigned i = 0; i < SLEEPERS; i++)
            pthread_cond_signal(&r->wake[i]);
}

static void *sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    struct ring *r = s->ring;
    pthread_mutex_lock(&r->lock);
    while (wait_for_turn(s)) {
        pthread_mutex_unlock(&r->lock);
        wake_up(s, 1000);
        pthread_mutex_lock(&r->lock);
        pass_on(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static struct sleeper *sleepers_start(struct ring *r, unsigned seed)
{
    struct sleeper *all = must(calloc(SLEEPERS, sizeof *all));
    for (unsigned i = 0; i < SLEEPERS; i++) {
        pthread_cond_init(&r->wake[i], NULL);
        all[i].ring = r;
        all[i].index = i;
        all[i].rng = rng_seed(seed + i);
        thread_start(&all[i].thread, sleeper_main, &all[i]);
    }
    return all;
}

static uint64_t work(unsigned index)
{
    struct ring r = { .lock = PTHREAD_MUTEX_INITIALIZER, .rounds = scaled(64000) / bench.threads + 1 };
    struct sleeper *all = sleepers_start(&r, 700 + index * SLEEPERS);
    uint64_t sum = 0;
    for (unsigned i = 0; i < SLEEPERS; i++)
        pthread_join(all[i].thread, NULL);
    for (unsigned i = 0; i < SLEEPERS; i++)
        sum += all[i].sum + slots_clear(all[i].slots, LIVE);
    free(all);
    return sum;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    return bench_end(in_threads(bench.threads, work));
}
