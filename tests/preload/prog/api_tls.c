/* What runs when a thread ends: its destructors allocate and free after the allocator's own. */
#include "expect.h"
#include <limits.h>
#include <pthread.h>

enum { KEYS = 60 };
static pthread_key_t keys[KEYS];

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void run_threads(size_t n, void *(*body)(void *))
{
    for (size_t i = 0; i < n; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, body, (void *)i) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    }
}

/* --- pthread keys: a destructor that sets its key again is called up to four rounds --------------- */
struct value {
    unsigned rounds;
    unsigned key;
    char body[200];
};

static void again(void *arg)
{
    struct value *old = arg, *next = malloc(sizeof *next);
    EXPECT(expect_filled(old->body, sizeof old->body, old->key));
    *next = *old;
    free(old);
    if (++next->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        free(malloc(100000));
        pthread_setspecific(keys[next->key], next);
    } else {
        free(next);
    }
}

static void *set_keys(void *arg)
{
    for (unsigned k = 0; k < KEYS; k++) {
        struct value *v = calloc(1, sizeof *v);
        v->key = k;
        expect_fill(v->body, sizeof v->body, k);
        pthread_setspecific(keys[k], v);
    }
    return arg;
}

static void make_keys(void)
{
    for (unsigned k = 0; k < KEYS; k++)
        EXPECT(pthread_key_create(&keys[k], again) == 0);
}

static void drop_keys(void)
{
    for (unsigned k = 0; k < KEYS; k++)
        pthread_key_delete(keys[k]);
}

static void key_destructors_allocate_four_rounds(void)
{
    make_keys();
    run_threads(10, set_keys);
    drop_keys();
}

/* Each late allocation of an ending thread that cost a heap of its own would show here. */
static void late_allocations_do_not_pile_up(void)
{
    make_keys();
    run_threads(100, set_keys);
    long before = expect_rss_kib();
    run_threads(3000, set_keys);
    EXPECT_SAY(expect_rss_kib() - before < 8 * 1024, "%ld KiB more", expect_rss_kib() - before);
    drop_keys();
}

/* --- thread_local objects of C++ ------------------------------------------------------------------ */
static void destroy_object(void *object)
{
    EXPECT(expect_filled(object, 3000, 5));
    char *late = calloc(1, 500);
    EXPECT(expect_zeroed(late, 500));
    free(object);
    free(late);
}

static void *make_objects(void *arg)
{
    for (int i = 0; i < 20; i++) {
        char *object = malloc(3000);
        expect_fill(object, 3000, 5);
        EXPECT(__cxa_thread_atexit_impl(destroy_object, object, &__dso_handle) == 0);
    }
    return arg;
}

static void thread_local_destructors_allocate(void)
{
    run_threads(50, make_objects);
}

static void only_allocate(void *arg)
{
    (void)arg;
    char *p = malloc(64);
    memset(p, 1, 64);
    free(p);
}

static void *allocate_only_at_the_end(void *arg)
{
    EXPECT(__cxa_thread_atexit_impl(only_allocate, arg, &__dso_handle) == 0);
    return NULL;
}

static void threads_that_allocate_only_at_their_end(void)
{
    run_threads(100, allocate_only_at_the_end);
    long before = expect_rss_kib();
    run_threads(5000, allocate_only_at_the_end);
    EXPECT_SAY(expect_rss_kib() - before < 8 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

/* --- what is left to others ---------------------------------------------------------------------- */
static char *left[100];

static void leave_block(void *arg)
{
    size_t i = (size_t)arg - 1;
    left[i] = malloc(1000);
    expect_fill(left[i], 1000, i);
}

static pthread_key_t leave_key;

static void *set_leave_key(void *arg)
{
    pthread_setspecific(leave_key, (char *)arg + 1);
    return NULL;
}

static void blocks_made_by_destructors_outlive_the_thread(void)
{
    EXPECT(pthread_key_create(&leave_key, leave_block) == 0);
    run_threads(COUNT(left), set_leave_key);
    for (size_t i = 0; i < COUNT(left); i++) {
        EXPECT(expect_filled(left[i], 1000, i));
        free(left[i]);
    }
    pthread_key_delete(leave_key);
}

/* A destructor frees what another thread made. */
static void *set_foreign_value(void *arg)
{
    (void)arg;
    static unsigned turn;
    pthread_setspecific(leave_key, left[turn++ % COUNT(left)]);
    return NULL;
}

static void destructors_free_blocks_of_others(void)
{
    EXPECT(pthread_key_create(&leave_key, free) == 0);
    for (size_t i = 0; i < COUNT(left); i++)
        left[i] = malloc(i * 300 + 1);
    run_threads(COUNT(left), set_foreign_value);
    pthread_key_delete(leave_key);
}

static void *exit_deep(void *arg)
{
    set_keys(arg);
    make_objects(arg);
    pthread_exit(malloc(10));
}

static void pthread_exit_hands_out_a_block(void)
{
    make_keys();
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        void *block;
        EXPECT(pthread_create(&thread, NULL, exit_deep, NULL) == 0);
        EXPECT(pthread_join(thread, &block) == 0);
        free(block);
    }
    drop_keys();
}

EXPECT_MAIN(CASE(key_destructors_allocate_four_rounds), CASE(late_allocations_do_not_pile_up),
            CASE(thread_local_destructors_allocate),
            CASE(threads_that_allocate_only_at_their_end), CASE(blocks_made_by_destructors_outlive_the_thread),
            CASE(destructors_free_blocks_of_others), CASE(pthread_exit_hands_out_a_block))
