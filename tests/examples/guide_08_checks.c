/* guide_08_checks.c: errors of the program, seen by its allocator. Eighth of ten steps.
 *
 * Teaches: a canary behind each block tells of writes past its end; a word in the header tells a block from one that was
 * freed already, or from a pointer to anything else; 0xCC in fresh memory and 0xDD in freed memory make a program that
 * uses either fail early and visibly; a few freed blocks kept back from use show writes after free. Here the
 * allocator beneath is malloc. memoir has all of it as an option for programs as they are (--check). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRESH = 0xCC, FREED = 0xDD, KEPT = 4 };
#define IN_USE UINT64_C(0x6b636f6c62206e69)
#define IS_FREE UINT64_C(0x6b636f6c62206f6e)

struct header {
    uint64_t state, size;
};

static struct header *kept[KEPT]; /* freed not long ago: a ring */
static unsigned frees;

/* Another one for each block: what is copied from one to the other is no canary there. */
static uint64_t canary_of(const struct header *h) { return (uintptr_t)h * UINT64_C(0x9E3779B97F4A7C15) ^ h->size; }

static void say(const char *what, const struct header *h) { printf("%s (block of %lu bytes)\n", what, (unsigned long)h->size); }

static void *take(size_t bytes)
{
    struct header *h = bytes < SIZE_MAX / 2 ? malloc(sizeof *h + bytes + sizeof(uint64_t)) : NULL;
    if (!h)
        return NULL;
    *h = (struct header){ IN_USE, bytes };
    memset(h + 1, FRESH, bytes);
    uint64_t canary = canary_of(h);
    memcpy((char *)(h + 1) + bytes, &canary, sizeof canary);
    return h + 1;
}

/* The block that has been kept longest really goes, if nobody wrote to it. */
static void retire(struct header *h)
{
    const unsigned char *bytes = (const unsigned char *)(h + 1);
    for (uint64_t i = 0; i < h->size; i++)
        if (bytes[i] != FREED) {
            say("written to after it was freed", h);
            break;
        }
    free(h);
}

static void give(void *p)
{
    struct header *h = (struct header *)p - 1;
    uint64_t canary;
    if (h->state == IS_FREE) {
        say("freed twice", h);
        return;
    }
    if (h->state != IN_USE) {
        printf("freed what is no block\n");
        return;
    }
    memcpy(&canary, (char *)p + h->size, sizeof canary);
    if (canary != canary_of(h))
        say("written past its end", h);
    h->state = IS_FREE;
    memset(p, FREED, h->size);
    if (kept[frees % KEPT])
        retire(kept[frees % KEPT]);
    kept[frees++ % KEPT] = h;
}

int main(void)
{
    char *p = take(10), *q = take(20), *r = take(30);
    uint64_t numbers[4] = { 1, 2, 3, 4 };
    printf("fresh memory reads as 0x%02x\n", (unsigned char)p[3]);
    p[10] = 'x'; /* one too far */
    give(p);
    give(q);
    give(q);
    give(&numbers[2]);
    give(r);
    r[5] = 'y'; /* no longer its own */
    for (int i = 0; i < KEPT; i++)
        give(take(40));
    return 0;
}
