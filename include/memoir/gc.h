/* memoir/gc.h: memory that frees itself: mark and sweep, conservative (Boehm and Weiser, 1988) where nobody says what
 * an object looks like.
 *
 *     struct memoir_gc *gc = memoir_gc_create(NULL);
 *     struct node *root = (struct node *)memoir_gc_alloc(gc, sizeof *root);
 *     root->left = (struct node *)memoir_gc_alloc(gc, sizeof *root);    // no free: what nothing leads to goes
 *     memoir_gc_destroy(gc);
 *
 * What keeps an object: a pointer to it, or into its middle, in the registers, on the stack or in the
 * thread-local variables of the thread that collects, in the writable data of the program and its libraries, in
 * a root that was added by hand, or in an object that is kept. Not: pointers in memory from malloc or mmap, in
 * another collector's objects, on other threads' stacks, unless they were added as roots; pointers that were
 * disguised; a pointer just past the end (where a loop may leave nothing else, ask for a byte more). Whatever
 * looks like a pointer counts as one.
 *
 * Collections happen within a request, when as much was allocated as `growth` says, or when asked for: never
 * otherwise. Objects do not move. They are zero when handed out, and aligned to 16 if their size is a multiple
 * of 16, else to 8. Sizes are bytes; up to 128 they are rounded up to 8 (at least 16), then by at most an
 * eighth, from 16 KiB on to 16 KiB.
 *
 * Threads: one at a time may use a collector; different ones are independent. No function may be called from a signal
 * handler, and but where it is said otherwise none from a callback.
 *
 * A handle belongs to whoever created it until memoir_gc_destroy. Misuse is reported through the handler, and the
 * call that was wrong then does nothing: see enum memoir_gc_error. */
#ifndef MEMOIR_GC_H
#define MEMOIR_GC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Only the functions of this header may look inside: memory at hand for one kind and size of object, zero already. */
struct memoir_gc_run {
    char *at, *end;
};

#define MEMOIR_GC_CLASSES 73 /* sizes; of these 2 to 16 are multiples of 8 */
#define MEMOIR_GC_TYPES 128  /* kinds of object there may be: any, leaf, and those the program defines */

struct memoir_gc {
    struct memoir_gc_run runs[MEMOIR_GC_TYPES * MEMOIR_GC_CLASSES];
};

/* ---- misuse ------------------------------------------------------------------------------------------ */

enum memoir_gc_error {
    MEMOIR_GC_BAD_REQUEST,     /* a bad option, type or root */
    MEMOIR_GC_FOREIGN_POINTER, /* a pointer that does not lead into the collector's memory */
    MEMOIR_GC_NOT_AN_OBJECT,   /* it leads there, but not to the start of an object in use */
    MEMOIR_GC_DOUBLE_FREE,     /* it leads to an object that was freed, by the program or a collection */
    MEMOIR_GC_REENTERED,       /* called from a callback that must not */
    MEMOIR_GC_ERRORS
};

/* Called on misuse. `gc` is NULL when one could not be created; `pointer` is what the caller passed, or NULL;
 * `words` is one line without newline, a constant string. It may call any function of this header. When it
 * returns, the call that was wrong does nothing and returns NULL or false. The default writes the line to
 * standard error and, but for a collector that could not be created, aborts. */
typedef void memoir_gc_handler(void *ctx, struct memoir_gc *gc, enum memoir_gc_error kind, const void *pointer,
                               const char *words);

/* ---- creating ---------------------------------------------------------------------------------------- */

enum memoir_gc_flags {
    MEMOIR_GC_NO_STACK = 1, /* registers, stack and thread-local variables are no roots */
    MEMOIR_GC_NO_DATA = 2,  /* writable data of the program and its libraries are no roots */
    MEMOIR_GC_MANUAL = 4,   /* collects when asked to, and when the limit is reached */
};

