/* A plugin: allocates in its constructor, gives back in its destructor, keeps one block for good. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *name;
static void *table[100];
static char *kept;

__attribute__((constructor)) static void load(void)
{
    name = strdup("plugin");
    kept = strdup("kept");
    for (int i = 0; i < 100; i++)
        table[i] = calloc(1, (size_t)i * 100 + 1);
}

__attribute__((destructor)) static void unload(void)
{
    if (strcmp(name, "plugin") != 0 || strcmp(kept, "kept") != 0)
        _exit(3);
    free(name);
    for (int i = 0; i < 100; i++)
        free(table[i]);
    free(malloc(300000));
}

char *plugin_make(size_t n) { return malloc(n); }
void plugin_drop(void *p) { free(p); }
