/* memoir/slab.h: objects of one size, after Bonwick (The Slab Allocator, 1994; Magazines and Vmem, 2001).
 *
 *     struct memoir_slab_options options = { .size = sizeof(struct node) };
 *     struct memoir_slab *nodes = memoir_slab_create(&options);
 *     struct node *n = (struct node *)memoir_slab_alloc(nodes);
 *     memoir_slab_free(nodes, n);
 *     memoir_slab_destroy(nodes);
 *
 * Objects come from slabs of 64 KiB or at least eight objects; a slab all of whose objects are free is given
 * back when more than an eighth of all are. The objects of large sizes begin a cache line further in each next
 * slab, so that their first words do not all meet in the same few sets of the processor's cache ("colouring").
 * An object costs its size rounded up to its alignment, and a bit; nothing is written into free objects.
 *
 * A handle belongs to whoever created it until memoir_slab_destroy; objects belong to the program until they are
 * freed, and end with their slabs. What a fresh object contains is not said, but with a constructor.
 *
 * Threads: without a flag one thread at a time may use a handle (different ones are independent); their flags
 * cost nothing then. With MEMOIR_SLAB_THREAD_SAFE, every function but create and destroy may be called from any
 * thread, at the price of a mutex. With MEMOIR_SLAB_THREAD_CACHES likewise, and each thread has up to 128 free
 * objects of its own, which it takes and gives back without a lock; they are everybody's again when it ends. No
 * function may be called from a signal handler.
 *
 * Misuse is reported through the handler: see enum memoir_slab_error. With MEMOIR_SLAB_CHECKED it is always
 * found, and the call that was wrong then does nothing. Without, foreign pointers are; other misuse is found
 * when the object goes back to its slab, which may be after it was handed out again. */
#ifndef MEMOIR_SLAB_H
#define MEMOIR_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMOIR_SLAB_LARGEST ((size_t)16 << 20) /* bytes of an object */
#define MEMOIR_SLAB_ROUNDS 1024

/* Free objects at hand, the one freed last on top: a "magazine". Those of threads and in callers' buffers have
 * memory for fewer. */
struct memoir_slab_magazine {
    uint64_t word; /* how many there are (16 bits) | how many were ever taken from it << 16: one addition does both */
    void *rounds[MEMOIR_SLAB_ROUNDS];
};

/* Only the functions of this header may look inside: it is here so that they can be inlined. With threads or
 * checks the magazine stays empty and `room` is 0, which sends both to the library. */
struct memoir_slab {
    char *base;     /* the slabs */
    uint64_t reach; /* bytes of them */
    uint64_t room;  /* rounds the magazine may hold */
    struct memoir_slab_magazine magazine;
};

/* ---- misuse ------------------------------------------------------------------------------------------ */

enum memoir_slab_error {
    MEMOIR_SLAB_BAD_REQUEST,      /* a bad option */
    MEMOIR_SLAB_FOREIGN_POINTER,  /* free of a pointer that does not lead into the slabs */
    MEMOIR_SLAB_NOT_AN_OBJECT,    /* it leads into them, but not to the start of an object */
    MEMOIR_SLAB_DOUBLE_FREE,      /* free of an object that is free */
    MEMOIR_SLAB_ERRORS
};

/* Called on misuse, with no lock held. `slab` is NULL when one could not be created; `pointer` is what the caller
 * passed, or the object at fault, or NULL; `words` is one line without newline, a constant string. It may call any
 * function of this header. When it returns, the call that was wrong does nothing. The default writes the line to
 * standard error and, but for a slab that could not be created, aborts. */
typedef void memoir_slab_handler(void *ctx, struct memoir_slab *slab, enum memoir_slab_error kind,
                                 const void *pointer, const char *words);

/* ---- creating ---------------------------------------------------------------------------------------- */

enum memoir_slab_flags {
    MEMOIR_SLAB_THREAD_SAFE = 1,
    MEMOIR_SLAB_THREAD_CACHES = 2, /* and thread-safe. Not over a caller's buffer */
    MEMOIR_SLAB_CHECKED = 4,       /* every free is tested, for a byte per object and a few nanoseconds */
};

/* Makes an object of raw memory; false: it could not, and the request fails (ENOMEM). Objects are constructed a
 * slab at a time, before the first of them is handed out, and stay so while they are free: a program frees an
 * object in the state in which it got it. Called with the lock held: it must not call the slab. */
typedef bool memoir_slab_construct(void *ctx, void *object);

/* The reverse, for all objects of a slab, free or not, before it is given back or at the end. */
typedef void memoir_slab_destruct(void *ctx, void *object);

