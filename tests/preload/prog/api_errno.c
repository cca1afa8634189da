/* free leaves errno as it was, whatever it has to do to give the block back. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

static const size_t sizes[] = { 0, 1, 16, 100, 1000, 4096, 32768, 65536, 131072, 135168,
                                1 << 20, 5 << 20, 33 << 20, 100 << 20 };

static void frees_quietly(void *block)
{
    static const int codes[] = { 0, EINVAL, ENOMEM, 4711 };
    static unsigned turn;
    int code = codes[turn++ % COUNT(codes)];
    errno = code;
    free(block);
    EXPECT_SAY(errno == code, "errno became %d, was %d", errno, code);
}

static void free_keeps_errno_at_every_size(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int turn = 0; turn < 5; turn++) {
            char *block = malloc(sizes[i]);
            EXPECT(block);
            if (sizes[i])
                block[0] = block[sizes[i] - 1] = 1;
            frees_quietly(block);
        }
}

static void free_keeps_errno_for_null(void)
{
    for (int i = 0; i < 4; i++)
        frees_quietly(NULL);
}

static void free_keeps_errno_for_aligned_blocks(void)
{
    for (size_t align = 16; align <= (size_t)1 << 26; align *= 2)
        frees_quietly(memalign(align, 1000));
}

/* The last frees empty the heap, so memory is merged, trimmed and unmapped under way. */
static void free_keeps_errno_while_the_heap_shrinks(void)
{
    enum { BLOCKS = 20000 };
    static char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(i % 5000);
        EXPECT(blocks[i]);
    }
    for (size_t i = BLOCKS; i-- > 0;)
        frees_quietly(blocks[i]);
}

/* munmap in the middle of a mapping may fail for want of mappings: a block whose neighbours have
 * other protections must still be freed without a trace. */
static void free_keeps_errno_when_the_kernel_refuses(void)
{
    char *blocks[64];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = malloc(3 << 20);
        EXPECT(blocks[i]);
        EXPECT(mlock(blocks[i] + 4096, 4096) == 0 || errno == ENOMEM || errno == EPERM);
    }
    for (size_t i = 0; i < COUNT(blocks); i += 2)
        frees_quietly(blocks[i]);
    for (size_t i = 1; i < COUNT(blocks); i += 2)
        frees_quietly(blocks[i]);
}

static void *free_all(void *list)
{
    char **blocks = list;
    for (size_t i = 0; i < COUNT(sizes); i++)
        frees_quietly(blocks[i]);
    return NULL;
}

static void free_keeps_errno_in_another_thread(void)
{
    char *blocks[COUNT(sizes)];
    pthread_t thread;
    for (size_t i = 0; i < COUNT(sizes); i++)
        blocks[i] = malloc(sizes[i]);
    EXPECT(pthread_create(&thread, NULL, free_all, blocks) == 0);
    pthread_join(thread, NULL);
}

static void posix_memalign_failure_keeps_errno(void)
{
    void *block = NULL;
    errno = 4711;
    EXPECT(posix_memalign(&block, 3, 8) == EINVAL);
    EXPECT(errno == 4711);
}

static void success_sets_no_errno(void)
{
    errno = 0;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = malloc(sizes[i]);
        block = realloc(block, sizes[i] * 2 + 1);
        EXPECT(block);
        free(block);
    }
    EXPECT(errno == 0);
}

EXPECT_MAIN(CASE(free_keeps_errno_at_every_size), CASE(free_keeps_errno_for_null),
            CASE(free_keeps_errno_for_aligned_blocks), CASE(free_keeps_errno_while_the_heap_shrinks),
            CASE(free_keeps_errno_when_the_kernel_refuses), CASE(free_keeps_errno_in_another_thread),
            CASE(posix_memalign_failure_keeps_errno), CASE(success_sets_no_errno))
