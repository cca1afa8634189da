#include "oom.h"
#include "cli.h"
#include "report.h"
#include "symbol.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { FRAMES_SHOWN = 16 };

static const char *const words[MR_OOM_VERDICTS] = {
    [MR_OOM_CRASHED] = "crashed",
    [MR_OOM_HUNG] = "hung",
    [MR_OOM_WRONG] = "wrong output",
    [MR_OOM_SILENT] = "failed silently",
    [MR_OOM_REFUSED] = "failed and said so",
    [MR_OOM_SURVIVED] = "went on",
    [MR_OOM_MISSED] = "not reached",
};

static const char *const meanings[MR_OOM_VERDICTS] = {
    [MR_OOM_CRASHED] = "a signal ended the program",
    [MR_OOM_HUNG] = "it did not end in time, or wrote without end",
    [MR_OOM_WRONG] = "same exit code, another output",
    [MR_OOM_SILENT] = "another exit code, and nothing on stderr",
    [MR_OOM_REFUSED] = "another exit code, and a message on stderr",
    [MR_OOM_SURVIVED] = "same exit code and output",
    [MR_OOM_MISSED] = "the call was not made in that run",
};

enum mr_oom_verdict mr_oom_tell_verdict(const struct mr_oom_test *test, const struct mr_oom_end *end)
{
    bool same_end = end->status == test->first.status;
    if (end->hung)
        return MR_OOM_HUNG;
    if (WIFSIGNALED(end->status) && !same_end)
        return MR_OOM_CRASHED;
    if (!end->reached)
        return MR_OOM_MISSED;
    if (!same_end)
        return end->complained && strcmp(end->complaint, test->first.complaint) != 0 ? MR_OOM_REFUSED : MR_OOM_SILENT;
    return test->same_output && end->output != test->first.output ? MR_OOM_WRONG : MR_OOM_SURVIVED;
}

/* ---- one site ------------------------------------------------------------------------------------------------- */

static void put_ending(const struct mr_oom_end *end)
{
    const char *name;
    if (end->hung)
        printf("after %.1f s", (double)end->elapsed_ms / 1000);
    else if (WIFEXITED(end->status))
        printf("exit code %d", WEXITSTATUS(end->status));
    else if ((name = sigabbrev_np(WTERMSIG(end->status))) != NULL)
        printf("signal %d (%s)", WTERMSIG(end->status), name);
    else
        printf("signal %d", WTERMSIG(end->status));
}

static void put_frame(const struct mr_report_frame *frame)
{
    printf("       %s", frame->function ? frame->function : "");
    if (frame->file)
        printf("%s%s:%u", frame->function ? "  " : "", mr_frames_base(frame->file), frame->line);
    else if (frame->module)
        printf("%s%s+0x%lx", frame->function ? "  " : "", mr_frames_base(frame->module), (unsigned long)frame->offset);
    printf(frame->inlined ? " (inlined)\n" : "\n");
}

/* What stands outside of main is the same everywhere. */
static bool is_outermost(const struct mr_report_frame *frame)
{
    return frame->function && strcmp(frame->function, "main") == 0;
}

static void put_stack(const struct mr_report *report, uint32_t stack)
{
    size_t count, n = 0;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    while (n < count && (n == 0 || !is_outermost(&frames[n - 1])))
        n++;
    for (size_t i = 0; i < n && i < FRAMES_SHOWN; i++)
        put_frame(&frames[i]);
    if (n > FRAMES_SHOWN)
        printf("       ... %zu more ...\n", n - FRAMES_SHOWN);
}

static void put_site(const struct mr_report *report, const struct mr_oom_site *site, size_t number)
{
    printf("\n#%zu  %s: ", number, words[site->verdict]);
    put_ending(&site->end);
    printf(", when the first of %lu call%s failed here   (MEMOIR_FAIL=stack:%016lx)\n", (unsigned long)site->calls,
           site->calls == 1 ? "" : "s", (unsigned long)site->hash);
    put_stack(report, site->stack);
    if (site->end.complained)
        printf("     last said on stderr: %s\n", site->end.complaint);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static int worst_first(const void *a, const void *b)
{
    const struct mr_oom_site *x = a, *y = b;
    if (x->done != y->done)
        return x->done ? -1 : 1;
    return x->verdict != y->verdict ? (x->verdict > y->verdict) - (x->verdict < y->verdict)
                                    : (x->calls < y->calls) - (x->calls > y->calls);
}

static void put_head(const struct mr_oom_test *test, size_t done)
{
    printf("== memoir oom-test ==");
    for (char **word = test->plan.program; *word; word++)
        printf(" %s", *word);
    printf("\n   as it is: ");
    put_ending(&test->first);
    printf(", %.2f s, %zu call stacks that ask for memory\n", (double)test->first.elapsed_ms / 1000, test->site_count);
    printf("   %zu runs, each with the first call of one of them refused", done);
    if (done < test->site_count)
        printf(" (%zu were left out%s)", test->site_count - done,
               test->runs < test->site_count ? "; --max-runs=N sets how many are not" : ": interrupted");
    printf("\n");
    if (!test->same_output)
        printf("   its output differs from run to run: it was not compared\n");
}

static void put_counts(const struct mr_oom_test *test, size_t done)
{
    size_t counts[MR_OOM_VERDICTS] = { 0 };
    for (size_t i = 0; i < done; i++)
        counts[test->sites[i].verdict]++;
    printf("\n");
    for (unsigned v = 0; v < MR_OOM_VERDICTS; v++)
        if (counts[v] || v <= MR_OOM_HUNG)
            printf("   %6zu  %-20s %s\n", counts[v], words[v], meanings[v]);
}

static void put_sites(const struct mr_oom_test *test, const struct mr_report *report, size_t done)
{
    size_t listed = 0;
    while (listed < done && test->sites[listed].verdict < MR_OOM_SURVIVED)
        listed++;
    size_t shown = test->top ? mr_min(test->top, listed) : listed;
    for (size_t i = 0; i < shown; i++)
        put_site(report, &test->sites[i], i + 1);
    if (shown < listed)
        printf("\n   ... and %zu more; --top=0 lists all\n", listed - shown);
}

bool mr_oom_tell_all(struct mr_oom_test *test)
{
    struct mr_symbol_source *source = mr_dw_open(false), *symbols = source ? mr_symbol_remember(source) : NULL;
    struct mr_model_wishes wishes = { .kinds = ~0u, .symbols = symbols };
    struct mr_model *model = symbols ? mr_model_build(test->ledger, &wishes) : NULL;
    size_t done = 0;
    qsort(test->sites, test->site_count, sizeof *test->sites, worst_first);
    while (done < test->site_count && test->sites[done].done)
        done++;
    if (model) {
        put_head(test, done);
        put_counts(test, done);
        put_sites(test, mr_model_report(model), done);
        mr_model_free(model);
    }
    if (symbols)
        symbols->close(symbols);
    return model != NULL;
}
