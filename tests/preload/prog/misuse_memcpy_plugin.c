/* An object that is opened later calls memcpy itself: what it writes is met when the block is freed, not at the call. */
#include "misuse.h"
#include "plugin.h"

static void copy(size_t n)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    void *plugin = plugin_open("misuse_plugin", RTLD_NOW);
    void (*plugin_copy)(char *, const char *, size_t);
    *(void **)&plugin_copy = plugin_find(plugin, "plugin_copy");
    plugin_copy(p, data, HIDE(n));
    free(p);
}

static void bad(void) { copy(101); }
static void good(void) { copy(100); }

TWINS(bad, good)
