/* The functions of malloc.h that tell about the heap, and those that tune it. */
#include "expect.h"
#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

enum { BLOCKS = 10000 };
static void *blocks[BLOCKS];

static void take_blocks(size_t size)
{
    for (size_t i = 0; i < BLOCKS; i++)
        EXPECT(blocks[i] = malloc(size));
}

static void give_blocks(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* 10,000 blocks of 1,000 bytes are 10 MB, give or take rounding and caches. */
static void mallinfo2_counts_what_is_in_use(void)
{
    size_t before = in_use();
    take_blocks(1000);
    size_t during = in_use();
    give_blocks();
    size_t after = in_use();
    EXPECT_SAY(during - before >= 10000000 && during - before < 14000000, "%zu more", during - before);
    EXPECT_SAY(after < before + 1000000, "%zu left, %zu before", after, before);
}

static void mallinfo2_counts_large_blocks(void)
{
    size_t before = in_use(), size = 64 << 20;
    void *block = malloc(size);
    EXPECT_SAY(in_use() - before >= size && in_use() - before < size * 2, "%zu more", in_use() - before);
    free(block);
    EXPECT(in_use() < before + 1000000);
}

static void mallinfo2_adds_up(void)
{
    take_blocks(500);
    struct mallinfo2 info = mallinfo2();
    give_blocks();
    EXPECT(info.arena >= 5000000);
    EXPECT_SAY(info.uordblks + info.fordblks == info.arena, "%zu + %zu, not %zu", info.uordblks, info.fordblks,
               info.arena);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void mallinfo_says_the_same(void)
{
    take_blocks(100);
    struct mallinfo2 wide = mallinfo2();
    struct mallinfo narrow = mallinfo();
    give_blocks();
    EXPECT((size_t)narrow.uordblks == wide.uordblks);
    EXPECT((size_t)narrow.arena == wide.arena);
}

static void *info_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        void *block = malloc(100 + i * 100);
        EXPECT(mallinfo2().arena > 0);
        free(block);
    }
    return NULL;
}

static void mallinfo_works_while_threads_allocate(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, info_thread, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

/* --- malloc_info -------------------------------------------------------------------------------- */
/* One tag of an XML text without comments: pushes, pops or neither. Returns behind it, or NULL. */
static const char *tag(const char *p, char names[][32], size_t *depth)
{
    const char *end = strchr(p, '>');
    if (!end)
        return NULL;
    bool closing = p[1] == '/', single = end[-1] == '/';
    const char *name = p + 1 + closing;
    size_t len = strcspn(name, " />\n");
    if (len == 0 || len > 31 || !isalpha((unsigned char)*name))
        return NULL;
    if (closing)
        return *depth > 0 && strlen(names[*depth - 1]) == len && memcmp(names[--*depth], name, len) == 0 ? end + 1 : NULL;
    if (!single) {
        memcpy(names[*depth], name, len);
        names[(*depth)++][len] = '\0';
    }
    return *depth < 15 ? end + 1 : NULL;
}

static bool well_formed(const char *text)
{
    char names[16][32];
    size_t depth = 0, quotes = 0;
    for (const char *p = text; *p; p++)
        quotes += *p == '"';
    if (quotes % 2)
        return false;
    for (const char *p = text; (p = strchr(p, '<'));)
        if (!(p = tag(p, names, &depth)))
            return false;
    return depth == 0;
}

static char *info_text(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    EXPECT(f);
    EXPECT(malloc_info(0, f) == 0);
    fclose(f);
    EXPECT(len > 0);
    return text;
}

static void malloc_info_is_well_formed_xml(void)
{
    char *text = info_text();
    EXPECT_SAY(strncmp(text, "<malloc version=", 16) == 0, "it begins %.40s", text);
    EXPECT_SAY(well_formed(text), "%.300s", text);
    free(text);
}

/* The number in <system type="current" size="N"/> behind the last </heap>. */
static size_t system_size(const char *text)
{
    const char *total = NULL;
    for (const char *p = text; (p = strstr(p, "<system type=\"current\" size=\"")); p++)
        total = p;
    EXPECT_SAY(total, "no <system type=\"current\" size=...> in it");
    return strtoull(total + 29, NULL, 10);
}

static void malloc_info_knows_the_size_of_the_heap(void)
{
    take_blocks(1000);
    char *text = info_text();
    give_blocks();
    EXPECT_SAY(system_size(text) >= 10000000, "%zu bytes", system_size(text));
    free(text);
}

static void malloc_info_refuses_options(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    EXPECT(malloc_info(1, f) == EINVAL);
    EXPECT(malloc_info(-1, f) == EINVAL);
    fclose(f);
    EXPECT(len == 0);
    free(text);
}

/* --- malloc_stats ------------------------------------------------------------------------------- */
static void malloc_stats_writes_to_stderr(void)
{
    static char text[65536];
    int file = memfd_create("stats", 0), saved = dup(2);
    dup2(file, 2);
    malloc_stats();
    fflush(stderr);
    dup2(saved, 2);
    EXPECT(pread(file, text, sizeof text - 1, 0) > 0);
    EXPECT_SAY(strstr(text, "system bytes") && strstr(text, "in use bytes"), "%.200s", text);
    close(file);
    close(saved);
}

/* --- malloc_trim, mallopt ----------------------------------------------------------------------- */
static void malloc_trim_gives_memory_back(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        memset(blocks[i] = malloc(10000), 1, 10000);
    long full = expect_rss_kib();
    give_blocks();
    int trimmed = malloc_trim(0);
    EXPECT(trimmed == 0 || trimmed == 1);
    EXPECT_SAY(full - expect_rss_kib() > 80 * 1024, "%ld KiB of %ld are left", expect_rss_kib(), full);
}

/* Free pages between blocks in use go back too. */
static void malloc_trim_gives_the_middle_back(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        memset(blocks[i] = malloc(i % 500 ? 10000 : 100), 1, 100);
    for (size_t i = 0; i < BLOCKS; i++)
        memset(blocks[i], 1, i % 500 ? 10000 : 100);
    long full = expect_rss_kib();
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 500)
            free(blocks[i]);
    EXPECT(malloc_trim(0) <= 1);
    EXPECT_SAY(full - expect_rss_kib() > 70 * 1024, "%ld KiB of %ld are left", expect_rss_kib(), full);
    for (size_t i = 0; i < BLOCKS; i += 500)
        free(blocks[i]);
}

