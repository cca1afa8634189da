#include "misuse.h"

#include <fcntl.h>
#include <unistd.h>

static void bad(void)
{
    char *p = HIDE((char *)malloc(10));
    int fd = open("/dev/zero", O_RDONLY);
    read(fd, p, HIDE((size_t)11));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(10));
    int fd = open("/dev/zero", O_RDONLY);
    read(fd, p, HIDE((size_t)10));
    free(p);
}

TWINS(bad, good)
