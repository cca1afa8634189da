/* Every name a program can find by dlsym serves one and the same heap. */
#include "expect.h"
#include <dlfcn.h>
#include <malloc.h>

typedef void *alloc_fn(size_t);
typedef void *pair_fn(size_t, size_t);
typedef void *resize_fn(void *, size_t);
typedef void free_fn(void *);
typedef void free_sized_fn(void *, size_t);
typedef void free_aligned_fn(void *, size_t, size_t);

/* The object of the process that `address` lies in. */
static void *object_of(void *address)
{
    Dl_info info;
    EXPECT(dladdr(address, &info) != 0);
    return info.dli_fbase;
}

/* NULL where the name does not exist; never another library's. */
static void *find(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    EXPECT_SAY(found || !expect_memoir(), "%s is missing", name);
    if (found)
        EXPECT_SAY(object_of(found) == object_of(dlsym(RTLD_DEFAULT, "malloc")), "%s is not where malloc is", name);
    return found;
}

static void all_public_names_are_of_one_library(void)
{
    static const char *const names[] = {
        "malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign",
        "valloc", "pvalloc", "malloc_usable_size", "mallinfo", "mallinfo2", "malloc_info", "malloc_stats",
        "malloc_trim", "mallopt",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        EXPECT_SAY(find(names[i]), "%s is missing", names[i]);
}

static void glibc_internal_names_are_of_the_same_library(void)
{
    static const char *const names[] = {
        "__libc_malloc", "__libc_free", "__libc_calloc", "__libc_realloc", "__libc_memalign",
        "__libc_valloc", "__libc_pvalloc", "__posix_memalign",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (dlsym(RTLD_DEFAULT, names[i]))
            find(names[i]);
}

/* A block from any of the names goes to any of the frees. */
static void names_may_be_mixed(void)
{
    static const char *const allocs[] = { "malloc", "__libc_malloc", "valloc", "__libc_valloc", "pvalloc", "__libc_pvalloc" };
    static const char *const frees[] = { "free", "__libc_free", "cfree" };
    for (size_t i = 0; i < COUNT(allocs); i++)
        for (size_t j = 0; j < COUNT(frees); j++)
            for (size_t size = 1; size < 1000000; size *= 9) {
                alloc_fn *take = (alloc_fn *)dlsym(RTLD_DEFAULT, allocs[i]);
                free_fn *give = (free_fn *)dlsym(RTLD_DEFAULT, frees[j]);
                if (!take || !give)
                    continue;
                char *block = take(size);
                EXPECT_SAY(block, "%s(%zu)", allocs[i], size);
                EXPECT_SAY(malloc_usable_size(block) >= size, "%s(%zu)", allocs[i], size);
                memset(block, 1, size);
                give(block);
            }
}

static void pair_names_may_be_mixed(void)
{
    static const char *const names[] = { "calloc", "__libc_calloc", "memalign", "__libc_memalign", "aligned_alloc" };
    for (size_t i = 0; i < COUNT(names); i++) {
        pair_fn *take = (pair_fn *)dlsym(RTLD_DEFAULT, names[i]);
        if (!take)
            continue;
        char *block = take(64, 640);
        EXPECT_SAY(block, "%s", names[i]);
        memset(block, 1, 640);
        free(block);
    }
}

static void libc_realloc_takes_our_block(void)
{
    resize_fn *resize = (resize_fn *)dlsym(RTLD_DEFAULT, "__libc_realloc");
    if (!resize)
        SKIP("no __libc_realloc");
    char *block = malloc(100);
    expect_fill(block, 100, 1);
    block = resize(block, 50000);
    EXPECT(block && expect_filled(block, 100, 1));
    block = realloc(block, 200);
    EXPECT(block && expect_filled(block, 100, 1));
    EXPECT(resize(block, 0) == NULL);
}

static void cfree_frees(void)
{
    free_fn *give = (free_fn *)find("cfree");
    if (!give)
        SKIP("no cfree");
    for (int i = 0; i < 1000; i++) {
        char *block = calloc(1, 100000);
        memset(block, 1, 100000);
        give(block);
    }
    give(NULL);
    EXPECT(expect_rss_kib() < 50 * 1024);
}

/* C23: the size is the one that was asked for. */
static void free_sized_frees(void)
{
    free_sized_fn *give = (free_sized_fn *)find("free_sized");
    if (!give)
        SKIP("no free_sized");
    for (size_t size = 0; size < 300000; size += 1 + size / 5) {
        give(malloc(size), size);
        give(calloc(1, size), size);
        give(realloc(malloc(7), size + 1), size + 1);
    }
    errno = 4711;
    give(NULL, 0);
    give(malloc(100000), 100000);
    EXPECT(errno == 4711);
}

static void free_aligned_sized_frees(void)
{
    free_aligned_fn *give = (free_aligned_fn *)find("free_aligned_sized");
    if (!give)
        SKIP("no free_aligned_sized");
    for (size_t align = 16; align < 1 << 20; align *= 4)
        for (size_t size = 1; size < 300000; size *= 3)
            give(aligned_alloc(align, size), align, size);
    give(NULL, 16, 0);
}

/* Found in the next object instead of the first: glibc's own, which must still be whole. */
static void the_next_malloc_still_works(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    EXPECT(libc);
    alloc_fn *take = (alloc_fn *)dlsym(libc, "__libc_malloc");
    free_fn *give = (free_fn *)dlsym(libc, "__libc_free");
    EXPECT(take && give);
    for (size_t size = 1; size < 1000000; size *= 7) {
        char *theirs = take(size), *ours = malloc(size);
        EXPECT(theirs && ours && theirs != ours);
        memset(theirs, 1, size);
        memset(ours, 2, size);
        EXPECT(theirs[size - 1] == 1);
        give(theirs);
        free(ours);
    }
    dlclose(libc);
}

EXPECT_MAIN(CASE(all_public_names_are_of_one_library), CASE(glibc_internal_names_are_of_the_same_library),
            CASE(names_may_be_mixed), CASE(pair_names_may_be_mixed), CASE(libc_realloc_takes_our_block),
            CASE(cfree_frees), CASE(free_sized_frees), CASE(free_aligned_sized_frees),
            CASE(the_next_malloc_still_works))
