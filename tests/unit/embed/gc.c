#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "memoir/gc.h"

/* ---- what the handler was told ---------------------------------------------------------------------- */

static struct {
    int calls;
    enum memoir_gc_error kind;
    const void *pointer;
} told;

static void listen(void *ctx, struct memoir_gc *gc, enum memoir_gc_error kind, const void *pointer, const char *words)
{
    (void)ctx, (void)gc;
    cr_assert(words && *words);
    told.calls++;
    told.kind = kind;
    told.pointer = pointer;
}

static void expect_told(enum memoir_gc_error kind, const void *pointer)
{
    cr_expect_eq(told.calls, 1, "%d reports", told.calls);
    cr_expect_eq(told.kind, kind, "kind %d", (int)told.kind);
    cr_expect_eq(told.pointer, pointer);
    told.calls = 0;
}

/* A collector that keeps what the roots of a test keep, and nothing by chance. */
static struct memoir_gc *make(unsigned flags)
{
    struct memoir_gc_options o = { .flags = MEMOIR_GC_NO_STACK | MEMOIR_GC_NO_DATA | flags, .on_error = listen };
    struct memoir_gc *gc = memoir_gc_create(&o);
    cr_assert_not_null(gc);
    told.calls = 0;
    return gc;
}

static void expect_sound(struct memoir_gc *gc)
{
    const char *why = memoir_gc_check(gc);
    cr_expect_null(why, "%s", why);
    cr_expect_eq(told.calls, 0);
}

static struct memoir_gc_stats stats_of(struct memoir_gc *gc)
{
    struct memoir_gc_stats stats;
    memoir_gc_stats(gc, &stats);
    return stats;
}

enum { SLOTS = 5000 };
static char *slots[SLOTS];

static void expect_kept(struct memoir_gc *gc, uint64_t objects)
{
    memoir_gc_collect(gc);
    cr_expect_eq(stats_of(gc).kept_objects, objects, "%lu kept", stats_of(gc).kept_objects);
    cr_expect_eq(stats_of(gc).objects, objects);
    expect_sound(gc);
}

/* ---- objects ---------------------------------------------------------------------------------------- */

Test(embed_gc, objects_of_every_size_are_apart_aligned_and_zero)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 40000; size += size < 300 ? 1 : size < 20000 ? 333 : 4111) {
            char *p = round ? memoir_gc_alloc_leaf(gc, size) : memoir_gc_alloc(gc, size);
            cr_assert_not_null(p);
            cr_assert_eq((uintptr_t)p % (size % 16 == 0 ? 16 : 8), 0, "%zu", size);
            size_t usable = memoir_gc_size(gc, p);
            cr_assert(usable >= size && usable <= (size <= 128 ? size + 16 : size <= 16384 ? size + size / 8 + 8
                                                   : size + 16384), "%zu", size);
            for (size_t k = 0; k < usable; k++)
                cr_assert_eq(p[k], 0);
            memset(p, 0xff, usable);
            cr_assert_eq(memoir_gc_base(gc, p + usable - 1), p);
        }
        expect_sound(gc);
    }
    expect_kept(gc, 0);
    for (size_t size = 0; size < 40000; size += 123) { /* again, from memory that was used */
        char *p = memoir_gc_alloc(gc, size);
        for (size_t k = 0; k < memoir_gc_size(gc, p); k++)
            cr_assert_eq(p[k], 0, "size %zu byte %zu", size, k);
    }
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

Test(embed_gc, every_address_of_a_slab_leads_to_its_object)
{
    static const size_t sizes[] = { 1, 24, 40, 104, 120, 144, 1024, 1152, 15000, 16384, 16385, 100000 };
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int i = 0; i < (sizes[s] < 2000 ? 700 : 5); i++) {
            char *p = memoir_gc_alloc(gc, sizes[s]);
            size_t usable = memoir_gc_size(gc, p);
            for (size_t k = 0; k < usable; k += usable > 2000 ? 97 : 1)
                cr_assert_eq(memoir_gc_base(gc, p + k), p, "size %zu, byte %zu", sizes[s], k);
        }
    cr_expect_null(memoir_gc_base(gc, &told));
    cr_expect_null(memoir_gc_base(gc, NULL));
    cr_expect_eq(memoir_gc_size(gc, &told), 0);
    memoir_gc_destroy(gc);
}

