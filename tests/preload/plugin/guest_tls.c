/* A library whose thread-local data is too large for the static TLS surplus: every thread gets its
 * copy by an allocation inside __tls_get_addr. */
#include <string.h>

static __thread char large[1 << 20];
static __thread int initialised = 42;

int tls_touch(char mark)
{
    int before = initialised;
    initialised = mark;
    memset(large, mark, sizeof large);
    return before == 42 && large[sizeof large - 1] == mark;
}
