/* fill.c: patterns that make what nobody wrote recognisable. */
#include <string.h>

#include "zone.h"

void mr_fill_set(void *p, size_t size, unsigned char byte) { memset(p, byte, mr_min(size, MR_FILL_MOST)); }

size_t mr_fill_difference(const void *p, size_t size, unsigned char byte)
{
    const unsigned char *bytes = p;
    size_t n = mr_min(size, MR_FILL_MOST), i = 0;
    if (n == 0 || (bytes[0] == byte && memcmp(bytes, bytes + 1, n - 1) == 0))
        return size;
    while (bytes[i] == byte)
        i++;
    return i;
}
