/* A kernel with larger OS pages, as seen by whoever asks for their size: the program's own getauxval says so.
 * Everything must hold when the size is taken from there and not from the compiler. argv[1]: bytes. */
#include "guest.h"

#include <dlfcn.h>
#include <sys/auxv.h>

unsigned long getauxval(unsigned long type)
{
    static unsigned long (*real)(unsigned long);
    static unsigned long page;
    if (type != AT_PAGESZ) {
        if (!real)
            *(void **)&real = dlsym(RTLD_NEXT, "getauxval");
        return real(type);
    }
    if (!page) { /* asked before main: the argument lies on the stack of the kernel, after its count */
        extern char **environ;
        for (const char *digit = environ[-2]; *digit; digit++)
            page = page * 10 + (unsigned long)(*digit - '0');
    }
    return page;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    size_t page = strtoul(argv[1], NULL, 10);
    guest_exercise(20);
    for (size_t n = 1; n < 8 << 20; n *= 3) {
        void *p = guest_new(n), *q;
        EXPECT(posix_memalign(&q, page * 2, n) == 0 && (size_t)q % (page * 2) == 0);
        guest_mark(q, n);
        guest_drop(p, n);
        guest_drop(q, n);
    }
    void *p = valloc(1);
    EXPECT((size_t)p % 4096 == 0);
    free(p);
    return 0;
}