/* ---- what is kept ----------------------------------------------------------------------------------- */

struct list { struct list *next; size_t number; };

static struct list *make_list(struct memoir_gc *gc, size_t n)
{
    struct list *head = NULL;
    while (n-- > 0) {
        struct list *item = memoir_gc_alloc(gc, sizeof *item);
        item->next = head;
        item->number = n;
        head = item;
    }
    return head;
}

Test(embed_gc, what_a_root_leads_to_is_kept_and_the_rest_goes)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    cr_assert(memoir_gc_add_root(gc, slots, sizeof slots));
    slots[7] = (char *)make_list(gc, 100000);
    make_list(gc, 50000);
    cr_expect_eq(memoir_gc_collect(gc), 50000 * sizeof(struct list));
    expect_kept(gc, 100000);
    size_t n = 0;
    for (struct list *item = (struct list *)slots[7]; item; item = item->next)
        cr_assert_eq(item->number, n++);
    cr_expect_eq(n, 100000);
    slots[7] = NULL;
    expect_kept(gc, 0);
    cr_expect_eq(stats_of(gc).freed_objects, 150000);
    memoir_gc_destroy(gc);
}

Test(embed_gc, pointers_into_the_middle_count_and_those_past_the_end_do_not)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    memoir_gc_add_root(gc, slots, sizeof slots);
    slots[0] = (char *)memoir_gc_alloc(gc, 64) + 63;
    slots[1] = (char *)memoir_gc_alloc(gc, 100000) + 99999;
    slots[2] = (char *)memoir_gc_alloc_leaf(gc, 3000) + 5;
    expect_kept(gc, 3);
    slots[0]++;
    slots[1] += 100000;
    expect_kept(gc, 1);
    slots[2] = NULL;
    memoir_gc_destroy(gc);
}

Test(embed_gc, cycles_go_and_leaves_are_not_looked_through)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    memoir_gc_add_root(gc, slots, sizeof slots);
    struct list *ring = make_list(gc, 100), *last = ring;
    while (last->next)
        last = last->next;
    last->next = ring;
    slots[0] = (char *)ring;
    void **leaf = memoir_gc_alloc_leaf(gc, 80), **other = memoir_gc_alloc(gc, 80);
    slots[1] = (char *)leaf;
    leaf[3] = other;
    expect_kept(gc, 101);
    slots[0] = NULL;
    expect_kept(gc, 1);
    slots[1] = NULL;
    memoir_gc_destroy(gc);
}

Test(embed_gc, roots_can_be_removed)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    memoir_gc_add_root(gc, &slots[0], 8);
    memoir_gc_add_root(gc, &slots[1], 16);
    for (int i = 0; i < 4; i++)
        slots[i] = memoir_gc_alloc(gc, 32);
    expect_kept(gc, 3);
    cr_expect(memoir_gc_remove_root(gc, &slots[1]));
    expect_kept(gc, 1);
    cr_expect_not(memoir_gc_remove_root(gc, &slots[1]));
    expect_told(MEMOIR_GC_BAD_REQUEST, &slots[1]);
    cr_expect_not(memoir_gc_add_root(gc, (char *)&slots[1] + 1, 8));
    expect_told(MEMOIR_GC_BAD_REQUEST, (char *)&slots[1] + 1);
    cr_expect_not(memoir_gc_add_root(gc, NULL, 8));
    expect_told(MEMOIR_GC_BAD_REQUEST, NULL);
    memoir_gc_destroy(gc);
}

/* ---- what is found conservatively ------------------------------------------------------------------- */

static struct list *in_data;
static __thread struct list *in_thread;

static void __attribute__((noinline)) fill_places(struct memoir_gc *gc, struct list **on_stack)
{
    in_data = make_list(gc, 1000);
    in_thread = make_list(gc, 1000);
    *on_stack = make_list(gc, 1000);
    for (int i = 0; i < 100; i++)
        make_list(gc, 1000); /* of these, one or two may be kept by what the stack has left of them */
}

