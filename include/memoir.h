/* memoir.h: talking to the heap of this process when it runs on memoir.
 *
 * Declare nothing else, link nothing: the functions are weak here. Under LD_PRELOAD=libmemoir.so
 * they are there; otherwise their addresses are NULL:
 *
 *     if (memoir_report)
 *         memoir_report();
 */
#ifndef MEMOIR_H
#define MEMOIR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MEMOIR_API
#define MEMOIR_API __attribute__((weak))
#endif

/* The version of the library in force, "major.minor.patch". A constant string, never freed.
 * Thread-safe, async-signal-safe, O(1). */
MEMOIR_API const char *memoir_version(void);

/* Writes the report of this moment to where MEMOIR_OUTPUT says (standard error when it says
 * nothing), with the parts the environment asked for, or all of them when it asked for none. The
 * program goes on. Thread-safe, async-signal-safe; a second call while one is being written does
 * nothing. Cost: a walk over the slabs; with MEMOIR_LEAKS=full over all blocks. */
MEMOIR_API void memoir_report(void);

/* Tests the invariants of the whole heap while the other threads are stopped. Returns NULL when all hold, else what is
 * wrong in words and where (valid until the next call). Never follows what a stray write has left. Async-signal-safe.
 * O(heap). */
MEMOIR_API const char *memoir_check(void);

/* ---- leaks --------------------------------------------------------------------------------------------- */

enum memoir_leak_kind {
    MEMOIR_DEFINITELY_LOST, /* no pointer to the block was found */
    MEMOIR_INDIRECTLY_LOST, /* pointers to it are in lost blocks only */
    MEMOIR_POSSIBLY_LOST,   /* pointers lead into its middle only, or are in blocks of which that is true */
    MEMOIR_STILL_REACHABLE,
    MEMOIR_LEAK_KINDS
};

struct memoir_leak_sum {
    size_t blocks, bytes; /* usable bytes */
};

struct memoir_leaks {
    struct memoir_leak_sum kinds[MEMOIR_LEAK_KINDS];
    const char *doubt; /* NULL, or what makes the result doubtful, or impossible; a constant string */
};

struct memoir_leak {
    void *block;
    size_t size; /* usable bytes */
    enum memoir_leak_kind kind;
    void *holder; /* of an indirectly lost block: the definitely lost one it hangs on; else NULL */
};
typedef void memoir_leak_each(void *ctx, const struct memoir_leak *leak);

/* Looks for pointers to every block in use and says which the program can still reach. The other threads are
 * stopped as long as it takes to copy the process (without its fork handlers); the copy is searched while they run
 * on. A pointer that only a register of the caller holds counts.
 *
 * leaks, each   may be NULL. `each` is called afterwards, for every block in use, definitely lost ones first; it may
 *               allocate and free
 * returns       the bytes lost definitely and indirectly; SIZE_MAX when it was impossible: leaks->doubt says why
 *
 * O(heap + roots). Thread-safe; async-signal-safe with each == NULL. To other threads it is a signal handled with SA_RESTART. */
MEMOIR_API size_t memoir_leak_check(struct memoir_leaks *leaks, memoir_leak_each *each, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
