/* errno survives free and a realloc that succeeds, on every path: small, large, moved, remapped,
 * given back to the system, first use of a thread, a block of another thread. */
#include "guest.h"

#include <pthread.h>

static const size_t sizes[] = { 1, 16, 100, 1000, 8000, 20000, 70000, 300000, 3 << 20, 64 << 20 };
enum { COUNT = sizeof sizes / sizeof sizes[0], MARK = 4711 };

static void drop(void *p)
{
    errno = MARK;
    free(p);
    EXPECT(errno == MARK);
}

static void *resize(void *p, size_t n)
{
    errno = MARK;
    p = realloc(p, n);
    EXPECT(p != NULL && errno == MARK);
    return p;
}

static void *every_path(void *arg)
{
    drop(NULL);
    if (arg)
        drop(arg);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            void *p = guest_new(sizes[i] < 4096 ? sizes[i] : 4096);
            p = resize(p, sizes[i]);
            p = resize(p, sizes[j]);
            drop(p);
        }
    void *many[2000];
    for (int i = 0; i < 2000; i++)
        many[i] = guest_new(1000);
    for (int i = 0; i < 2000; i++)
        drop(many[i]);
    drop(resize(NULL, 500));
    drop(aligned_alloc(1 << 21, 1 << 21));
    return NULL;
}

int main(void)
{
    every_path(NULL);
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, every_path, guest_new(1000)) == 0);
        pthread_join(thread, NULL);
    }
    return 0;
}
