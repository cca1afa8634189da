/* leaks.c: the live leak check over threads that take, link and free blocks, on top of libmemoir.a: under ThreadSanitizer
 * and AddressSanitizer. `leaks SECONDS THREADS`.
 *
 *   1. what the threads write without atomics is read while the world is stopped: it stands still, and the handshake of
 *      signals must order it, or ThreadSanitizer tells of a race
 *   2. no block of the threads' lists is ever called lost, in place or in a copy
 *
 * A busy thread makes calls: ThreadSanitizer keeps signals back until there is one. */
#include "direct.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "check.h"

enum { THREADS_MOST = 64, LISTS_MOST = 400 };
enum { LINK_LEAST = 5000, LINK_MOST = 9000 }; /* sizes that nothing else here has */

#define REQUIRE(condition, ...)                                                   \
    do {                                                                          \
        if (!(condition)) {                                                       \
            dprintf(2, "leaks: line %d: ", __LINE__), dprintf(2, __VA_ARGS__);    \
            dprintf(2, "\n");                                                     \
            _exit(1);                                                             \
        }                                                                         \
    } while (0)

struct link {
    struct link *next;
    uint64_t check; /* its own address, inverted */
};

/* Plain words: only the thread itself writes them. */
static struct worker {
    pthread_t thread;
    struct link *head;
    uint64_t steps, length;
    uint64_t seed;
} workers[THREADS_MOST];

static _Atomic bool leave;
static _Atomic uint32_t ready;

static uint32_t draw(struct worker *w, uint32_t n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % n;
}

static void push(struct worker *w)
{
    struct link *fresh = calloc(1, LINK_LEAST + draw(w, LINK_MOST - LINK_LEAST));
    *fresh = (struct link){ w->head, ~(uint64_t)(uintptr_t)fresh };
    w->head = fresh;
    w->length++;
}

static void pop(struct worker *w)
{
    struct link *first = w->head;
    REQUIRE(first->check == ~(uint64_t)(uintptr_t)first, "a block in use was written to");
    w->head = first->next;
    w->length--;
    free(first);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    atomic_fetch_add(&ready, 1);
    for (; !atomic_load(&leave); w->steps++)
        if (w->length == 0 || (w->length < LISTS_MOST && draw(w, 2)))
            push(w);
        else
            pop(w);
    while (w->head)
        pop(w);
    return NULL;
}

/* ---- what the one who stops them sees ---------------------------------------------------------------------------- */

static uint64_t sum_of_steps(size_t threads)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < threads; i++)
        sum += workers[i].steps;
    return sum;
}

/* A sanitizer has a thread of its own that takes no signals. */
static bool is_worker(const struct mr_world *world, size_t threads)
{
    return world->count - world->unstopped >= threads && !world->unlisted;
}

static uint64_t stop_and_look(size_t threads)
{
    struct mr_world world;
    REQUIRE(mr_world_stop(&world, 20000), "nobody else stops the world");
    REQUIRE(is_worker(&world, threads), "%u of %u threads were not stopped", world.unstopped, world.count);
    uint64_t before = sum_of_steps(threads);
    usleep(500);
    uint64_t after = sum_of_steps(threads);
    for (size_t i = 0; i < threads; i++)
        if (workers[i].head)
            REQUIRE(workers[i].head->check == ~(uint64_t)(uintptr_t)workers[i].head, "a head is no link");
    mr_world_resume(&world);
    REQUIRE(before == after, "the threads ran on: %lu steps", (unsigned long)(after - before));
    return before;
}

static uint64_t *found; /* shared with the copy: [0] links in use, [1] links called lost */

static void note(void *ctx, const struct mr_leak_block *block)
{
    (void)ctx;
    if (block->size < LINK_LEAST || block->size > LINK_MOST * 9 / 8)
        return;
    found[0]++;
    found[1] += block->kind == MR_LEAK_DEFINITE || block->kind == MR_LEAK_INDIRECT;
}

static uint64_t check_leaks(bool in_place)
{
    struct mr_leak_request request = { .each = note, .in_place = in_place, .patience_ms = 20000 };
    struct mr_leak_result result;
    found[0] = found[1] = 0;
    REQUIRE(mr_leak_check(&request, &result), "%s", result.impossible);
    REQUIRE(result.in_place == in_place, "the check was made elsewhere");
    REQUIRE(found[1] == 0, "%lu of %lu links are lost", (unsigned long)found[1], (unsigned long)found[0]);
    return found[0];
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 1, threads = argc > 2 ? strtol(argv[2], NULL, 10) : 4;
    REQUIRE(seconds > 0 && threads > 0 && threads <= THREADS_MOST, "usage: leaks SECONDS THREADS");
    mr_heap_boot();
    found = mr_world_share(4096);
    for (long i = 0; i < threads; i++) {
        workers[i].seed = (uint64_t)i;
        REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "no thread");
    }
    while (atomic_load(&ready) < (uint32_t)threads)
        usleep(100);
    uint64_t until = mr_clock_ns() + (uint64_t)seconds * 1000000000, rounds = 0, steps = 0, links = 0;
    do {
        steps = stop_and_look((size_t)threads);
        links += check_leaks(rounds % 2 == 0);
        rounds++;
    } while (mr_clock_ns() < until || rounds < 4);
    atomic_store(&leave, true);
    for (long i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    REQUIRE(links > 0 && steps > 0, "nothing was done");
    printf("leaks: %lu checks among %ld threads, %lu steps, %lu links looked at\n", (unsigned long)rounds, threads,
           (unsigned long)steps, (unsigned long)links);
    return 0;
}
