/* slab_threads.c: threads that pass constructed objects to each other.
 *
 * Teaches: with MEMOIR_SLAB_THREAD_CACHES each thread allocates and frees without a lock, whoever allocated; a
 * constructor makes what is expensive (here a mutex) once per object, not once per use, and the destructor ends
 * it. */
#include <pthread.h>
#include <stdio.h>

#include <memoir/slab.h>

enum { MESSAGES = 100000 };

struct message {
    pthread_mutex_t mutex; /* made by the constructor, unlocked whenever the message is free */
    struct message *next;
    int number;
};

static struct memoir_slab *messages;
static struct message *queue;
static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static long made, ended;

static bool make(void *ctx, void *object)
{
    (void)ctx;
    made++; /* under the slab's lock */
    return pthread_mutex_init(&((struct message *)object)->mutex, NULL) == 0;
}

static void end(void *ctx, void *object)
{
    (void)ctx;
    ended++;
    pthread_mutex_destroy(&((struct message *)object)->mutex);
}

static void *send_all(void *unused)
{
    for (int i = 0; i < MESSAGES; i++) {
        struct message *m = (struct message *)memoir_slab_alloc(messages);
        m->number = i;
        pthread_mutex_lock(&queue_mutex);
        m->next = queue;
        queue = m;
        pthread_mutex_unlock(&queue_mutex);
    }
    return unused;
}

static long receive(long sum)
{
    pthread_mutex_lock(&queue_mutex);
    struct message *m = queue;
    queue = NULL;
    pthread_mutex_unlock(&queue_mutex);
    while (m) {
        struct message *next = m->next;
        sum += m->number + 1;
        memoir_slab_free(messages, m);
        m = next;
    }
    return sum;
}

int main(void)
{
    struct memoir_slab_options options = {
        .size = sizeof(struct message), .flags = MEMOIR_SLAB_THREAD_CACHES, .construct = make, .destruct = end,
    };
    pthread_t sender;
    long sum = 0, all = (long)MESSAGES * (MESSAGES + 1) / 2;
    messages = memoir_slab_create(&options);
    if (!messages || pthread_create(&sender, NULL, send_all, NULL) != 0)
        return 1;
    while (sum < all)
        sum = receive(sum);
    pthread_join(sender, NULL);
    size_t left = memoir_slab_destroy(messages);
    printf("%d messages, %ld mutexes made, %ld ended, %zu messages left\n", MESSAGES, made, ended, left);
    return left != 0 || made != ended;
}
