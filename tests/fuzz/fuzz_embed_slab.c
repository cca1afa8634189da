/* fuzz_embed_slab.c: arbitrary operations on slabs of every kind, against a list of what must be there.
 *
 * Each object is filled with its number and looked at when it goes: two that overlap, or one that was lost, show.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_require.h"
#include "memoir/slab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECTS = 4096, BUFFER = 200000 };

static struct {
    struct memoir_slab *slab;
    size_t size;
    struct { uint8_t *p, fill; } objects[OBJECTS];
    size_t count, made;
    uint64_t allocs;
    int reports;
    uint8_t *freed; /* the last one */
    bool checked;
} f;

static void listen(void *ctx, struct memoir_slab *slab, enum memoir_slab_error kind, const void *pointer,
                   const char *words)
{
    (void)ctx, (void)slab, (void)pointer;
    require(kind < MEMOIR_SLAB_ERRORS && words && *words, "a report without words");
    f.reports++;
}

/* With constructors objects stay as they are while they are free: all ones. */
static bool construct(void *ctx, void *object)
{
    (void)ctx;
    memset(object, 0xff, f.size);
    f.made++;
    return f.made % 5000 != 0;
}

static void destruct(void *ctx, void *object)
{
    (void)ctx;
    require(*(uint8_t *)object == 0xff, "an object that was destructed in another state than it was made in");
}

static void take(bool constructed)
{
    uint8_t *p = f.count < OBJECTS ? memoir_slab_alloc(f.slab) : NULL;
    if (!p)
        return;
    for (size_t k = 0; constructed && k < f.size; k++)
        require(p[k] == 0xff, "an object that is not as it was constructed");
    f.objects[f.count].p = p;
    f.objects[f.count].fill = (uint8_t)f.allocs++;
    memset(p, f.objects[f.count++].fill, f.size);
    f.freed = f.freed == p ? NULL : f.freed;
}

static void give(size_t which, bool constructed)
{
    if (f.count == 0)
        return;
    which %= f.count;
    uint8_t *p = f.objects[which].p;
    for (size_t k = 0; k < f.size; k++)
        require(p[k] == f.objects[which].fill, "an object that was overwritten");
    if (constructed)
        memset(p, 0xff, f.size);
    memoir_slab_free(f.slab, p);
    f.objects[which] = f.objects[--f.count];
    f.freed = p;
}

static void misuse(size_t which)
{
    int before = f.reports;
    memoir_slab_free(f.slab, (char *)&f + which % 100);
    require(f.reports == before + 1, "a foreign pointer that was not reported");
    if (f.checked && f.freed) {
        memoir_slab_free(f.slab, f.freed);
        require(f.reports == before + 2, "a second free that was not reported");
    }
    before = f.reports;
    if (f.checked && f.count) {
        memoir_slab_free(f.slab, f.objects[which % f.count].p + 1 + which % (f.size > 1 ? f.size - 1 : 1));
        require(f.reports == before + 1, "an interior pointer that was not reported");
    }
    f.reports = 0;
}

static bool count_one(void *ctx, void *object)
{
    (void)object;
    return ++*(size_t *)ctx != 0;
}

static void agree(void)
{
    struct memoir_slab_stats stats;
    size_t seen = 0;
    memoir_slab_stats(f.slab, &stats);
    const char *why = memoir_slab_check(f.slab, NULL);
    require(!why, why);
    require(stats.in_use == f.count && stats.allocs == f.allocs, "statistics that do not add up");
    memoir_slab_walk(f.slab, count_one, &seen);
    require(seen == f.count, "a walk that does not see what is in use");
    require(f.reports == 0, "a report of nothing");
}

static void apply(uint8_t op, size_t n, bool constructed)
{
    switch (op % 8) {
    case 0: case 1:
        for (size_t i = op >> 3; i-- > 0;)
            take(constructed);
        break;
    case 2: take(constructed); break;
    case 3: give(n, constructed); break;
    case 4: case 5:
        for (size_t i = op >> 3; i-- > 0;)
            give(n * (i + 1), constructed);
        break;
    case 6: misuse(n); break;
    default: (op & 0x80 ? agree() : memoir_slab_trim(f.slab));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buffer[BUFFER];
    static const size_t sizes[] = { 1, 8, 9, 16, 24, 48, 64, 100, 128, 256, 520, 1000, 2048, 5000, 9000, 70000 };
    struct memoir_slab_options o = { .on_error = listen };
    if (size < 2)
        return 0;
    memset(&f, 0, sizeof f);
    o.size = f.size = sizes[data[0] % 16];
    o.flags = data[1] % 3 | (data[1] & 4 ? MEMOIR_SLAB_CHECKED : 0);
    f.checked = (data[1] & 4) != 0;
    o.align = data[1] & 8 ? (size_t)1 << (data[1] >> 4) % 13 : 0;
    o.construct = data[0] & 16 ? construct : NULL;
    o.destruct = data[0] & 16 ? destruct : NULL;
    o.limit = data[0] & 32 ? data[1] : 0;
    bool in_buffer = data[0] & 64 && !(o.flags & MEMOIR_SLAB_THREAD_CACHES) && f.size < 5000;
    f.slab = in_buffer ? memoir_slab_create_in(buffer + (data[1] >> 4), BUFFER - 16, &o) : memoir_slab_create(&o);
    require(f.slab != NULL, "no slab");
    for (size_t i = 2; i + 3 <= size; i += 3)
        apply(data[i], data[i + 1] | (size_t)data[i + 2] << 8, o.construct != NULL);
    agree();
    while (f.count)
        give(0, o.construct != NULL);
    agree();
    require(memoir_slab_destroy(f.slab) == 0, "objects in use that were all freed");
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    (void)round;
    return fuzz_bytes(data, cap < 3000 ? cap : 3000);
}
#endif
