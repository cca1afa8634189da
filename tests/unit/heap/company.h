/* company.h: a second thread that does one thing after another when it is told to. */
#ifndef MR_TEST_COMPANY_H
#define MR_TEST_COMPANY_H

#include <semaphore.h>

#include "facts.h"

struct company {
    pthread_t thread;
    sem_t go, done;
    void (*task)(void *); /* NULL: end */
    void *arg;
    struct mr_heap *heap; /* its own, after each task */
};

static inline void *company_main(void *arg)
{
    struct company *c = arg;
    for (;;) {
        sem_wait(&c->go);
        if (!c->task)
            return NULL;
        c->task(c->arg);
        c->heap = mr_heap_self;
        sem_post(&c->done);
    }
}

static inline void company_start(struct company *c)
{
    sem_init(&c->go, 0, 0);
    sem_init(&c->done, 0, 0);
    cr_assert_eq(pthread_create(&c->thread, NULL, company_main, c), 0);
}

/* Has the other thread do it and waits until it has. */
static inline void company_do(struct company *c, void (*task)(void *), void *arg)
{
    c->task = task;
    c->arg = arg;
    sem_post(&c->go);
    sem_wait(&c->done);
}

static inline void company_end(struct company *c)
{
    c->task = NULL;
    sem_post(&c->go);
    pthread_join(c->thread, NULL);
}

/* Tasks: a batch of equal blocks, taken or given through the heap's face. */
struct batch {
    size_t size;
    int count;
    void *blocks[1000];
};

static inline void batch_take(void *arg)
{
    struct batch *b = arg;
    for (int i = 0; i < b->count; i++) {
        b->blocks[i] = mr_heap_malloc(b->size);
        memset(b->blocks[i], i, b->size);
    }
}

static inline void batch_give(void *arg)
{
    struct batch *b = arg;
    for (int i = 0; i < b->count; i++)
        mr_heap_free(b->blocks[i]);
}

/* A slow path that keeps nothing: the inbox is emptied on the way. */
static inline void pass_by(void *unused)
{
    (void)unused;
    mr_heap_free(mr_heap_malloc(100000));
}

#endif
