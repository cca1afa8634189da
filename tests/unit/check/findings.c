#include "../os/child.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static enum mr_act act;
static int ends[2];

static int find_something(void)
{
    dup2(ends[1], 2);
    mr_findings_bad_pointer(act, (void *)0x1230);
}

/* Runs the finding in a child; its line goes to text. */
static bool said_and_aborted(char *text, size_t cap)
{
    cr_assert_eq(pipe(ends), 0);
    bool aborted = child_aborts(find_something);
    close(ends[1]);
    ssize_t n = read(ends[0], text, cap - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    return aborted;
}

Test(findings, each_act_is_one_line_and_an_abort)
{
    static const char *const words[] = {
        [MR_ACT_FREE] = "free", [MR_ACT_REALLOC] = "realloc", [MR_ACT_USABLE_SIZE] = "malloc_usable_size",
    };
    for (size_t i = 0; i < MR_COUNT(words); i++) {
        char text[512], begin[64];
        act = (enum mr_act)i;
        cr_expect(said_and_aborted(text, sizeof text), "%s", words[i]);
        snprintf(begin, sizeof begin, "memoir: %s(0x1230) in process ", words[i]);
        cr_expect_eq(strncmp(text, begin, strlen(begin)), 0, "%s", text);
        const char *end = strchr(text, '\n');
        cr_expect(end && end[1] == '\0', "one line: %s", text);
        cr_expect_not_null(strstr(text, ": no block in use starts there (freed twice, or not from malloc)\n"));
    }
}

static volatile sig_atomic_t handled;

static void on_abort(int sig)
{
    (void)sig;
    handled = 1;
    dprintf(2, "handler\n");
}

static int find_with_a_handler(void)
{
    signal(SIGABRT, on_abort);
    return find_something();
}

/* The program's handler of SIGABRT runs, and the process ends all the same. */
Test(findings, a_handler_is_heard_but_cannot_go_on)
{
    char text[512] = "";
    act = MR_ACT_FREE;
    cr_assert_eq(pipe(ends), 0);
    cr_expect(child_aborts(find_with_a_handler));
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    cr_expect_not_null(strstr(text, "\nhandler\n"), "%s", text);
}
