/* guide_10_malloc.c: a malloc for programs as they are. Last of ten steps.
 *
 * Teaches: a shared object that defines the malloc family takes the place of glibc's when it is preloaded:
 *
 *     cc -O2 -shared -fPIC guide_10_malloc.c -o mine.so && LD_PRELOAD=./mine.so ls
 *
 * What is new here is the company it keeps. Nothing in it may call malloc, not even indirectly. It is called before main,
 * before any constructor has run, and from every thread: all it needs is constant, or set up at first use under
 * the lock. A child of fork must not find the lock held by a thread that it does not have. errno is set when there is no
 * memory and left alone otherwise; free keeps it. realloc(p, 0) frees. All of the family must be replaced, since a block
 * of one heap must not reach the other's free.
 *
 * Blocks up to 32 KiB come from size classes (guide_06_classes.c), larger ones straight from the system (guide_01_pages.c).
 * What it lacks is what memoir is about: threads that do not wait for each other, memory that goes back, checks. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { SLAB = 1 << 16, SLABS = 64, CLASSES = 44, HEAD = 64, PAGE = 4096 };

/* At the start of a slab, and SLAB or less in front of a large block: found by clearing the low bits of an address. */
struct head {
    size_t size;    /* of each block; of the one large block */
    int class;      /* -1: a large block */
    void *mapped;   /* large: what to unmap */
    size_t bytes;
};

struct link { struct link *next; };
static struct link *lists[CLASSES];
static char *fresh, *fresh_end;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* 16, 32, 48, 64, then four per doubling up to 64 KiB: 80, 96, 112, 128, 160, ... */
static size_t size_of(int class)
{
    return class < 4 ? 16 * (size_t)(class + 1) : (size_t)(4 + class % 4 + 1) << (class / 4 - 1 + 4);
}

static int class_of(size_t bytes)
{
    size_t s = (bytes ? bytes : 1) - 1;
    if (s < 64)
        return (int)(s / 16);
    int e = 63 - __builtin_clzl(s);
    return 4 * (e - 5) + (int)(s >> (e - 2) & 3);
}

static struct head *head_of(const void *p) { return (struct head *)(((uintptr_t)p - 1) & ~(uintptr_t)(SLAB - 1)); }

static char *map(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static char *round_up(const char *p, size_t to) { return (char *)(((uintptr_t)p + to - 1) & ~(uintptr_t)(to - 1)); }

/* ---- small blocks, under the lock ----------------------------------------------------------------------- */

static int fill(int class)
{
    if (fresh == fresh_end) {
        char *p = map((size_t)(SLABS + 1) * SLAB);
        if (!p)
            return 0;
        fresh = round_up(p, SLAB);
        fresh_end = fresh + (size_t)SLABS * SLAB;
    }
    struct head *head = (struct head *)fresh;
    *head = (struct head){ .size = size_of(class), .class = class };
    for (char *p = fresh + HEAD; p + head->size <= fresh + SLAB; p += head->size) {
        ((struct link *)p)->next = lists[class];
        lists[class] = (struct link *)p;
    }
    fresh += SLAB;
    return 1;
}

static void *take_small(int class)
{
    pthread_mutex_lock(&lock);
    struct link *p = lists[class] || fill(class) ? lists[class] : NULL;
    if (p)
        lists[class] = p->next;
    pthread_mutex_unlock(&lock);
    return p;
}

/* ---- large and aligned blocks ------------------------------------------------------------------------------ */

/* head_of finds its head at the multiple of SLAB before the block, which therefore must not be nearer than HEAD. */
static void *take_large(size_t align, size_t bytes)
{
    if (bytes > PTRDIFF_MAX / 4 || align > PTRDIFF_MAX / 4)
        return NULL;
    size_t all = (bytes + align + 2 * SLAB + PAGE - 1) & ~(size_t)(PAGE - 1);
    char *p = map(all), *base = round_up(p, SLAB);
    if (!p)
        return NULL;
    char *block = align <= HEAD ? base + HEAD : align <= SLAB ? base + align : round_up(p + SLAB, align);
    *head_of(block) = (struct head){ .size = (size_t)(p + all - block), .class = -1, .mapped = p, .bytes = all };
    return block;
}

static void *take(size_t align, size_t bytes)
{
    void *p = align <= 16 && bytes <= SLAB / 2 ? take_small(class_of(bytes)) : take_large(align, bytes);
    if (!p)
        errno = ENOMEM;
    return p;
}

/* ---- the family ---------------------------------------------------------------------------------------------- */

void *malloc(size_t bytes) { return take(16, bytes); }

void free(void *p)
{
    int saved = errno;
    struct head *head = p ? head_of(p) : NULL;
    if (head && head->class < 0) {
        munmap(head->mapped, head->bytes);
    } else if (head) {
        pthread_mutex_lock(&lock);
        ((struct link *)p)->next = lists[head->class];
        lists[head->class] = p;
        pthread_mutex_unlock(&lock);
    }
    errno = saved;
}

size_t malloc_usable_size(void *p) { return p ? head_of(p)->size : 0; }

/* The compiler knows malloc and memset: written with them, calloc would become a call of itself. */
void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *p = take(16, bytes);
    return p && head_of(p)->class >= 0 ? memset(p, 0, bytes) : p; /* large blocks are fresh from the system */
}

void *realloc(void *p, size_t bytes)
{
    if (p && bytes == 0)
        return free(p), NULL;
    size_t now = malloc_usable_size(p);
    if (p && bytes <= now && bytes >= now / 2)
        return p;
    void *moved = take(16, bytes);
    if (moved && p) {
        memcpy(moved, p, now < bytes ? now : bytes);
        free(p);
    }
    return moved;
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
    if (align % sizeof(void *) != 0 || align == 0 || (align & (align - 1)) != 0)
        return EINVAL;
    int saved = errno;
    void *p = take(align, bytes);
    errno = saved;
    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t bytes) { return take(align, bytes); }
void *memalign(size_t align, size_t bytes) { return take(align, bytes); }
void *valloc(size_t bytes) { return take(PAGE, bytes); }
void *pvalloc(size_t bytes) { return take(PAGE, bytes > PTRDIFF_MAX ? bytes : (bytes + PAGE - 1) / PAGE * PAGE); }

/* ---- fork ------------------------------------------------------------------------------------------------------ */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static __attribute__((constructor)) void begin(void) { pthread_atfork(before_fork, after_fork, after_fork); }
