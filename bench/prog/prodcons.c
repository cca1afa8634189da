/* Trait: half of the threads only allocate, the other half only free what they are sent, 512 blocks at a time.
 * One thread alone does both in turn. */
#include "bench.h"

enum { LETTER = 512, WAITING = 32 };

struct letter {
    struct letter *next;
    void *blocks[LETTER];
    size_t sizes[LETTER];
};

/* Letters in order; at most WAITING of them, so that a slow consumer holds its producer up. */
struct channel {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct letter *first, **last;
    unsigned count;
} __attribute__((aligned(128)));
static struct channel channels[MAX_THREADS / 2];

static void channel_open(struct channel *c)
{
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->last = &c->first;
}

static void send(struct channel *c, struct letter *l)
{
    pthread_mutex_lock(&c->lock);
    while (c->count == WAITING)
        pthread_cond_wait(&c->changed, &c->lock);
    l->next = NULL;
    *c->last = l;
    c->last = &l->next;
    c->count++;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static struct letter *receive(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->first)
        pthread_cond_wait(&c->changed, &c->lock);
    struct letter *l = c->first;
    c->first = l->next;
    if (!c->first)
        c->last = &c->first;
    if (c->count-- == WAITING)
        pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return l;
}

static struct letter *letter_write(uint64_t *rng)
{
    struct letter *l = must(malloc(sizeof *l));
    for (size_t i = 0; i < LETTER; i++) {
        l->sizes[i] = rng_size(rng, 5);
        l->blocks[i] = new_block(l->sizes[i], i);
    }
    return l;
}

static uint64_t letter_read(struct letter *l)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < LETTER; i++)
        sum += end_block(l->blocks[i], l->sizes[i]);
    free(l);
    return sum;
}

static unsigned pairs(void)
{
    return bench.threads < 2 ? 1 : bench.threads / 2;
}

static size_t letters(void)
{
    return scaled(40000) / pairs();
}

/* Even threads produce, odd ones consume. */
static uint64_t work(unsigned index)
{
    struct channel *c = &channels[index / 2];
    uint64_t rng = rng_seed(400 + index), sum = 0;
    for (size_t n = letters(); n > 0; n--) {
        if (bench.threads < 2)
            sum += letter_read(letter_write(&rng));
        else if (index % 2 == 0)
            send(c, letter_write(&rng));
        else
            sum += letter_read(receive(c));
    }
    return sum;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    for (unsigned i = 0; i < pairs(); i++)
        channel_open(&channels[i]);
    return bench_end(in_threads(bench.threads < 2 ? 1 : 2 * pairs(), work));
}
