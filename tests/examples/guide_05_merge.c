/* guide_05_merge.c: free neighbours become one. Fifth of ten steps.
 *
 * Teaches: boundary tags (Knuth, The Art of Computer Programming, volume 1, 2.5). Each piece knows its own size and
 * that of the piece before it, so both neighbours are found by an addition and a subtraction, and what is free merges
 * with what is free beside it at once: no two free pieces ever touch. memoir's spans and memoir/pool.h do this. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

enum { CHUNK = 1 << 16, ALIGN = 16, LEAST = 48 };

struct piece {
    size_t before;            /* bytes of the piece before this one; 0: this is the first */
    size_t size : 63;         /* of this one, header included */
    size_t is_free : 1;
    struct piece *next, *prev; /* only while it is free: the block begins here otherwise */
};
enum { HEADER = 2 * sizeof(size_t) };

static struct piece list = { .next = &list, .prev = &list }; /* a ring through its head: no special cases */
static char *chunk;

static struct piece *behind(struct piece *p) { return (struct piece *)((char *)p + p->size); }
static bool is_last(struct piece *p) { return (char *)p + p->size == chunk + CHUNK; }

static void link_in(struct piece *p)
{
    p->is_free = 1;
    p->next = list.next;
    p->prev = &list;
    list.next->prev = p;
    list.next = p;
}

static void link_out(struct piece *p)
{
    p->is_free = 0;
    p->next->prev = p->prev;
    p->prev->next = p->next;
}

static void set_size(struct piece *p, size_t size)
{
    p->size = size;
    if (!is_last(p))
        behind(p)->before = size;
}

static void *take(size_t bytes)
{
    size_t size = (bytes + HEADER + ALIGN - 1) & ~(size_t)(ALIGN - 1), all;
    struct piece *p = list.next;
    size = size < LEAST ? LEAST : size;
    while (p != &list && p->size < size)
        p = p->next;
    if (p == &list)
        return NULL;
    link_out(p);
    all = p->size;
    if (all - size >= LEAST) {
        p->size = size;
        behind(p)->before = size;
        set_size(behind(p), all - size);
        link_in(behind(p));
    }
    return &p->next;
}

static void give(void *block)
{
    struct piece *p = (struct piece *)((char *)block - HEADER);
    if (!is_last(p) && behind(p)->is_free) {
        link_out(behind(p));
        set_size(p, p->size + behind(p)->size);
    }
    struct piece *before = (struct piece *)((char *)p - p->before);
    if (p->before && before->is_free) {
        link_out(before);
        set_size(before, before->size + p->size);
        p = before;
    }
    link_in(p);
}

static void show(const char *when)
{
    size_t pieces = 0, bytes = 0, largest = 0;
    for (struct piece *p = list.next; p != &list; p = p->next) {
        pieces++;
        bytes += p->size;
        largest = p->size > largest ? p->size : largest;
    }
    printf("%-28s %5zu bytes free in %4zu pieces, the largest %5zu\n", when, bytes, pieces, largest);
}

int main(void)
{
    void *blocks[1000];
    int n = 0;
    chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ((struct piece *)chunk)->size = CHUNK;
    link_in((struct piece *)chunk);
    while ((blocks[n] = take(100)) != NULL)
        n++;
    for (int i = 0; i < n; i += 2)
        give(blocks[i]);
    show("every other block freed");
    for (int i = 1; i < n; i += 2)
        give(blocks[i]);
    show("the others too");
    printf("%d bytes: %s\n", CHUNK - HEADER, take(CHUNK - HEADER) ? "fit" : "do not fit");
    return 0;
}
