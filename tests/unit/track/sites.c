#include "../ledger/shelf.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "../../../src/track/sites.h"

TestSuite(sites, .init = make_shelf, .fini = clear_shelf);

enum { SITES = 1000 };

/* A ledger with sites 1 to SITES, whatever their stacks. */
static void open_with_sites(const char *name)
{
    open_ledger(name);
    cr_assert(mr_track_boot());
    cr_assert_eq(mr_writer_reserve(MR_SECTION_SITES, SITES), 1);
    mr_writer_publish(MR_SECTION_SITES, SITES);
}

static struct mr_track *begin(void)
{
    struct mr_track *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mr_track_begin(t);
    return t;
}

static void *block(uintptr_t n) { return (void *)(n * 16 + 0x100000); }

static void expect_sum(uint32_t site, struct mr_sum wanted)
{
    struct mr_sum sum = mr_sites_sum(site);
    cr_expect_arr_eq(&sum, &wanted, sizeof sum, "site %u: %lu-%lu blocks, %lu-%lu bytes, %lu temporary", site, sum.allocs,
                     sum.frees, sum.alloc_bytes, sum.freed_bytes, sum.temporary);
}

/* ---- one thread ------------------------------------------------------------------------------------- */

Test(sites, what_is_booked_is_the_sum)
{
    open_with_sites(NULL);
    struct mr_track *t = begin();
    mr_track_alloc(t, 7, 100, block(1));
    mr_track_alloc(t, 7, 50, block(2));
    mr_track_free(t, 7, 100, block(1));
    expect_sum(7, (struct mr_sum){ 2, 1, 150, 100, 0 });
    struct mr_sum all = mr_sites_total();
    cr_expect_eq(mr_sum_bytes(&all), 50);
    cr_expect_eq(mr_sum_blocks(&all), 1);
}

Test(sites, freed_as_the_next_thing_is_temporary)
{
    open_with_sites(NULL);
    struct mr_track *t = begin();
    mr_track_alloc(t, 7, 100, block(1));
    mr_track_free(t, 7, 100, block(1));
    mr_track_alloc(t, 7, 100, block(1));
    mr_track_alloc(t, 8, 100, block(2));
    mr_track_free(t, 7, 100, block(1));
    mr_track_free(t, 8, 100, block(2));
    expect_sum(7, (struct mr_sum){ 2, 2, 200, 200, 1 });
    expect_sum(8, (struct mr_sum){ 1, 1, 100, 100, 0 });
}

Test(sites, without_a_struct_it_is_booked_at_the_site)
{
    open_with_sites(NULL);
    mr_track_alloc(NULL, 7, 100, block(1));
    mr_track_free(NULL, 7, 30, block(1));
    expect_sum(7, (struct mr_sum){ 1, 1, 100, 30, 0 });
    cr_expect_eq(mr_sites_total().allocs, 1);
}

Test(sites, errno_is_left_alone)
{
    open_with_sites("a.memoir");
    struct mr_track *t = begin();
    errno = 77;
    for (int i = 0; i < 1000; i++)
        mr_track_alloc(t, 1 + i % SITES, 10000, block(1));
    mr_track_settle();
    cr_expect_eq(errno, 77);
}

/* ---- against a shadow ----------------------------------------------------------------------------------- */

struct shadow { uint64_t allocs, frees, bytes; };
static struct shadow own[SITES + 1];

static uint32_t next_random(uint32_t *state) { return *state = *state * 1664525 + 1013904223; }

/* Events at sites that share entries of the lane, in runs and alternating. `done` counts what is over. */
static void book_randomly(struct mr_track *t, unsigned events, uint32_t seed, struct shadow *shadow)
{
    uint32_t site = 1;
    for (unsigned i = 0; i < events; i++) {
        uint32_t r = next_random(&seed) >> 8;
        if (r % 4 != 0)
            site = 1 + (r / 4 % 3) * MR_LANE_ENTRIES + r / 16 % 40;
        struct shadow *s = &shadow[site];
        if (r % 3 || s->allocs == s->frees) {
            mr_track_alloc(t, site, 24, block(i));
            s->allocs++;
        } else {
            mr_track_free(t, site, 24, own);
            s->frees++;
        }
    }
}


