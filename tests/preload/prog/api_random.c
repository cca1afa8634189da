/* Random requests of every kind with a pattern in each block, from a fixed seed. */
#include "expect.h"
#include <malloc.h>

struct held {
    char *block;
    size_t size;
};

static uint64_t seed;

static size_t random_below(size_t n) { return expect_random(&seed) % n; }

/* Mostly small, some medium, now and then large: each size of the range about as likely by its bits. */
static size_t random_size(unsigned max_bits)
{
    unsigned bits = (unsigned)random_below(max_bits + 1);
    return random_below(((size_t)1 << bits) + 1);
}

static char *random_request(size_t size)
{
    size_t align = (size_t)8 << random_below(10);
    void *block = NULL;
    switch (random_below(8)) {
    case 0:
        block = calloc(size, 1);
        EXPECT(block && expect_zeroed(block, size));
        return block;
    case 1:
        block = memalign(align, size);
        break;
    case 2:
        block = aligned_alloc(align, size);
        break;
    case 3:
        EXPECT(posix_memalign(&block, align, size) == 0);
        break;
    default:
        align = 16;
        block = random_below(2) ? malloc(size) : realloc(NULL, size);
    }
    EXPECT_SAY((uintptr_t)block % align == 0, "alignment %zu: %p", align, block);
    return block;
}

static void verify(const struct held *h, size_t i)
{
    EXPECT_SAY(expect_filled(h->block, h->size, i), "slot %zu of %zu bytes", i, h->size);
}

static void renew(struct held *h, size_t i, unsigned max_bits)
{
    h->size = random_size(max_bits);
    h->block = random_request(h->size);
    EXPECT_SAY(h->block, "no block of %zu", h->size);
    EXPECT(malloc_usable_size(h->block) >= h->size);
    expect_fill(h->block, h->size, i);
}

static void resize(struct held *h, size_t i, unsigned max_bits)
{
    size_t to = random_size(max_bits) + 1, kept = to < h->size ? to : h->size;
    h->block = realloc(h->block, to);
    EXPECT(h->block);
    EXPECT_SAY(expect_filled(h->block, kept, i), "slot %zu from %zu to %zu", i, h->size, to);
    h->size = to;
    expect_fill(h->block, to, i);
}

static void storm(size_t slots, size_t turns, unsigned max_bits)
{
    struct held *held = calloc(slots, sizeof *held);
    for (size_t turn = 0; turn < turns; turn++) {
        size_t i = random_below(slots);
        if (!held[i].block) {
            renew(&held[i], i, max_bits);
            continue;
        }
        verify(&held[i], i);
        if (random_below(3) == 0) {
            resize(&held[i], i, max_bits);
        } else {
            free(held[i].block);
            held[i].block = NULL;
        }
    }
    for (size_t i = 0; i < slots; i++)
        if (held[i].block) {
            verify(&held[i], i);
            free(held[i].block);
        }
    free(held);
}

static void few_small(void) { seed = 1; storm(100, 100000, 8); }
static void many_small(void) { seed = 2; storm(20000, 200000, 9); }
static void medium(void) { seed = 3; storm(500, 30000, 15); }
static void large(void) { seed = 4; storm(50, 2000, 21); }
static void all_sizes(void) { seed = 5; storm(300, 20000, 18); }

/* A heap of 100,000 blocks freed in random order, then filled again by other sizes. */
static void everything_goes_in_random_order(void)
{
    enum { BLOCKS = 100000 };
    static struct held held[BLOCKS];
    seed = 6;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < BLOCKS; i++)
            renew(&held[i], i, 7);
        for (size_t i = BLOCKS; i-- > 0;) {
            size_t other = random_below(i + 1);
            verify(&held[other], other == i ? i : other);
            free(held[other].block);
            if (other != i) {
                held[other] = held[i];
                expect_fill(held[other].block, held[other].size, other);
            }
        }
    }
}

EXPECT_MAIN(CASE(few_small), CASE(many_small), CASE(medium), CASE(large), CASE(all_sizes),
            CASE(everything_goes_in_random_order))