static size_t length(const struct list *item)
{
    size_t n = 0;
    for (; item; item = item->next)
        n++;
    return n;
}

static void *collect_here(void *unused)
{
    (void)unused;
    struct memoir_gc *gc = memoir_gc_create(&(struct memoir_gc_options){ .flags = MEMOIR_GC_MANUAL });
    struct list *on_stack;
    fill_places(gc, &on_stack);
    memoir_gc_collect(gc);
    uint64_t kept = stats_of(gc).kept_objects;
    cr_expect(kept >= 3000 && kept < 20000, "%lu kept", kept);
    cr_expect_eq(length(in_data), 1000);
    cr_expect_eq(length(in_thread), 1000);
    cr_expect_eq(length(on_stack), 1000);
    expect_sound(gc);
    memoir_gc_destroy(gc);
    return NULL;
}

Test(embed_gc, stack_data_and_thread_local_variables_are_roots)
{
    collect_here(NULL);
}

Test(embed_gc, so_they_are_in_another_thread)
{
    pthread_t thread;
    pthread_create(&thread, NULL, collect_here, NULL);
    pthread_join(thread, NULL);
}

/* A pointer that no place in memory holds: in a register that calls preserve. */
static size_t __attribute__((noinline)) collect_with_registers(struct memoir_gc *gc, uintptr_t a, uintptr_t b,
                                                               uintptr_t c)
{
    uintptr_t mask = 0x5555;
    __asm__ volatile("" : "+r"(mask));
    struct list *x = (struct list *)(a ^ mask), *y = (struct list *)(b ^ mask), *z = (struct list *)(c ^ mask);
    __asm__ volatile("" : "+r"(x), "+r"(y), "+r"(z));
    memoir_gc_collect(gc);
    return length(x) + length(y) + length(z);
}

static uintptr_t __attribute__((noinline)) hidden_list(struct memoir_gc *gc) { return (uintptr_t)make_list(gc,
        10) ^ 0x5555; }

Test(embed_gc, registers_are_roots)
{
    struct memoir_gc *gc = memoir_gc_create(NULL);
    uintptr_t a = hidden_list(gc), b = hidden_list(gc), c = hidden_list(gc);
    cr_expect_eq(collect_with_registers(gc, a, b, c), 30);
    cr_expect_geq(stats_of(gc).kept_objects, 30);
    memoir_gc_destroy(gc);
}

/* ---- collecting by growth --------------------------------------------------------------------------- */

Test(embed_gc, garbage_does_not_add_up)
{
    struct memoir_gc *gc = make(0);
    memoir_gc_add_root(gc, slots, sizeof slots);
    for (int i = 0; i < 2000000; i++)
        slots[i % SLOTS] = memoir_gc_alloc(gc, 16 + (size_t)i % 100);
    struct memoir_gc_stats s = stats_of(gc);
    cr_expect_gt(s.collections, 50);
    cr_expect_lt(s.peak_bytes, 8 << 20, "%lu", s.peak_bytes);
    cr_expect(s.longest_ns >= s.last_ns && s.total_ns >= s.longest_ns && s.last_ns > 0);
    cr_expect_eq(s.allocated_objects, 2000000);
    expect_sound(gc);
    memoir_gc_hold(gc, true);
    uint64_t before = stats_of(gc).collections;
    for (int i = 0; i < 1000000; i++)
        memoir_gc_alloc(gc, 100);
    cr_expect_eq(stats_of(gc).collections, before);
    memoir_gc_hold(gc, false);
    for (int i = 0; i < 100000; i++)
        memoir_gc_alloc(gc, 100);
    cr_expect_gt(stats_of(gc).collections, before);
    memoir_gc_destroy(gc);
}

