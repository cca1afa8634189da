/* guide_04_freelist.c: any free block that is large enough. Fourth of ten steps.
 *
 * Teaches: a list of free blocks, searched for the first that fits, and split when it is larger than needed. Memory
 * that was freed serves every size that is not larger. But the pieces only ever get smaller: after a while there is
 * much free memory and none of it in one piece. That is fragmentation; the next step mends it. */
#include <stdio.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 16, ALIGN = 16, LEAST = 32 };

struct header {
    size_t size;         /* of the whole piece, this header included */
    struct header *next; /* while it is free */
};

static struct header *freed;

static void split(struct header *h, size_t size)
{
    if (h->size - size < LEAST)
        return;
    struct header *rest = (struct header *)((char *)h + size);
    rest->size = h->size - size;
    rest->next = h->next;
    h->next = rest;
    h->size = size;
}

static void *take(size_t bytes)
{
    size_t size = (bytes + sizeof(struct header) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    for (struct header **link = &freed, *h; (h = *link) != NULL; link = &h->next)
        if (h->size >= size) {
            split(h, size);
            *link = h->next;
            return h + 1;
        }
    return NULL;
}

static void give(void *p)
{
    struct header *h = (struct header *)p - 1;
    h->next = freed;
    freed = h;
}

static void show(const char *when)
{
    size_t pieces = 0, bytes = 0, largest = 0;
    for (struct header *h = freed; h; h = h->next) {
        pieces++;
        bytes += h->size;
        largest = h->size > largest ? h->size : largest;
    }
    printf("%-28s %5zu bytes free in %4zu pieces, the largest %5zu\n", when, bytes, pieces, largest);
}

int main(void)
{
    void *blocks[1000];
    int n = 0;
    freed = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    freed->size = CHUNK;
    show("at first");
    while ((blocks[n] = take(100)) != NULL)
        n++;
    show("full of blocks of 100 bytes");
    while (n > 0)
        give(blocks[--n]);
    show("all of them freed");
    printf("200 bytes: %s\n", take(200) ? "fit" : "do not fit anywhere");
    return 0;
}
