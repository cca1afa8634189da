/* Trait: nothing but malloc and free, 16 frames deep: what a call stack per request costs at its dearest. A ring of
 * 64 live blocks. With a mode:
 *
 *   (none)    every request comes from the same call; a thread frees what it made
 *   callers   requests come from four callers in turn, by chance
 *   move      the same, and every 8 requests the stack is left down to its 8th frame and entered again
 *   pass      each block is freed by the next thread */
#include "bench.h"

enum { DEPTH = 16, RING = 64 };

struct run {
    struct slot ring[RING];
    uint64_t rng, sum;
    size_t left, at;
    unsigned callers; /* a mask */
};

#define APART __attribute__((noinline, noclone))
#define NO_TAIL __asm__ volatile("" : : : "memory")

static struct slot passed[MAX_THREADS][RING];
static _Atomic uint32_t handed[MAX_THREADS];

#define CALLER(name)                                            \
    static APART void name(struct slot *s, size_t size, size_t n) \
    {                                                           \
        slot_fill(s, size, n);                                  \
        NO_TAIL;                                                \
    }
CALLER(read_header)
CALLER(read_body)
CALLER(read_trailer)
CALLER(read_name)

static void (*const callers[])(struct slot *, size_t, size_t) = { read_header, read_body, read_trailer, read_name };

static APART void turn(struct run *r, size_t count)
{
    for (; count > 0 && r->left > 0; count--, r->left--) {
        struct slot *s = &r->ring[r->at++ % RING];
        r->sum += slot_clear(s);
        uint64_t coins = rng_next(&r->rng);
        callers[coins >> 62 & r->callers](s, 16 + (coins >> 32 & 255), r->left);
    }
    NO_TAIL;
}

static APART void descend(struct run *r, unsigned depth, size_t count)
{
    if (depth < DEPTH)
        descend(r, depth + 1, count);
    else
        turn(r, count);
    NO_TAIL;
}

/* At frame 8 of 16: comes back here every 8 requests. */
static APART void descend_often(struct run *r, unsigned depth)
{
    if (depth < DEPTH / 2)
        descend_often(r, depth + 1);
    else
        while (r->left > 0)
            descend(r, depth + 1, 8);
    NO_TAIL;
}

/* Fills this thread's table when the one it hands it to has emptied it; empties its neighbour's. */
static APART void pass_on(struct run *r, unsigned index)
{
    struct slot *mine = passed[index], *theirs = passed[(index + 1) % bench.threads];
    _Atomic uint32_t *full = &handed[index], *due = &handed[(index + 1) % bench.threads];
    size_t take = r->left;
    while (r->left > 0 || take > 0) {
        if (r->left > 0 && !atomic_load_explicit(full, memory_order_acquire)) {
            for (size_t i = 0; i < RING; i++)
                callers[i & 3](&mine[i], 16 + (rng_next(&r->rng) & 255), i);
            r->left -= r->left < RING ? r->left : RING;
            atomic_store_explicit(full, 1, memory_order_release);
        }
        if (take > 0 && atomic_load_explicit(due, memory_order_acquire)) {
            r->sum += slots_clear(theirs, RING);
            take -= take < RING ? take : RING;
            atomic_store_explicit(due, 0, memory_order_release);
        }
    }
    NO_TAIL;
}

static APART void descend_to_pass(struct run *r, unsigned depth, unsigned index)
{
    if (depth < DEPTH)
        descend_to_pass(r, depth + 1, index);
    else
        pass_on(r, index);
    NO_TAIL;
}

static uint64_t work(unsigned index)
{
    struct run r = { .rng = rng_seed(index), .left = scaled(24000000) / bench.threads };
    r.callers = *bench.mode ? 3 : 0;
    if (!strcmp(bench.mode, "pass"))
        descend_to_pass(&r, 1, index);
    else if (!strcmp(bench.mode, "move"))
        descend_often(&r, 1);
    else
        descend(&r, 1, SIZE_MAX);
    return r.sum + slots_clear(r.ring, RING);
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    return bench_end(in_threads(bench.threads, work));
}
