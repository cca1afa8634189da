/* watched SECONDS: pairs of malloc and free from two call stacks, and a line for each 100,000 of them: when, and the CPU
 * time they took in microseconds. For bench/top.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *volatile kept;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noinline)) static void small(void)
{
    for (int i = 0; i < 100; i++) {
        kept = malloc(64);
        free(kept);
    }
}

__attribute__((noinline)) static void larger(void)
{
    for (int i = 0; i < 100; i++) {
        kept = malloc(200);
        free(kept);
    }
}

int main(int argc, char **argv)
{
    double end = seconds(CLOCK_MONOTONIC) + (argc > 1 ? atof(argv[1]) : 10);
    while (seconds(CLOCK_MONOTONIC) < end) {
        double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (int i = 0; i < 500; i++) {
            small();
            larger();
        }
        printf("%.3f %.1f\n", seconds(CLOCK_MONOTONIC), (seconds(CLOCK_PROCESS_CPUTIME_ID) - before) * 1e6);
    }
    return 0;
}
