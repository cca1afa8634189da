/* dlopen of an allocator into a running process: its malloc works beside the one in use. argv[1]
 * is its path; without one there is nothing to test. */
#include "guest.h"

#include <dlfcn.h>
#include <pthread.h>

static void *(*their_malloc)(size_t);
static void *(*their_realloc)(void *, size_t);
static void (*their_free)(void *);

static void *use_both(void *arg)
{
    for (size_t n = 1; n < 300000; n = n * 3 / 2 + 1) {
        void *ours = guest_new(n);
        void *theirs = guest_mark(their_malloc(n), n);
        EXPECT(guest_intact(ours, n));
        EXPECT(guest_intact(theirs, n));
        theirs = their_realloc(theirs, n * 2);
        EXPECT(theirs != NULL);
        memset(theirs, 1, n * 2);
        EXPECT(guest_intact(ours, n));
        their_free(theirs);
        guest_drop(ours, n);
    }
    return arg;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 0;
    guest_exercise(2);
    char *kept = strdup("from before");
    pthread_t early, late;
    void *lib = dlopen(argv[1], argc > 2 ? RTLD_NOW | RTLD_DEEPBIND : RTLD_NOW | RTLD_GLOBAL);
    EXPECT(lib != NULL);
    *(void **)&their_malloc = dlsym(lib, "malloc");
    *(void **)&their_realloc = dlsym(lib, "realloc");
    *(void **)&their_free = dlsym(lib, "free");
    EXPECT(their_malloc && their_realloc && their_free);
    use_both(NULL);
    EXPECT(pthread_create(&early, NULL, use_both, NULL) == 0);
    EXPECT(pthread_create(&late, NULL, use_both, NULL) == 0);
    pthread_join(early, NULL);
    pthread_join(late, NULL);
    void *left = their_malloc(100);
    EXPECT(dlclose(lib) == 0);
    their_free(left); /* an allocator does not leave: its blocks are out there */
    EXPECT(strcmp(kept, "from before") == 0);
    free(kept);
    return 0;
}
