/* A program with a getenv of its own, which allocates; environ itself is moved and emptied. */
#include "guest.h"

static int calls;

char *getenv(const char *name)
{
    void *scratch = malloc(200);
    size_t n = strlen(name);
    calls++;
    free(scratch);
    for (char **e = environ; e && *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e + n + 1;
    return NULL;
}

int main(void)
{
    guest_exercise(3);
    EXPECT(getenv("PATH") != NULL);
    EXPECT(setenv("GUEST_NEW", "1", 1) == 0);
    EXPECT(getenv("GUEST_NEW") != NULL);
    EXPECT(unsetenv("GUEST_NEW") == 0);
    EXPECT(calls == 2);
    EXPECT(clearenv() == 0);
    guest_exercise(3);
    EXPECT(putenv("GUEST_LAST=1") == 0);
    return 0;
}
