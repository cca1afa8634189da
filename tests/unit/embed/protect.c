/* Protection of blocks and pools. */
#include "pool_help.h"

#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static sigjmp_buf back;

static void jump(int sig)
{
    siglongjmp(back, sig);
}

enum { READ = 1, WRITE = 2, EXECUTE = 4 };

/* What can be done with the memory at p, tried. */
static unsigned rights(volatile unsigned char *p)
{
    volatile unsigned can = 0; /* a fault comes back by longjmp */
    struct sigaction catch = { .sa_handler = jump, .sa_flags = SA_NODEFER }, old[2];
    sigaction(SIGSEGV, &catch, &old[0]);
    sigaction(SIGBUS, &catch, &old[1]);
    if (sigsetjmp(back, 1) == 0) {
        (void)*p;
        can |= READ;
    }
    if (sigsetjmp(back, 1) == 0) {
        *p = 0xc3;
        can |= WRITE;
    }
#if defined(__x86_64__)
    if (can & READ && *p == 0xc3 && sigsetjmp(back, 1) == 0) {
        ((void (*)(void))(uintptr_t)p)(); /* ret */
        can |= EXECUTE;
    }
#endif
    sigaction(SIGSEGV, &old[0], NULL);
    sigaction(SIGBUS, &old[1], NULL);
    return can;
}

static const struct {
    enum memoir_protection protection;
    unsigned must, may;
} modes[] = {
    { MEMOIR_PROTECT_NONE, 0, 0 },
    { MEMOIR_PROTECT_READ, READ, READ },
    { MEMOIR_PROTECT_WRITE, WRITE, READ | WRITE },
    { MEMOIR_PROTECT_READ_EXECUTE, READ, READ | EXECUTE },
    { MEMOIR_PROTECT_READ_WRITE_EXECUTE, READ | WRITE, READ | WRITE | EXECUTE },
    { MEMOIR_PROTECT_READ_WRITE, READ | WRITE, READ | WRITE },
};

static void try_modes(struct memoir_pool *pool)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *before = memoir_pool_alloc(pool, 100), *p = memoir_pool_alloc_pages(pool, 2 * page - 7);
    unsigned char *behind = memoir_pool_alloc(pool, 100);
    cr_assert(before && p && behind);
    cr_expect_eq((uintptr_t)p % page, 0);
    cr_expect_geq(memoir_pool_usable_size(pool, p), 2 * page);
    memset(p, 0xc3, 2 * page);
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const char *why = memoir_pool_protect(pool, p, modes[i].protection);
        if (why && modes[i].may & EXECUTE)
            continue; /* a rule of this system */
        cr_assert_null(why, "%s", why);
        cr_expect_eq(memoir_pool_protection(pool, p), modes[i].protection);
        for (unsigned k = 0; k < 2; k++) {
            unsigned can = rights(p + k * (2 * page - 1));
            cr_expect_eq(can & modes[i].must, modes[i].must, "mode %u: %u", i, can);
            cr_expect_eq(can & ~modes[i].may, 0, "mode %u: %u", i, can);
        }
        cr_expect_eq(rights(before) & ~EXECUTE, READ | WRITE);
        cr_expect_eq(rights(behind) & ~EXECUTE, READ | WRITE);
        void *other = memoir_pool_alloc(pool, 3000); /* the pool goes on */
        memoir_pool_free(pool, other);
        expect_pool_sound(pool);
    }
    cr_expect_null(memoir_pool_protect(pool, p, MEMOIR_PROTECT_NONE));
    memoir_pool_free(pool, p + page + 64); /* may not even be looked at */
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, p + page + 64, "not at its start");
    cr_expect_not(memoir_pool_owns(pool, p + page + 64));
    cr_expect_null(memoir_pool_realloc(pool, p, 10));
    expect_told(MEMOIR_POOL_BAD_REQUEST, p, "protected");
    memoir_pool_free(pool, p);
    cr_expect_eq(rights(p) & ~EXECUTE, READ | WRITE, "restored at free");
    memoir_pool_free(pool, before);
    memoir_pool_free(pool, behind);
    expect_silent();
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_protect, every_mode_of_a_block)
{
    static char memory[100000];
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        try_modes(memoir_pool_create(1 << 17, &o));
        if (fit != MEMOIR_FIT_BUDDY) /* there a page only happens to be aligned */
            try_modes(memoir_pool_create_in(memory, sizeof memory, &o));
        o.flags = MEMOIR_POOL_TAGS | MEMOIR_POOL_FILL | MEMOIR_POOL_THREAD_SAFE;
        try_modes(memoir_pool_create(1 << 17, &o));
    }
}

