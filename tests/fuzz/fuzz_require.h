/* fuzz_require.h: what must hold for every input; a fuzzer sees a breach as a crash. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    abort();
}
