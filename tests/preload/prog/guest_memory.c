/* Memory comes back. argv[1]: "burst": 256 MiB freed, the program works on; "idle": freed, and then
 * nothing is called any more; "scattered": every 16th block stays, the rest is used again;
 * "million": a million live blocks, replaced at random, freed at random. */
#include "guest.h"

static size_t any_size(uint64_t *seed)
{
    return (size_t)(expect_random(seed) % 2000) + 16;
}

static void burst(bool idle)
{
    enum { N = 256 << 10 };
    static void *blocks[N];
    uint64_t seed = 3;
    long before = guest_status("VmRSS:");
    for (int i = 0; i < N; i++)
        EXPECT(memset(blocks[i] = malloc(any_size(&seed)), 1, 16) != NULL);
    EXPECT(guest_status("VmRSS:") - before > 200 << 10);
    for (int i = 0; i < N; i++)
        free(blocks[i]);
    for (int i = 0; i < 60; i++) {
        guest_sleep_ms(50);
        if (!idle)
            guest_exercise(1);
    }
    EXPECT(guest_status("VmRSS:") - before < 32 << 10);
}

/* Of 200 MiB 1/16 stays: what follows, of nearly the same size, must find its room between, not on top. */
static void scattered(void)
{
    enum { N = 200 << 10, M = 100 << 10 };
    static void *blocks[N], *others[M];
    long before = guest_status("VmRSS:");
    for (int i = 0; i < N; i++)
        blocks[i] = guest_new(1000);
    for (int i = 0; i < N; i++)
        if (i % 16 != 0)
            guest_drop(blocks[i], 1000);
    for (int i = 0; i < M; i++)
        others[i] = guest_new(980);
    EXPECT(guest_status("VmRSS:") - before < 230 << 10);
    for (int i = 0; i < M; i++)
        guest_drop(others[i], 980);
    for (int i = 0; i < N; i += 16)
        guest_drop(blocks[i], 1000);
}

/* CPU time: a busy machine is not the heap's fault. */
static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void million(void)
{
    enum { N = 1000000 };
    static void *blocks[N];
    uint64_t seed = 5;
    double start = cpu_seconds();
    for (int i = 0; i < N; i++)
        *(int *)(blocks[i] = malloc(expect_random(&seed) % 240 + 16)) = i;
    for (int i = 0; i < N; i++) {
        int at = (int)(expect_random(&seed) % N);
        EXPECT(*(int *)blocks[at] == at);
        free(blocks[at]);
        *(int *)(blocks[at] = malloc(expect_random(&seed) % 240 + 16)) = at;
    }
    for (int i = 0; i < N; i++) {
        int at = (int)((uint64_t)i * 7919 % N);
        EXPECT(*(int *)blocks[at] == at);
        free(blocks[at]);
    }
    EXPECT(cpu_seconds() - start < 10);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    if (strcmp(argv[1], "million") == 0)
        million();
    else if (strcmp(argv[1], "scattered") == 0)
        scattered();
    else
        burst(strcmp(argv[1], "idle") == 0);
    return 0;
}