Test(embed_protect, what_shares_os_pages_is_refused)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, MEMOIR_POOL_FALLBACK, 1 << 16);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *first = memoir_pool_alloc(pool, 100), *small = memoir_pool_alloc(pool, 100), *odd = memoir_pool_aligned_alloc(pool, page, page + 100);
    void *other = memoir_pool_alloc(pool, 1 << 20);
    cr_expect(strstr(memoir_pool_protect(pool, small, MEMOIR_PROTECT_READ), "does not begin at an OS page"));
    cr_expect(strstr(memoir_pool_protect(pool, odd, MEMOIR_PROTECT_READ), "does not end with an OS page"));
    cr_expect(strstr(memoir_pool_protect(pool, other, MEMOIR_PROTECT_READ), "from malloc"));
    cr_expect(strstr(memoir_pool_protect(pool, small, (enum memoir_protection)9), "no such protection"));
    cr_expect_eq(memoir_pool_protection(pool, small), MEMOIR_PROTECT_READ_WRITE);
    cr_expect_eq(memoir_pool_protection(pool, other), MEMOIR_PROTECT_READ_WRITE);
    expect_silent();
    cr_expect(strstr(memoir_pool_protect(pool, (char *)small + 1, MEMOIR_PROTECT_READ), "no block"));
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, (char *)small + 1, "protect of");
    memoir_pool_protection(pool, &pool);
    expect_told(MEMOIR_POOL_FOREIGN_POINTER, &pool, "protection of");
    memoir_pool_free(pool, first);
    memoir_pool_free(pool, small);
    memoir_pool_free(pool, odd);
    memoir_pool_free(pool, other);
    memoir_pool_destroy(pool);
}

Test(embed_protect, a_pool_as_a_whole)
{
    for (unsigned flags = 0; flags <= MEMOIR_POOL_THREAD_SAFE; flags += MEMOIR_POOL_THREAD_SAFE) {
        struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, flags, 1 << 16);
        unsigned char *p = memoir_pool_alloc(pool, 100);
        cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ));
        cr_expect_eq(memoir_pool_protection_all(pool), MEMOIR_PROTECT_READ);
        cr_expect_eq(rights(p), READ);
        expect_pool_sound(pool);
        cr_expect_eq(stats_of(pool).blocks, 1);
        cr_expect_null(memoir_pool_alloc(pool, 10));
        expect_told(MEMOIR_POOL_PROTECTED, NULL, "make it read-write first");
        memoir_pool_free(pool, p);
        expect_told(MEMOIR_POOL_PROTECTED, NULL, "protected");
        cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_NONE));
        cr_expect_eq(rights(p), 0);
        cr_expect_eq(stats_of(pool).blocks, 0);
        expect_told(MEMOIR_POOL_PROTECTED, NULL, "protected");
        cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ_WRITE));
        void *pages = memoir_pool_alloc_pages(pool, 1);
        cr_expect_null(memoir_pool_protect(pool, pages, MEMOIR_PROTECT_READ));
        cr_expect(strstr(memoir_pool_protect_all(pool, MEMOIR_PROTECT_NONE), "single blocks"));
        memoir_pool_free(pool, pages);
        memoir_pool_free(pool, p);
        expect_silent();
        cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_NONE));
        cr_expect_eq(memoir_pool_destroy(pool), 0);
    }
}

Test(embed_protect, a_buffer_gets_its_pages_back_and_is_never_protected_whole)
{
    static char memory[50000];
    struct memoir_pool_options o = options_of(MEMOIR_FIT_FIRST, 0);
    struct memoir_pool *pool = memoir_pool_create_in(memory, sizeof memory, &o);
    cr_expect(strstr(memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ), "caller's buffer"));
    unsigned char *p = memoir_pool_alloc_pages(pool, 1);
    cr_expect_null(memoir_pool_protect(pool, p, MEMOIR_PROTECT_NONE));
    cr_expect_eq(memoir_pool_destroy(pool), 1);
    memset(memory, 0, sizeof memory);
}
