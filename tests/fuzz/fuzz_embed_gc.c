/* fuzz_embed_gc.c: arbitrary graphs of objects in a collector, against a model that knows all edges.
 *
 * The model says after each collection which objects must be there: those its roots lead to, no more and no
 * less. Each object has its number at its end, so one that was handed out twice, or lost, shows.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_require.h"
#include "memoir/gc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECTS = 2000, ROOTS = 16, EDGES = 2 };

/* What every object begins with; the number follows at its end. Leaves have edges that do not count. */
struct node {
    char *edges[EDGES];
};

static struct {
    struct memoir_gc *gc;
    const struct memoir_gc_type *by_bits, *by_function;
    struct {
        struct node *p; /* NULL: gone */
        size_t size;
        size_t edges[EDGES]; /* number + 1 of the object it leads to; 0: none */
        bool leaf, finalized, reached;
    } objects[OBJECTS];
    size_t count, live;
    char *roots[ROOTS];
    size_t root_edges[ROOTS];
    size_t final_expected;
    int reports;
} f;

static void listen(void *ctx, struct memoir_gc *gc, enum memoir_gc_error kind, const void *pointer, const char *words)
{
    (void)ctx, (void)gc, (void)pointer;
    require(kind < MEMOIR_GC_ERRORS && words && *words, "a report without words");
    f.reports++;
}

static void trace(void *ctx, void *object, size_t size, struct memoir_gc_tracer *tracer)
{
    (void)ctx, (void)size;
    for (int e = 0; e < EDGES; e++)
        memoir_gc_trace(tracer, ((struct node *)object)->edges[e]);
}

static void finalize(void *ctx, void *object)
{
    size_t i = (size_t)(uintptr_t)ctx;
    require(f.objects[i].p == object && f.objects[i].finalized, "a finalizer of another object, or a second time");
    f.objects[i].finalized = false;
    f.final_expected--;
}

static size_t *number_of(size_t i) { return (size_t *)(void *)((char *)f.objects[i].p + f.objects[i].size - 8); }

static struct node *ask(unsigned kind, size_t *size, bool *leaf)
{
    *leaf = kind == 1;
    if (kind == 2 || kind == 3) { /* the elements of these have 24 bytes */
        size_t n = *size / 24 + 1;
        *size = n * 24;
        return memoir_gc_new_array(kind == 2 ? f.by_bits : f.by_function, n);
    }
    return kind == 1 ? memoir_gc_alloc_leaf(f.gc, *size) : memoir_gc_alloc(f.gc, *size);
}

static void make(unsigned kind, size_t n)
{
    if (f.count == OBJECTS)
        return;
    size_t i = f.count, size = 24 + 8 * (n % 60) * (n % 17 == 0 ? n % 300 + 1 : 1);
    struct node *p = ask(kind, &size, &f.objects[i].leaf);
    if (!p)
        return;
    for (size_t k = 0; k < size; k++)
        require(((char *)p)[k] == 0, "an object that is not zero");
    f.objects[i].p = p;
    f.objects[i].size = size;
    *number_of(i) = i;
    f.count++;
    f.live++;
}

/* Some pointers lead into the middle. */
static char *pointer_to(size_t i, size_t n) { return (char *)f.objects[i].p + (n & 1 ? n % f.objects[i].size : 0); }

static void connect(size_t a, size_t b, size_t n)
{
    if (f.count == 0 || !f.objects[a % f.count].p || !f.objects[b % f.count].p)
        return;
    a %= f.count;
    b %= f.count;
    f.objects[a].edges[n % EDGES] = b + 1;
    f.objects[a].p->edges[n % EDGES] = pointer_to(b, n / EDGES);
}

static void hold(size_t slot, size_t i, size_t n)
{
    slot %= ROOTS;
    bool there = f.count && f.objects[i % f.count].p;
    f.roots[slot] = there ? pointer_to(i % f.count, n) : NULL;
    f.root_edges[slot] = there ? i % f.count + 1 : 0;
}

static void reach(size_t edge)
{
    if (edge == 0 || f.objects[edge - 1].reached)
        return;
    f.objects[edge - 1].reached = true;
    for (int e = 0; e < EDGES && !f.objects[edge - 1].leaf; e++)
        reach(f.objects[edge - 1].edges[e]);
}

/* What the next collection will keep: what roots lead to, then what is to be finalized. */
static void predict(void)
{
    for (size_t i = 0; i < f.count; i++)
        f.objects[i].reached = false;
    for (int s = 0; s < ROOTS; s++)
        reach(f.root_edges[s]);
    static bool ready[OBJECTS];
    f.final_expected = 0;
    for (size_t i = 0; i < f.count; i++) {
        ready[i] = f.objects[i].p && f.objects[i].finalized && !f.objects[i].reached;
        f.final_expected += ready[i];
    }
    for (size_t i = 0; i < f.count; i++)
        if (ready[i])
            reach(i + 1);
}

