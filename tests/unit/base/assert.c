#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

/* Runs `fails` in a child; its standard error goes to text, its wait status is returned. */
static int run(void (*fails)(void), char *text, size_t cap)
{
    int ends[2], status = 0;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        fails();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; len < cap - 1 && (n = read(ends[0], text + len, cap - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void fail_by_hand(void)
{
    mr_assert_fail("pool.c", 42, "a == b", "the sky has fallen");
}

static void require_false(void)
{
    MR_REQUIRE(1 + 1 == 3, "sums are wrong");
}

static void require_true(void)
{
    MR_REQUIRE(1 + 1 == 2, "sums are wrong");
    MR_ASSERT(1 + 1 == 2, "sums are wrong");
    MR_EXPENSIVE(1 + 1 == 2, "sums are wrong");
}

static void assert_false(void)
{
    MR_ASSERT(1 + 1 == 3, "sums are wrong");
}

static void expensive_false(void)
{
    MR_EXPENSIVE(1 + 1 == 3, "sums are wrong");
}

static bool aborts(void (*fails)(void))
{
    char text[1024];
    int status = run(fails, text, sizeof text);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

Test(assert, a_failure_is_one_line_and_an_abort)
{
    char text[1024];
    int status = run(fail_by_hand, text, sizeof text);
    cr_expect_str_eq(text, "memoir: internal error: the sky has fallen (a == b at pool.c:42)\n");
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

Test(assert, each_level_holds_in_its_variants)
{
    cr_expect_not(aborts(require_true));
    cr_expect(aborts(require_false), "always");
    cr_expect_eq(aborts(assert_false), MR_DEBUG >= 1);
    cr_expect_eq(aborts(expensive_false), MR_DEBUG >= 2);
}
