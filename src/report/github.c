#include "baseline.h"
#include "escape.h"
#include "numbers.h"
#include "place.h"
#include "report.h"

/* Annotations of GitHub Actions: commands that a workflow reads from a step's output and shows beside the
 * line they name. */

static const struct mr_escape in_messages[] = { { '%', "%25" }, { '\r', "%0D" }, { '\n', "%0A" }, { 0 } };
static const struct mr_escape in_properties[] = { { '%', "%25" }, { '\r', "%0D" }, { '\n', "%0A" }, { ':', "%3A" },
                                                  { ',', "%2C" }, { 0 } };

#define FRAMES_SHOWN 12

static void put_frames(const struct mr_report_frame *frames, size_t count, struct mr_fmt *out)
{
    for (size_t i = 0; i < mr_min(count, FRAMES_SHOWN); i++) {
        mr_fmt_print(out, "%%0A    ");
        mr_escape_frame(out, &frames[i], in_messages);
        if (!frames[i].file)
            continue;
        mr_fmt_char(out, ' ');
        mr_escape_text(out, frames[i].file, in_messages);
        mr_fmt_print(out, ":%u", frames[i].line);
    }
    if (count > FRAMES_SHOWN)
        mr_fmt_print(out, "%%0A    and %lu more", count - FRAMES_SHOWN);
}

/* "::error file=...,line=...,title=": the title follows. */
static void put_command(const char *level, const struct mr_report_frame *frames, size_t count, struct mr_fmt *out)
{
    const struct mr_report_frame *place = mr_place_of(frames, count);
    mr_fmt_print(out, "::%s ", level);
    if (place) {
        mr_fmt_print(out, "file=");
        mr_escape_text(out, place->file, in_properties);
        mr_fmt_print(out, ",line=%u,", place->line);
    }
    mr_fmt_print(out, "title=");
}

static void put_site(const struct mr_report *report, const struct mr_report_site *site, struct mr_fmt *out)
{
    size_t count;
    char title[128];
    struct mr_fmt f = mr_fmt_to_buffer(title, sizeof title);
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &count);
    put_command(mr_site_kind_is_lost(site->kind) ? "error" : "warning", frames, count, out);
    mr_place_describe(&f, site);
    mr_escape_text(out, mr_fmt_end_string(&f), in_properties);
    mr_fmt_print(out, "::%s", count ? "allocated by" : "no call stack is known");
    put_frames(frames, count, out);
    mr_fmt_char(out, '\n');
}

static void put_finding(const struct mr_report *report, const struct mr_report_finding *finding, struct mr_fmt *out)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, finding->stack, &count);
    put_command("error", frames, count, out);
    mr_escape_text(out, finding->kind, in_properties);
    mr_fmt_print(out, "::");
    mr_escape_text(out, finding->message, in_messages);
    put_frames(frames, count, out);
    mr_fmt_char(out, '\n');
}

/* An annotation each for what fails the run, and one that says how it went as a whole. */
void mr_github_write(const struct mr_report *report, struct mr_fmt *out)
{
    size_t sites;
    struct mr_report_sum sum = mr_baseline_leaks(report, &sites);
    for (size_t i = 0; i < report->finding_count; i++)
        put_finding(report, &report->findings[i], out);
    for (size_t i = 0; i < report->site_count; i++)
        if (mr_baseline_is_leak(report, &report->sites[i]))
            put_site(report, &report->sites[i], out);
    mr_fmt_print(out, "::notice title=memoir::");
    mr_numbers_noun(out, sites, "leak");
    mr_fmt_print(out, " of ");
    mr_numbers_size(out, 0, sum.bytes);
    mr_fmt_print(out, " in ");
    mr_escape_text(out, report->command, in_messages);
    mr_fmt_print(out, "%s\n", report->leaks_checked ? "" : " (no leak check was made)");
    mr_fmt_flush(out);
}
