/* Runs into MEMOIR_POOL_LIMIT=64m, argv[1] bytes at a time: ENOMEM, nothing lost, and room again once
 * blocks are freed. Prints the number of requests that failed. */
#include "guest.h"

enum { CAP = 64 << 20, MAX = 1 << 21 };
static void *blocks[MAX];
static unsigned failed;

static unsigned fill(size_t size)
{
    unsigned n = 0;
    for (errno = 0; n < MAX && (blocks[n] = malloc(size)) != NULL; n++)
        guest_mark(blocks[n], size < 64 ? size : 64);
    EXPECT(n < MAX && errno == ENOMEM);
    failed++;
    return n;
}

static void empty(unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++)
        guest_drop(blocks[i], size < 64 ? size : 64);
}

static void every_call_fails(void *kept)
{
    void *p = &p;
    errno = 0;
    EXPECT(calloc(CAP, 2) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(realloc(kept, 2 * (size_t)CAP) == NULL && errno == ENOMEM);
    EXPECT(posix_memalign(&p, 4096, 2 * (size_t)CAP) == ENOMEM && p == &p);
    errno = 0;
    EXPECT(aligned_alloc(64, 2 * (size_t)CAP) == NULL && errno == ENOMEM);
    failed += 4;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    size_t size = (size_t)atol(argv[1]);
    unsigned first = fill(size);
    /* The cap is a cap, and at least a third of it is usable (buddy rounds sizes up to powers of two). */
    EXPECT((uint64_t)first * size <= CAP);
    EXPECT((uint64_t)first * size >= CAP / 3);
    every_call_fails(blocks[0]);
    empty(first, size);
    unsigned second = fill(size);
    EXPECT(second >= first - first / 20);
    empty(second, size);
    dprintf(1, "%u\n", failed);
    return 0;
}