Test(embed_gc, the_limit_is_a_limit_and_makes_it_collect)
{
    struct memoir_gc_options o = { .flags = MEMOIR_GC_NO_STACK | MEMOIR_GC_NO_DATA | MEMOIR_GC_MANUAL,
                                   .limit = 4 << 20 };
    struct memoir_gc *gc = memoir_gc_create(&o);
    memoir_gc_add_root(gc, slots, sizeof slots);
    for (int i = 0; i < 100000; i++)
        cr_assert_not_null(memoir_gc_alloc(gc, 1000));
    cr_expect_geq(stats_of(gc).collections, 20);
    int n = 0;
    while ((slots[n] = memoir_gc_alloc(gc, 1000)))
        n++;
    cr_expect_eq(errno, ENOMEM);
    cr_expect(n > 3900 && n < 4200, "%d", n);
    cr_expect_eq(stats_of(gc).failures, 1);
    cr_expect_null(memoir_gc_alloc(gc, 5 << 20));
    cr_expect_null(memoir_gc_alloc(gc, SIZE_MAX));
    cr_expect_null(memoir_gc_alloc(gc, SIZE_MAX - 16384));
    memset(slots, 0, sizeof slots);
    cr_expect_not_null(memoir_gc_alloc(gc, 3 << 20));
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

Test(embed_gc, memory_goes_back_to_the_system)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    for (int i = 0; i < 1000; i++)
        memset(memoir_gc_alloc(gc, 100000), 1, 100000);
    cr_expect_gt(stats_of(gc).heap_bytes, 100000000);
    memoir_gc_collect(gc);
    cr_expect_lt(stats_of(gc).heap_bytes, 8 << 20);
    char *p = memoir_gc_alloc(gc, 1000000);
    for (size_t i = 0; i < 1000000; i++)
        cr_assert_eq(p[i], 0);
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

/* ---- types ------------------------------------------------------------------------------------------ */

struct pair { struct pair *left; uintptr_t disguised; struct pair *right; };

Test(embed_gc, a_layout_says_which_words_are_pointers)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    const struct memoir_gc_layout layout = { .size = sizeof(struct pair), .pointers = 5 };
    const struct memoir_gc_type *type = memoir_gc_define(gc, &layout);
    memoir_gc_add_root(gc, slots, sizeof slots);
    struct pair *root = memoir_gc_new(type);
    slots[0] = (char *)root;
    root->left = memoir_gc_new(type);
    root->disguised = (uintptr_t)memoir_gc_new(type);
    root->right = memoir_gc_new(type);
    expect_kept(gc, 3);
    struct pair *many = memoir_gc_new_array(type, 1000);
    slots[1] = (char *)many;
    for (int i = 0; i < 1000; i++) {
        many[i].left = memoir_gc_new(type);
        many[i].disguised = (uintptr_t)memoir_gc_new(type);
    }
    expect_kept(gc, 3 + 1 + 1000);
    memset(slots, 0, sizeof slots);
    expect_kept(gc, 0);
    cr_expect_null(memoir_gc_new_array(type, SIZE_MAX / 8));
    memoir_gc_destroy(gc);
}

static struct memoir_gc *traced_by;

static void trace_pair(void *ctx, void *object, size_t size, struct memoir_gc_tracer *tracer)
{
    cr_assert_eq(ctx, slots);
    cr_assert_geq(size, sizeof(struct pair));
    memoir_gc_trace(tracer, ((struct pair *)object)->right);
    if (traced_by)
        cr_expect_null(memoir_gc_alloc(traced_by, 100000));
    traced_by = NULL;
}

Test(embed_gc, a_function_can_say_it)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    const struct memoir_gc_layout layout = { .size = sizeof(struct pair), .trace = trace_pair, .ctx = slots };
    const struct memoir_gc_type *type = memoir_gc_define(gc, &layout);
    memoir_gc_add_root(gc, slots, sizeof slots);
    struct pair *root = memoir_gc_new(type);
    slots[0] = (char *)root;
    root->left = memoir_gc_new(type);
    root->right = memoir_gc_new(type);
    expect_kept(gc, 2);
    traced_by = gc;
    memoir_gc_collect(gc);
    expect_told(MEMOIR_GC_REENTERED, NULL);
    memoir_gc_destroy(gc);
}