/* All zero is the default. */
struct memoir_gc_options {
    unsigned flags;              /* of enum memoir_gc_flags */
    size_t limit;                /* most bytes of objects, rounded up to 64 KiB; 0: 16 GiB, or what the system
                                    grants */
    unsigned growth;             /* collect when so many percent of what the last collection kept were allocated
                                    since; 10 to 1000; 0: 100. More is faster and needs more memory */
    size_t least;                /* but not before so many bytes were; 0: 1 MiB */
    const char *name;            /* for messages; must outlive the collector; NULL: none */
    memoir_gc_handler *on_error; /* NULL: the default */
    void *ctx;                   /* for it */
};

/* Makes a collector. options may be NULL and are copied. NULL: a bad option (told to the handler, errno = EINVAL) or
 * no memory (ENOMEM). Address space is reserved up to the limit, memory used as objects are. Thread-safe. A
 * few system calls. */
struct memoir_gc *memoir_gc_create(const struct memoir_gc_options *options);

/* Runs the finalizers that are left, in no order, and gives all memory back. NULL is ignored. O(objects with
 * finalizers). */
void memoir_gc_destroy(struct memoir_gc *gc);

/* ---- objects ------------------------------------------------------------------------------------------- */

/* What the inline functions fall back on. */
void *memoir_gc_alloc_slow(struct memoir_gc *gc, size_t size);
void *memoir_gc_alloc_leaf_slow(struct memoir_gc *gc, size_t size);

/* An object in which every aligned word may be a pointer. NULL with errno = ENOMEM: nothing could be freed, and the
 * limit is reached or the system has no memory. O(1), or a collection. */
static inline void *memoir_gc_alloc(struct memoir_gc *gc, size_t size)
{
    size_t c = size > 16 ? (size + 7) / 8 : 2;
    struct memoir_gc_run *run;
    char *p;
    if (__builtin_expect(size > 128, 0))
        return memoir_gc_alloc_slow(gc, size);
    run = &gc->runs[c];
    p = run->at;
    if (__builtin_expect(p == run->end, 0))
        return memoir_gc_alloc_slow(gc, size);
    run->at = p + c * 8;
    return p;
}

/* An object that holds no pointers: text, numbers, images. It is never looked through. Otherwise as above,
 * the cost too. */
static inline void *memoir_gc_alloc_leaf(struct memoir_gc *gc, size_t size)
{
    size_t c = size > 16 ? (size + 7) / 8 : 2;
    struct memoir_gc_run *run;
    char *p;
    if (__builtin_expect(size > 128, 0))
        return memoir_gc_alloc_leaf_slow(gc, size);
    run = &gc->runs[MEMOIR_GC_CLASSES + c];
    p = run->at;
    if (__builtin_expect(p == run->end, 0))
        return memoir_gc_alloc_leaf_slow(gc, size);
    run->at = p + c * 8;
    return p;
}

/* Frees an object at once; without running its finalizer. The program answers for there being no pointer to it
 * that it still uses. NULL is ignored; what is no object in use is misuse. O(1). */
void memoir_gc_free(struct memoir_gc *gc, void *p);

/* The object in use that p leads to or into; NULL: none. Never misuse. O(1). */
void *memoir_gc_base(struct memoir_gc *gc, const void *p);

/* Bytes of an object the program may use, given a pointer to it or into it; 0: it leads to none. O(1). */
size_t memoir_gc_size(struct memoir_gc *gc, const void *p);

/* ---- types: saying where the pointers are --------------------------------------------------------------- */

struct memoir_gc_tracer;

/* Calls memoir_gc_trace for each pointer of an object of `size` bytes (as memoir_gc_size says: what lies behind
 * what was asked for is zero). Called while collecting: it must call no other function of this header, and not
 * change the object. */
typedef void memoir_gc_trace_object(void *ctx, void *object, size_t size, struct memoir_gc_tracer *tracer);

/* Keeps what p leads to or into; NULL and other values that lead nowhere are ignored. O(1). */
void memoir_gc_trace(struct memoir_gc_tracer *tracer, const void *p);

struct memoir_gc_layout {
    size_t size;                   /* of an object, or of an element of an array */
    uint64_t pointers;             /* bit i: the word at offset 8 i may be a pointer. For sizes up to 512 */
    memoir_gc_trace_object *trace; /* instead; NULL: none */
    void *ctx;                     /* for it */
};

