#include "misuse.h"

#include <new>

static void bad(void)
{
    void *p = HIDE(::operator new(40));
    ::operator delete(p, (size_t)44);
}

static void good(void)
{
    void *p = HIDE(::operator new(40));
    ::operator delete(p, (size_t)40);
}

TWINS(bad, good)
