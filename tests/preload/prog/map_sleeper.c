/* map_sleeper die: allocates for two seconds and kills itself.
 * map_sleeper DIR: makes a heap with a gap of a MiB, says so by a file, and sleeps until SIGTERM, which it survives
 * long enough to exit with 7. A wait that a signal of memoir's interrupts goes on. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t told;

static void tell(int sig)
{
    (void)sig;
    told = 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(void)
{
    for (double end = now() + 2; now() < end;)
        for (int i = 0; i < 10000; i++)
            free(malloc((size_t)i % 3000));
    kill(getpid(), SIGKILL);
}

int main(int argc, char **argv)
{
    char path[4096];
    void *blocks[5];
    if (argc > 1 && strcmp(argv[1], "die") == 0)
        die();
    for (int i = 0; i < 5; i++)
        blocks[i] = malloc(1 << 20);
    free(blocks[2]);
    blocks[2] = malloc(100);
    signal(SIGTERM, tell);
    snprintf(path, sizeof path, "%s/ready", argc > 1 ? argv[1] : ".");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    while (!told)
        pause();
    return 7;
}
