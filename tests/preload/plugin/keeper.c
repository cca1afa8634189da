/* A plugin with a heap life of its own, for api_plugin and api_deepbind. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void *kept[100];

void keeper_keep(void)
{
    for (size_t i = 0; i < 100; i++) {
        free(kept[i]);
        kept[i] = malloc(i * 100 + 1);
        memset(kept[i], (int)i, i * 100 + 1);
    }
}

void keeper_drop(void)
{
    for (size_t i = 0; i < 100; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
}

/* Blocks full of 'k' for the caller to free. */
void *keeper_give(size_t size)
{
    void *block = malloc(size);
    return block ? memset(block, 'k', size) : NULL;
}

void *keeper_give_zeroed(size_t size) { return calloc(1, size); }

void *keeper_give_aligned(size_t align, size_t size)
{
    void *block = memalign(align, size);
    return block ? memset(block, 'k', size) : NULL;
}

void keeper_take(void *block) { free(block); }
void *keeper_resize(void *block, size_t size) { return realloc(block, size); }

__attribute__((constructor)) static void begin(void) { keeper_keep(); }
__attribute__((destructor)) static void end(void) { keeper_drop(); }
