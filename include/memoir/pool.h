/* memoir/pool.h: pools, regions of memory that a program hands out in blocks of any size.
 *
 *     struct memoir_pool *pool = memoir_pool_create(1 << 20, NULL);
 *     void *p = memoir_pool_alloc(pool, 100);
 *     memoir_pool_free(pool, p);
 *     memoir_pool_destroy(pool);
 *
 * Link with `cc prog.c $(pkg-config --cflags --libs memoir)`. That is the static library: it brings no malloc
 * of its own, so the program's malloc stays what it was.
 *
 * Sizes are bytes. A handle is opaque and belongs to whoever created it until memoir_pool_destroy. Blocks belong
 * to the program until it frees them, and end with their pool.
 *
 * Threads: without MEMOIR_POOL_THREAD_SAFE one thread at a time may use a pool (different pools are independent).
 * With it, every function but create and destroy may be called from any thread at any time, at the price of one
 * mutex per call. No function may be called from a signal handler. After fork the child may use a thread-safe pool
 * only if no other thread was inside it.
 *
 * Cost: n is the number of free blocks (gaps) of the pool. Each block costs 16 bytes besides its own, and its size
 * is rounded up to 16 (8 with align = 8), for buddies to a power of two with the 16 included.
 *
 *     fit            alloc, aligned_alloc, realloc, free       what it is good for
 *     segregated     O(1)                                      the default: fast, little fragmentation
 *     first, next    O(log of the pool's size)                 low addresses first; spreading wear
 *     best           O(1) below 3.6 KiB, else O(log n)         least waste
 *     worst          O(log of the pool's size)                 comparison
 *     buddy          O(log of the pool's size)                 sizes that are powers of two: a block of 2^k - 16
 *                                                              bytes wastes nothing, others up to half
 *
 * With segregated fit, up to an eighth of the pool waits in freed blocks below 1 KiB for the next request of their
 * size, at most 255 of a size. They merge with their neighbours when a request finds no room, before the pool grows,
 * and when somebody looks: that call pays for them, and nobody else can tell. Pools with tags or fill patterns do
 * without.
 *
 * Misuse is told apart, reported through the handler of the pool, and does nothing else: see
 * enum memoir_pool_error. */
#ifndef MEMOIR_POOL_H
#define MEMOIR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct memoir_pool;

/* ---- misuse ------------------------------------------------------------------------------------------ */

enum memoir_pool_error {
    MEMOIR_POOL_BAD_REQUEST,      /* an argument or option that cannot be served whatever the pool holds */
    MEMOIR_POOL_FOREIGN_POINTER,  /* a pointer that does not lead into the pool */
    MEMOIR_POOL_NOT_A_BLOCK,      /* it leads into the pool, but not to the start of a block */
    MEMOIR_POOL_DOUBLE_FREE,      /* it leads to a block, or into memory, that is free already */
    MEMOIR_POOL_CORRUPTED,        /* the header of this block or of a neighbour was overwritten */
    MEMOIR_POOL_OVERFLOW,         /* the program wrote behind the end of this block (found with tags) */
    MEMOIR_POOL_PROTECTED,        /* the pool as a whole is protected from being written */
    MEMOIR_POOL_REENTERED,        /* a callback of a thread-safe pool called the pool */
    MEMOIR_POOL_ERRORS
};

/* Called on misuse, with no lock held. `pool` is NULL when a pool could not be created; `pointer` is what the
 * caller passed, or NULL; `words` is one line without newline, valid during the call. When the handler returns, the
 * call that was wrong does nothing and returns NULL, 0 or false. It may call any function on other pools, and on
 * this one if nothing was corrupted. The default writes the line to standard error and, but for a pool that could
 * not be created, aborts. */
typedef void memoir_pool_handler(void *ctx, struct memoir_pool *pool, enum memoir_pool_error kind,
                                 const void *pointer, const char *words);

/* ---- creating ------------------------------------------------------------------------------------------ */

