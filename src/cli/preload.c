#include "preload.h"
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libmemoir.so"

/* Beside the program memoir (as built), else in ../lib of it (as installed). */
static bool find_library(char *path)
{
    static const char *const places[] = { "", "../lib/" };
    char self[PATH_MAX], candidate[PATH_MAX + 32];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    while (len > 0 && self[len - 1] != '/')
        len--;
    for (size_t i = 0; i < MR_COUNT(places); i++) {
        snprintf(candidate, sizeof candidate, "%.*s%s" LIBRARY, (int)len, self, places[i]);
        if (realpath(candidate, path))
            return true;
    }
    return false;
}

int mr_preload_find(const char *wanted, char *path)
{
    if (wanted ? !realpath(wanted, path) : !find_library(path)) {
        if (wanted)
            mr_cli_say("--library=%s: %s", wanted, strerror(errno));
        else
            mr_cli_say(LIBRARY " lies neither beside memoir nor in ../lib of it; --library=PATH names it");
        return wanted ? MR_CODE_USAGE : MR_CODE_FAILED;
    }
    if (strpbrk(path, " :$")) {
        mr_cli_say("%s: the loader cannot preload a path with a blank, a colon or a dollar sign", path);
        return MR_CODE_FAILED;
    }
    return 0;
}

int mr_preload_set(const char *wanted)
{
    char path[PATH_MAX];
    int code = mr_preload_find(wanted, path);
    if (code)
        return code;
    const char *others = getenv("LD_PRELOAD");
    char *all = NULL;
    if (asprintf(&all, "%s%s%s", path, others && *others ? ":" : "", others ? others : "") < 0)
        return MR_CODE_FAILED;
    setenv("LD_PRELOAD", all, 1);
    free(all);
    return 0;
}
