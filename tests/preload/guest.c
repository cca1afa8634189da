/* The good-guest tests: what a host may do to an allocator, and what an allocator must not do to its
 * host. One row per program; what takes two runs or a prepared directory stands below the rows. */
#include "guest.h"

#include <sys/utsname.h>

static const char *audit_library(void)
{
    static char setting[PATH_MAX + 16];
    snprintf(setting, sizeof setting, "LD_AUDIT=%s", run_path("tests/plugin/guest_audit.so"));
    return setting;
}

static void expect_quiet_success(const struct guest *g, const char *more)
{
    struct run_result r = guest_start(g, more);
    const char *with = more ? more : "";
    if (!r.timed_out && WIFEXITED(r.status) && WEXITSTATUS(r.status) == 77) {
        run_free(&r);
        cr_skip_test("not possible on this machine");
        return;
    }
    cr_expect_str_eq(run_ending(&r), "exit 0", "%s %s: %s: %s", g->program, with, run_ending(&r), r.err);
    cr_expect_str_eq(r.out, "", "%s %s: prints: %s", g->program, with, r.out);
    cr_expect_str_eq(r.err, "", "%s %s: complains: %s", g->program, with, r.err);
    run_free(&r);
}

static void check_guest(const struct guest *g)
{
    if (guest_skips(g))
        return;
    expect_quiet_success(g, NULL);
    for (size_t i = 1; g->strategies && i < GUEST_STRATEGIES; i++) {
        char strategy[64];
        snprintf(strategy, sizeof strategy, "MEMOIR_STRATEGY=%s", guest_strategies[i]);
        if (run_under_strategy(g->row, i, GUEST_STRATEGIES))
            expect_quiet_success(g, strategy);
    }
}

#define GUEST(name, ...) \
    Test(guest, name) { check_guest(&(struct guest){ .row = __LINE__, __VA_ARGS__ }); }

/* Before the first constructor and after the last destructor. */
GUEST(early_and_late, .program = "guest_early", .strategies = true)

/* The dynamic linker as a caller. */
GUEST(dynamic_linker, .program = "guest_dl", .args = { run_path("tests/plugin") }, .strategies = true)
GUEST(dlopened_beside_glibc, .program = "guest_late", .args = { run_path("libmemoir.so") }, .preload = "", .ours = true)
GUEST(dlopened_deep, .program = "guest_late", .args = { run_path("libmemoir.so"), "deep" }, .preload = "", .ours = true)
GUEST(dlopened_again, .program = "guest_late", .args = { run_path("libmemoir.so") }, .ours = true)

/* Names the program defines itself. */
GUEST(own_getenv, .program = "guest_own_getenv")
GUEST(own_mmap, .program = "guest_own_mmap")
GUEST(own_dlsym, .program = "guest_own_dlsym")

/* A kernel that forbids what an allocator can do without. */
GUEST(seccomp_early_kill, .program = "guest_seccomp", .args = { "early", "kill" })
GUEST(seccomp_early_refuse, .program = "guest_seccomp", .args = { "early", "refuse" })
GUEST(seccomp_late_kill, .program = "guest_seccomp", .args = { "late", "kill" })
GUEST(seccomp_late_refuse, .program = "guest_seccomp", .args = { "late", "refuse" })
GUEST(seccomp_threads_kill, .program = "guest_seccomp", .args = { "threads", "kill" })
GUEST(seccomp_threads_refuse, .program = "guest_seccomp", .args = { "threads", "refuse" })
GUEST(seccomp_strategies, .program = "guest_seccomp", .args = { "early", "kill" }, .strategies = true, .seconds = 60)

/* Memory as the kernel counts it. */
GUEST(mlockall_future, .program = "guest_mlock", .args = { "future" }, .strategies = true)
GUEST(mlockall_current, .program = "guest_mlock", .args = { "current" }, .strategies = true)
GUEST(few_mappings, .program = "guest_maps", .strategies = true, .seconds = 60)
GUEST(burst_goes_back, .program = "guest_memory", .args = { "burst" }, .env = { "MEMOIR_PURGE_DELAY=500" })
GUEST(burst_goes_back_idle, .program = "guest_memory", .args = { "idle" }, .env = { "MEMOIR_PURGE_DELAY=500" })
GUEST(pages_of_16_kib, .program = "guest_page", .args = { "16384" }, .strategies = true, .ours = true)
GUEST(pages_of_64_kib, .program = "guest_page", .args = { "65536" }, .strategies = true, .ours = true)
GUEST(talks_to_memoir, .program = "guest_talks", .strategies = true)
GUEST(stub_of_malloc, .program = "guest_stub", .strategies = true)
GUEST(scattered_room_is_used, .program = "guest_memory", .args = { "scattered" })
GUEST(million_live_blocks, .program = "guest_memory", .args = { "million" }, .strategies = true, .seconds = 60)

GUEST(zeroed_over_seams, .program = "guest_zero", .strategies = true)

/* Signals and stacks. */
GUEST(handler_balanced, .program = "guest_signal", .args = { "small" }, .beyond = true)
GUEST(handler_large, .program = "guest_signal", .args = { "large" }, .beyond = true)
GUEST(fork_in_handler, .program = "guest_sigfork", .args = { "idle" }, .strategies = true, .seconds = 60)
GUEST(fork_in_handler_busy, .program = "guest_sigfork", .args = { "busy" }, .beyond = true, .seconds = 60)
GUEST(small_stacks, .program = "guest_stacks", .strategies = true)
GUEST(coroutines, .program = "guest_ucontext", .strategies = true)

