/* Trait: growth by realloc, what is new being filled. Modes:
 *   fresh   one buffer from 4 KiB to 64 MiB by a quarter each time, each in a child process with an unused heap
 *   used    the same in a heap with 100 MB of live and dead blocks of all sizes
 *   step    one buffer from 4 KiB to 8 MiB by 4 KiB each time, in a used heap
 *   turns   64 buffers growing in turn by a quarter each time, up to 4 MiB
 *   string  from 16 bytes by doubling to 256 MiB
 * Where growing costs a copy each time, this is slow by nature: step may take a hundred times as long as by mremap.
 * The most mappings the process ever had goes to stderr. */
#include "bench.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Shared, so that a child counts for its parent. */
static size_t *mappings_peak;

static void count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    if (!maps)
        return;
    for (int c; (c = getc(maps)) != EOF;)
        lines += c == '\n';
    fclose(maps);
    if (lines > *mappings_peak)
        *mappings_peak = lines;
}

static void resize(struct slot *s, size_t size)
{
    s->block = must(realloc(s->block, size));
    if (size > s->size)
        memset((char *)s->block + s->size, (int)(size >> 4 | 1) & 0x7f, size - s->size);
    s->size = size;
}

static size_t by_quarter(size_t size)
{
    return size + size / 4;
}

static uint64_t grow(size_t from, size_t to, size_t (*next)(size_t))
{
    struct slot s = { 0 };
    for (size_t size = from; size < to; size = next(size))
        resize(&s, size);
    resize(&s, to);
    if (to >= MIB)
        count_mappings();
    return slot_clear(&s);
}

static uint64_t grow_in_child(void)
{
    fflush(NULL);
    pid_t pid = fork();
    int status;
    if (pid == 0)
        _exit(grow(4 * KIB, 64 * MIB, by_quarter) == 0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
        fail("a child process failed");
    return 1;
}

static uint64_t fresh(size_t n)
{
    uint64_t sum = 0;
    while (n-- > 0)
        sum += grow_in_child();
    return sum;
}

/* Live and dead blocks of every magnitude up to 1 MiB, side by side. */
static void use_the_heap(void)
{
    enum { LIVE = 6000 };
    static struct slot slots[LIVE];
    uint64_t rng = rng_seed(13);
    for (size_t n = 0; n < 4 * LIVE; n++) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        slot_clear(s);
        size_t size = rng_size(&rng, 14);
        slot_fill(s, size, n);
        touch(s->block, size);
    }
    for (size_t i = 0; i < LIVE; i += 2)
        slot_clear(&slots[i]);
}

static uint64_t used(size_t n)
{
    uint64_t sum = 0;
    use_the_heap();
    for (; n > 0; n--)
        sum += grow(4 * KIB, 64 * MIB, by_quarter);
    return sum;
}

static size_t by_page(size_t size)
{
    return size + 4 * KIB;
}

static uint64_t step(size_t n)
{
    uint64_t sum = 0;
    use_the_heap();
    for (; n > 0; n--)
        sum += grow(4 * KIB, 8 * MIB, by_page);
    return sum;
}

static uint64_t turns(size_t n)
{
    enum { BUFFERS = 64 };
    static struct slot buffers[BUFFERS];
    uint64_t sum = 0;
    for (; n > 0; n--) {
        for (size_t size = 4 * KIB; size < 4 * MIB; size = by_quarter(size))
            for (size_t i = 0; i < BUFFERS; i++)
                resize(&buffers[i], size + 16 * i);
        count_mappings();
        sum += slots_clear(buffers, BUFFERS);
    }
    return sum;
}

static size_t by_doubling(size_t size)
{
    return 2 * size;
}

static uint64_t string(size_t n)
{
    uint64_t sum = 0;
    for (; n > 0; n--) {
        sum += grow(16, 256 * MIB, by_doubling);
        for (size_t i = 0; i < 40000; i++)
            sum += grow(16, 256 + i, by_doubling);
    }
    return sum;
}

static const struct mode {
    const char *name;
    uint64_t (*run)(size_t times);
    size_t times;
} modes[] = {
    { "fresh", fresh, 40 }, { "used", used, 40 }, { "step", step, 100 }, { "turns", turns, 6 }, { "string", string, 8 },
};

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    mappings_peak = mmap(NULL, sizeof *mappings_peak, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mappings_peak == MAP_FAILED)
        fail("no memory for a counter");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, bench.mode))
            continue;
        uint64_t sum = modes[i].run(scaled(modes[i].times));
        fprintf(stderr, "mappings=%zu\n", *mappings_peak);
        return bench_end(sum);
    }
    fail("mode is one of fresh used step turns string");
}
