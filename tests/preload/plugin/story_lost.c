/* For story_leaks: a library that loses a block and is closed. */
#include <stdlib.h>
#include <string.h>

static void *volatile kept;

/* Returns the line that allocates. */
int story_lost(void);
int story_lost(void)
{
    kept = malloc(88); const int line = __LINE__;
    memset(kept, 0, 88);
    kept = NULL;
    return line;
}