static void agree(void)
{
    struct memoir_gc_stats stats;
    const char *why = memoir_gc_check(f.gc);
    require(!why, why);
    memoir_gc_stats(f.gc, &stats);
    require(stats.objects == f.live, "another number of objects than there should be");
    for (size_t i = 0; i < f.count; i++)
        if (f.objects[i].p) {
            require(*number_of(i) == i, "an object that was overwritten");
            require(memoir_gc_base(f.gc, number_of(i)) == f.objects[i].p, "an object that is not found");
            require(memoir_gc_size(f.gc, f.objects[i].p) >= f.objects[i].size, "an object that is too small");
        }
    require(f.reports == 0, "a report of nothing");
}

static void collect(void)
{
    predict();
    memoir_gc_collect(f.gc);
    require(f.final_expected == 0, "a finalizer that did not run");
    f.live = 0;
    for (size_t i = 0; i < f.count; i++) {
        if (!f.objects[i].reached)
            f.objects[i].p = NULL;
        f.live += f.objects[i].p != NULL;
    }
    agree();
}

/* By hand: nothing may lead there any more. */
static void drop(size_t i)
{
    if (f.count == 0 || !f.objects[i % f.count].p)
        return;
    i %= f.count;
    for (size_t k = 0; k < f.count; k++)
        for (int e = 0; e < EDGES; e++)
            if (f.objects[k].p && f.objects[k].edges[e] == i + 1) {
                f.objects[k].edges[e] = 0;
                f.objects[k].p->edges[e] = NULL;
            }
    for (size_t s = 0; s < ROOTS; s++)
        if (f.root_edges[s] == i + 1)
            hold(s, 0, 0);
    for (size_t s = 0; s < ROOTS; s++)
        if (f.root_edges[s] == i + 1) {
            f.root_edges[s] = 0;
            f.roots[s] = NULL;
        }
    struct node *p = f.objects[i].p;
    f.objects[i].p = NULL;
    f.objects[i].finalized = false;
    f.live--;
    memoir_gc_free(f.gc, p);
    memoir_gc_free(f.gc, p);
    memoir_gc_free(f.gc, &f);
    require(f.reports == 2, "misuse that was not reported");
    f.reports = 0;
}

static void set_finalizer(size_t i, bool on)
{
    if (f.count == 0 || !f.objects[i % f.count].p)
        return;
    i %= f.count;
    require(memoir_gc_set_finalizer(f.gc, f.objects[i].p, on ? finalize : NULL, (void *)(uintptr_t)i),
            "no finalizer");
    f.objects[i].finalized = on;
}

static void apply(uint8_t op, size_t a, size_t b)
{
    switch (op % 16) {
    case 0: case 1: case 2: case 3: case 4: case 5:
        make(op % 4, a);
        break;
    case 6: case 7: case 8: connect(a, b, op >> 4); break;
    case 9: case 10: hold(a, b, op >> 4); break;
    case 11: drop(b); break;
    case 12: set_finalizer(b, op & 16); break;
    case 13:
        if (op & 32)
            collect();
        break;
    default: connect(b, f.count - 1, op >> 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memoir_gc_options o = { .flags = MEMOIR_GC_NO_STACK | MEMOIR_GC_NO_DATA | MEMOIR_GC_MANUAL,
                                   .on_error = listen };
    memset(&f, 0, sizeof f);
    f.gc = memoir_gc_create(&o);
    require(f.gc != NULL, "no collector");
    f.by_bits = memoir_gc_define(f.gc, &(struct memoir_gc_layout){ .size = 24, .pointers = 3 });
    f.by_function = memoir_gc_define(f.gc, &(struct memoir_gc_layout){ .size = 24, .trace = trace });
    memoir_gc_add_root(f.gc, f.roots, sizeof f.roots);
    for (size_t i = 0; i + 4 <= size; i += 4)
        apply(data[i], data[i + 1] | (size_t)(data[i + 2] & 7) << 8, data[i + 3] * (size_t)7 + data[i + 2]);
    collect();
    memset(f.roots, 0, sizeof f.roots);
    memset(f.root_edges, 0, sizeof f.root_edges);
    collect();
    for (size_t i = 0; i < f.count; i++)
        f.objects[i].finalized = false;
    collect();
    require(f.live == 0, "what nothing leads to was kept");
    memoir_gc_destroy(f.gc);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    (void)round;
    return fuzz_bytes(data, cap < 2000 ? cap : 2000);
}
#endif
