/* guide_02_bump.c: the simplest allocator: a pointer that moves. Second of ten steps.
 *
 * Teaches: cut small blocks off a large piece by moving a pointer forward. An allocation is an addition and a
 * comparison. Addresses must suit what lies there, so each is rounded up to a multiple of 16. There is no free:
 * everything ends together. Many programs need no more (memoir/stack.h is this, with marks to return to). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 16, ALIGN = 16 };

static char *next, *end;

static void *take(size_t bytes)
{
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes > (size_t)(end - next)) /* never next + bytes > end: that sum may wrap around */
        return NULL;
    void *p = next;
    next += bytes;
    return p;
}

static void begin(void)
{
    next = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end = next == MAP_FAILED ? next : next + CHUNK;
}

/* Gives back everything at once. */
static void release(char *start) { next = start; }

int main(void)
{
    begin();
    char *start = next, *a = take(1), *b = take(17), *c = take(16);
    printf("a, b and c lie %td and %td bytes apart\n", b - a, c - b);
    printf("all are multiples of 16: %s\n", ((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) % ALIGN ? "no" : "yes");
    printf("a whole chunk more: %s\n", take(CHUNK) ? "fits" : "does not fit");
    printf("all the memory there is: %s\n", take(SIZE_MAX - 100) ? "fits" : "does not fit");

    size_t blocks = 0;
    release(start);
    while (take(100))
        blocks++;
    printf("%zu blocks of 100 bytes in %d: each takes 112\n", blocks, CHUNK);
    return 0;
}
