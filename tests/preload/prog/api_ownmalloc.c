/* A program that defines the whole family itself: its definitions serve everybody, also the C
 * library, and what is preloaded keeps out of the way. */
#include "expect.h"
#include <pthread.h>
#include <sys/mman.h>

static char pool[64 << 20] __attribute__((aligned(16)));
static size_t used, calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct header {
    size_t size, pad;
};

static bool is_own(const void *p) { return (const char *)p >= pool && (const char *)p < pool + sizeof pool; }

void *memalign(size_t align, size_t size)
{
    pthread_mutex_lock(&lock);
    calls++;
    size_t at = used + sizeof(struct header);
    align = align < 16 ? 16 : align;
    at = (at + align - 1) / align * align;
    bool fits = size < sizeof pool && at + size <= sizeof pool;
    if (fits)
        used = at + size;
    pthread_mutex_unlock(&lock);
    if (!fits) {
        errno = ENOMEM;
        return NULL;
    }
    ((struct header *)(pool + at))[-1].size = size;
    return pool + at;
}

void *malloc(size_t size) { return memalign(16, size); }
void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **block, size_t align, size_t size)
{
    *block = memalign(align, size);
    return *block ? 0 : ENOMEM;
}

void *calloc(size_t n, size_t size)
{
    void *block = malloc(n * size);
    return block ? memset(block, 0, n * size) : NULL;
}

void free(void *block)
{
    EXPECT_SAY(!block || is_own(block), "a foreign block came to the program's free");
}

size_t malloc_usable_size(void *block) { return block ? ((struct header *)block)[-1].size : 0; }

void *realloc(void *old, size_t size)
{
    size_t had = malloc_usable_size(old);
    void *block = malloc(size);
    return block && old ? memcpy(block, old, had < size ? had : size) : block;
}

static void the_programs_own_malloc_serves_libc(void)
{
    size_t before = calls;
    char *text = strdup("own"), *printed = NULL;
    EXPECT(is_own(text));
    EXPECT(asprintf(&printed, "%d", 7) == 1 && is_own(printed));
    EXPECT(calls > before);
    free(text);
    free(printed);
    FILE *f = fopen("/proc/self/stat", "r");
    EXPECT(f && fgetc(f) != EOF);
    fclose(f);
}

static void *use(void *arg)
{
    free(malloc(100));
    free(strdup("thread"));
    return arg;
}

static void the_programs_own_malloc_serves_threads(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, use, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

static void the_programs_own_malloc_fails_as_it_likes(void)
{
    EXPECT_FAILS(malloc(sizeof pool), ENOMEM);
    EXPECT(system("exit 0") == 0);
}

EXPECT_MAIN(CASE(the_programs_own_malloc_serves_libc), CASE(the_programs_own_malloc_serves_threads),
            CASE(the_programs_own_malloc_fails_as_it_likes))
