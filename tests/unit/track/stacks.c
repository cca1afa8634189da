#include "../ledger/shelf.h"

#include <pthread.h>

#include "../../../src/track/stacks.h"

TestSuite(stacks, .init = make_shelf, .fini = clear_shelf);

/* A stack as the unwinder hands it over: outermost first. */
struct stack {
    struct mr_unwind_frame frames[8];
    struct mr_unwound told;
};

static struct mr_unwound *stack_of(struct stack *s, uint64_t salt, unsigned depth, const uintptr_t *pcs)
{
    memset(s, 0, sizeof *s);
    uint64_t hash = salt;
    for (unsigned i = 0; i < depth; i++) {
        s->frames[i].pc = pcs[i];
        hash = (hash ^ pcs[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    s->told = (struct mr_unwound){ .frames = s->frames, .hash = hash | 1, .depth = depth };
    return &s->told;
}

static uint32_t site_of(uint64_t salt, unsigned depth, const uintptr_t *pcs)
{
    struct stack s;
    return mr_stacks_site(stack_of(&s, salt, depth, pcs), true);
}

#define PCS(...) (const uintptr_t[]){ __VA_ARGS__ }

static void open_traced(const char *name)
{
    open_ledger(name);
    cr_assert(mr_track_boot());
}

static const struct mr_ledger_frame *frame(uint32_t i) { return (struct mr_ledger_frame *)mr_writer_entries(MR_SECTION_FRAMES) + i; }
static const struct mr_ledger_site *site(uint32_t i) { return (struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES) + i; }

Test(stacks, a_stack_is_a_site_and_a_path_in_the_tree)
{
    open_traced(NULL);
    uint32_t a = site_of(1, 3, PCS(100, 200, 300)), b = site_of(1, 3, PCS(100, 200, 400)), c = site_of(1, 2, PCS(100, 200));
    cr_expect_eq(a, 1);
    cr_expect_eq(b, 2);
    cr_expect_eq(c, 3);
    cr_expect_eq(site_of(1, 3, PCS(100, 200, 300)), a);
    cr_expect_eq(mr_writer_count(MR_SECTION_FRAMES), 5, "the callers are shared");
    const struct mr_ledger_frame *f = frame(site(b)->stack);
    cr_expect_eq(f->pc, 400);
    cr_expect_eq(frame(f->caller)->pc, 200);
    cr_expect_eq(frame(frame(f->caller)->caller)->pc, 100);
    cr_expect_eq(frame(frame(f->caller)->caller)->caller, 0);
    cr_expect_eq(site(c)->stack, f->caller);
}

Test(stacks, with_another_salt_it_is_the_same_site)
{
    open_traced(NULL);
    uint32_t a = site_of(1, 3, PCS(100, 200, 300));
    cr_expect_eq(site_of(2, 3, PCS(100, 200, 300)), a);
    mr_track_modules_changed();
    cr_expect_eq(site_of(3, 3, PCS(100, 200, 300)), a);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), 2);
}

Test(stacks, what_the_unwinder_remembers_is_not_looked_up)
{
    struct stack s;
    open_traced(NULL);
    uint32_t a = site_of(1, 2, PCS(100, 200));
    struct mr_unwound *told = stack_of(&s, 1, 3, PCS(7, 7, 300));
    s.frames[1].user = site(a)->stack; /* the two outermost are as they were */
    told->same = 2;
    uint32_t b = mr_stacks_site(told, true);
    cr_expect_eq(frame(site(b)->stack)->caller, site(a)->stack);
    cr_expect_eq(s.frames[2].user, site(b)->stack, "and is told what to remember");
    told->unchanged = true;
    told->hash = 12345;
    cr_expect_eq(mr_stacks_site(told, true), b);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), 3);
}

