#include "symbol.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

/* Longer names (a test suite's templates) take minutes to demangle and pages to read. */
enum { LINKAGE_MOST = 16384 };

/* Without parameters: the line tells overloads apart, and reports stay readable. Both manglings of Rust are
 * tried before C++, whose names the older of them imitates. */
char *mr_demangle(const char *linkage)
{
    if (linkage[0] != '_' || strlen(linkage) > LINKAGE_MOST)
        return NULL;
    char *name = cplus_demangle(linkage, DMGL_RUST);
    return name ? name : cplus_demangle(linkage, DMGL_GNU_V3 | DMGL_ANSI);
}
