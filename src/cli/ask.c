#include "ask.h"
#include "cli.h"
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_MS = 60 * 1000, EVERY_MS = 10, AGAIN_MS = 1000 };

static const struct {
    size_t answers; /* the count in the header of those it has given */
    const char *doing;
    bool insist;    /* what was not to be had at that moment is asked for again */
} questions[] = {
    [MR_LEDGER_ASK_CHECK] = { offsetof(struct mr_ledger_header, checks), "looks for leaks", false },
    [MR_LEDGER_ASK_MAP] = { offsetof(struct mr_ledger_header, maps), "draws a map of its heap", true },
};

static uint32_t answers(const struct mr_ledger_header *header, enum mr_ledger_ask what)
{
    return *(const uint32_t *)((const char *)header + questions[what].answers);
}

static bool queue(const struct mr_living *living, enum mr_ledger_ask what)
{
    union sigval value = { .sival_int = (int)what };
    if (sigqueue(living->pid, (int)living->header.request_signal, value) == 0)
        return true;
    mr_cli_say("process %ld: %s", (long)living->pid, strerror(errno));
    return false;
}

/* Waits until there was one answer more. */
static bool await(struct mr_living *living, enum mr_ledger_ask what)
{
    uint32_t before = answers(&living->header, what);
    struct mr_progress progress;
    bool answered = false;
    mr_progress_begin(&progress);
    for (int waited = 0; waited < PATIENCE_MS && !answered; waited += EVERY_MS) {
        answered = !mr_living_header(living->fd, &living->header) || living->header.end != MR_LEDGER_RUNNING ||
                   answers(&living->header, what) != before;
        if (answered)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = EVERY_MS * 1000000L }, NULL);
        mr_progress_show(&progress, "process %ld %s", (long)living->pid, questions[what].doing);
        if (questions[what].insist && waited % AGAIN_MS == AGAIN_MS - EVERY_MS && !queue(living, what))
            break;
    }
    mr_progress_end(&progress);
    return answered;
}

bool mr_ask_living(struct mr_living *living, enum mr_ledger_ask what)
{
    long pid = living->pid;
    uint32_t request = living->header.request_signal;
    if (request == 0 || request > (uint32_t)SIGRTMAX)
        mr_cli_say("process %ld answers to no signal: all were taken when it started", pid);
    else if (!queue(living, what))
        return false;
    else if (!await(living, what))
        mr_cli_say("process %ld did not answer within %d s: it may block all signals", pid, PATIENCE_MS / 1000);
    else
        return true;
    return false;
}
