/* Trait: a server. Each connection's table of blocks goes from a thread that ends to the one that follows it,
 * so that most blocks are freed by another thread than the one that made them. */
#include "bench.h"

enum { CONNECTIONS = 64, LIVE = 1000, TURN = 10000 };

struct connection {
    struct slot slots[LIVE];
    uint64_t rng, sum;
};
static struct connection *connections;

static void *serve(void *arg)
{
    struct connection *c = arg;
    for (size_t n = TURN; n > 0; n--) {
        struct slot *s = &c->slots[rng_range(&c->rng, 0, LIVE - 1)];
        c->sum += slot_clear(s);
        slot_fill(s, rng_range(&c->rng, 10, 500), n);
    }
    return NULL;
}

/* Thread `index` of the dispatchers serves its share of the connections, each turn in a new thread. */
static uint64_t dispatch(unsigned index)
{
    for (size_t turn = scaled(48); turn > 0; turn--) {
        for (unsigned i = index; i < CONNECTIONS; i += bench.threads) {
            pthread_t thread;
            thread_start(&thread, serve, &connections[i]);
            pthread_join(thread, NULL);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    bench_start(argc, argv);
    connections = must(calloc(CONNECTIONS, sizeof *connections));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        connections[i].rng = rng_seed(200 + i);
    in_threads(bench.threads, dispatch);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        sum += connections[i].sum + slots_clear(connections[i].slots, LIVE);
    free(connections);
    return bench_end(sum);
}
