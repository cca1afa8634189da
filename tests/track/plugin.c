/* plugin.c: loaded and unloaded by twists.cc; twice, with frames of different size in the same places. */
#include <stdlib.h>
#include <string.h>

#ifndef ROOM
#define ROOM 1
#endif

__attribute__((noinline)) static void deep(int n, void (*back)(void))
{
    volatile char room[ROOM * 64];
    room[0] = (char)n;
    free(strdup("a string of the plugin"));
    back();
    if (n > 0)
        deep(n - 1, back);
    room[1] = room[0];
}

void run(void (*back)(void));
void run(void (*back)(void))
{
    deep(5, back);
    back();
}
