/* A program with a dlsym of its own that allocates and logs, as wrappers of graphics drivers have. */
#include "guest.h"

#include <dlfcn.h>

static int calls, depth;

void *dlsym(void *handle, const char *name)
{
    static void *(*real)(void *, const char *);
    EXPECT(++depth < 20);
    char *copy = strdup(name);
    calls++;
    if (!real)
        *(void **)&real = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
    void *found = real ? real(handle, copy) : NULL;
    free(copy);
    depth--;
    return found;
}

int main(void)
{
    guest_exercise(5);
    int before = calls;
    EXPECT(dlsym(RTLD_DEFAULT, "strlen") != NULL);
    EXPECT(dlsym(RTLD_DEFAULT, "guest_no_such_symbol") == NULL);
    EXPECT(calls == before + 2);
    guest_exercise(5);
    return 0;
}
