/* A plugin comes and goes; blocks cross its border in both directions and outlive it. */
#include "plugin.h"
#include <malloc.h>
#include <pthread.h>

typedef void *give_fn(size_t);
typedef void take_fn(void *);
typedef void *resize_fn(void *, size_t);

static void the_plugins_blocks_are_freed_by_us(void)
{
    void *plugin = plugin_open("keeper", RTLD_NOW);
    give_fn *give = (give_fn *)plugin_find(plugin, "keeper_give");
    for (size_t size = 1; size < 1000000; size = size * 3 + 1) {
        char *block = give(size);
        EXPECT(block[size - 1] == 'k' && malloc_usable_size(block) >= size);
        block = realloc(block, size * 2);
        EXPECT(block[size - 1] == 'k');
        free(block);
    }
    dlclose(plugin);
}

static void our_blocks_are_freed_by_the_plugin(void)
{
    void *plugin = plugin_open("keeper", RTLD_NOW);
    take_fn *take = (take_fn *)plugin_find(plugin, "keeper_take");
    resize_fn *resize = (resize_fn *)plugin_find(plugin, "keeper_resize");
    for (size_t size = 1; size < 1000000; size = size * 3 + 1) {
        char *block = malloc(size);
        expect_fill(block, size, 1);
        block = resize(block, size * 4);
        EXPECT(expect_filled(block, size, 1));
        take(block);
    }
    dlclose(plugin);
}

static void blocks_outlive_the_plugin(void)
{
    char *blocks[100];
    void *plugin = plugin_open("keeper", RTLD_NOW);
    give_fn *give = (give_fn *)plugin_find(plugin, "keeper_give");
    for (size_t i = 0; i < COUNT(blocks); i++)
        blocks[i] = give(i * 300 + 1);
    dlclose(plugin);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        EXPECT(blocks[i][0] == 'k' && blocks[i][i * 300] == 'k');
        free(blocks[i]);
    }
}

static void opening_again_and_again_does_not_grow(void)
{
    long before = 0;
    for (int i = 0; i < 400; i++) {
        void *plugin = plugin_open("keeper", i % 2 ? RTLD_NOW : RTLD_LAZY | RTLD_GLOBAL);
        ((void (*)(void))plugin_find(plugin, "keeper_keep"))();
        dlclose(plugin);
        if (i == 50)
            before = expect_rss_kib();
    }
    EXPECT_SAY(expect_rss_kib() - before < 4096, "%ld KiB more", expect_rss_kib() - before);
}

static void *open_and_close(void *arg)
{
    for (int i = 0; i < 50; i++) {
        void *plugin = plugin_open("keeper", RTLD_NOW);
        free(((give_fn *)plugin_find(plugin, "keeper_give"))(5000));
        dlclose(plugin);
    }
    return arg;
}

static void threads_open_and_close(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

EXPECT_MAIN(CASE(the_plugins_blocks_are_freed_by_us), CASE(our_blocks_are_freed_by_the_plugin),
            CASE(blocks_outlive_the_plugin), CASE(opening_again_and_again_does_not_grow),
            CASE(threads_open_and_close))