static void malloc_trim_may_be_called_at_any_time(void)
{
    for (int i = 0; i < 100; i++) {
        char *block = malloc(i * 3000);
        expect_fill(block, i * 3000, i);
        int trimmed = malloc_trim(i % 3 ? 0 : 100000);
        EXPECT(trimmed == 0 || trimmed == 1);
        EXPECT(expect_filled(block, i * 3000, i));
        free(block);
    }
}

static void mallopt_takes_what_glibc_takes(void)
{
    static const struct { int name, value; } options[] = {
        { M_MXFAST, 0 }, { M_MXFAST, 64 }, { M_TRIM_THRESHOLD, 1 << 20 }, { M_TOP_PAD, 65536 },
        { M_MMAP_THRESHOLD, 1 << 18 }, { M_MMAP_MAX, 1000 }, { M_CHECK_ACTION, 3 }, { M_PERTURB, 0 },
        { M_ARENA_TEST, 4 }, { M_ARENA_MAX, 8 },
    };
    for (size_t i = 0; i < COUNT(options); i++)
        EXPECT_SAY(mallopt(options[i].name, options[i].value) == 1, "option %d", options[i].name);
    take_blocks(700);
    give_blocks();
}

static void mallopt_perturb_leaves_calloc_zeroed(void)
{
    EXPECT(mallopt(M_PERTURB, 0xa5) == 1);
    for (size_t size = 1; size < 2000000; size = size * 2 + 5) {
        char *block = calloc(1, size);
        EXPECT_SAY(expect_zeroed(block, size), "size %zu", size);
        memset(block, 1, size);
        free(block);
    }
    EXPECT(mallopt(M_PERTURB, 0) == 1);
}

static void mallopt_without_mmap_still_serves(void)
{
    EXPECT(mallopt(M_MMAP_MAX, 0) == 1);
    EXPECT(mallopt(M_TRIM_THRESHOLD, -1) == 1);
    for (size_t size = 1 << 17; size < (size_t)1 << 27; size *= 2) {
        char *block = malloc(size);
        EXPECT(block);
        block[size - 1] = 1;
        free(block);
    }
}

EXPECT_MAIN(CASE(mallinfo2_counts_what_is_in_use), CASE(mallinfo2_counts_large_blocks), CASE(mallinfo2_adds_up),
            CASE(mallinfo_says_the_same), CASE(mallinfo_works_while_threads_allocate),
            CASE(malloc_info_is_well_formed_xml), CASE(malloc_info_knows_the_size_of_the_heap),
            CASE(malloc_info_refuses_options), CASE(malloc_stats_writes_to_stderr),
            CASE(malloc_trim_gives_memory_back), CASE(malloc_trim_gives_the_middle_back),
            CASE(malloc_trim_may_be_called_at_any_time), CASE(mallopt_takes_what_glibc_takes),
            CASE(mallopt_perturb_leaves_calloc_zeroed), CASE(mallopt_without_mmap_still_serves))