enum memoir_fit {
    MEMOIR_FIT_SEGREGATED, /* lists by size, after TLSF (Masmano et al., 2004) */
    MEMOIR_FIT_FIRST,      /* the lowest address that is large enough */
    MEMOIR_FIT_NEXT,       /* the same from where the last block was placed, wrapping round */
    MEMOIR_FIT_BEST,       /* the smallest gap that is large enough */
    MEMOIR_FIT_WORST,      /* the largest gap */
    MEMOIR_FIT_BUDDY,      /* binary buddies (Knowlton, 1965) */
    MEMOIR_FITS
};

enum memoir_pool_flags {
    MEMOIR_POOL_THREAD_SAFE = 1, /* a mutex round every call */
    MEMOIR_POOL_FALLBACK = 2,    /* full: blocks come from malloc; they are tracked and freed with the pool */
    MEMOIR_POOL_TAGS = 4,        /* 16 bytes more per block: file and line of the MEMOIR_POOL_ macros, and a seal
                                    that shows at free whether the program wrote behind the end */
    MEMOIR_POOL_FILL = 8,        /* blocks are filled with 0xCC when handed out (but for calloc), 0xDD when freed */
    MEMOIR_POOL_HUGE_PAGES = 16, /* memory of the system's: huge pages where it has them. Large pools get faster,
                                    and use more memory than they hand out */
};

/* One block, as told to callbacks; valid during the call. */
struct memoir_pool_block {
    void *block;
    size_t size;      /* bytes asked for; of a gap: bytes that could be asked for there */
    size_t usable;    /* bytes the program may use: >= size */
    bool in_use;      /* false: a gap */
    bool fallback;    /* came from malloc */
    const char *file; /* where a macro asked for it; NULL: not known */
    unsigned line;
};

/* Called per block; false ends the walk. */
typedef bool memoir_pool_visit(void *ctx, const struct memoir_pool_block *block);

/* All zero is the default. */
struct memoir_pool_options {
    enum memoir_fit fit;
    unsigned flags;               /* of enum memoir_pool_flags */
    size_t align;                 /* of every block: 8 or 16; 0: 16. More: memoir_pool_aligned_alloc */
    size_t limit;                 /* > size: the pool grows up to so many bytes; 0: it does not grow */
    const char *name;             /* for messages; the string must outlive the pool; NULL: none */
    memoir_pool_handler *on_error; /* NULL: the default */
    memoir_pool_visit *on_leak;   /* for each block not freed at destroy; NULL: they are listed on standard error */
    void *ctx;                    /* for both */
};

/* The largest pool: 16 GiB, with align = 8 half of that. The smallest: what memoir_pool_overhead says and 64 bytes. */
#define MEMOIR_POOL_LARGEST ((size_t)16 << 30)

/* Makes a pool of `size` bytes from the system, rounded up to OS pages; its own overhead comes on top. Address space
 * is reserved up to the limit at once, memory is used as blocks are. options may be NULL and are copied.
 * NULL: a bad option (told to the handler, errno = EINVAL) or no memory (errno = ENOMEM).
 * Thread-safe. A few system calls. */
struct memoir_pool *memoir_pool_create(size_t size, const struct memoir_pool_options *options);

/* Makes a pool in memory of the caller's, which must outlive it, be left alone meanwhile, and has room for the
 * overhead besides the blocks. It makes no system call; limit must be 0. Any alignment of the buffer will do. NULL as
 * above; a buffer that is too small is a bad option. Thread-safe. O(1), for buddies O(log size); first, next
 * and worst fit clear their table, about 1.3 % of the buffer. */
struct memoir_pool *memoir_pool_create_in(void *buffer, size_t size, const struct memoir_pool_options *options);

/* Bytes of a buffer of that size that are not for blocks; 0: the options are bad (errno = EINVAL). Thread-safe. O(1). */
size_t memoir_pool_overhead(size_t size, const struct memoir_pool_options *options);

/* Ends a pool and all its blocks, and gives its memory back. Blocks that were not freed are leaks: each is told to
 * on_leak, or the first 20 are listed on standard error with a warning. Returns how many there were. NULL is
 * ignored. No other thread may be using the pool. O(blocks). */
