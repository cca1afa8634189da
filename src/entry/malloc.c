/* malloc.c: the C and POSIX allocation functions.
 *
 * Each is a fast path that either succeeds or has done nothing, and a tail call to what handles
 * the rest: set-up, other heaps, failure and errno. */
#include "entry.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"

/* The exported names are aliases of mr_entry_*: inside the library nothing depends on who wins them. */
#define MR_ALIAS(of) __attribute__((alias(#of), visibility("default"), copy(of)))

static void *out_of_memory(void)
{
    atomic_fetch_add_explicit(&mr_counters.failed, 1, memory_order_relaxed);
    errno = ENOMEM;
    return NULL;
}

/* ---- malloc ------------------------------------------------------------------------------------- */

static MR_NOINLINE void *malloc_rest(size_t size)
{
    /* A thread has a heap only where we rule. */
    if (MR_UNLIKELY(!mr_heap_is_real(mr_heap_self) && mr_other_rules()))
        return mr_other_heap()->malloc(size);
    void *p = MR_LIKELY(!mr_heap_watch) ? mr_heap_malloc_rest(size) : mr_watch_malloc(MR_WATCH_CALLER, size);
    return MR_LIKELY(p != NULL) ? p : out_of_memory();
}

static MR_NOINLINE void *malloc_walked(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    void *p = mr_watch_malloc(&(struct mr_unwind_start){ pc, sp, bp }, size);
    return MR_LIKELY(p != NULL) ? p : out_of_memory();
}

static MR_NOINLINE void *malloc_traced(size_t size)
{
    struct mr_unwind_start from = MR_UNWIND_HERE();
    return mr_usual_malloc(size, from.pc, from.sp, from.bp, malloc_walked);
}

static MR_NOINLINE void *malloc_slow(size_t size)
{
    void *p = mr_heap_try_medium(size);
    if (MR_UNLIKELY(p != NULL) || (p = mr_harden_try_malloc(size)))
        return p;
    if (mr_usual_way == MR_USUAL_FULL && mr_heap_is_real(mr_heap_self))
        return malloc_traced(size);
    p = mr_usual_way ? mr_usual_try(size) : mr_guard_try_malloc(size);
    return p ? p : malloc_rest(size);
}

void *mr_entry_malloc(size_t size)
{
    void *p = mr_heap_try_malloc(size);
    return MR_LIKELY(p != NULL) ? p : malloc_slow(size);
}

/* ---- free ------------------------------------------------------------------------------------------ */

static void free_other(void *p, const struct mr_unwind_start *from)
{
    if (!mr_other_rules() && mr_findings_foreign("free", p, from))
        return;
    atomic_fetch_add_explicit(&mr_counters.foreign_frees, 1, memory_order_relaxed);
    int saved = errno;
    const struct mr_other *other = mr_other_heap();
    if (other->free)
        other->free(p);
    errno = saved;
}

static MR_NOINLINE bool free_rest(void *p)
{
    switch (MR_LIKELY(!mr_heap_watch) ? mr_heap_free_rest(p) : mr_watch_free(MR_WATCH_CALLER, p)) {
    case MR_FREED:
        break;
    case MR_NOT_OURS:
        free_other(p, MR_WATCH_CALLER);
        break;
    case MR_NOT_A_BLOCK:
        mr_findings_bad_pointer("free", p, MR_WATCH_CALLER);
    }
    return true;
}

MR_INLINE void free_next(void *p)
{
    if (!mr_harden_try_free(p) && !mr_heap_try_free_next(p))
        free_rest(p);
}

/* With tags. Apart, for the registers that the others need not save then. */
static MR_NOINLINE void free_tagged(void *p)
{
    if (mr_usual_way == MR_USUAL_FULL)
        mr_usual_free(p, free_rest);
    else if (!mr_usual_try_free_exact(p))
        free_next(p);
}

static MR_NOINLINE void free_slow(void *p)
{
    if (mr_usual_way == MR_USUAL_FULL || mr_usual_way == MR_USUAL_EXACT)
        free_tagged(p);
    else
        free_next(p);
}

void mr_entry_free(void *p)
{
    if (MR_UNLIKELY(!mr_heap_try_free(p)))
        free_slow(p);
}

