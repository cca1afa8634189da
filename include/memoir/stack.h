/* memoir/stack.h: linear allocators. A block is what lies above the one before; what was allocated last is freed
 * first, or all at once down to a mark.
 *
 *     struct memoir_stack *stack = memoir_stack_create(0, NULL);
 *     struct memoir_stack_mark before = memoir_stack_mark(stack);
 *     char *line = (char *)memoir_stack_alloc(stack, 100);
 *     ...
 *     memoir_stack_release(stack, before);
 *     memoir_stack_destroy(stack);
 *
 * Sizes are bytes. A handle belongs to whoever created it until memoir_stack_destroy; blocks belong to the
 * program until they are freed or released, and end with their stack. Every block is aligned to 16. A block
 * costs 8 bytes besides its own, and both together are rounded up to 16.
 *
 * Threads: without MEMOIR_STACK_THREAD_SAFE one thread at a time may use a stack (different ones are
 * independent), and the option costs nothing. With it, every function but create and destroy may be called from
 * any thread; but the order in which blocks lie is that of all threads together. No function may be called from a
 * signal handler.
 *
 * Misuse is reported through the handler of the stack, and the call that was wrong then does nothing: see
 * enum memoir_stack_error. */
#ifndef MEMOIR_STACK_H
#define MEMOIR_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest block and the largest alignment; also the largest stack. */
#define MEMOIR_STACK_LARGEST ((size_t)1 << 34)

/* Only the functions of this header may look inside: it is here so that they can be inlined. Where every call
 * needs more than they do (a lock, magic words), the pointers are all the same one that leads nowhere, which
 * sends all to the library. */
struct memoir_stack {
    char *top;   /* where the next block's header goes: 8 below a multiple of 16 */
    char *end;   /* of the memory that may be used */
    char *last;  /* the block allocated last that was not freed; `base` + 8 when there is none */
    char *peak;  /* highest top, but for the present one */
    char *base;
    uint64_t allocs, frees;
};

/* Where a stack stood. A plain value: nothing need be done when it is no longer wanted. */
struct memoir_stack_mark {
    char *top, *last;
    uint64_t blocks;
};

/* ---- misuse ------------------------------------------------------------------------------------------ */

enum memoir_stack_error {
    MEMOIR_STACK_BAD_REQUEST,     /* an alignment that is no power of two; a bad option */
    MEMOIR_STACK_FOREIGN_POINTER, /* a pointer that does not lead into the stack */
    MEMOIR_STACK_NOT_TOP,         /* it leads into it, but not to the block allocated last */
    MEMOIR_STACK_RELEASED,        /* it leads above the top: what was there is freed already */
    MEMOIR_STACK_BAD_MARK,        /* a mark above the top (what it marked is gone) or of another stack */
    MEMOIR_STACK_CORRUPTED,       /* the program wrote past an end of this block */
    MEMOIR_STACK_ERRORS
};

/* Called on misuse, with no lock held. `stack` is NULL when one could not be created; `pointer` is what the
 * caller passed, or the block at fault, or NULL; `words` is one line without newline, a constant string. It may
 * call any function on this stack unless that is corrupted. When it returns, the call that was wrong does nothing and
 * returns NULL. The default writes the line to standard error and, but for a stack that could not be created,
 * aborts. */
typedef void memoir_stack_handler(void *ctx, struct memoir_stack *stack, enum memoir_stack_error kind,
                                  const void *pointer, const char *words);

/* ---- creating ---------------------------------------------------------------------------------------- */

enum memoir_stack_flags {
    MEMOIR_STACK_THREAD_SAFE = 1, /* a mutex round every call */
    MEMOIR_STACK_MAGIC = 2,       /* 24 bytes more per block: magic words below and above it, tested when it is
                                     freed or released and by memoir_stack_check */
    MEMOIR_STACK_GUARDS = 4,      /* inaccessible OS pages below the first block and above the limit: running past
                                     either end is a fault. Not over a caller's buffer */
};

/* All zero is the default. */
struct memoir_stack_options {
    unsigned flags;                 /* of enum memoir_stack_flags */
    const char *name;               /* for messages; must outlive the stack; NULL: none */
    memoir_stack_handler *on_error; /* NULL: the default */
    void *ctx;                      /* for it */
};

/* Makes a stack over memory of the system's that grows as it is used, up to `limit` bytes (rounded up to OS
 * pages; 0: the largest there may be, 16 GiB). Address space is reserved at once, memory only as it is touched.
 * options may be NULL and are copied. NULL: a bad option (told to the handler, errno = EINVAL) or no memory
 * (errno = ENOMEM). Thread-safe. A few system calls. */
struct memoir_stack *memoir_stack_create(size_t limit, const struct memoir_stack_options *options);

/* Makes a stack in memory of the caller's, which must outlive it and be left alone meanwhile: no system call, no
 * growth. About MEMOIR_STACK_OVERHEAD bytes of it are not for blocks. Any alignment of the buffer will do. NULL
 * as above; a buffer that is too small is a bad option. Thread-safe. O(1). */
struct memoir_stack *memoir_stack_create_in(void *buffer, size_t size, const struct memoir_stack_options *options);
#define MEMOIR_STACK_OVERHEAD 256