Test(sites, entries_that_change_hands_lose_nothing)
{
    open_with_sites("a.memoir");
    book_randomly(begin(), 300000, 1, own);
    for (uint32_t i = 1; i <= SITES; i++)
        expect_sum(i, (struct mr_sum){ own[i].allocs, own[i].frees, own[i].allocs * 24, own[i].frees * 24, 0 });
}

enum { THREADS = 6 };
static struct shadow shadows[THREADS][SITES + 1];

static void *book_as_a_thread(void *arg)
{
    uintptr_t n = (uintptr_t)arg;
    struct mr_track *t = n % 3 == 2 ? NULL : begin();
    book_randomly(t, 60000, (uint32_t)n + 1, shadows[n]);
    if (t)
        mr_track_end(t);
    return NULL;
}

Test(sites, threads_lose_nothing, .timeout = 60)
{
    pthread_t threads[THREADS];
    open_with_sites("a.memoir");
    for (int round = 0; round < 3; round++) {
        for (uintptr_t n = 0; n < THREADS; n++)
            cr_assert_eq(pthread_create(&threads[n], NULL, book_as_a_thread, (void *)n), 0);
        for (int n = 0; n < THREADS; n++)
            pthread_join(threads[n], NULL);
    }
    for (uint32_t i = 1; i <= SITES; i++) {
        uint64_t allocs = 0, frees = 0;
        for (int n = 0; n < THREADS; n++)
            allocs += shadows[n][i].allocs, frees += shadows[n][i].frees;
        expect_sum(i, (struct mr_sum){ allocs, frees, allocs * 24, frees * 24, 0 });
    }
    cr_expect_leq(mr_writer_count(MR_SECTION_LANES), THREADS + 1, "lanes are used again");
}

/* ---- handlers ----------------------------------------------------------------------------------------------- */

static struct mr_track *handlers_struct;
static volatile uint64_t in_handler;

static void book_in_handler(int sig)
{
    (void)sig;
    uint32_t site = 1 + (uint32_t)(in_handler % 3) * MR_LANE_ENTRIES;
    mr_track_alloc(handlers_struct, site, 8, block(in_handler));
    in_handler = in_handler + 1;
}

Test(sites, handlers_that_interrupt_a_booking_lose_nothing, .timeout = 60)
{
    const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
    open_with_sites("a.memoir");
    handlers_struct = begin();
    signal(SIGALRM, book_in_handler);
    setitimer(ITIMER_REAL, &often, NULL);
    uint64_t mine = 0;
    for (; in_handler < 2000; mine++)
        mr_track_alloc(handlers_struct, 1 + (uint32_t)(mine % 3) * MR_LANE_ENTRIES, 8, block(mine));
    setitimer(ITIMER_REAL, &never, NULL);
    uint64_t told = 0, bytes = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct mr_sum sum = mr_sites_sum(1 + i * MR_LANE_ENTRIES);
        told += sum.allocs;
        bytes += sum.alloc_bytes;
    }
    cr_expect_eq(told, mine + in_handler);
    cr_expect_eq(bytes, 8 * told);
    cr_expect_eq(mr_sites_total().allocs, told);
}

/* ---- killed --------------------------------------------------------------------------------------------------- */

static struct shadow *shared;

static int book_until_killed(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is broken off leaves nobody behind */
    open_with_sites("killed.memoir");
    struct mr_track *t = begin();
    for (uint32_t round = 1; round; round++)
        book_randomly(t, 100000, round, shared);
    return 0;
}

