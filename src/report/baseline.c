#include "baseline.h"
#include "intern.h"
#include "keys.h"

#include <stdlib.h>

/* A kind's group as the first byte, then the stack. */
static size_t make_key(const struct mr_report *report, const struct mr_report_site *site, char key[MR_KEYS_MOST + 1])
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &count);
    *key = (char)('0' + mr_keys_group(site->kind));
    return 1 + mr_keys_make(key + 1, frames, count);
}

void mr_baseline_mark(struct mr_report *report, const struct mr_report *before)
{
    struct mr_report_site *sites = (struct mr_report_site *)report->sites; /* the model's own array: not constant */
    struct mr_intern known = { 0 };
    char key[MR_KEYS_MOST + 1];
    for (size_t i = 0; i < before->site_count; i++)
        if (before->sites[i].blocks)
            mr_intern_add(&known, key, make_key(before, &before->sites[i], key));
    for (size_t i = 0; i < report->site_count; i++)
        sites[i].is_new = mr_intern_find(&known, key, make_key(report, &sites[i], key)) < 0;
    mr_intern_free(&known);
}

bool mr_baseline_is_leak(const struct mr_report *report, const struct mr_report_site *site)
{
    uint32_t kinds = report->leak_kinds ? report->leak_kinds : MR_REPORT_LEAK_KINDS;
    return site->blocks && (kinds >> site->kind & 1) && !site->suppressed_by && site->is_new;
}

struct mr_report_sum mr_baseline_leaks(const struct mr_report *report, size_t *sites)
{
    struct mr_report_sum sum = { 0 };
    *sites = 0;
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        if (!mr_baseline_is_leak(report, site))
            continue;
        sum.bytes += site->bytes;
        sum.blocks += site->blocks;
        ++*sites;
    }
    return sum;
}
