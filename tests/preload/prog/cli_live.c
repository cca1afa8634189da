/* cli_live SECONDS [CODE]: holds 3 MiB made at once, gains 1,000 bytes a thousand times a second, and asks for 4,096
 * blocks of 64 bytes a thousand times a second that it gives back at once. Says "ready", ends with CODE (default 0). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept;

__attribute__((noinline)) static void hold_much(void)
{
    for (int i = 0; i < 3; i++) {
        void **block = malloc(1 << 20);
        memset(block, 1, 1 << 20);
        *block = kept;
        kept = block;
    }
    kept = NULL;
}

__attribute__((noinline)) static void *gain(void *last)
{
    void **block = malloc(1000);
    memset(block, 0, 1000);
    *block = last;
    return block;
}

__attribute__((noinline)) static void churn(void)
{
    for (int i = 0; i < 4096; i++) {
        kept = malloc(64);
        free(kept);
    }
    kept = NULL;
}

int main(int argc, char **argv)
{
    void *chain = NULL;
    (void)argc;
    hold_much();
    if (write(1, "ready\n", 6) < 0)
        return 1;
    for (long n = 1000 * atol(argv[1]); n > 0; n--) {
        chain = gain(chain);
        churn();
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    kept = chain;
    return argc > 2 ? atoi(argv[2]) : 0;
}
