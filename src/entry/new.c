/* new.c: the operators of C++, under their mangled names (Itanium C++ ABI).
 *
 * As the standard says of the library's versions: the array forms go through the single ones, the
 * nothrow forms through the throwing ones, sized and array deletes through plain delete, each by
 * the name a program may have replaced (the PLT decides). Compiled with -fexceptions: what the
 * new-handler or bad_alloc throws passes through. */
#include "entry.h"

#include <dlfcn.h>
#include <stdlib.h>

typedef void new_handler(void);

/* libstdc++'s, where it is loaded. */
extern new_handler *_ZSt15get_new_handlerv(void) __attribute__((weak)); /* std::get_new_handler() */
extern void _ZSt17__throw_bad_allocv(void) __attribute__((weak, noreturn)); /* std::__throw_bad_alloc() */

/* size_t is mangled as m on LP64. */
#define NEW _Znwm
#define NEW_ARRAY _Znam
#define NEW_NOTHROW _ZnwmRKSt9nothrow_t
#define NEW_ARRAY_NOTHROW _ZnamRKSt9nothrow_t
#define NEW_ALIGNED _ZnwmSt11align_val_t
#define NEW_ARRAY_ALIGNED _ZnamSt11align_val_t
#define NEW_ALIGNED_NOTHROW _ZnwmSt11align_val_tRKSt9nothrow_t
#define NEW_ARRAY_ALIGNED_NOTHROW _ZnamSt11align_val_tRKSt9nothrow_t
#define DELETE _ZdlPv
#define DELETE_ARRAY _ZdaPv
#define DELETE_SIZED _ZdlPvm
#define DELETE_ARRAY_SIZED _ZdaPvm
#define DELETE_NOTHROW _ZdlPvRKSt9nothrow_t
#define DELETE_ARRAY_NOTHROW _ZdaPvRKSt9nothrow_t
#define DELETE_ALIGNED _ZdlPvSt11align_val_t
#define DELETE_ARRAY_ALIGNED _ZdaPvSt11align_val_t
#define DELETE_SIZED_ALIGNED _ZdlPvmSt11align_val_t
#define DELETE_ARRAY_SIZED_ALIGNED _ZdaPvmSt11align_val_t
#define DELETE_ALIGNED_NOTHROW _ZdlPvSt11align_val_tRKSt9nothrow_t
#define DELETE_ARRAY_ALIGNED_NOTHROW _ZdaPvSt11align_val_tRKSt9nothrow_t

MR_EXPORT void *NEW(size_t size);
MR_EXPORT void *NEW_ARRAY(size_t size);
MR_EXPORT void *NEW_NOTHROW(size_t size, const void *nothrow);
MR_EXPORT void *NEW_ARRAY_NOTHROW(size_t size, const void *nothrow);
MR_EXPORT void *NEW_ALIGNED(size_t size, size_t align);
MR_EXPORT void *NEW_ARRAY_ALIGNED(size_t size, size_t align);
MR_EXPORT void *NEW_ALIGNED_NOTHROW(size_t size, size_t align, const void *nothrow);
MR_EXPORT void *NEW_ARRAY_ALIGNED_NOTHROW(size_t size, size_t align, const void *nothrow);
MR_EXPORT void DELETE(void *p);
MR_EXPORT void DELETE_ARRAY(void *p);
MR_EXPORT void DELETE_SIZED(void *p, size_t size);
MR_EXPORT void DELETE_ARRAY_SIZED(void *p, size_t size);
MR_EXPORT void DELETE_NOTHROW(void *p, const void *nothrow);
MR_EXPORT void DELETE_ARRAY_NOTHROW(void *p, const void *nothrow);
MR_EXPORT void DELETE_ALIGNED(void *p, size_t align);
MR_EXPORT void DELETE_ARRAY_ALIGNED(void *p, size_t align);
MR_EXPORT void DELETE_SIZED_ALIGNED(void *p, size_t size, size_t align);
MR_EXPORT void DELETE_ARRAY_SIZED_ALIGNED(void *p, size_t size, size_t align);
MR_EXPORT void DELETE_ALIGNED_NOTHROW(void *p, size_t align, const void *nothrow);
MR_EXPORT void DELETE_ARRAY_ALIGNED_NOTHROW(void *p, size_t align, const void *nothrow);

/* ---- throwing forms -------------------------------------------------------------------------------- */

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static _Noreturn void throw_bad_alloc(void)
{
    if (_ZSt17__throw_bad_allocv)
        _ZSt17__throw_bad_allocv();
    abort(); /* operator new called without a C++ library to throw with */
}

static bool replaced(const void *now, const void *ours) { return now != ours; }

static void *our_new(size_t size) __attribute__((alias(TEXT(NEW))));
static void *our_new_array(size_t size) __attribute__((alias(TEXT(NEW_ARRAY))));
static void *our_new_aligned(size_t size, size_t align) __attribute__((alias(TEXT(NEW_ALIGNED))));
static void give(void *p);
static void give_aligned(void *p, size_t align);