/* ---- calloc and realloc ------------------------------------------------------------------------------- */

static void *calloc_other(size_t size)
{
    void *p = mr_other_heap()->malloc(size);
    return p ? memset(p, 0, size) : NULL;
}

static MR_NOINLINE void *calloc_slow(size_t size)
{
    if (MR_UNLIKELY(mr_other_rules()))
        return calloc_other(size);
    void *p = MR_LIKELY(!mr_heap_watch) ? mr_heap_calloc(size) : mr_watch_calloc(MR_WATCH_CALLER, size);
    return MR_LIKELY(p != NULL) ? p : out_of_memory();
}

static void *entry_calloc(size_t n, size_t each)
{
    size_t size;
    if (MR_UNLIKELY(__builtin_mul_overflow(n, each, &size)))
        return out_of_memory();
    void *p = mr_heap_try_malloc(size);
    if (MR_UNLIKELY(!p))
        p = mr_usual_try(size);
    return MR_LIKELY(p != NULL) ? memset(p, 0, size) : calloc_slow(size);
}

/* A block of the other heap grows there: it stays with those who know it. */
static void *realloc_other(void *p, size_t size, const struct mr_unwind_start *from)
{
    const struct mr_other *other = mr_other_heap();
    if (!mr_other_rules() && mr_findings_foreign("realloc", p, from))
        return out_of_memory();
    return other->realloc ? other->realloc(p, size) : out_of_memory();
}

static void *resize(void *p, size_t size, enum mr_freed *freed)
{
    return MR_LIKELY(!mr_heap_watch) ? mr_heap_realloc(p, size, freed)
                                     : mr_watch_realloc(MR_WATCH_CALLER, p, size, freed);
}

static void *entry_realloc(void *p, size_t size)
{
    enum mr_freed freed;
    if (!p)
        return mr_entry_malloc(size);
    if (size == 0) {
        mr_entry_free(p);
        return NULL;
    }
    void *q = resize(p, size, &freed);
    if (MR_LIKELY(q != NULL))
        return q;
    if (freed == MR_NOT_OURS)
        return realloc_other(p, size, MR_WATCH_CALLER);
    if (freed == MR_NOT_A_BLOCK)
        mr_findings_bad_pointer("realloc", p, MR_WATCH_CALLER);
    return out_of_memory();
}

static void *entry_reallocarray(void *p, size_t n, size_t each)
{
    size_t size;
    return __builtin_mul_overflow(n, each, &size) ? out_of_memory() : entry_realloc(p, size);
}

/* ---- aligned blocks --------------------------------------------------------------------------------------- */

static void *aligned(size_t align, size_t size)
{
    if (MR_UNLIKELY(mr_other_rules()))
        return mr_other_heap()->memalign ? mr_other_heap()->memalign(align, size) : NULL;
    return MR_LIKELY(!mr_heap_watch) ? mr_heap_aligned(align, size) : mr_watch_aligned(MR_WATCH_CALLER, align, size);
}

static MR_NOINLINE void *memalign_slow(size_t align, size_t size)
{
    void *p = aligned(align, size);
    return MR_LIKELY(p != NULL) ? p : out_of_memory();
}

static MR_NOINLINE size_t round_up(size_t align)
{
    mr_findings_alignment("memalign", align, MR_WATCH_CALLER);
    return align <= 16 ? 16 : (size_t)1 << mr_log2_ceil(align);
}

static MR_NOINLINE int refuse_alignment(size_t align)
{
    mr_findings_alignment("posix_memalign", align, MR_WATCH_CALLER);
    return EINVAL;
}

