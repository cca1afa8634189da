/* glibc.c: what glibc says about its heap, said about ours, with true numbers. */
#include "entry.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>

#include "os.h"

/* Milliseconds to wait for a thread that is inside the heap. */
enum { PATIENCE_MS = 1000 };

static struct mr_heap_stats look(void)
{
    struct mr_heap_stats stats;
    mr_heap_boot();
    mr_heap_look(&stats, false, PATIENCE_MS);
    return stats;
}

static void large_blocks(const struct mr_heap_stats *stats, uint64_t *blocks, uint64_t *bytes)
{
    *blocks = *bytes = 0;
    for (unsigned i = 0; i < MR_ROW_COUNT; i++)
        if (stats->rows[i].large) {
            *blocks += stats->rows[i].allocs - stats->rows[i].frees;
            *bytes += stats->rows[i].in_use_bytes;
        }
}

static uint64_t free_blocks(const struct mr_heap_stats *stats)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < MR_ROW_COUNT; i++)
        n += stats->rows[i].free_blocks;
    return n;
}

/* Programs add uordblks and hblkhd for "in use", and arena and hblkhd for "obtained". */
MR_EXPORT struct mallinfo2 mallinfo2(void)
{
    struct mr_heap_stats stats = look();
    const struct mr_totals *t = &stats.totals;
    uint64_t blocks, bytes;
    large_blocks(&stats, &blocks, &bytes);
    uint64_t small = t->in_use_bytes - bytes, unused = t->slack_bytes + t->dirty_bytes;
    return (struct mallinfo2){
        .arena = small + unused,
        .ordblks = free_blocks(&stats),
        .hblks = blocks,
        .hblkhd = bytes,
        .uordblks = small,
        .fordblks = unused,
        .keepcost = t->dirty_bytes,
    };
}

/* The old form counts in int: what does not fit stays at the largest. */
static int narrow(size_t n) { return n > INT_MAX ? INT_MAX : (int)n; }

MR_EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 m = mallinfo2();
    return (struct mallinfo){
        .arena = narrow(m.arena),       .ordblks = narrow(m.ordblks),   .hblks = narrow(m.hblks),
        .hblkhd = narrow(m.hblkhd),     .uordblks = narrow(m.uordblks), .fordblks = narrow(m.fordblks),
        .keepcost = narrow(m.keepcost),
    };
}

static void to_descriptor(void *ctx, const char *text, size_t len)
{
    mr_file_write(*(int *)ctx, text, len);
}

/* As glibc prints it, on standard error, past stdio. */
MR_EXPORT void malloc_stats(void)
{
    char buf[1024];
    int fd = 2;
    struct mr_fmt f = mr_fmt_to_sink(buf, sizeof buf, to_descriptor, &fd);
    struct mr_heap_stats stats = look();
    const struct mr_totals *t = &stats.totals;
    uint64_t blocks, bytes;
    large_blocks(&stats, &blocks, &bytes);
    mr_fmt_print(&f, "Arena 0:\nsystem bytes     = %10lu\nin use bytes     = %10lu\n",
                 t->in_use_bytes - bytes + t->slack_bytes + t->dirty_bytes, t->in_use_bytes - bytes);
    mr_fmt_print(&f, "Total (incl. mmap):\nsystem bytes     = %10lu\nin use bytes     = %10lu\n",
                 t->in_use_bytes + t->slack_bytes + t->dirty_bytes, t->in_use_bytes);
    mr_fmt_print(&f, "max mmap regions = %10lu\nmax mmap bytes   = %10lu\n", blocks, bytes);
    mr_fmt_flush(&f);
}

static void put(void *ctx, const char *text, size_t len)
{
    fwrite(text, 1, len, ctx);
}

static void print_sizes(struct mr_fmt *f, const struct mr_heap_stats *stats)
{
    uint64_t from = 1;
    mr_fmt_print(f, "<sizes>\n");
    for (unsigned i = 0; i < MR_ROW_COUNT; i++) {
        const struct mr_row *row = &stats->rows[i];
        if (row->free_blocks)
            mr_fmt_print(f, "  <size from=\"%lu\" to=\"%lu\" total=\"%lu\" count=\"%lu\"/>\n", from, row->size,
                         row->free_blocks * row->size, row->free_blocks);
        from = row->size + 1;
    }
    mr_fmt_print(f, "</sizes>\n");
}

static void print_totals(struct mr_fmt *f, const struct mr_heap_stats *stats)
{
    const struct mr_totals *t = &stats->totals;
    uint64_t blocks, bytes, system = t->in_use_bytes + t->slack_bytes + t->dirty_bytes;
    large_blocks(stats, &blocks, &bytes);
    mr_fmt_print(f, "<total type=\"fast\" count=\"0\" size=\"0\"/>\n<total type=\"rest\" count=\"%lu\" size=\"%lu\"/>\n",
                 free_blocks(stats), t->slack_bytes);
    mr_fmt_print(f, "<total type=\"mmap\" count=\"%lu\" size=\"%lu\"/>\n", blocks, bytes);
    mr_fmt_print(f, "<system type=\"current\" size=\"%lu\"/>\n<system type=\"max\" size=\"%lu\"/>\n", system,
                 t->committed_bytes);
    mr_fmt_print(f, "<aspace type=\"total\" size=\"%lu\"/>\n<aspace type=\"mprotect\" size=\"%lu\"/>\n",
                 t->committed_bytes, t->committed_bytes);
}

/* glibc's schema: one heap, then the totals again. */
MR_EXPORT int malloc_info(int options, FILE *stream)
{
    if (options != 0)
        return EINVAL;
    char buf[1024];
    struct mr_fmt f = mr_fmt_to_sink(buf, sizeof buf, put, stream);
    struct mr_heap_stats stats = look();
    mr_fmt_print(&f, "<malloc version=\"1\">\n<heap nr=\"0\">\n");
    print_sizes(&f, &stats);
    print_totals(&f, &stats);
    mr_fmt_print(&f, "</heap>\n");
    print_totals(&f, &stats);
    mr_fmt_print(&f, "</malloc>\n");
    mr_fmt_flush(&f);
    return 0;
}

/* The padding is for glibc's one top of heap; memoir has none. */
MR_EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    return mr_heap_trim() > 0;
}

/* glibc's parameters tune mechanisms that memoir does not have: known ones are accepted and have no
 * effect, unknown ones are refused. */
MR_EXPORT int mallopt(int param, int value)
{
    (void)value;
    switch (param) {
    case M_MXFAST:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
        return 1;
    default:
        return 0;
    }
}

struct mallinfo __libc_mallinfo(void) __attribute__((alias("mallinfo"), visibility("default")));
int __libc_mallopt(int param, int value) __attribute__((alias("mallopt"), visibility("default"), copy(mallopt)));
