/* guide_03_headers.c: free(p) is not told the size. Third of ten steps.
 *
 * Teaches: a header in front of each block says how large it is, so a block can be given back by its address alone,
 * and used again: here by the next request of exactly that size. A header costs memory (16 bytes here, so that the
 * block behind it is still aligned), a cache line that is touched at free, and can be written over. memoir keeps what
 * it knows of a block elsewhere: slabs need no headers (guide_06_classes.c). */
#include <stdio.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 16, ALIGN = 16 };

struct header {
    size_t size;         /* of the block behind it */
    struct header *next; /* while it is free: the next one in the list */
};
_Static_assert(sizeof(struct header) % ALIGN == 0, "the block behind a header is aligned");

static char *next, *end;
static struct header *freed;

static struct header *cut(size_t size)
{
    if (size > (size_t)(end - next) || sizeof(struct header) > (size_t)(end - next) - size)
        return NULL;
    struct header *h = (struct header *)next;
    next += sizeof *h + size;
    h->size = size;
    return h;
}

/* The link that leads to a free block of exactly that size, so that it can be taken out; NULL: there is none. */
static struct header **find(size_t size)
{
    for (struct header **link = &freed; *link; link = &(*link)->next)
        if ((*link)->size == size)
            return link;
    return NULL;
}

static void *take(size_t bytes)
{
    size_t size = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct header **link = find(size), *h = link ? *link : cut(size);
    if (link)
        *link = h->next;
    return h ? h + 1 : NULL;
}

static void give(void *p)
{
    struct header *h = (struct header *)p - 1;
    h->next = freed;
    freed = h;
}

int main(void)
{
    next = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end = next + CHUNK;
    void *a = take(100), *b = take(100);
    give(a);
    printf("a size that was freed comes back: %s\n", take(97) == a ? "yes" : "no");
    give(b);
    printf("another size gets memory of its own: %s\n", take(50) == b ? "no" : "yes");
    char *before = next;
    for (int i = 0; i < 1000000; i++)
        give(take(200));
    printf("a million blocks of 200 bytes, one at a time, took %td bytes\n", next - before);
    return 0;
}