/* As glibc's: an alignment that is no power of two is rounded up to one. */
void *mr_entry_memalign(size_t align, size_t size)
{
    if (align > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    if (MR_UNLIKELY(!mr_is_pow2(align)))
        align = round_up(align);
    void *p = mr_heap_try_aligned(align, size);
    return MR_LIKELY(p != NULL) ? p : memalign_slow(align, size);
}

/* Leaves errno alone. */
static MR_NOINLINE int posix_memalign_slow(void **out, size_t align, size_t size)
{
    int saved = errno;
    void *p = aligned(align, size);
    errno = saved;
    if (!p) {
        atomic_fetch_add_explicit(&mr_counters.failed, 1, memory_order_relaxed);
        return ENOMEM;
    }
    *out = p;
    return 0;
}

static int entry_posix_memalign(void **out, size_t align, size_t size)
{
    if (MR_UNLIKELY(!mr_is_pow2(align) || align % sizeof(void *) != 0))
        return refuse_alignment(align);
    void *p = mr_heap_try_aligned(align, size);
    if (MR_UNLIKELY(!p))
        return posix_memalign_slow(out, align, size);
    *out = p;
    return 0;
}

static void *entry_valloc(size_t size)
{
    mr_heap_boot(); /* the size of an OS page must be known */
    return mr_entry_memalign(mr_os_page, size);
}

static void *entry_pvalloc(size_t size)
{
    mr_heap_boot();
    if (size > PTRDIFF_MAX - mr_os_page)
        return out_of_memory();
    return mr_entry_memalign(mr_os_page, mr_max(mr_align_up(size, mr_os_page), mr_os_page));
}

/* ---- the rest ------------------------------------------------------------------------------------------------ */

static size_t usable_size_other(void *p)
{
    const struct mr_other *other = mr_other_heap();
    return other->usable_size ? other->usable_size(p) : 0;
}

static size_t entry_usable_size(void *p)
{
    enum mr_freed known;
    if (!p)
        return 0;
    size_t bytes = MR_LIKELY(!mr_heap_watch) ? mr_heap_usable(p, &known) : mr_watch_usable(p, &known);
    if (known == MR_NOT_OURS)
        return usable_size_other(p);
    if (known == MR_NOT_A_BLOCK)
        mr_findings_bad_pointer("malloc_usable_size", p, MR_WATCH_CALLER);
    return bytes;
}

/* C23: sizes are promises of the program; ours come from the block itself. */
static void entry_free_sized(void *p, size_t size)
{
    (void)size;
    mr_entry_free(p);
}

static void entry_free_aligned_sized(void *p, size_t align, size_t size)
{
    (void)align;
    (void)size;
    mr_entry_free(p);
}

/* ---- the names ----------------------------------------------------------------------------------------------- */

void *malloc(size_t size) MR_ALIAS(mr_entry_malloc);
void free(void *p) MR_ALIAS(mr_entry_free);
void *calloc(size_t n, size_t each) MR_ALIAS(entry_calloc);
void *realloc(void *p, size_t size) MR_ALIAS(entry_realloc);
void *reallocarray(void *p, size_t n, size_t each) MR_ALIAS(entry_reallocarray);
void *memalign(size_t align, size_t size) MR_ALIAS(mr_entry_memalign);
void *aligned_alloc(size_t align, size_t size) MR_ALIAS(mr_entry_memalign);
int posix_memalign(void **out, size_t align, size_t size) MR_ALIAS(entry_posix_memalign);
void *valloc(size_t size) MR_ALIAS(entry_valloc);
void *pvalloc(size_t size) MR_ALIAS(entry_pvalloc);
size_t malloc_usable_size(void *p) MR_ALIAS(entry_usable_size);
void cfree(void *p) MR_ALIAS(mr_entry_free);
void free_sized(void *p, size_t size) MR_ALIAS(entry_free_sized);
void free_aligned_sized(void *p, size_t align, size_t size) MR_ALIAS(entry_free_aligned_sized);

/* The names under which glibc offers its own to those who replace malloc. */
void *__libc_malloc(size_t size) MR_ALIAS(mr_entry_malloc);
void __libc_free(void *p) MR_ALIAS(mr_entry_free);
void *__libc_calloc(size_t n, size_t each) MR_ALIAS(entry_calloc);
void *__libc_realloc(void *p, size_t size) MR_ALIAS(entry_realloc);
void *__libc_memalign(size_t align, size_t size) MR_ALIAS(mr_entry_memalign);
void *__libc_valloc(size_t size) MR_ALIAS(entry_valloc);
void *__libc_pvalloc(size_t size) MR_ALIAS(entry_pvalloc);
void __libc_cfree(void *p) MR_ALIAS(mr_entry_free);
int __posix_memalign(void **out, size_t align, size_t size) MR_ALIAS(entry_posix_memalign);
