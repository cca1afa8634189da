/* A plugin opened with RTLD_DEEPBIND binds to the C library's own malloc: its blocks come from the
 * other heap and end in our functions. The opposite way is the C library's to survive, and it does not. */
#include "plugin.h"
#include <malloc.h>
#include <pthread.h>

typedef void *give_fn(size_t);
typedef void *give_aligned_fn(size_t, size_t);
typedef void take_fn(void *);

static void *plugin;
static give_fn *give, *give_zeroed;
static give_aligned_fn *give_aligned;

static void open_plugin(void)
{
    if (plugin)
        return;
    plugin = plugin_open("keeper", RTLD_NOW | RTLD_DEEPBIND);
    give = (give_fn *)plugin_find(plugin, "keeper_give");
    give_zeroed = (give_fn *)plugin_find(plugin, "keeper_give_zeroed");
    give_aligned = (give_aligned_fn *)plugin_find(plugin, "keeper_give_aligned");
}

/* From tiny to mapped by the C library on its own. */
static const size_t sizes[] = { 1, 24, 100, 1000, 4096, 10000, 65536, 100000, 131072, 200000, 1 << 20, 40 << 20 };

static void its_blocks_can_be_freed(void)
{
    open_plugin();
    for (int turn = 0; turn < 20; turn++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            free(turn % 2 ? give_zeroed(sizes[i]) : give(sizes[i]));
}

static void its_blocks_keep_errno_when_freed(void)
{
    open_plugin();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = give(sizes[i]);
        errno = 4711;
        free(block);
        EXPECT_SAY(errno == 4711, "size %zu", sizes[i]);
    }
}

static void its_blocks_have_a_usable_size(void)
{
    open_plugin();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = give(sizes[i]);
        EXPECT_SAY(malloc_usable_size(block) >= sizes[i], "size %zu", sizes[i]);
        memset(block, 1, malloc_usable_size(block));
        free(block);
    }
}

static void its_blocks_can_be_resized(void)
{
    open_plugin();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t j = 0; j < COUNT(sizes); j++) {
            size_t kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            char *block = realloc(give(sizes[i]), sizes[j]);
            EXPECT(block);
            EXPECT_SAY(block[0] == 'k' && block[kept - 1] == 'k', "%zu to %zu", sizes[i], sizes[j]);
            memset(block, 1, sizes[j]);
            block = realloc(block, sizes[j] + 5000);
            EXPECT(block && block[sizes[j] - 1] == 1);
            free(block);
        }
}

static void its_blocks_can_be_resized_to_nothing(void)
{
    open_plugin();
    for (size_t i = 0; i < COUNT(sizes); i++)
        EXPECT(realloc(give(sizes[i]), 0) == NULL);
}

static void its_block_survives_a_failed_realloc(void)
{
    open_plugin();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = give(sizes[i]);
        EXPECT_FAILS(realloc(block, SIZE_MAX - 100), ENOMEM);
        EXPECT_FAILS(reallocarray(block, SIZE_MAX / 2, 4), ENOMEM);
        EXPECT(block[0] == 'k' && block[sizes[i] - 1] == 'k');
        free(block);
    }
}

static void its_aligned_blocks_can_be_freed(void)
{
    open_plugin();
    for (size_t align = 16; align <= 1 << 22; align *= 2) {
        char *block = give_aligned(align, 1000);
        EXPECT(malloc_usable_size(block) >= 1000);
        block = realloc(block, 3000);
        EXPECT(block[999] == 'k');
        free(block);
        free(give_aligned(align, 100000));
    }
}

static void *free_in_thread(void *list)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        free(((char **)list)[i]);
    return NULL;
}

static void its_blocks_can_be_freed_by_another_thread(void)
{
    char *blocks[COUNT(sizes)];
    pthread_t thread;
    open_plugin();
    for (int turn = 0; turn < 20; turn++) {
        for (size_t i = 0; i < COUNT(sizes); i++)
            blocks[i] = give(sizes[i]);
        EXPECT(pthread_create(&thread, NULL, free_in_thread, blocks) == 0);
        pthread_join(thread, NULL);
    }
}

static void *give_in_thread(void *arg)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        ((char **)arg)[i] = give(sizes[i]);
    return NULL;
}

/* A thread of its own has an arena of its own in the C library. */
static void blocks_of_its_threads_can_be_freed(void)
{
    char *blocks[COUNT(sizes)];
    pthread_t thread;
    open_plugin();
    for (int turn = 0; turn < 20; turn++) {
        EXPECT(pthread_create(&thread, NULL, give_in_thread, blocks) == 0);
        pthread_join(thread, NULL);
        free_in_thread(blocks);
    }
}

static void both_heaps_live_side_by_side(void)
{
    open_plugin();
    char *theirs[200], *ours[200];
    take_fn *take = (take_fn *)plugin_find(plugin, "keeper_take");
    for (size_t i = 0; i < COUNT(ours); i++) {
        theirs[i] = give(i * 100 + 1);
        ours[i] = malloc(i * 100 + 1);
        expect_fill(ours[i], i * 100 + 1, i);
    }
    for (size_t i = 0; i < COUNT(ours); i++) {
        EXPECT(theirs[i][0] == 'k' && theirs[i][i * 100] == 'k');
        EXPECT(expect_filled(ours[i], i * 100 + 1, i));
        if (i % 2)
            take(theirs[i]);
        else
            free(theirs[i]);
        free(ours[i]);
    }
}

EXPECT_MAIN(CASE(its_blocks_can_be_freed), CASE(its_blocks_keep_errno_when_freed),
            CASE(its_blocks_have_a_usable_size), CASE(its_blocks_can_be_resized),
            CASE(its_blocks_can_be_resized_to_nothing), CASE(its_block_survives_a_failed_realloc),
            CASE(its_aligned_blocks_can_be_freed), CASE(its_blocks_can_be_freed_by_another_thread),
            CASE(blocks_of_its_threads_can_be_freed), CASE(both_heaps_live_side_by_side))
