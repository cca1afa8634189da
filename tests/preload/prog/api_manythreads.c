/* Very many threads: at once, and one after another. */
#include "expect.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t leaving = PTHREAD_COND_INITIALIZER;
static bool leave;
static atomic_uint ready;

static pthread_attr_t *small_stack(void)
{
    static pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 << 10);
    return &attr;
}

static void *hold_a_few(void *arg)
{
    char *blocks[8];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = malloc(16 << i);
        EXPECT(blocks[i]);
        expect_fill(blocks[i], 16 << i, i);
    }
    atomic_fetch_add(&ready, 1);
    pthread_mutex_lock(&lock);
    while (!leave)
        pthread_cond_wait(&leaving, &lock);
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        EXPECT(expect_filled(blocks[i], 16 << i, i));
        free(blocks[i]);
    }
    return arg;
}

/* Limits on processes or mappings may stop us earlier: what could be started must still work. */
static void ten_thousand_at_once(void)
{
    enum { MOST = 10000 };
    static pthread_t threads[MOST];
    size_t n = 0;
    while (n < MOST && pthread_create(&threads[n], small_stack(), hold_a_few, NULL) == 0)
        n++;
    if (n < MOST)
        expect_note("fewer threads", "the system's limit was reached");
    EXPECT_SAY(n > 100, "only %zu threads", n);
    while (atomic_load(&ready) < n)
        usleep(1000);
    pthread_mutex_lock(&lock);
    leave = true;
    pthread_cond_broadcast(&leaving);
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static void *use_a_little(void *arg)
{
    for (size_t size = 16; size < 40000; size *= 3) {
        char *block = malloc(size);
        EXPECT(block);
        block[0] = block[size - 1] = 1;
        free(block);
    }
    return arg;
}

static void run_one_after_another(size_t n, void *(*body)(void *))
{
    for (size_t i = 0; i < n; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, body, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

/* 8 MiB for 20,000 threads is 420 bytes each: any heap or table row left behind per thread shows. */
static void twenty_thousand_one_after_another(void)
{
    run_one_after_another(200, use_a_little);
    long before = expect_rss_kib();
    run_one_after_another(20000, use_a_little);
    EXPECT_SAY(expect_rss_kib() - before < 8 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

static void *leave_a_block(void *arg)
{
    *(char **)arg = malloc(1000);
    memset(*(char **)arg, 1, 1000);
    return NULL;
}

/* Each thread's one block lives on a while: its heap must find a new owner, not a new heap each. */
static void ended_threads_blocks_do_not_pile_up(void)
{
    static char *window[100];
    long before = 0;
    for (size_t i = 0; i < 5000; i++) {
        pthread_t thread;
        free(window[i % COUNT(window)]);
        EXPECT(pthread_create(&thread, NULL, leave_a_block, &window[i % COUNT(window)]) == 0);
        pthread_join(thread, NULL);
        if (i == 500)
            before = expect_rss_kib();
    }
    EXPECT_SAY(expect_rss_kib() - before < 16 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

static void *detached(void *arg)
{
    use_a_little(NULL);
    atomic_fetch_add((atomic_uint *)arg, 1);
    return NULL;
}

static void detached_threads_come_and_go(void)
{
    static atomic_uint done;
    for (unsigned i = 0; i < 2000; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, small_stack(), detached, &done) == 0);
        pthread_detach(thread);
        while (i - atomic_load(&done) > 50 && i > atomic_load(&done))
            sched_yield();
    }
    while (atomic_load(&done) < 2000)
        usleep(1000);
}

EXPECT_MAIN(CASE(ten_thousand_at_once), CASE(twenty_thousand_one_after_another),
            CASE(ended_threads_blocks_do_not_pile_up), CASE(detached_threads_come_and_go))
