/* memoir_check in the middle of a run: while threads allocate, in a handler, and after a stray write. */
#include "guest.h"

#include <memoir.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile int over, asked;

static void *churn(void *seed)
{
    void *held[64] = { 0 };
    for (uint32_t r = (uint32_t)(uintptr_t)seed; !over; r = r * 1664525 + 1013904223) {
        free(held[r >> 26]);
        held[r >> 26] = malloc(1 + (r >> 8) % 2000);
    }
    for (int i = 0; i < 64; i++)
        free(held[i]);
    return NULL;
}

static void ask(int sig)
{
    (void)sig;
    const char *wrong = memoir_check();
    EXPECT(wrong == NULL || strncmp(wrong, "unknown", 7) == 0);
    asked++;
}

/* Nothing that only passes by is called wrong. */
static void while_threads_allocate(void)
{
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 100; i++)
        ask(0);
    over = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void in_handlers(void)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    const struct itimerspec often = { .it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000 };
    signal(SIGUSR1, ask);
    asked = 0;
    over = 0;
    EXPECT(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    timer_settime(timer, 0, &often, NULL);
    void *held[64] = { 0 };
    for (uint32_t r = 7; asked < 100; r = r * 1664525 + 1013904223) {
        free(held[r >> 26]);
        held[r >> 26] = malloc(1 + (r >> 8) % 2000);
    }
    timer_delete(timer);
}

/* A free block's first word is the link of a list, unless the heap is hardened. */
static void after_a_stray_write(void)
{
    char place[32], *p = malloc(100), *kept = malloc(100);
    snprintf(place, sizeof place, "at %p", (void *)p);
    free(p);
    uintptr_t link;
    memcpy(&link, p, sizeof link);
    *(volatile uintptr_t *)(void *)p = 0x4141414141414141;
    const char *wrong = memoir_check();
    if (getenv("MEMOIR_HARDEN"))
        EXPECT(wrong == NULL);
    else
        EXPECT(wrong && strstr(wrong, "a free list leaves its slab") && strstr(wrong, place));
    *(volatile uintptr_t *)(void *)p = link;
    EXPECT(memoir_check() == NULL);
    free(kept);
}

int main(int argc, char **argv)
{
    if (!memoir_check)
        return 0;
    while_threads_allocate();
    in_handlers();
    if (argc > 1 && strcmp(argv[1], "stray") == 0)
        after_a_stray_write();
    return 0;
}
