/* The dynamic linker allocates: dlerror texts, dynamic TLS, objects opened and closed. argv[1] is
 * the directory of the test libraries. */
#include "guest.h"

#include <dlfcn.h>
#include <pthread.h>

static const char *dir;

static void *open_library(const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.so", dir, name);
    void *lib = dlopen(path, flags);
    EXPECT(lib != NULL);
    return lib;
}

static void missing_symbols(void)
{
    for (int i = 0; i < 200; i++) {
        EXPECT(dlsym(RTLD_DEFAULT, "guest_no_such_symbol") == NULL);
        const char *text = dlerror();
        EXPECT(text && strstr(text, "guest_no_such_symbol"));
        EXPECT(dlerror() == NULL);
        EXPECT(dlsym(RTLD_NEXT, "guest_nor_this_one") == NULL);
        EXPECT(dlopen("/nonexistent/guest.so", RTLD_NOW) == NULL);
    }
    EXPECT(dlerror() != NULL);
}

/* An error text left behind is freed by the thread's exit. */
static void *leave_error(void *arg)
{
    EXPECT(dlsym(RTLD_DEFAULT, "guest_left_behind") == NULL);
    return arg;
}

static int (*touch)(char);
static pthread_barrier_t gate;

static void *use_tls(void *arg)
{
    pthread_barrier_wait(&gate);
    EXPECT(touch((char)(intptr_t)arg));
    guest_exercise(1);
    pthread_barrier_wait(&gate);
    return NULL;
}

/* Threads that were there before the library came get their copy of its data on first touch. */
static void dynamic_tls(void)
{
    pthread_t threads[8];
    pthread_barrier_init(&gate, NULL, 9);
    for (intptr_t i = 0; i < 8; i++)
        EXPECT(pthread_create(&threads[i], NULL, use_tls, (void *)(i + 1)) == 0);
    void *lib = open_library("guest_tls", RTLD_NOW);
    *(void **)&touch = dlsym(lib, "tls_touch");
    EXPECT(touch != NULL);
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    EXPECT(touch(9));
    EXPECT(dlclose(lib) == 0);
    pthread_barrier_destroy(&gate);
}

static void *open_and_close(void *arg)
{
    for (int i = 0; i < 50; i++) {
        void *lib = open_library("guest_plugin", i % 2 ? RTLD_LAZY | RTLD_LOCAL : RTLD_NOW | RTLD_GLOBAL);
        char *(*make)(size_t);
        void (*drop)(void *);
        *(void **)&make = dlsym(lib, "plugin_make");
        *(void **)&drop = dlsym(lib, "plugin_drop");
        char *theirs = guest_mark(make(1000), 1000);
        drop(guest_new(5000));
        EXPECT(dlclose(lib) == 0);
        guest_drop(theirs, 1000);
    }
    return arg;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    dir = argv[1];
    missing_symbols();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        EXPECT(pthread_create(&threads[i], NULL, i % 2 ? open_and_close : leave_error, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 5; i++)
        dynamic_tls();
    open_library("guest_plugin", RTLD_NOW); /* its destructor runs at exit */
    return 0;
}
