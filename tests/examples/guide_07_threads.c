/* guide_07_threads.c: many threads, one heap. Seventh of ten steps.
 *
 * Teaches: a lock makes the lists of guide_06_classes.c right for threads, and slow: they wait for each other. So each
 * thread keeps a few free blocks of its own, which nobody else touches, and goes to the shared list only for a whole batch.
 * A block may be freed by another thread than the one that took it: it then simply stays there. What the
 * threads keep at hand is the price. (memoir's threads own whole slabs, and send foreign blocks home in batches.) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 64, BATCH = 32, BLOCKS = 4096, THREADS = 4, ROUNDS = 200000 };

struct link { struct link *next; };

static _Alignas(64) char memory[BLOCKS][SIZE];
static struct link *shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long visits; /* to the shared list; under the lock */

static _Thread_local struct link *mine;
static _Thread_local int count; /* blocks in mine */

static void move(struct link **from, struct link **to)
{
    struct link *p = *from;
    *from = p->next;
    p->next = *to;
    *to = p;
}

static void fetch_batch(void)
{
    pthread_mutex_lock(&lock);
    for (visits++; count < BATCH && shared; count++)
        move(&shared, &mine);
    pthread_mutex_unlock(&lock);
}

static void return_batch(int keep)
{
    pthread_mutex_lock(&lock);
    for (visits++; count > keep; count--)
        move(&mine, &shared);
    pthread_mutex_unlock(&lock);
}

static void *take(void)
{
    if (!mine)
        fetch_batch();
    struct link *p = mine;
    if (p) {
        mine = p->next;
        count--;
    }
    return p;
}

static void give(void *block)
{
    struct link *p = block;
    p->next = mine;
    mine = p;
    if (++count > 2 * BATCH) /* not at BATCH: a program that takes and gives one in turn would go there each time */
        return_batch(BATCH);
}

static void *work(void *arg)
{
    void *held[8] = { 0 };
    for (int i = 0; i < ROUNDS; i++) {
        int k = i * 5 % 8;
        if (held[k])
            give(held[k]);
        if (!(held[k] = take()))
            exit(1);
        *(void **)held[k] = held[k]; /* whoever else had this block would notice */
    }
    for (int k = 0; k < 8; k++) {
        if (*(void **)held[k] != held[k])
            exit(2);
        give(held[k]);
    }
    return_batch(0); /* a thread that ends gives back what it kept */
    return arg;
}

int main(void)
{
    pthread_t threads[THREADS];
    size_t blocks = 0;
    for (int i = 0; i < BLOCKS; i++) {
        ((struct link *)memory[i])->next = shared;
        shared = (struct link *)memory[i];
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (struct link *p = shared; p; p = p->next)
        blocks++;
    printf("%d threads, %d pairs each: the lock was taken %lu times\n", THREADS, ROUNDS, visits);
    printf("all %d blocks are back: %s\n", BLOCKS, blocks == BLOCKS ? "yes" : "no");
    return blocks != BLOCKS;
}