Test(stacks, many_are_all_found_again, .timeout = 60)
{
    enum { MANY = 30000 };
    static uint32_t ids[MANY];
    open_traced("a.memoir");
    for (uintptr_t i = 0; i < MANY; i++)
        ids[i] = site_of(1, 4, PCS(100, 1000 + i % 7, 2000 + i % 1000, 10000 + i));
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), MANY + 1);
    for (uintptr_t i = 0; i < MANY; i++)
        cr_assert_eq(site_of(1, 4, PCS(100, 1000 + i % 7, 2000 + i % 1000, 10000 + i)), ids[i]);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), MANY + 1);
    cr_expect_eq(mr_writer_header->lost_sites, 0);
}

Test(stacks, a_mark_is_counted)
{
    open_traced(NULL);
    uint32_t a = site_of(1, 2, PCS(MR_FRAME_MARK_BROKEN, 200));
    site_of(1, 2, PCS(MR_FRAME_MARK_BROKEN, 200));
    cr_expect_eq(mr_writer_header->unwind_marks, 1);
    cr_expect_eq(frame(frame(site(a)->stack)->caller)->pc, MR_FRAME_MARK_BROKEN);
    cr_expect_eq(frame(frame(site(a)->stack)->caller)->module, 0);
}

Test(stacks, without_room_it_is_site_0_and_counted)
{
    open_traced("a.memoir");
    cr_assert_eq(truncate(on_shelf("a.memoir"), (off_t)mr_writer_header->sections[MR_SECTION_SITES].offset + 65536), 0);
    uint32_t first = site_of(1, 2, PCS(100, 1)), lost = 0;
    for (uintptr_t i = 2; i < 2000; i++)
        lost += site_of(1, 2, PCS(100, i)) == 0;
    cr_expect_eq(lost, 2000 - 65536 / 64);
    cr_expect_eq(mr_writer_header->lost_sites, lost);
    cr_expect_eq(site_of(1, 2, PCS(100, 1)), first, "those that are there stay");
}

/* ---- who may wait ------------------------------------------------------------------------------------------ */

Test(stacks, a_handler_that_interrupted_the_interning_does_not_wait, .timeout = 10)
{
    open_traced(NULL);
    uint32_t a = site_of(1, 1, PCS(100));
    cr_assert(mr_stacks_lock());
    cr_expect_not(mr_stacks_lock());
    cr_expect_eq(site_of(1, 1, PCS(100)), a, "what is known needs no lock");
    cr_expect_eq(site_of(1, 1, PCS(200)), 0);
    mr_track_modules_changed();
    mr_stacks_unlock();
    cr_expect_eq(site_of(2, 1, PCS(200)), 2);
}

static void *intern_without_waiting(void *unused)
{
    struct stack s;
    (void)unused;
    return (void *)(uintptr_t)mr_stacks_site(stack_of(&s, 1, 1, PCS(300)), false);
}

Test(stacks, who_may_not_wait_does_not_wait_for_another_thread, .timeout = 10)
{
    open_traced(NULL);
    cr_assert(mr_stacks_lock());
    cr_expect_null(in_thread(intern_without_waiting, NULL));
    mr_stacks_unlock();
    cr_expect_not_null(in_thread(intern_without_waiting, NULL));
}

enum { THREADS = 4, STACKS = 3000 };
static uint32_t met[THREADS][STACKS];

static void *intern_all(void *arg)
{
    uintptr_t n = (uintptr_t)arg;
    for (uintptr_t k = 0; k < STACKS; k++) {
        uintptr_t i = n % 2 ? k : STACKS - 1 - k;
        met[n][i] = site_of(1, 3, PCS(100, 1000 + i % 50, 5000 + i));
    }
    return NULL;
}

Test(stacks, threads_agree, .timeout = 60)
{
    pthread_t threads[THREADS];
    open_traced("a.memoir");
    for (uintptr_t n = 0; n < THREADS; n++)
        cr_assert_eq(pthread_create(&threads[n], NULL, intern_all, (void *)n), 0);
    for (int n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    for (int n = 1; n < THREADS; n++)
        cr_expect_arr_eq(met[n], met[0], sizeof met[0]);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), STACKS + 1);
}