/* The event under way when it died may be told in part. */
static uint64_t expect_told(uint32_t site, const struct mr_reader *r)
{
    struct mr_sum sum = mr_reader_site(r, site).sum;
    const struct shadow *s = &shared[site];
    cr_expect(sum.allocs - s->allocs <= 1, "site %u: %lu told, %lu booked", site, sum.allocs, s->allocs);
    cr_expect(sum.frees - s->frees <= 1, "site %u: %lu told, %lu booked", site, sum.frees, s->frees);
    cr_expect(sum.alloc_bytes - 24 * s->allocs <= 24, "site %u: %lu told, %lu booked", site, sum.alloc_bytes, 24 * s->allocs);
    return sum.allocs - s->allocs + sum.frees - s->frees;
}

static void kill_and_read(unsigned us)
{
    char why[256];
    int status;
    memset(shared, 0, sizeof own);
    pid_t child = fork();
    if (child == 0)
        _exit(book_until_killed());
    while (__atomic_load_n(&shared[1].allocs, __ATOMIC_RELAXED) == 0)
        usleep(100);
    usleep(us);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct mr_reader *r = mr_reader_open(on_shelf("killed.memoir"), why, sizeof why);
    cr_assert_not_null(r, "%s", why);
    uint64_t beyond = 0;
    for (uint32_t i = 1; i <= SITES; i++)
        beyond += expect_told(i, r);
    cr_expect_leq(beyond, 1);
    cr_expect_eq(mr_reader_header(r)->end, MR_LEDGER_RUNNING);
    mr_reader_close(r);
    unlink(on_shelf("killed.memoir"));
}

Test(sites, whoever_is_killed_has_told_all, .timeout = 60)
{
    shared = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < 60; i++)
        kill_and_read(500 + i * 137);
}

/* ---- fork ------------------------------------------------------------------------------------------------------ */

static struct mr_track *forkers;

static int go_on_in_the_child(void)
{
    bool done = mr_writer_forked();
    mr_track_forked(forkers);
    mr_track_alloc(forkers, 7, 1, block(1));
    struct mr_track *other = begin();
    mr_track_alloc(other, 7, 1, block(2));
    struct mr_sum sum = mr_sites_sum(7);
    return done && sum.allocs == 4 && sum.alloc_bytes == 202 && other->lane != forkers->lane;
}

static void *begin_and_book(void *unused)
{
    (void)unused;
    struct mr_track *t = begin();
    mr_track_alloc(t, 7, 100, block(9));
    return t;
}

Test(sites, a_fork_child_goes_on_with_what_was_booked)
{
    open_with_sites("a.memoir");
    forkers = begin();
    in_thread(begin_and_book, NULL);
    mr_track_alloc(forkers, 7, 100, block(3));
    cr_expect_eq(child_result(go_on_in_the_child), 1);
    expect_sum(7, (struct mr_sum){ 2, 0, 200, 0, 0 });
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

Test(sites, a_sampled_block_is_booked_alike_when_it_comes_and_goes)
{
    open_with_sites(NULL);
    struct mr_track *t = begin();
    for (uintptr_t i = 0; i < 4000; i++)
        mr_track_alloc_sampled(t, 7, 1000, block(i * 61), 1500);
    struct mr_sum sum = mr_sites_sum(7);
    double wanted = 4000 * mr_sample_weight(1000, 1500);
    cr_expect(sum.allocs > wanted * 0.98 && sum.allocs < wanted * 1.02, "%lu blocks, not %g", sum.allocs, wanted);
    cr_expect(sum.alloc_bytes > wanted * 999 && sum.alloc_bytes < wanted * 1001, "%lu bytes", sum.alloc_bytes);
    for (uintptr_t i = 0; i < 4000; i++)
        mr_track_free_sampled(t, 7, 1000, block(i * 61), 1500);
    sum = mr_sites_sum(7);
    cr_expect_eq(mr_sum_bytes(&sum) + mr_sum_blocks(&sum), 0);
}
