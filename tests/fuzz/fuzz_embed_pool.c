/* fuzz_embed_pool.c: arbitrary operations on embedded pools of every kind, right and wrong ones, against a list of
 * the blocks there must be.
 *
 * Each block is filled with its own byte and looked at when it goes: two that overlap, or one that was lost, show.
 * Wrong calls must be told with the right kind and change nothing.
 *
 * With clang: -fsanitize=fuzzer,address,undefined. With -DFUZZ_MAIN it has a main() of its own: each argument is a
 * file to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memoir/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 128, BUFFER = 300000 };

static struct {
    struct memoir_pool *pool;
    struct block { unsigned char *p; size_t size; unsigned char fill; } blocks[BLOCKS];
    unsigned count;
    size_t bytes;
    unsigned told;
    enum memoir_pool_error kind;
} s;

static char buffer[BUFFER];

#define WANT(cond)                                                     \
    do {                                                               \
        if (!(cond)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                   \
        }                                                              \
    } while (0)

static void hear(void *ctx, struct memoir_pool *pool, enum memoir_pool_error kind, const void *p, const char *words)
{
    (void)ctx, (void)p;
    WANT(pool == s.pool && strlen(words) > 10);
    s.told++;
    s.kind = kind;
}

static bool no_leak(void *ctx, const struct memoir_pool_block *b)
{
    (void)ctx, (void)b;
    return true;
}

static void expect_whole(const struct block *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        WANT(b->p[i] == b->fill);
}

static void enter(struct block *b, void *p, size_t size, unsigned char fill)
{
    *b = (struct block){ p, size, fill };
    WANT(memoir_pool_usable_size(s.pool, p) >= size);
    memset(p, fill, size);
}

static void take(size_t size, size_t align, unsigned char fill)
{
    if (s.count == BLOCKS)
        return;
    unsigned char *p = align == 0   ? memoir_pool_calloc(s.pool, 1, size)
                       : align == 1 ? memoir_pool_alloc_at(s.pool, size, "file", fill)
                                    : memoir_pool_aligned_alloc(s.pool, align, size);
    if (!p)
        return;
    WANT(align == 0 || (uintptr_t)p % align == 0);
    for (size_t i = 0; align == 0 && i < size; i++)
        WANT(p[i] == 0);
    enter(&s.blocks[s.count++], p, size, fill);
    s.bytes += size;
}

static void resize(struct block *b, size_t size, unsigned char fill)
{
    size_t old = b->size;
    expect_whole(b, old);
    unsigned char *p = memoir_pool_realloc(s.pool, b->p, size);
    if (!p)
        return;
    b->p = p;
    expect_whole(b, old < size ? old : size);
    enter(b, p, size, fill);
    s.bytes += size - old;
}

static void give(struct block *b, bool twice)
{
    unsigned char *p = b->p;
    expect_whole(b, b->size);
    memoir_pool_free(s.pool, p);
    s.bytes -= b->size;
    *b = s.blocks[--s.count];
    if (!twice)
        return;
    memoir_pool_free(s.pool, p);
    WANT(s.told == 1 && (s.kind == MEMOIR_POOL_DOUBLE_FREE || s.kind == MEMOIR_POOL_FOREIGN_POINTER));
    s.told = 0;
}

/* A pointer that is no block. */
static void give_wrong(const struct block *b, size_t offset)
{
    if (offset % (b->size + 1) == 0)
        return;
    memoir_pool_free(s.pool, b->p + offset % (b->size + 1));
    WANT(s.told == 1);
    s.told = 0;
}

/* A byte of a header changes; the block is refused, and is as before when the byte is. */
static void corrupt(const struct block *b, unsigned at, unsigned char by)
{
    unsigned char *header = b->p - 16;
    if (by == 0 || (char *)header < buffer || (char *)header >= buffer + BUFFER)
        return; /* a block from malloc has none */
    header[at % 16] ^= by;
    WANT(memoir_pool_check(s.pool, NULL));
    memoir_pool_free(s.pool, b->p);
    WANT(s.told == 1);
    s.told = 0;
    header[at % 16] ^= by;
}

static void check(void)
{
    struct memoir_pool_stats stats;
    const char *why = memoir_pool_check(s.pool, NULL);
    if (why)
        fprintf(stderr, "%s\n", why);
    WANT(!why);
    memoir_pool_stats(s.pool, &stats);
    WANT(stats.blocks == s.count && stats.in_use == s.bytes && s.told == 0);
    WANT(stats.fragmentation <= 100 && stats.peak >= stats.in_use);
    char text[300];
    WANT(memoir_pool_draw(s.pool, NULL, text, sizeof text) > 100);
}

static void step(const uint8_t *p)
{
    size_t size = (p[1] | (size_t)p[2] << 8) % (p[0] & 0x80 ? 20000 : 300);
    struct block *b = s.count ? &s.blocks[p[3] % s.count] : NULL;
    switch (p[0] % 10) {
    case 0: case 1: case 2: take(size, 1, p[4]); break;
    case 3: take(size, 0, p[4]); break;
    case 4: take(size, (size_t)1 << p[3] % 14, p[4]); break;
    case 5: if (b) resize(b, size, p[4]); break;
    case 6: if (b) give(b, true); break;
    case 7: if (b) give_wrong(b, size); break;
    case 8: if (b) corrupt(b, p[1], p[4]); break;
    default: if (b) give(b, false);
    }
}

/* The first three bytes choose the pool; each five are an operation. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    memset(&s, 0, sizeof s);
    struct memoir_pool_options o = { .fit = (enum memoir_fit)(data[0] % MEMOIR_FITS), .flags = data[1] % 16,
                                     .align = data[0] & 0x40 ? 8 : 16, .on_error = hear, .on_leak = no_leak };
    bool own = data[2] & 1;
    if (own)
        o.limit = 200000;
    s.pool = own ? memoir_pool_create(1000 + data[2] * 64, &o)
                 : memoir_pool_create_in(buffer + data[2] % 64, 20000 + data[2] * 1024, &o);
    WANT(s.pool);
    for (size_t at = 3, n = 0; at + 5 <= size; at += 5, n++) {
        step(data + at);
        if (n % 16 == 0)
            check();
    }
    check();
    WANT(memoir_pool_destroy(s.pool) == s.count);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    size_t size = fuzz_bytes(data, cap < 5000 ? cap : 5000);
    data[0] = (uint8_t)(round % MEMOIR_FITS | (data[0] & 0x40)); /* every fit in turn */
    return size;
}
#endif
