/* Cancelled threads: the allocator is no cancellation point and survives those that go. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>

static void *allocate_while_cancelled(void *arg)
{
    pthread_cancel(pthread_self());
    for (size_t size = 1; size < (size_t)200 << 20; size = size * 2 + 1) {
        char *block = malloc(size);
        block = realloc(block, size * 2);
        free(calloc(1, size));
        free(memalign(4096, size));
        free(block);
    }
    malloc_trim(0);
    *(int *)arg = 1;
    pthread_testcancel();
    *(int *)arg = 2;
    return NULL;
}

static void allocating_is_no_cancellation_point(void)
{
    int reached = 0;
    void *result;
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, allocate_while_cancelled, &reached) == 0);
    pthread_join(thread, &result);
    EXPECT(reached == 1 && result == PTHREAD_CANCELED);
}

static void free_blocks(void *list)
{
    char **blocks = list;
    for (size_t i = 0; i < 100; i++)
        free(blocks[i]);
}

static void *allocate_until_cancelled(void *arg)
{
    char *blocks[100] = { 0 };
    pthread_cleanup_push(free_blocks, blocks);
    for (uint64_t seed = 1 + (uintptr_t)arg;;) {
        size_t i = expect_random(&seed) % 100;
        free(blocks[i]);
        blocks[i] = malloc(expect_random(&seed) % 20000);
        EXPECT(blocks[i]);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cleanup_handlers_free(void)
{
    for (int turn = 0; turn < 50; turn++) {
        pthread_t threads[4];
        for (size_t i = 0; i < COUNT(threads); i++)
            EXPECT(pthread_create(&threads[i], NULL, allocate_until_cancelled, (void *)i) == 0);
        usleep(500);
        for (size_t i = 0; i < COUNT(threads); i++)
            pthread_cancel(threads[i]);
        for (size_t i = 0; i < COUNT(threads); i++)
            pthread_join(threads[i], NULL);
    }
    EXPECT_SAY(expect_rss_kib() < 300 * 1024, "%ld KiB resident", expect_rss_kib());
}

static void *wait_for_ever(void *arg)
{
    (void)arg;
    char *mine = malloc(5000);
    pthread_cleanup_push(free, mine);
    memset(mine, 1, 5000);
    pause();
    pthread_cleanup_pop(1);
    return NULL;
}

static void sleeping_threads_are_cancelled(void)
{
    for (int turn = 0; turn < 200; turn++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
}

EXPECT_MAIN(CASE(allocating_is_no_cancellation_point), CASE(cleanup_handlers_free),
            CASE(sleeping_threads_are_cancelled))
