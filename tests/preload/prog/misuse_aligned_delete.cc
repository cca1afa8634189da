#include "misuse.h"

#include <new>

static void bad(void)
{
    void *p = HIDE(::operator new(40, std::align_val_t(64)));
    ::operator delete(p);
}

static void good(void)
{
    void *p = HIDE(::operator new(40, std::align_val_t(64)));
    ::operator delete(p, std::align_val_t(64));
}

TWINS(bad, good)
