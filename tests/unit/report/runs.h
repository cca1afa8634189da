/* runs.h: two synthetic runs of one program, to be compared. */
#ifndef RUNS_H
#define RUNS_H

#include "stacks.h"
#include "diff.h"

/* The sample, and what became of it: one grew, one lost its reachable half, one vanished, one appeared. */
static inline struct mr_report runs_later(void)
{
    static struct mr_report_site sites[MR_COUNT(stacks_sites)];
    struct mr_report report = stacks_report();
    memcpy(sites, stacks_sites, sizeof sites);
    sites[0].bytes += 12345;
    sites[0].blocks += 3;
    sites[2].bytes = sites[2].blocks = 0;
    sites[3].bytes -= 10;
    sites[5].kind = MR_SITE_DEFINITELY_LOST;
    sites[5].bytes = 77;
    sites[5].blocks = 7;
    report.sites = sites;
    report.elapsed_ms = 8000;
    return report;
}

/* Writes the difference, `top` rows of it, in memory of the caller's to free. */
static inline char *runs_write(void (*write)(const struct mr_diff *, size_t, struct mr_fmt *), const struct mr_report *before,
                               const struct mr_report *after, size_t top)
{
    char *text = calloc(1, SAMPLE_MOST);
    struct mr_fmt out = mr_fmt_to_buffer(text, SAMPLE_MOST - 1);
    struct mr_diff diff;
    mr_diff_make(&diff, before, after);
    write(&diff, top, &out);
    mr_diff_free(&diff);
    cr_assert_eq(out.lost, 0);
    return text;
}

#endif