Test(embed_gc, bad_types_are_told)
{
    struct memoir_gc *gc = make(0);
    const struct memoir_gc_layout bad[] = {
        { .size = 0 }, { .size = 16385, .trace = trace_pair }, { .size = 520, .pointers = 1 },
            { .size = 16, .pointers = 4 },
        { .size = 12, .pointers = 1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_null(memoir_gc_define(gc, &bad[i]));
        expect_told(MEMOIR_GC_BAD_REQUEST, &bad[i]);
    }
    int n = 0;
    while (memoir_gc_define(gc, &(struct memoir_gc_layout){ .size = 512, .pointers = UINT64_MAX }))
        n++;
    cr_expect_eq(n, MEMOIR_GC_TYPES - 2);
    cr_expect_eq(errno, ENOMEM);
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

/* ---- freeing by hand -------------------------------------------------------------------------------- */

Test(embed_gc, an_object_can_be_freed_and_its_place_is_used_again)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = memoir_gc_alloc(gc, 48);
    char *large = memoir_gc_alloc(gc, 200000);
    uint64_t heap = stats_of(gc).heap_bytes;
    memoir_gc_free(gc, NULL);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < SLOTS; i++)
            memoir_gc_free(gc, slots[i]);
        memoir_gc_free(gc, large);
        cr_expect_eq(stats_of(gc).objects, 0);
        cr_expect_eq(stats_of(gc).bytes, 0);
        expect_sound(gc);
        for (int i = 0; i < SLOTS; i++)
            slots[i] = memoir_gc_alloc(gc, 48);
        large = memoir_gc_alloc(gc, 200000);
        cr_expect_eq(stats_of(gc).heap_bytes, heap);
    }
    cr_expect_eq(stats_of(gc).collections, 0);
    memoir_gc_destroy(gc);
}

Test(embed_gc, frees_of_anything_else_are_told_and_do_nothing)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    char *a = memoir_gc_alloc(gc, 64), *big = memoir_gc_alloc(gc, 100000);
    memoir_gc_free(gc, a + 8);
    expect_told(MEMOIR_GC_NOT_AN_OBJECT, a + 8);
    memoir_gc_free(gc, big + 20000);
    expect_told(MEMOIR_GC_NOT_AN_OBJECT, big + 20000);
    memoir_gc_free(gc, &told);
    expect_told(MEMOIR_GC_FOREIGN_POINTER, &told);
    memoir_gc_free(gc, a + 64); /* at hand, but not handed out */
    expect_told(MEMOIR_GC_DOUBLE_FREE, a + 64);
    memoir_gc_free(gc, a);
    memoir_gc_free(gc, a);
    expect_told(MEMOIR_GC_DOUBLE_FREE, a);
    memoir_gc_free(gc, big);
    memoir_gc_free(gc, big);
    expect_told(MEMOIR_GC_DOUBLE_FREE, big);
    cr_expect_eq(stats_of(gc).freed_objects, 2);
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

Test(embed_gc, bad_options_are_told)
{
    const struct memoir_gc_options bad[] = { { .flags = 8 }, { .growth = 9 }, { .growth = 1001 },
                                             { .limit = SIZE_MAX } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct memoir_gc_options o = bad[i];
        o.on_error = listen;
        told.calls = 0;
        cr_expect_null(memoir_gc_create(&o));
        cr_expect_eq(errno, EINVAL);
        expect_told(MEMOIR_GC_BAD_REQUEST, NULL);
    }
    memoir_gc_destroy(NULL);
}

Test(embed_gc, the_default_handler_aborts, .signal = SIGABRT)
{
    struct memoir_gc *gc = memoir_gc_create(NULL);
    close(2);
    memoir_gc_free(gc, &told);
}

/* ---- finalizers ------------------------------------------------------------------------------------- */

static struct { int calls; void *last; struct memoir_gc *gc; bool revive, work; } final;

static void finalize(void *ctx, void *object)
{
    cr_assert_eq(ctx, &final);
    final.calls++;
    final.last = object;
    if (final.revive)
        slots[1] = object;
    if (final.work) {
        for (int i = 0; i < 20000; i++)
            memoir_gc_alloc(final.gc, 100);
        memoir_gc_collect(final.gc);
        memoir_gc_set_finalizer(final.gc, memoir_gc_alloc(final.gc, 8), finalize, &final);
        final.work = final.calls < 50;
    }
}

