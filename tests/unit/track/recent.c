#include "../ledger/shelf.h"

#include <alloca.h>
#include <sys/mman.h>

#include "../../../src/track/stacks.h"

TestSuite(recent, .init = make_shelf, .fini = clear_shelf);

#define NO_TAIL __asm__ volatile("" : : : "memory")
#define PLACE(n) __asm__ volatile("# " #n : : : "memory") /* calls in front of different ones are not merged */

/* Of so many asked for one is found at least: fewer under a sanitizer, whose frames differ more. */
#ifdef __SANITIZE_ADDRESS__
enum { FOUND_LEAST = 100 };
#else
enum { FOUND_LEAST = 8 };
#endif

struct run {
    struct mr_track *t;
    uint64_t rng;
    unsigned asked, found, nodes_asked, nodes_found;
};

static unsigned chance(struct run *r, unsigned n)
{
    r->rng = r->rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->rng >> 33) % n;
}

/* The same as in ask(), for what is no site. */
static MR_NOINLINE void ask_for_node(struct run *r)
{
    struct mr_unwind_start start = MR_UNWIND_HERE();
    uint32_t known = mr_track_known_stack(r->t, start.pc, start.sp, start.bp), node = mr_track_stack(NULL, &start);
    r->nodes_asked++;
    r->nodes_found += known != 0;
    cr_assert_neq(node, 0);
    cr_assert(known == 0 || known == node, "%u for %u", known, node);
    if (known == 0)
        cr_assert_eq(mr_track_stack(r->t, &start), node);
}

/* What is found without a walk is what a walk finds. */
static MR_NOINLINE void ask(struct run *r)
{
    struct mr_unwind_start start = MR_UNWIND_HERE();
    uint32_t known = mr_track_known(r->t, start.pc, start.sp, start.bp), site = mr_track_here(NULL, &start);
    r->asked++;
    r->found += known != 0;
    cr_assert_neq(site, 0);
    cr_assert(known == 0 || known == site, "%u for %u", known, site);
    if (known == 0)
        cr_assert_eq(mr_track_here(r->t, &start), site);
}

static MR_NOINLINE void go(struct run *r, unsigned depth);

static MR_NOINLINE void plain(struct run *r, unsigned depth)
{
    if (chance(r, 2)) {
        go(r, depth);
        PLACE(1);
    } else {
        go(r, depth);
        PLACE(2);
    }
}

/* A frame found by its frame pointer, of one of two sizes. */
static MR_NOINLINE void with_alloca(struct run *r, unsigned depth)
{
    volatile char *room = alloca(64 + 64 * chance(r, 2));
    room[0] = 1;
    go(r, depth);
    NO_TAIL;
}

static MR_NOINLINE void asking(struct run *r)
{
    switch (chance(r, 6)) {
    case 0: ask(r); PLACE(1); break;
    case 1: ask(r); PLACE(2); break;
    case 2: ask(r); PLACE(3); break;
    case 3: ask_for_node(r); PLACE(5); break;
    case 4: ask_for_node(r); PLACE(6); break;
    default: ask(r); PLACE(4);
    }
}

static MR_NOINLINE void go(struct run *r, unsigned depth)
{
    for (unsigned n = 1 + chance(r, 3); n-- > 0;) {
        if (depth == 0)
            asking(r);
        else if (chance(r, 3))
            plain(r, depth - 1);
        else
            with_alloca(r, depth - 1);
    }
    NO_TAIL;
}

static struct run begin(void)
{
    struct run r = { .rng = 7 };
    open_ledger("a.memoir");
    cr_assert(mr_track_boot());
    r.t = mmap(NULL, sizeof *r.t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mr_track_begin(r.t);
    return r;
}

Test(recent, finds_what_a_walk_finds)
{
    struct run r = begin();
    for (volatile int i = 0; i < 300; i++)
        go(&r, (unsigned)i % 6);
    cr_expect_gt(r.asked, 3000);
    cr_expect_gt(r.found, r.asked / FOUND_LEAST, "%u of %u", r.found, r.asked);
    cr_expect_gt(r.nodes_found, r.nodes_asked / FOUND_LEAST, "%u of %u", r.nodes_found, r.nodes_asked);
}

Test(recent, stacks_that_alternate_are_all_found)
{
    struct run r = begin();
    for (volatile int i = 0; i < 100; i++) {
        ask(&r);
        asking(&r);
        plain(&r, 0);
    }
    cr_expect_gt(r.found, r.asked * 9 / 10);
    cr_expect_gt(r.nodes_found, r.nodes_asked * 8 / 10, "%u of %u", r.nodes_found, r.nodes_asked);
}

Test(recent, unloading_makes_them_unknown)
{
    struct run r = begin();
    for (volatile int i = 0; i < 3; i++) {
        unsigned found = r.found;
        ask(&r);
        cr_expect_eq(r.found, found);
        mr_track_modules_changed();
    }
}
