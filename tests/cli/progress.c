/* progress.c: the line that says how far something has come, on a terminal of the test's own. That nothing is written where
 * stderr is none, the other tests of oom-test say. */
#include <criterion/criterion.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "said.h"

static int open_terminal(unsigned short columns)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    ioctl(terminal, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = columns });
    return terminal;
}

/* One of the runs hangs for two seconds. */
_Noreturn static void run_oom_test(int err)
{
    const char *argv[] = { run_path("memoir"), "oom-test", "--timeout=2", "--jobs=1", run_program_path("fail_sites"), NULL };
    alarm(100);
    unsetenv("LD_PRELOAD");
    setenv("TERM", "xterm", 1);
    dup2(open("/dev/null", O_WRONLY), 1);
    dup2(err, 2);
    execv(argv[0], (char **)argv);
    _exit(127);
}

/* What a terminal is sent that is so wide, to be freed. It hangs up when the program, which has it last, ends. */
static char *see(unsigned short columns)
{
    int terminal = open_terminal(columns), side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    pid_t pid = fork();
    if (pid == 0)
        run_oom_test(side);
    close(side);
    enum { MOST = 1 << 16 };
    char *seen = calloc(1, MOST);
    size_t len = 0;
    for (ssize_t n; len < MOST - 1 && (n = read(terminal, seen + len, MOST - 1 - len)) > 0;)
        len += (size_t)n;
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(terminal);
    return seen;
}

#define WIPE "\x1b[K"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);
    return len >= n && strcmp(text + len - n, end) == 0;
}

Test(progress, a_line_is_written_over_and_taken_away, .timeout = 120)
{
    char *seen = see(80);
    cr_expect(strncmp(seen, "\rmemoir: ", 9) == 0 && strstr(seen, " runs, "), "%s", seen);
    cr_expect_not_null(strstr(seen, "crashed or hung" WIPE "\r"), "%s", seen);
    cr_expect(ends_with(seen, "\r" WIPE), "%s", seen);
    cr_expect_null(strchr(seen, '\n'));
    free(seen);
}

Test(progress, no_line_is_longer_than_the_terminal, .timeout = 120)
{
    char *seen = see(30), *rest = NULL;
    for (char *line = strtok_r(seen, "\r", &rest); line; line = strtok_r(NULL, "\r", &rest)) {
        cr_expect(ends_with(line, WIPE), "%s", line);
        cr_expect_leq(strlen(line) - strlen(WIPE), 29, "%s", line);
    }
    free(seen);
}
