/* Blocks that one thread takes and another gives back. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { THREADS = 8 };

static void join_all(pthread_t *threads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
}

static void start_all(pthread_t *threads, size_t n, void *(*body)(void *))
{
    for (size_t i = 0; i < n; i++)
        EXPECT(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
}

static void *make_thousand(void *arg)
{
    char **blocks = arg;
    for (size_t i = 0; i < 1000; i++) {
        blocks[i] = malloc(i * 7);
        expect_fill(blocks[i], i * 7, i);
    }
    return NULL;
}

static void blocks_outlive_their_thread(void)
{
    static char *blocks[1000];
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, make_thousand, blocks) == 0);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 1000; i++) {
        EXPECT_SAY(expect_filled(blocks[i], i * 7, i), "block %zu", i);
        free(blocks[i]);
    }
}

static void *free_thousand(void *arg)
{
    char **blocks = arg;
    for (size_t i = 0; i < 1000; i++) {
        EXPECT(expect_filled(blocks[i], i * 7, i));
        free(blocks[i]);
    }
    return NULL;
}

static void blocks_are_freed_by_another_thread(void)
{
    static char *blocks[1000];
    for (int turn = 0; turn < 20; turn++) {
        pthread_t thread;
        make_thousand(blocks);
        EXPECT(pthread_create(&thread, NULL, free_thousand, blocks) == 0);
        pthread_join(thread, NULL);
    }
}

/* --- one makes, another frees, at the same time ------------------------------------------------- */
enum { RING = 256, PASSED = 200000 };
static void *ring[RING];
static sem_t full, room;

static size_t passed_size(size_t i)
{
    return 9 + i % 500 * (i % 100 == 1 ? 100 : 1);
}

static void *produce(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < PASSED; i++) {
        size_t size = passed_size(i);
        char *block = malloc(size);
        EXPECT(block);
        memcpy(block, &size, sizeof size);
        block[size - 1] = (char)size;
        sem_wait(&room);
        ring[i % RING] = block;
        sem_post(&full);
    }
    return NULL;
}

static void *consume(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < PASSED; i++) {
        size_t size;
        sem_wait(&full);
        char *block = ring[i % RING];
        sem_post(&room);
        memcpy(&size, block, sizeof size);
        EXPECT_SAY(size == passed_size(i), "block %zu", i);
        EXPECT(block[size - 1] == (char)size);
        free(block);
    }
    return NULL;
}

