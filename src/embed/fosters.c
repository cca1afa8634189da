/* fosters.c: blocks of a pool that came from malloc because it was full. The table of them lies outside the blocks,
 * so that a pointer that is none of them is known without being read. */
#include "embed.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

static size_t slot_of(const struct mr_embed_fosters *f, const void *p)
{
    return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 32 & (f->capacity - 1);
}

/* The place of p, or the empty one where it would go. capacity > 0. */
static struct mr_embed_foster *place_of(const struct mr_embed_fosters *f, const void *p)
{
    size_t i = slot_of(f, p);
    while (f->table[i].block && f->table[i].block != p)
        i = (i + 1) & (f->capacity - 1);
    return &f->table[i];
}

static bool make_room(struct mr_embed_fosters *f)
{
    if (2 * (f->count + 1) <= f->capacity)
        return true;
    struct mr_embed_fosters wider = *f;
    wider.capacity = f->capacity ? 2 * f->capacity : FIRST_CAPACITY;
    wider.table = calloc(wider.capacity, sizeof *wider.table);
    if (!wider.table)
        return false;
    for (size_t i = 0; i < f->capacity; i++)
        if (f->table[i].block)
            *place_of(&wider, f->table[i].block) = f->table[i];
    free(f->table);
    *f = wider;
    return true;
}

void *mr_embed_fosters_take(struct mr_embed_fosters *f, size_t align, size_t size, const char *file, unsigned line)
{
    void *p = NULL;
    if (size > PTRDIFF_MAX / 2 || !make_room(f) || posix_memalign(&p, mr_max(align, 16), mr_max(size, 1)) != 0)
        return NULL;
    *place_of(f, p) = (struct mr_embed_foster){ p, size, file, line };
    f->count++;
    f->bytes += size;
    return p;
}

struct mr_embed_foster *mr_embed_fosters_find(const struct mr_embed_fosters *f, const void *p)
{
    struct mr_embed_foster *place = f->count ? place_of(f, p) : NULL;
    return place && place->block ? place : NULL;
}

/* Closes the gap in the run of places behind `hole`, so that every probe still reaches its block (Knuth, TAOCP 3,
 * 6.4, algorithm R). */
static void close_gap(struct mr_embed_fosters *f, size_t hole)
{
    size_t mask = f->capacity - 1;
    for (size_t i = (hole + 1) & mask; f->table[i].block; i = (i + 1) & mask) {
        size_t home = slot_of(f, f->table[i].block);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            f->table[hole] = f->table[i];
            hole = i;
        }
    }
    f->table[hole] = (struct mr_embed_foster){ 0 };
}

void mr_embed_fosters_give(struct mr_embed_fosters *f, struct mr_embed_foster *foster)
{
    f->count--;
    f->bytes -= foster->size;
    free(foster->block);
    close_gap(f, (size_t)(foster - f->table));
}

void mr_embed_fosters_drop(struct mr_embed_fosters *f)
{
    for (size_t i = 0; i < f->capacity; i++)
        free(f->table[i].block);
    free(f->table);
    *f = (struct mr_embed_fosters){ 0 };
}