/* Only the functions of this header may look inside. */
struct memoir_gc_type {
    struct memoir_gc *gc;
    struct memoir_gc_layout layout;
    uint32_t number;
    uint32_t run; /* of single objects; 0: they are larger than those at hand */
};

/* Defines a type; it lasts as long as the collector. NULL: a size of 0 or more than 16 KiB, bits beyond the
 * size, or no trace and a size above 512 (misuse), or there are MEMOIR_GC_TYPES - 2 already (errno = ENOMEM).
 * O(1). */
const struct memoir_gc_type *memoir_gc_define(struct memoir_gc *gc, const struct memoir_gc_layout *layout);

/* An array of n > 0 objects of a type; otherwise as memoir_gc_alloc, at its cost. */
void *memoir_gc_new_array(const struct memoir_gc_type *type, size_t n);

/* An object of a type. As memoir_gc_alloc, at its cost. */
static inline void *memoir_gc_new(const struct memoir_gc_type *type)
{
    struct memoir_gc_run *run = &type->gc->runs[type->run];
    char *p = run->at;
    if (__builtin_expect(p == run->end, 0))
        return memoir_gc_new_array(type, 1);
    run->at = p + (type->layout.size > 16 ? (type->layout.size + 7) & ~(size_t)7 : 16);
    return p;
}

/* ---- roots ---------------------------------------------------------------------------------------------- */

/* Looks through the words of [from, from + bytes) in each collection from now on. It must stay readable until it is
 * removed. False: a null or misaligned (8) start (misuse), or more than 65,536 roots (errno = ENOMEM). O(1). */
bool memoir_gc_add_root(struct memoir_gc *gc, const void *from, size_t bytes);

/* Removes a root that was added with the same start. False: there is none (misuse). O(roots). */
bool memoir_gc_remove_root(struct memoir_gc *gc, const void *from);

/* ---- finalizers ----------------------------------------------------------------------------------------- */

/* Called once after the collection that found the object unreachable, before the call that collected returns.
 * The object and all it leads to are still there, and stay if they are made reachable again; else they go in the
 * next collection. Finalizers of objects that lead to each other run in no order. It may call any function of
 * this header. */
typedef void memoir_gc_finalize(void *ctx, void *object);

/* Sets the finalizer of an object, instead of one it had; NULL: none. ctx is no root. False: p is not the start of an
 * object in use (misuse), or no memory (errno = ENOMEM). O(1). */
bool memoir_gc_set_finalizer(struct memoir_gc *gc, void *p, memoir_gc_finalize *finalize, void *ctx);

/* ---- collecting ----------------------------------------------------------------------------------------- */

/* Collects now: returns the bytes that were freed. O(what is kept), and a little for what is not. */
size_t memoir_gc_collect(struct memoir_gc *gc);

/* Puts collections that nobody asked for off (true), but when the limit is reached, or on again (false): for sections
 * that must not pause. O(1). */
void memoir_gc_hold(struct memoir_gc *gc, bool hold);

struct memoir_gc_stats {
    uint64_t collections;
    uint64_t last_ns, longest_ns, total_ns; /* pauses: without finalizers */
    uint64_t kept_objects, kept_bytes;      /* by the last collection */
    uint64_t objects, bytes;                /* in use, those included that nothing leads to any more */
    uint64_t allocated_objects, allocated_bytes; /* since the collector was made, */
    uint64_t freed_objects, freed_bytes;    /* by collections and by the program */
    uint64_t finalized;                     /* objects whose finalizer was run */
    uint64_t heap_bytes;                    /* of the memory that objects are in */
    uint64_t peak_bytes;                    /* the most it was */
    uint64_t failures;                      /* requests that returned NULL */
};

/* The statistics of this moment. O(types). */
void memoir_gc_stats(struct memoir_gc *gc, struct memoir_gc_stats *stats);

/* Tests the whole heap: NULL when all is sound, else what is not, in words (a constant string). O(memory / 16
 * KiB). */
const char *memoir_gc_check(struct memoir_gc *gc);

#ifdef __cplusplus
}
#endif

#endif