/* Where a single form is the program's, nobody knows what it takes its blocks from, and what it gives them to. */
static bool all_ours(void)
{
    return !replaced(NEW, our_new) && !replaced(DELETE, give) && !replaced(NEW_ALIGNED, our_new_aligned) &&
           !replaced(DELETE_ALIGNED, give_aligned);
}

static void *take_of(size_t size, size_t align)
{
    void *p = align ? mr_entry_memalign(align, size) : mr_entry_malloc(size);
    if (mr_family_is_known() && all_ours())
        mr_family_take(p, MR_FAMILY_MALLOC, align ? MR_FAMILY_NEW_ALIGNED : MR_FAMILY_NEW);
    return p;
}

/* align = 0: as malloc. Asks the new-handler for more memory until there is some, or none is left to ask. */
static MR_NOINLINE void *new_slow(size_t size, size_t align)
{
    for (;;) {
        void *p = take_of(size, align);
        if (p)
            return p;
        new_handler *handler = _ZSt15get_new_handlerv ? _ZSt15get_new_handlerv() : NULL;
        if (!handler)
            throw_bad_alloc();
        handler();
    }
}

static MR_NOINLINE void *new_walked(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    bool is_ours = mr_heap_is_real(mr_heap_self) || !mr_other_rules();
    void *p = NULL;
    if (is_ours && !mr_heap_is_hopeless(size))
        p = mr_watch_malloc(&(struct mr_unwind_start){ pc, sp, bp }, size);
    return MR_LIKELY(p != NULL) ? p : new_slow(size, 0);
}

/* By way of malloc the stack would have a frame of ours to be looked at each time. */
static MR_NOINLINE void *new_traced(size_t size)
{
    struct mr_unwind_start from = MR_UNWIND_HERE();
    return mr_usual_malloc(size, from.pc, from.sp, from.bp, new_walked);
}

static MR_NOINLINE void *new_missed(size_t size)
{
    if (mr_usual_way == MR_USUAL_FULL)
        return new_traced(size);
    void *p = mr_usual_try(size);
    return MR_LIKELY(p != NULL) ? p : new_slow(size, 0);
}

void *NEW(size_t size)
{
    void *p = mr_heap_try_malloc(size);
    return MR_LIKELY(p != NULL) ? p : new_missed(size);
}

void *NEW_ALIGNED(size_t size, size_t align) { return new_slow(size, align); }

static MR_NOINLINE void *new_array_watched(size_t size)
{
    void *p = NEW(size);
    mr_family_take(p, MR_FAMILY_NEW, MR_FAMILY_NEW_ARRAY);
    return p;
}

static MR_NOINLINE void *new_array_aligned_watched(size_t size, size_t align)
{
    void *p = NEW_ALIGNED(size, align);
    mr_family_take(p, MR_FAMILY_NEW_ALIGNED, MR_FAMILY_NEW_ARRAY_ALIGNED);
    return p;
}

void *NEW_ARRAY(size_t size) { return mr_family_is_known() ? new_array_watched(size) : NEW(size); }
void *NEW_ARRAY_ALIGNED(size_t size, size_t align)
{
    return mr_family_is_known() ? new_array_aligned_watched(size, align) : NEW_ALIGNED(size, align);
}

/* ---- nothrow forms -----------------------------------------------------------------------------------
 * C cannot catch what a new-handler throws; libstdc++'s own forms can. They are asked only when
 * memory is short: they call the throwing form, which is ours or the program's. */

static void *next_symbol(const char *name) { return dlsym(RTLD_NEXT, name); }

static MR_NOINLINE void *nothrow_slow(const char *name, size_t size, const void *nothrow)
{
    void *(*next)(size_t, const void *);
    *(void **)&next = next_symbol(name);
    return next ? next(size, nothrow) : mr_entry_malloc(size);
}

static MR_NOINLINE void *aligned_nothrow_slow(const char *name, size_t size, size_t align, const void *nothrow)
{
    void *(*next)(size_t, size_t, const void *);
    *(void **)&next = next_symbol(name);
    return next ? next(size, align, nothrow) : mr_entry_memalign(align, size);
}

void *NEW_NOTHROW(size_t size, const void *nothrow)
{
    void *p = replaced(NEW, our_new) ? NULL : mr_heap_try_malloc(size);
    return MR_LIKELY(p != NULL) ? p : nothrow_slow(TEXT(NEW_NOTHROW), size, nothrow);
}

void *NEW_ARRAY_NOTHROW(size_t size, const void *nothrow)
{
    bool ours = !replaced(NEW, our_new) && !replaced(NEW_ARRAY, our_new_array);
    void *p = ours ? mr_heap_try_malloc(size) : NULL;
    return MR_LIKELY(p != NULL) ? p : nothrow_slow(TEXT(NEW_ARRAY_NOTHROW), size, nothrow);
}

void *NEW_ALIGNED_NOTHROW(size_t size, size_t align, const void *nothrow)
{
    return aligned_nothrow_slow(TEXT(NEW_ALIGNED_NOTHROW), size, align, nothrow);
}

void *NEW_ARRAY_ALIGNED_NOTHROW(size_t size, size_t align, const void *nothrow)
{
    return aligned_nothrow_slow(TEXT(NEW_ARRAY_ALIGNED_NOTHROW), size, align, nothrow);
}