/* All zero but for size is the default. */
struct memoir_slab_options {
    size_t size;                   /* of an object: 1 to MEMOIR_SLAB_LARGEST */
    size_t align;                  /* a power of two up to 4096; 0: 16 for sizes that are multiples of 16, else 8 */
    size_t limit;                  /* most objects, rounded up to whole slabs; 0: as many as 16 GiB have room for */
    unsigned flags;                /* of enum memoir_slab_flags */
    const char *name;              /* for messages; must outlive the slab; NULL: none */
    memoir_slab_construct *construct; /* NULL: none */
    memoir_slab_destruct *destruct;   /* NULL: none */
    memoir_slab_handler *on_error; /* NULL: the default */
    void *ctx;                     /* for all three */
};

/* Makes a slab allocator over memory of the system's. options are copied. NULL: a bad option (told to the
 * handler, errno = EINVAL), no memory (ENOMEM), or no key for the threads' caches (EAGAIN). Thread-safe. A few
 * system calls. */
struct memoir_slab *memoir_slab_create(const struct memoir_slab_options *options);

/* Makes one in memory of the caller's, which must outlive it and be left alone meanwhile: no system call, no
 * growth; the limit is what fits, in one slab. NULL as above; a buffer without room for an object is a bad
 * option. Thread-safe. O(objects). */
struct memoir_slab *memoir_slab_create_in(void *buffer, size_t size, const struct memoir_slab_options *options);

/* Bytes of a buffer, of any alignment, in which `objects` objects have room; 0: bad options (errno = EINVAL).
 * O(1). */
size_t memoir_slab_buffer_size(size_t objects, const struct memoir_slab_options *options);

/* Destructs all objects and gives all memory back. Returns how many objects were in use. NULL is ignored. No other
 * thread may be using the slab, nor end meanwhile if it has a cache. O(objects) with a destructor, else O(slabs). */
size_t memoir_slab_destroy(struct memoir_slab *slab);

/* ---- objects ------------------------------------------------------------------------------------------- */

/* What the inline functions fall back on: the same, called. */
void *memoir_slab_alloc_slow(struct memoir_slab *slab);
void memoir_slab_free_slow(struct memoir_slab *slab, void *p);

/* An object. NULL with errno = ENOMEM: the limit is reached, the system has no memory, or an object could not be
 * constructed. O(1): every 64th or so looks for more in the slabs; a new slab is O(1), or constructs its objects. */
static inline void *memoir_slab_alloc(struct memoir_slab *slab)
{
    uint64_t word = slab->magazine.word, n = word & 65535;
    if (__builtin_expect(n == 0, 0))
        return memoir_slab_alloc_slow(slab);
    slab->magazine.word = word + 65535;
    return slab->magazine.rounds[n - 1];
}

/* Frees an object of this slab. NULL is ignored; anything else is misuse. O(1): where 1,024 are at hand, half of
 * them go back to their slabs. */
static inline void memoir_slab_free(struct memoir_slab *slab, void *p)
{
    uint64_t word = slab->magazine.word, n = word & 65535;
    if (__builtin_expect(n >= slab->room || (uint64_t)((char *)p - slab->base) >= slab->reach, 0)) {
        memoir_slab_free_slow(slab, p);
        return;
    }
    slab->magazine.rounds[n] = p;
    slab->magazine.word = word + 1;
}

/* Gives what lies in the magazine (with thread caches: the calling thread's) and all empty slabs back. O(slabs). */
void memoir_slab_trim(struct memoir_slab *slab);

/* ---- looking --------------------------------------------------------------------------------------------- */

struct memoir_slab_stats {
    uint64_t allocs, frees;  /* since the slab was made */
    uint64_t in_use;         /* objects: allocs - frees */
    uint64_t peak;           /* most objects out of the slabs at once: in use, or at hand in magazines: 1,024, or
                                128 per thread */
    uint64_t failures;       /* requests that returned NULL */
    uint64_t slabs;          /* that have objects, and of these */
    uint64_t empty_slabs;    /* those all of whose objects are free */
    uint64_t bytes;          /* of the slabs */
    uint64_t limit;          /* objects there may be */
    size_t object_bytes;     /* from one object to the next */
};

/* The statistics of this moment; with thread caches exact while no other thread uses the slab. O(threads). */
void memoir_slab_stats(struct memoir_slab *slab, struct memoir_slab_stats *stats);

/* Starts peak and failures anew. O(1). */
void memoir_slab_reset_stats(struct memoir_slab *slab);

/* Called per object; false ends the walk. */
typedef bool memoir_slab_visit(void *ctx, void *object);

/* Calls `visit` for every object in use, by address. Returns true unless it ended the walk. It may free the
 * object it was told of if the slab is not thread-safe, and else must not call it. With thread caches no other
 * thread may use the slab meanwhile. O(objects). */
bool memoir_slab_walk(struct memoir_slab *slab, memoir_slab_visit *visit, void *ctx);

/* Tests the whole: NULL when all is sound, else what is not, in words (a constant string); *where (may be NULL)
 * receives the object at fault. Threads as for walk. O(objects). */
const char *memoir_slab_check(struct memoir_slab *slab, const void **where);

#ifdef __cplusplus
}
#endif

#endif