GUEST(errno_survives, .program = "guest_errno", .strategies = true)
GUEST(a_bit_of_all, .program = "guest_work", .strategies = true)
GUEST(under_audit, .program = "guest_work", .env = { audit_library() })
GUEST(under_audit_early, .program = "guest_early", .env = { audit_library() })

/* Two allocators preloaded: the first one's names win, and neither may miss a call of its own. */
static void check_neighbour(const char *library)
{
    char path[PATH_MAX], ours_first[3 * PATH_MAX], ours_second[3 * PATH_MAX];
    struct utsname machine;
    uname(&machine);
    snprintf(path, sizeof path, "/usr/lib/%s-linux-gnu/%s", machine.machine, library);
    if (access(path, R_OK) != 0) {
        cr_skip_test("%s is not installed", library);
        return;
    }
    const char *mine = *run_preload() ? run_preload() : path;
    snprintf(ours_first, sizeof ours_first, "%s:%s", mine, path);
    snprintf(ours_second, sizeof ours_second, "%s:%s", path, mine);
    expect_quiet_success(&(struct guest){ .program = "guest_work", .preload = ours_first }, NULL);
    expect_quiet_success(&(struct guest){ .program = "guest_work", .preload = ours_second }, NULL);
    expect_quiet_success(&(struct guest){ .program = "guest_early", .preload = ours_second }, NULL);
}

Test(guest, beside_jemalloc) { check_neighbour("libjemalloc.so.2"); }
Test(guest, beside_mimalloc) { check_neighbour("libmimalloc.so.2.0"); }
Test(guest, beside_tcmalloc) { check_neighbour("libtcmalloc_minimal.so.4"); }

/* Descriptors, threads, signals, limits, environment: the listing is the one made without us. */
Test(guest, leaves_no_traces)
{
    struct run_result without = guest_start(&(struct guest){ .program = "guest_traces", .preload = "" }, NULL);
    struct run_result with = guest_start(&(struct guest){ .program = "guest_traces" }, NULL);
    cr_expect_str_eq(run_ending(&without), "exit 0", "%s", without.err);
    cr_expect_str_eq(with.out, without.out, "with:\n%s\nwithout:\n%s", with.out, without.out);
    cr_expect_str_eq(with.err, "");
    run_free(&with);
    run_free(&without);
}

/* Runs guest_fds with those descriptors closed and expects nothing but its own line in its files. */
static void check_descriptors(unsigned closed, const char *what, const char *setting)
{
    char dir[PATH_MAX];
    run_make_dir(dir);
    const char *argv[] = { run_program_path("guest_fds"), dir, what, NULL };
    const char *env[] = { setting, NULL };
    struct run_result r = run_program(&(struct run_spec){ .argv = argv, .env = env, .closed = closed });
    cr_expect_str_eq(run_ending(&r), "exit 7", "closed %x, %s: %s %s", closed, what, run_ending(&r), r.err);
    for (int i = 0; i < 3; i++) {
        char name[2] = { (char)('0' + i), 0 };
        char *text = run_read_file(dir, name);
        if (text)
            cr_expect_str_eq(text, "mine\n", "closed %x, %s: file %d holds: %s", closed, what, i, text);
        free(text);
    }
    run_free(&r);
    run_remove_dir(dir);
}

static void check_all_descriptors(const char *setting)
{
    static const char *const counts[] = { "0", "1", "2", "3" };
    for (unsigned closed = 1; closed < 8; closed++)
        check_descriptors(closed, counts[__builtin_popcount(closed)], setting);
}

Test(guest, closed_descriptors) { check_all_descriptors(NULL); }
Test(guest, closed_descriptors_with_report) { check_all_descriptors("MEMOIR_STATS=1"); }
Test(guest, closed_descriptors_with_complaint) { check_all_descriptors("MEMOIR_STATZ=1"); }
Test(guest, reused_descriptor_2) { check_descriptors(0, "reopen", NULL); }
Test(guest, reused_descriptor_2_with_report) { check_descriptors(0, "reopen", "MEMOIR_STATS=1"); }

static void copy_setuid(const char *from, const char *to, unsigned owner)
{
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0700);
    char buf[65536];
    ssize_t n;
    while ((n = read(in, buf, sizeof buf)) > 0)
        cr_assert_eq(write(out, buf, (size_t)n), n);
    cr_assert(fchown(out, owner, owner) == 0 && fchmod(out, 04755) == 0);
    close(in);
    close(out);
}

/* The dynamic linker ignores LD_PRELOAD in a set-user-id program; nothing else may bring us in. */
Test(guest, set_user_id_is_untouched)
{
    char dir[PATH_MAX], path[PATH_MAX + 16];
    if (getuid() != 0) {
        cr_skip_test("needs root to make a set-user-id program");
        return;
    }
    run_make_dir(dir);
    snprintf(path, sizeof path, "%s/program", dir);
    copy_setuid(run_program_path("guest_setuid"), path, 12345);
    const char *argv[] = { path, NULL }, *env[] = { "MEMOIR_STATS=1", NULL };
    struct run_result r = run_program(&(struct run_spec){ .argv = argv, .env = env, .uid = 65534 });
    cr_expect_str_eq(r.out, "uid 65534 euid 12345 secure 1 memoir 0\n", "%s: %s%s", run_ending(&r), r.out, r.err);
    cr_expect_str_eq(r.err, "");
    run_free(&r);
    run_remove_dir(dir);
}
