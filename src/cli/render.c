#include "render.h"
#include "cli.h"
#include "output.h"
#include "progress.h"
#include "source.h"
#include "symbol.h"
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_TOP = 20 };

/* --- writing --------------------------------------------------------------------------------------------------- */

/* What --gen-suppressions writes in the place of a report: a block for each site that is listed. */
static void write_suppressions(const struct mr_report *report, struct mr_fmt *out)
{
    for (size_t i = 0; i < report->listed_count; i++) {
        size_t count;
        const struct mr_report_frame *frames = mr_frames_of(report, report->sites[i].stack, &count);
        if (count)
            mr_suppress_write(out, (unsigned)i + 1, report->sites[i].kind, frames, count);
    }
    mr_fmt_flush(out);
}

struct writing {
    const struct mr_report *report;
    mr_report_writer *writer;
};

static void put_report(void *ctx, struct mr_fmt *out)
{
    const struct writing *writing = ctx;
    writing->writer(writing->report, out);
}

static bool write_all(struct mr_report *report, const struct mr_report_args *args, int to)
{
    struct mr_source source = { 0 };
    report->source = mr_source_read;
    report->source_ctx = &source;
    struct writing text = { report, args->gen_suppressions ? write_suppressions : args->format->write };
    struct writing page = { report, mr_html_write };
    bool good = args->html_only || mr_output_write(args->output, to, put_report, &text);
    good &= !args->html || mr_output_write(args->html, to, put_report, &page);
    mr_source_free(&source);
    return good;
}

static void put_suppression(void *ctx, const char *where, const char *name, struct mr_report_sum booked)
{
    bool used = booked.blocks != 0;
    if (used != *(bool *)ctx)
        return;
    if (used)
        fprintf(stderr, "   %10lu bytes %8lu blocks  %s (%s)\n", booked.bytes, booked.blocks, name, where);
    else
        fprintf(stderr, "   %s (%s)\n", name, where);
}

static void show_suppressions(const struct mr_suppress *list)
{
    bool used = true;
    fprintf(stderr, "memoir: suppressions that were used:\n");
    mr_suppress_list(list, put_suppression, &used);
    used = false;
    fprintf(stderr, "memoir: suppressions that fit nothing:\n");
    mr_suppress_list(list, put_suppression, &used);
}

/* --- choices --------------------------------------------------------------------------------------------------------- */

static bool is_text(const struct mr_report_args *args)
{
    return args->format->write == mr_text_write;
}

/* Where nobody chose: people get what matters most, programs get everything. */
static void choose(struct mr_report_args *args)
{
    if (!args->top_set)
        args->wishes.top = is_text(args) && !args->gen_suppressions ? TEXT_TOP : 0;
    if (args->wishes.kinds == MR_MODEL_KINDS_DEFAULT && args->format->write == mr_json_write)
        args->wishes.kinds = ~0u;
}

static bool add_default_suppressions(struct mr_report_args *args)
{
    return args->no_default_suppressions ||
           mr_suppress_read(args->wishes.suppressions, "built in", mr_suppress_default, strlen(mr_suppress_default), NULL, NULL);
}

/* A ledger that says "running" of a process that is gone: it was killed. */
static void settle_end(struct mr_report *report, const struct mr_render_end *end)
{
    if (end) {
        report->exit_kind = end->kind;
        report->exit_value = end->value;
    } else if (report->exit_kind == MR_EXIT_RUNNING && kill((pid_t)report->pid, 0) != 0 && errno == ESRCH) {
        report->exit_kind = MR_EXIT_UNKNOWN;
    }
}

static int tell(struct mr_report *report, struct mr_report_args *args, const struct mr_render_end *end, const char *path, int to)
{
    settle_end(report, end);
    report->leak_kinds = args->wishes.kinds == ~0u ? 0 : args->wishes.kinds;
    report->cost = args->cost;
    report->colour = is_text(args) && !args->output && mr_terminal_has_colour(to);
    report->ledger = path;
    report->show_stats = !args->hide_stats;
    report->show_leaks = !args->hide_leaks;
    report->show_map = args->show_map;
    report->width = args->output ? 0 : (unsigned)mr_terminal_width(to);
    if (!mr_judge_mark(&args->judge, report) || !write_all(report, args, to))
        return MR_CODE_FAILED;
    if (args->show_suppressions)
        show_suppressions(args->wishes.suppressions);
    return mr_judge_code(&args->judge, report);
}

static int render(const struct mr_reader *ledger, struct mr_report_args *args, const struct mr_render_end *end,
                  const char *path, int to)
{
    struct mr_progress progress;
    mr_progress_begin(&progress);
    args->wishes.progress = mr_progress_names;
    args->wishes.ctx = &progress;
    struct mr_model *model = mr_model_build(ledger, &args->wishes);
    mr_progress_end(&progress);
    if (!model) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    int code = tell(mr_model_report(model), args, end, path, to);
    mr_model_free(model);
    return code;
}

int mr_render_ledger(const struct mr_reader *ledger, struct mr_report_args *args, const struct mr_render_end *end,
                     const char *path, int to)
{
    if (args->format->binary && !args->output && isatty(to)) {
        mr_cli_say("--format=%s is no text: send it to a file (-o FILE), not to a terminal", args->format->name);
        return MR_CODE_USAGE;
    }
    choose(args);
    struct mr_symbol_source *source = mr_dw_open(args->debuginfod);
    args->wishes.symbols = mr_symbol_remember(source);
    if (!args->wishes.symbols || !add_default_suppressions(args)) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    int code = render(ledger, args, end, path, to);
    args->wishes.symbols->close(args->wishes.symbols);
    return code;
}

int mr_render_map(const struct mr_reader *ledger, const char *output, unsigned width, int to)
{
    struct mr_model_wishes wishes = { .symbols = NULL };
    struct mr_model *model = mr_model_build(ledger, &wishes);
    if (!model) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    struct mr_report *report = mr_model_report(model);
    settle_end(report, NULL);
    report->colour = !output && mr_terminal_has_colour(to);
    report->width = width || output ? width : (unsigned)mr_terminal_width(to);
    struct writing map = { report, mr_text_write_map };
    bool written = mr_output_write(output, to, put_report, &map);
    mr_model_free(model);
    return written ? 0 : MR_CODE_FAILED;
}
