/* Frees a pointer into a block. */
#include "misuse.h"

static void bad(void) { free(HIDE((char *)malloc(96) + 8)); }
static void good(void) { free(HIDE((char *)malloc(96))); }

TWINS(bad, good)
