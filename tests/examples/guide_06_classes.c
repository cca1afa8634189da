/* guide_06_classes.c: no searching at all. Sixth of ten steps.
 *
 * Teaches: sizes are rounded up to a few classes; each class has slabs, pages cut into equal blocks, and a list of its
 * free ones. An allocation pops, a free pushes. Blocks have no headers: the slab is found by clearing the low
 * bits of the address, and it knows the size. What rounding wastes is at most an eighth with eight classes per doubling;
 * here there are four, so a quarter. memoir's malloc works so for all blocks up to 64 KiB. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

enum { SLAB = 1 << 16, CLASSES = 32, HEAD = 64 };

struct slab {
    size_t size; /* of its blocks */
    int class;
};

struct link { struct link *next; };
static struct link *lists[CLASSES];
static char *fresh, *fresh_end; /* pages that are no slabs yet */

/* 16, 32, 48, 64, then four per doubling: 80, 96, 112, 128, 160, ... */
static size_t size_of(int class)
{
    return class < 4 ? 16 * (size_t)(class + 1) : (size_t)(4 + class % 4 + 1) << (class / 4 - 1 + 4);
}

/* (A real one looks this up in a table.) */
static int class_of(size_t bytes)
{
    int class = 0;
    while (size_of(class) < bytes)
        class++;
    return class;
}

/* A piece of fresh pages that begins on a multiple of SLAB; NULL: there are none. */
static char *take_slab(void)
{
    if (fresh == fresh_end) {
        char *p = mmap(NULL, 65 * SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        fresh = (char *)(((uintptr_t)p + SLAB - 1) & ~(uintptr_t)(SLAB - 1));
        fresh_end = fresh + 64 * SLAB;
    }
    fresh += SLAB;
    return fresh - SLAB;
}

static int fill(int class)
{
    char *at = take_slab();
    if (!at)
        return 0;
    struct slab *slab = (struct slab *)at;
    *slab = (struct slab){ size_of(class), class };
    for (char *p = at + HEAD; p + slab->size <= at + SLAB; p += slab->size) {
        ((struct link *)p)->next = lists[class];
        lists[class] = (struct link *)p;
    }
    return 1;
}

static void *take(size_t bytes)
{
    int class = class_of(bytes);
    if (class >= CLASSES || (!lists[class] && !fill(class)))
        return NULL;
    struct link *p = lists[class];
    lists[class] = p->next;
    return p;
}

static void give(void *p)
{
    struct slab *slab = (struct slab *)((uintptr_t)p & ~(uintptr_t)(SLAB - 1));
    struct link *link = p;
    link->next = lists[slab->class];
    lists[slab->class] = link;
}

int main(void)
{
    for (size_t bytes = 1; bytes <= 1000; bytes = bytes * 3 + 1)
        printf("%4zu bytes come from the class of %zu\n", bytes, size_of(class_of(bytes)));
    void *a = take(100), *b = take(101);
    give(a);
    printf("what was freed last is handed out next: %s\n", take(110) == a ? "yes" : "no");
    printf("blocks of one class lie side by side: %s\n", (char *)a - (char *)b == 112 ? "yes" : "no");
    for (int i = 0; i < 10000000; i++)
        give(take((size_t)i % 500));
    printf("ten million pairs, no search\n");
    return 0;
}