/* ---- delete ------------------------------------------------------------------------------------------ */

static void promise(void *p, enum mr_family family, enum mr_family becomes, size_t size, size_t align,
                    const struct mr_unwind_start *from)
{
    if (mr_family_is_known() && all_ours())
        mr_family_give(p, &(struct mr_family_promise){ family, becomes, size, align }, from);
}

static MR_NOINLINE void delete_checked(void *p)
{
    promise(p, MR_FAMILY_NEW, MR_FAMILY_MALLOC, MR_SIZE_UNKNOWN, 0, MR_WATCH_CALLER);
    mr_entry_free(p);
}

static MR_NOINLINE void delete_slow(void *p)
{
    if (mr_usual_way == MR_USUAL_EXACT && mr_usual_try_free_exact(p))
        return;
    if (mr_family_is_known())
        delete_checked(p);
    else
        mr_entry_free(p);
}

static MR_NOINLINE void delete_array_watched(void *p)
{
    promise(p, MR_FAMILY_NEW_ARRAY, MR_FAMILY_NEW, MR_SIZE_UNKNOWN, 0, MR_WATCH_CALLER);
    DELETE(p);
}

static MR_NOINLINE void delete_sized_watched(void *p, size_t size)
{
    if (!all_ours()) {
        DELETE(p);
        return;
    }
    promise(p, MR_FAMILY_NEW, MR_FAMILY_MALLOC, size, 0, MR_WATCH_CALLER); /* what DELETE would say, and the size */
    mr_entry_free(p);
}

static MR_NOINLINE void delete_array_sized_watched(void *p, size_t size)
{
    promise(p, MR_FAMILY_NEW_ARRAY, MR_FAMILY_NEW_ARRAY, size, 0, MR_WATCH_CALLER);
    DELETE_ARRAY(p);
}

static MR_NOINLINE void delete_aligned_watched(void *p, size_t align)
{
    promise(p, MR_FAMILY_NEW_ALIGNED, MR_FAMILY_MALLOC, MR_SIZE_UNKNOWN, align, MR_WATCH_CALLER);
    mr_entry_free(p);
}

static MR_NOINLINE void delete_sized_aligned_watched(void *p, size_t size, size_t align)
{
    promise(p, MR_FAMILY_NEW_ALIGNED, MR_FAMILY_NEW_ALIGNED, size, align, MR_WATCH_CALLER);
    DELETE_ALIGNED(p, align);
}

static MR_NOINLINE void delete_array_aligned_watched(void *p, size_t size, size_t align)
{
    promise(p, MR_FAMILY_NEW_ARRAY_ALIGNED, MR_FAMILY_NEW_ALIGNED, size, align, MR_WATCH_CALLER);
    DELETE_ALIGNED(p, align);
}

static void give(void *p)
{
    if (MR_UNLIKELY(!mr_heap_try_free(p)))
        delete_slow(p);
}
void DELETE(void *p) __attribute__((alias("give")));

#define WATCHED(watched, plain) (mr_family_is_known() ? (watched) : (plain))

void DELETE_ARRAY(void *p) { WATCHED(delete_array_watched(p), DELETE(p)); }
void DELETE_SIZED(void *p, size_t size) { WATCHED(delete_sized_watched(p, size), DELETE(p)); }
void DELETE_ARRAY_SIZED(void *p, size_t size) { WATCHED(delete_array_sized_watched(p, size), DELETE_ARRAY(p)); }

/* GCC would say that the sizes are not looked at. */
#define UNUSED(x) (void)(x)

void DELETE_NOTHROW(void *p, const void *nothrow) { UNUSED(nothrow); DELETE(p); }
void DELETE_ARRAY_NOTHROW(void *p, const void *nothrow) { UNUSED(nothrow); DELETE_ARRAY(p); }
static void give_aligned(void *p, size_t align)
{
    WATCHED(delete_aligned_watched(p, align), mr_entry_free(p));
}
void DELETE_ALIGNED(void *p, size_t align) __attribute__((alias("give_aligned")));

void DELETE_ARRAY_ALIGNED(void *p, size_t align)
{
    WATCHED(delete_array_aligned_watched(p, MR_SIZE_UNKNOWN, align), DELETE_ALIGNED(p, align));
}
void DELETE_SIZED_ALIGNED(void *p, size_t size, size_t align)
{
    WATCHED(delete_sized_aligned_watched(p, size, align), DELETE_ALIGNED(p, align));
}
void DELETE_ARRAY_SIZED_ALIGNED(void *p, size_t size, size_t align)
{
    WATCHED(delete_array_aligned_watched(p, size, align), DELETE_ARRAY_ALIGNED(p, align));
}
void DELETE_ALIGNED_NOTHROW(void *p, size_t align, const void *nothrow) { UNUSED(nothrow); DELETE_ALIGNED(p, align); }
void DELETE_ARRAY_ALIGNED_NOTHROW(void *p, size_t align, const void *nothrow)
{
    UNUSED(nothrow);
    DELETE_ARRAY_ALIGNED(p, align);
}