size_t memoir_pool_destroy(struct memoir_pool *pool);

/* ---- blocks ---------------------------------------------------------------------------------------------
 * All return NULL with errno = ENOMEM when no gap is large enough, the limit is reached and there is no fallback;
 * that counts as a failure and is told to nobody. A size of 0 gives a block of its own. */

/* A block of at least `size` bytes, not initialised. Cost by fit, see above. */
void *memoir_pool_alloc(struct memoir_pool *pool, size_t size);

/* A block of count * size bytes, all zero. NULL too if the product overflows. O(bytes) besides. */
void *memoir_pool_calloc(struct memoir_pool *pool, size_t count, size_t size);

/* A block aligned to any power of two; another alignment is a bad request. Buddies in a caller's buffer serve
 * alignments above 64 only where a block of that size happens to lie so. */
void *memoir_pool_aligned_alloc(struct memoir_pool *pool, size_t align, size_t size);

/* Gives the block another size, in place where there is room, else elsewhere with the contents up to the smaller
 * size. The block itself stays as it is when NULL is returned. p == NULL: as alloc. size == 0 keeps a block.
 * A block that moves keeps the default alignment only. Besides, O(bytes) when it moves. */
void *memoir_pool_realloc(struct memoir_pool *pool, void *p, size_t size);

/* Frees a block. NULL is ignored; anything else that is no block of this pool is misuse. */
void memoir_pool_free(struct memoir_pool *pool, void *p);

/* Bytes of the block the program may use, at least what it asked for. 0 for NULL. O(1). */
size_t memoir_pool_usable_size(struct memoir_pool *pool, const void *p);

/* Whether p is a block of this pool in use. Never misuse, whatever p is. O(1). */
bool memoir_pool_owns(struct memoir_pool *pool, const void *p);

/* The same, with the place that asks: a pool with tags remembers it until the block is freed. `file` must outlive
 * the pool; string literals do. */
void *memoir_pool_alloc_at(struct memoir_pool *pool, size_t size, const char *file, unsigned line);
void *memoir_pool_calloc_at(struct memoir_pool *pool, size_t count, size_t size, const char *file, unsigned line);
void *memoir_pool_realloc_at(struct memoir_pool *pool, void *p, size_t size, const char *file, unsigned line);
void *memoir_pool_aligned_alloc_at(struct memoir_pool *pool, size_t align, size_t size, const char *file, unsigned line);

#define MEMOIR_POOL_ALLOC(pool, size) memoir_pool_alloc_at((pool), (size), __FILE__, __LINE__)
#define MEMOIR_POOL_CALLOC(pool, count, size) memoir_pool_calloc_at((pool), (count), (size), __FILE__, __LINE__)
#define MEMOIR_POOL_REALLOC(pool, p, size) memoir_pool_realloc_at((pool), (p), (size), __FILE__, __LINE__)
#define MEMOIR_POOL_ALIGNED_ALLOC(pool, align, size) \
    memoir_pool_aligned_alloc_at((pool), (align), (size), __FILE__, __LINE__)

/* ---- looking --------------------------------------------------------------------------------------------- */

struct memoir_pool_stats {
    /* Since the pool was made or the statistics were reset; in bytes asked for. */
    uint64_t allocated, freed;   /* a realloc counts as a free and an alloc of its sizes */
    uint64_t allocs, frees;
    uint64_t failures;           /* requests that returned NULL for want of memory */
    uint64_t peak;               /* most bytes in use at once */
    /* Now. */
    uint64_t in_use, blocks;     /* bytes asked for, blocks: both with those from malloc */
    uint64_t fallback_blocks, fallback_bytes; /* of these, from malloc */
    uint64_t capacity;           /* bytes of the pool, headers included */
    uint64_t limit;              /* what capacity may grow to */
    uint64_t free_bytes, gaps;   /* of capacity */
    uint64_t largest_free;       /* the largest block that can be had without growing */
    unsigned fragmentation;      /* percent of free_bytes that are not in the largest gap */
};

