/* fuzz_embed_stack.c: arbitrary operations on stacks of every kind, against a list of what must be there.
 *
 * Each block is filled with its number and looked at when it goes: two that overlap, or one that was lost, show.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_require.h"
#include "memoir/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 512, MARKS = 16, BUFFER = 100000 };

static struct {
    struct memoir_stack *stack;
    struct { char *p; size_t size; uint8_t fill; } blocks[BLOCKS];
    size_t count;
    struct { struct memoir_stack_mark mark; size_t count; } marks[MARKS]; /* of growing counts */
    size_t mark_count;
    int reports;
    uint64_t allocs;
} f;

static void listen(void *ctx, struct memoir_stack *stack, enum memoir_stack_error kind, const void *pointer,
                   const char *words)
{
    (void)ctx, (void)stack, (void)pointer;
    require(kind < MEMOIR_STACK_ERRORS && words && *words, "a report without words");
    f.reports++;
}

static void take(size_t align, size_t size)
{
    char *p = align ? memoir_stack_aligned_alloc(f.stack, align, size) : memoir_stack_alloc(f.stack, size);
    if (!p)
        return;
    require((uintptr_t)p % (align > 16 ? align : 16) == 0, "a block that is not aligned");
    require(f.count == 0 || p >= f.blocks[f.count - 1].p + f.blocks[f.count - 1].size,
            "a block that overlaps the one below");
    f.blocks[f.count].p = p;
    f.blocks[f.count].size = size;
    f.blocks[f.count].fill = (uint8_t)f.allocs++;
    memset(p, f.blocks[f.count].fill, size);
    f.count++;
}

static void look_at(size_t i)
{
    for (size_t k = 0; k < f.blocks[i].size; k++)
        require((uint8_t)f.blocks[i].p[k] == f.blocks[i].fill, "a block that was overwritten");
}

static void forget_marks(void)
{
    while (f.mark_count && f.marks[f.mark_count - 1].count > f.count)
        f.mark_count--;
}

static void drop_top(void)
{
    if (f.count == 0)
        return;
    look_at(--f.count);
    memoir_stack_free(f.stack, f.blocks[f.count].p);
    forget_marks();
}

static void release(size_t which)
{
    if (f.mark_count == 0)
        return;
    which %= f.mark_count;
    while (f.count > f.marks[which].count)
        look_at(--f.count);
    memoir_stack_release(f.stack, f.marks[which].mark);
    forget_marks();
}

static void mark(void)
{
    if (f.mark_count == MARKS)
        return;
    f.marks[f.mark_count].mark = memoir_stack_mark(f.stack);
    f.marks[f.mark_count++].count = f.count;
}

/* Anything but the last block must be refused, and change nothing. */
static void misuse(size_t which)
{
    char *p = f.count > 1 ? f.blocks[which % (f.count - 1)].p : (char *)&f;
    f.reports = 0;
    memoir_stack_free(f.stack, p);
    require(f.reports == 1, "misuse that was not reported");
    if (f.count)
        memoir_stack_free(f.stack, f.blocks[f.count - 1].p + 1);
    require(f.reports == (f.count ? 2 : 1), "an interior pointer that was not reported");
    f.reports = 0;
}

static void agree(void)
{
    struct memoir_stack_stats stats;
    memoir_stack_stats(f.stack, &stats);
    const char *why = memoir_stack_check(f.stack, NULL);
    require(!why, why);
    require(stats.blocks == f.count && stats.allocs == f.allocs, "statistics that do not add up");
    require(stats.in_use <= stats.capacity && stats.peak >= stats.in_use && stats.capacity <= stats.limit,
            "bytes that do not add up");
    require(f.reports == 0, "a report of nothing");
}

static void apply(uint8_t op, size_t n)
{
    switch (op % 10) {
    case 0: case 1: case 2: case 3:
        if (f.count < BLOCKS)
            take(0, op & 0x80 ? n : n % 200);
        break;
    case 4:
        if (f.count < BLOCKS)
            take((size_t)1 << (op >> 4), n % 400);
        break;
    case 5: case 6: drop_top(); break;
    case 7: mark(); break;
    case 8: release(n); break;
    default: (op & 0x80 ? agree() : op & 0x40 ? memoir_stack_trim(f.stack) : misuse(n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buffer[BUFFER];
    struct memoir_stack_options o = { .on_error = listen };
    if (size == 0)
        return 0;
    memset(&f, 0, sizeof f);
    o.flags = data[0] & (MEMOIR_STACK_THREAD_SAFE | MEMOIR_STACK_MAGIC);
    f.stack = data[0] & 8 ? memoir_stack_create_in(buffer + (data[0] >> 4), BUFFER - 16, &o)
        : memoir_stack_create(data[0] & 16 ? 70000 : 0, &o);
    require(f.stack != NULL, "no stack");
    for (size_t i = 1; i + 3 <= size; i += 3)
        apply(data[i], data[i + 1] | (size_t)data[i + 2] << 8);
    agree();
    while (f.count)
        drop_top();
    memoir_stack_destroy(f.stack);
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