/* Ends a stack and all its blocks. NULL is ignored. No other thread may be using it. O(1). */
void memoir_stack_destroy(struct memoir_stack *stack);

/* ---- blocks ------------------------------------------------------------------------------------------ */

/* What the inline functions fall back on: the same, called. */
void *memoir_stack_alloc_slow(struct memoir_stack *stack, size_t size);
void memoir_stack_free_slow(struct memoir_stack *stack, void *p);
struct memoir_stack_mark memoir_stack_mark_slow(struct memoir_stack *stack);
void memoir_stack_release_slow(struct memoir_stack *stack, struct memoir_stack_mark mark);

/* A header, 8 bytes below its block: how far below the block before it lies, and how many bytes were left out between
 * the top and the header for the sake of alignment, both in units of 8. */
struct memoir_stack_header {
    uint32_t back, pad;
};

/* A block of at least `size` bytes, not initialised; 0 gives a block of its own. NULL with errno = ENOMEM when
 * the limit is reached or the system has no memory. O(1): about ten instructions. */
static inline void *memoir_stack_alloc(struct memoir_stack *stack, size_t size)
{
    char *top = stack->top, *p = top + 8;
    struct memoir_stack_header header;
    size_t need = (size + 23) & ~(size_t)15;
    if (__builtin_expect(size > MEMOIR_STACK_LARGEST || need > (size_t)(stack->end - top), 0))
        return memoir_stack_alloc_slow(stack, size);
    header.back = (uint32_t)((size_t)(p - stack->last) / 8);
    header.pad = 0;
    memcpy(top, &header, sizeof header);
    stack->last = p;
    stack->top = top + need;
    stack->allocs++;
    return p;
}

/* The same, aligned to any power of two; another alignment is a bad request. O(1). */
void *memoir_stack_aligned_alloc(struct memoir_stack *stack, size_t align, size_t size);

/* Frees the block that was allocated last. NULL is ignored; anything else is misuse. The memory stays with the stack.
 * O(1). */
static inline void memoir_stack_free(struct memoir_stack *stack, void *p)
{
    struct memoir_stack_header header;
    size_t depth = (size_t)((char *)p - stack->base);
    if (__builtin_expect(p != stack->last || depth <= 8, 0)) {
        memoir_stack_free_slow(stack, p);
        return;
    }
    memcpy(&header, stack->base + (depth - 8), sizeof header);
    if (__builtin_expect((size_t)header.back * 8 > depth - 8 || header.pad >= header.back, 0)) {
        memoir_stack_free_slow(stack, p);
        return;
    }
    if (stack->top > stack->peak)
        stack->peak = stack->top;
    stack->top = (char *)p - 8 - (size_t)header.pad * 8;
    stack->last = (char *)p - (size_t)header.back * 8;
    stack->frees++;
}

/* Where the stack stands. O(1). */
static inline struct memoir_stack_mark memoir_stack_mark(struct memoir_stack *stack)
{
    struct memoir_stack_mark mark;
    if (__builtin_expect(stack->end == stack->top, 0))
        return memoir_stack_mark_slow(stack);
    mark.top = stack->top;
    mark.last = stack->last;
    mark.blocks = stack->allocs - stack->frees;
    return mark;
}

/* Frees all blocks that were allocated since the mark was taken. A mark may be released to again, as long as nothing
 * below it was freed; that is found while the stack stands below it (misuse), but not once it has grown past it
 * again. O(1), with MEMOIR_STACK_MAGIC O(blocks freed). */
static inline void memoir_stack_release(struct memoir_stack *stack, struct memoir_stack_mark mark)
{
    if (__builtin_expect((size_t)(mark.top - stack->base) > (size_t)(stack->top - stack->base), 0)) {
        memoir_stack_release_slow(stack, mark);
        return;
    }
    if (stack->top > stack->peak)
        stack->peak = stack->top;
    stack->top = mark.top;
    stack->last = mark.last;
    stack->frees = stack->allocs - mark.blocks;
}

/* Gives memory above the top back to the system; does nothing over a caller's buffer. A system call. */
void memoir_stack_trim(struct memoir_stack *stack);

/* ---- looking ------------------------------------------------------------------------------------------- */

struct memoir_stack_stats {
    uint64_t allocs, frees;    /* since the stack was made; what is released counts as freed */
    uint64_t blocks;           /* in use: allocs - frees */
    uint64_t in_use, peak;     /* bytes below the top, headers and padding included: now, and most at once */
    uint64_t capacity;         /* bytes that can be used without asking the system for more */
    uint64_t limit;            /* what capacity may grow to */
    uint64_t failures;         /* requests that returned NULL for want of memory */
};

/* The statistics of this moment. O(1). */
void memoir_stack_stats(struct memoir_stack *stack, struct memoir_stack_stats *stats);

/* Starts peak (at what is in use) and failures (at 0) anew. O(1). */
void memoir_stack_reset_stats(struct memoir_stack *stack);

/* Tests every block from the top down. NULL when all is sound, else what is not, in words (a constant string); *where
 * (may be NULL) receives the block at fault. O(blocks). */
const char *memoir_stack_check(struct memoir_stack *stack, const void **where);

#ifdef __cplusplus
}
#endif

#endif
