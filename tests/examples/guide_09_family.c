/* guide_09_family.c: the rest of the family. Ninth of ten steps.
 *
 * Teaches: what calloc, realloc and aligned_alloc add to an allocator that has take, give and a size: calloc must see
 * that count times size overflows; realloc grows where it stands if there is room, and must leave the old block alone
 * when there is no memory; alignment is a larger block, cut. Beneath is the bump allocator of guide_02_bump.c with headers,
 * where the last block can grow in place. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 20, ALIGN = 16 };

struct header {
    size_t size;
    size_t unused; /* so that the block behind it is aligned */
};

static char *next, *end;

static size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) & ~(to - 1); }

/* `align` is a power of two: what is skipped to get there is lost. */
static void *take_aligned(size_t align, size_t bytes)
{
    size_t skip = round_up((uintptr_t)next + sizeof(struct header), align) - sizeof(struct header) - (uintptr_t)next;
    size_t room = (size_t)(end - next);
    if (bytes > CHUNK || skip > room || sizeof(struct header) + round_up(bytes, ALIGN) > room - skip)
        return NULL;
    struct header *h = (struct header *)(next + skip);
    h->size = round_up(bytes, ALIGN);
    next = (char *)(h + 1) + h->size;
    return h + 1;
}

static void *take(size_t bytes) { return take_aligned(ALIGN, bytes); }

static void *take_zeroed(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *p = take(bytes);
    return p ? memset(p, 0, bytes) : NULL; /* memory fresh from the system is zero already: a real one knows */
}

/* Whether the block could be made so large where it is. */
static int resize(struct header *h, size_t bytes)
{
    char *block = (char *)(h + 1);
    if (bytes <= h->size)
        return 1;
    if (block + h->size != next || bytes > (size_t)(end - block))
        return 0;
    h->size = round_up(bytes, ALIGN);
    next = block + h->size;
    return 1;
}

static void *change(void *p, size_t bytes)
{
    if (!p)
        return take(bytes);
    struct header *h = (struct header *)p - 1;
    if (resize(h, bytes))
        return p;
    void *moved = take(bytes);
    return moved ? memcpy(moved, p, h->size) : NULL;
}

int main(void)
{
    next = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end = next + CHUNK;
    printf("calloc of more than there is: %s\n", take_zeroed(SIZE_MAX / 2, 4) ? "a block" : "refused");
    char *a = take(100), *b = take(100);
    strcpy(a, "kept");
    strcpy(b, "kept too");
    printf("the last block grows where it stands: %s\n", change(b, 5000) == b ? "yes" : "no");
    char *moved = change(a, 5000);
    printf("the one before it moves: %s, \"%s\"\n", moved == a ? "no" : "yes", moved);
    printf("too large: %s, and the block is as it was: \"%s\"\n", change(moved, 2 * CHUNK) ? "a block" : "NULL", moved);
    for (size_t align = 32; align <= 4096; align *= 4)
        printf("aligned to %4zu: %s\n", align, (uintptr_t)take_aligned(align, 10) % align ? "no" : "yes");
    return 0;
}