static struct memoir_gc *make_final(void)
{
    struct memoir_gc *gc = make(MEMOIR_GC_MANUAL);
    memset(&final, 0, sizeof final);
    memset(slots, 0, sizeof slots);
    final.gc = gc;
    memoir_gc_add_root(gc, slots, sizeof slots);
    return gc;
}

Test(embed_gc, a_finalizer_runs_once_and_its_object_goes_after)
{
    struct memoir_gc *gc = make_final();
    struct list *item = make_list(gc, 3);
    slots[0] = (char *)item;
    cr_expect(memoir_gc_set_finalizer(gc, item, finalize, &final));
    expect_kept(gc, 3);
    cr_expect_eq(final.calls, 0);
    slots[0] = NULL;
    memoir_gc_collect(gc);
    cr_expect_eq(final.calls, 1);
    cr_expect_eq(final.last, item);
    cr_expect_eq(stats_of(gc).kept_objects, 3);
    expect_kept(gc, 0);
    cr_expect_eq(final.calls, 1);
    cr_expect_eq(stats_of(gc).finalized, 1);
    memoir_gc_destroy(gc);
    cr_expect_eq(final.calls, 1);
}

Test(embed_gc, a_finalizer_may_make_its_object_reachable_again)
{
    struct memoir_gc *gc = make_final();
    void *p = memoir_gc_alloc(gc, 40);
    final.revive = true;
    memoir_gc_set_finalizer(gc, p, finalize, &final);
    memoir_gc_collect(gc);
    expect_kept(gc, 1);
    cr_expect_eq(slots[1], p);
    slots[1] = NULL;
    expect_kept(gc, 0);
    cr_expect_eq(final.calls, 1);
    memoir_gc_destroy(gc);
}

Test(embed_gc, finalizers_can_be_changed_removed_and_forgotten)
{
    struct memoir_gc *gc = make_final();
    for (int i = 0; i < 3000; i++) {
        slots[i] = memoir_gc_alloc(gc, 24);
        cr_assert(memoir_gc_set_finalizer(gc, slots[i], finalize, NULL));
        cr_assert(memoir_gc_set_finalizer(gc, slots[i], finalize, &final));
    }
    for (int i = 0; i < 1000; i++)
        cr_assert(memoir_gc_set_finalizer(gc, slots[i], NULL, NULL));
    for (int i = 1000; i < 2000; i++)
        memoir_gc_free(gc, slots[i]);
    memset(slots, 0, sizeof slots);
    memoir_gc_collect(gc);
    cr_expect_eq(final.calls, 1000);
    cr_expect_not(memoir_gc_set_finalizer(gc, &told, finalize, NULL));
    expect_told(MEMOIR_GC_FOREIGN_POINTER, &told);
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

Test(embed_gc, a_finalizer_may_allocate_and_collect)
{
    struct memoir_gc *gc = make_final();
    final.work = true;
    for (int i = 0; i < 20; i++)
        memoir_gc_set_finalizer(gc, memoir_gc_alloc(gc, 8), finalize, &final);
    memoir_gc_collect(gc);
    cr_expect_geq(final.calls, 50);
    expect_sound(gc);
    memoir_gc_destroy(gc);
}

Test(embed_gc, the_end_runs_what_is_left)
{
    struct memoir_gc *gc = make_final();
    for (int i = 0; i < 500; i++) {
        slots[i] = memoir_gc_alloc(gc, 24);
        memoir_gc_set_finalizer(gc, slots[i], finalize, &final);
    }
    memoir_gc_destroy(gc);
    cr_expect_eq(final.calls, 500);
}

Test(embed_gc, collectors_do_not_know_each_other)
{
    struct memoir_gc *one = make(MEMOIR_GC_MANUAL), *two = make(MEMOIR_GC_MANUAL);
    memoir_gc_add_root(one, slots, sizeof slots);
    void **p = memoir_gc_alloc(one, 16);
    slots[0] = (char *)p;
    *p = memoir_gc_alloc(two, 16);
    expect_kept(one, 1);
    expect_kept(two, 0);
    memoir_gc_destroy(two);
    expect_kept(one, 1);
    memoir_gc_destroy(one);
}