/* The statistics of this moment. O(1), with segregated fit O(gaps of the largest sizes). */
void memoir_pool_stats(struct memoir_pool *pool, struct memoir_pool_stats *stats);

/* Starts the first group anew: sums at 0, the peak at what is in use. O(1). */
void memoir_pool_reset_stats(struct memoir_pool *pool);

/* Calls `visit` for every block and gap in the order of addresses, then for blocks from malloc in no order. Returns
 * true unless `visit` ended it. It must not call the pool: with MEMOIR_POOL_THREAD_SAFE that is found and is misuse,
 * without it is undefined. O(blocks + gaps). */
bool memoir_pool_walk(struct memoir_pool *pool, memoir_pool_visit *visit, void *ctx);

/* Tests the whole pool: NULL when all is sound, else what is not, in words (a constant string). *where (may be NULL)
 * receives the block at fault, NULL if none can be named. Reads only the pool, however broken it is.
 * O(blocks * log gaps). */
const char *memoir_pool_check(struct memoir_pool *pool, const void **where);

/* ---- protection -------------------------------------------------------------------------------------------- */

enum memoir_protection {
    MEMOIR_PROTECT_READ_WRITE, /* what every block has */
    MEMOIR_PROTECT_NONE,
    MEMOIR_PROTECT_READ,
    MEMOIR_PROTECT_WRITE,      /* where the processor knows no such thing (x86): read and write */
    MEMOIR_PROTECT_READ_EXECUTE,
    MEMOIR_PROTECT_READ_WRITE_EXECUTE,
    MEMOIR_PROTECTIONS
};

/* A block of whole OS pages: aligned to one, its size rounded up to them, so that it can be protected. It costs an
 * OS page more than its size. Errors and cost as memoir_pool_aligned_alloc. */
void *memoir_pool_alloc_pages(struct memoir_pool *pool, size_t size);

/* Sets what may be done with the memory of a block until it is freed (its protection then is as it was) or protected
 * otherwise. Returns NULL when done, else why not, in words (a constant string), with nothing changed: the block is
 * not of whole OS pages, so it would share one with others; it came from malloc; the system forbids it. A pointer
 * that is no block is misuse, and refused. realloc of a protected block is a bad request. One system call. */
const char *memoir_pool_protect(struct memoir_pool *pool, void *p, enum memoir_protection protection);

/* What the block has; READ_WRITE for what is no block, which is misuse. O(1). */
enum memoir_protection memoir_pool_protection(struct memoir_pool *pool, const void *p);

/* The same for all memory of a pool, blocks and headers. While it may not be written, what would write (alloc and
 * its kin, free, reset_stats) is misuse (MEMOIR_POOL_PROTECTED); while it may not be read, so is everything but this
 * function, its query and destroy. Refused for a pool in a
 * caller's buffer, whose control structure is in the same OS pages, and while single blocks are protected. */
const char *memoir_pool_protect_all(struct memoir_pool *pool, enum memoir_protection protection);
enum memoir_protection memoir_pool_protection_all(struct memoir_pool *pool);

/* ---- pictures ------------------------------------------------------------------------------------------------ */

struct memoir_pool_picture {
    unsigned width;  /* columns, 20 to 500; 0: 80 */
    unsigned rows;   /* rows of cells, 1 to 200; 0: 8 */
    bool colour;     /* with escape sequences of ANSI terminals */
};

/* Receives parts of a text, not terminated. */
typedef void memoir_pool_write(void *ctx, const char *text, size_t length);

/* Draws the pool in ASCII: its figures, a map of what is in use and free, and a histogram of the gaps by size.
 * picture may be NULL. As snprintf: at most cap bytes including the final NUL go to buf (may be NULL if cap is 0);
 * returns the length of the whole text. O(blocks + gaps). */
size_t memoir_pool_draw(struct memoir_pool *pool, const struct memoir_pool_picture *picture, char *buf, size_t cap);

/* The same to a callback, called with no lock held but that of a thread-safe pool: it must not call the pool. */
void memoir_pool_draw_to(struct memoir_pool *pool, const struct memoir_pool_picture *picture,
                         memoir_pool_write *write, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
