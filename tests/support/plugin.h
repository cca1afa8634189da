/* plugin.h: opens a shared object built from tests/preload/plugin, for programs in tests/prog. */
#ifndef MR_TESTS_PLUGIN_H
#define MR_TESTS_PLUGIN_H

#include "expect.h"
#include <dlfcn.h>
#include <limits.h>

/* The plugins lie beside the directory of the programs. */
EXPECT_UNUSED void *plugin_open(const char *name, int flags)
{
    char path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    EXPECT(n > 0);
    path[n] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(path, '/') = '\0';
    snprintf(path + strlen(path), 64, "/plugin/%s.so", name);
    void *plugin = dlopen(path, flags);
    EXPECT_SAY(plugin, "%s", dlerror());
    return plugin;
}

EXPECT_UNUSED void *plugin_find(void *plugin, const char *name)
{
    void *found = dlsym(plugin, name);
    EXPECT_SAY(found, "%s is missing", name);
    return found;
}

#endif