/* The consumer's frees must come back to the producer: 200,000 blocks never fit otherwise. */
static void producer_and_consumer_do_not_grow(void)
{
    pthread_t threads[2];
    sem_init(&full, 0, 0);
    sem_init(&room, 0, RING);
    long before = expect_rss_kib();
    EXPECT(pthread_create(&threads[0], NULL, produce, NULL) == 0);
    EXPECT(pthread_create(&threads[1], NULL, consume, NULL) == 0);
    join_all(threads, 2);
    EXPECT_SAY(expect_rss_kib() - before < 32 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

/* --- everybody frees everybody's ----------------------------------------------------------------- */
enum { SLOTS = 1024 };
static _Atomic(char *) slots[SLOTS];

static void *swap_blocks(void *arg)
{
    uint64_t seed = 77 + (uintptr_t)arg;
    for (int turn = 0; turn < 50000; turn++) {
        size_t size = 16 + expect_random(&seed) % (turn % 64 ? 600 : 40000);
        char *block = turn % 5 ? malloc(size) : calloc(1, size);
        memcpy(block, &size, sizeof size);
        memset(block + sizeof size, (int)size, size - sizeof size);
        block = atomic_exchange(&slots[expect_random(&seed) % SLOTS], block);
        if (!block)
            continue;
        memcpy(&size, block, sizeof size);
        EXPECT(block[sizeof size] == (char)size && block[size - 1] == (char)size);
        free(block);
    }
    return NULL;
}

static void threads_free_each_others_blocks(void)
{
    pthread_t threads[THREADS];
    start_all(threads, THREADS, swap_blocks);
    join_all(threads, THREADS);
    for (size_t i = 0; i < SLOTS; i++)
        free(atomic_exchange(&slots[i], NULL));
}

static void *swap_by_realloc(void *arg)
{
    uint64_t seed = 99 + (uintptr_t)arg;
    for (int turn = 0; turn < 20000; turn++) {
        _Atomic(char *) *slot = &slots[expect_random(&seed) % SLOTS];
        char *block = atomic_exchange(slot, NULL);
        bool had = block != NULL;
        block = realloc(block, 16 + expect_random(&seed) % 2000);
        EXPECT(block);
        EXPECT(!had || memcmp(block, "own", 4) == 0);
        memcpy(block, "own", 4);
        free(atomic_exchange(slot, block));
    }
    return NULL;
}

static void threads_resize_each_others_blocks(void)
{
    pthread_t threads[THREADS];
    start_all(threads, THREADS, swap_by_realloc);
    join_all(threads, THREADS);
    for (size_t i = 0; i < SLOTS; i++)
        free(atomic_exchange(&slots[i], NULL));
}

/* --- all functions of the family at once -------------------------------------------------------- */
static void *use_family(void *arg)
{
    uint64_t seed = 1 + (uintptr_t)arg;
    void *held[200] = { 0 };
    for (int turn = 0; turn < 20000; turn++) {
        size_t i = expect_random(&seed) % COUNT(held), size = expect_random(&seed) % 5000;
        free(held[i]);
        switch (expect_random(&seed) % 5) {
        case 0: held[i] = malloc(size); break;
        case 1: held[i] = calloc(size, 1); EXPECT(expect_zeroed(held[i], size)); break;
        case 2: held[i] = memalign(256, size); EXPECT((uintptr_t)held[i] % 256 == 0); break;
        case 3: held[i] = valloc(size); break;
        default: held[i] = realloc(malloc(10), size + 1);
        }
        EXPECT(held[i] && malloc_usable_size(held[i]) >= size);
        memset(held[i], (int)i, size);
    }
    for (size_t i = 0; i < COUNT(held); i++)
        free(held[i]);
    return NULL;
}

static void all_functions_in_all_threads(void)
{
    pthread_t threads[THREADS];
    start_all(threads, THREADS, use_family);
    join_all(threads, THREADS);
}

/* Waves of threads: what one wave leaves, the main thread frees in the next. */
static void waves_of_threads_hand_over(void)
{
    static char *blocks[THREADS][1000];
    for (int wave = 0; wave < 20; wave++) {
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++)
            EXPECT(pthread_create(&threads[i], NULL, make_thousand, blocks[i]) == 0);
        join_all(threads, THREADS);
        for (size_t i = 0; i < THREADS; i++)
            free_thousand(blocks[i]);
    }
    EXPECT_SAY(expect_rss_kib() < 600 * 1024, "%ld KiB resident", expect_rss_kib());
}

/* Fewer than are sent home unasked; the thread that freed them lives on. */
enum { TRIMMED = 500, TRIMMED_BYTES = 100 };
static char *trimmed[TRIMMED];
static sem_t freed, done;

static void *free_and_trim(void *arg)
{
    for (size_t i = 0; i < TRIMMED; i++)
        free(trimmed[i]);
    malloc_trim(0);
    sem_post(&freed);
    sem_wait(&done);
    return arg;
}

static bool was_trimmed(const char *block)
{
    for (size_t i = 0; i < TRIMMED; i++)
        if (trimmed[i] == block)
            return true;
    return false;
}

static void trim_sends_blocks_home(void)
{
    static char *again[8 * TRIMMED];
    pthread_t thread;
    size_t reused = 0;
    sem_init(&freed, 0, 0);
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < TRIMMED; i++)
        trimmed[i] = malloc(TRIMMED_BYTES);
    EXPECT(pthread_create(&thread, NULL, free_and_trim, NULL) == 0);
    while (sem_wait(&freed) != 0)
        continue;
    for (size_t i = 0; i < COUNT(again); i++)
        reused += was_trimmed(again[i] = malloc(TRIMMED_BYTES));
    sem_post(&done);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < COUNT(again); i++)
        free(again[i]);
    if (getenv("MEMOIR_STRATEGY")) /* only between slabs do blocks travel; a next fit takes others first */
        return;
    EXPECT_SAY(reused > TRIMMED / 2, "%zu of %d blocks came home", reused, TRIMMED);
}

EXPECT_MAIN(CASE(blocks_outlive_their_thread), CASE(blocks_are_freed_by_another_thread),
            CASE(producer_and_consumer_do_not_grow), CASE(threads_free_each_others_blocks),
            CASE(threads_resize_each_others_blocks), CASE(all_functions_in_all_threads),
            CASE(waves_of_threads_hand_over), CASE(trim_sends_blocks_home))
