/* tell.c: gathers the facts and writes the report where the user wants it.
 *
 * Runs at the very end of the host, or in the middle of it in a signal handler: static memory,
 * no allocation, no stdio. */
#include "entry.h"

#include <string.h>

#include "conf.h"
#include "os.h"

enum { PATIENCE_MS = 500, TEXT_CAP = 4096 };

static int64_t story_pid;      /* whose report it is */
static bool is_child;          /* a fork child of the process that was started */
static uint64_t start_ms, start_wall;
static struct mr_file_id stderr_id;
static int stderr_copy = -1;
static _Atomic bool telling;

/* One report at a time: it may be large, and a handler's stack may be small. */
static struct mr_heap_stats stats;
static struct mr_report_class classes[MR_ROW_COUNT];
static char command[TEXT_CAP], path[TEXT_CAP], buffer[TEXT_CAP];

static bool to_stderr(void)
{
    return mr_conf.output[0] == '\0' || strcmp(mr_conf.output, "stderr") == 0;
}

/* With a ledger the report is written by whoever reads that, unless an output was asked for as well. */
static bool is_to_be_written(void)
{
    return mr_conf.output[0] != '\0' ||
           (mr_conf.ledger[0] == '\0' && (mr_conf.stats || mr_conf.map || mr_conf.leaks != MR_LEAKS_OFF));
}

bool mr_tell_is_due_at_end(void) { return is_to_be_written() || mr_conf.ledger[0] != '\0' || mr_check_has_zones(); }
bool mr_tell_is_due(void) { return mr_tell_is_due_at_end() || mr_conf.signal != 0; }

/* Some programs close standard error before they end, and others put a file of theirs in its place: a
 * copy is kept, and what it leads to is compared before anything is written. */
void mr_tell_prepare(void)
{
    if (story_pid != 0)
        return;
    story_pid = mr_process_id();
    start_ms = mr_clock_ms();
    start_wall = mr_clock_wall();
    if (to_stderr()) {
        stderr_id = mr_file_identify(2);
        stderr_copy = mr_file_duplicate(2);
    }
}

void mr_tell_forked(void)
{
    if (story_pid == 0)
        return;
    story_pid = mr_process_id();
    is_child = true;
}

/* ---- where to ------------------------------------------------------------------------------------ */

static bool leads_to_stderr(int fd)
{
    struct mr_file_id id = mr_file_identify(fd);
    return fd >= 0 && id.ino == stderr_id.ino && id.dev == stderr_id.dev && (id.ino | id.dev) != 0;
}

static int stderr_now(void)
{
    return leads_to_stderr(stderr_copy) ? stderr_copy : leads_to_stderr(2) ? 2 : -1;
}

/* %p, %e and %t of the output's name; a fork child whose name would be its parent's gets its pid behind. */
static void expand_path(void)
{
    char name[256];
    bool has_pid = false;
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    for (const char *p = mr_conf.output; *p; p++) {
        char c = *p == '%' ? p[1] : 0;
        if (c == 'p') {
            mr_fmt_print(&f, "%ld", story_pid);
            has_pid = true;
        } else if (c == 'e') {
            mr_process_name(name, sizeof name);
            mr_fmt_print(&f, "%s", name);
        } else if (c == 't') {
            mr_fmt_print(&f, "%lu", start_wall);
        } else if (c == '%') {
            mr_fmt_char(&f, '%');
        } else {
            mr_fmt_char(&f, *p);
            continue;
        }
        p++;
    }
    if (is_child && !has_pid)
        mr_fmt_print(&f, ".%ld", story_pid);
    mr_fmt_end_string(&f);
}

static void complain(const char *why)
{
    char line[512];
    struct mr_fmt f = mr_fmt_to_buffer(line, sizeof line);
    mr_fmt_print(&f, "memoir: cannot write the report to %.200s: %s\n", path, why);
    mr_file_write(2, line, f.len);
}

static int open_output(void)
{
    if (to_stderr())
        return stderr_now();
    const char *why;
    expand_path();
    int fd = mr_file_create(path, &why);
    if (fd < 0)
        complain(why);
    return fd;
}

/* Where the report goes, and whether it arrived. */
struct target {
    int fd;
    bool broken;
};

static void to_target(void *ctx, const char *text, size_t len)
{
    struct target *target = ctx;
    if (!target->broken)
        target->broken = !mr_file_write(target->fd, text, len);
}

/* ---- the facts --------------------------------------------------------------------------------------- */

/* By way of the ledger's figures, which say what a row of the heap is to a report. */
static size_t fill_classes(void)
{
    static struct mr_ledger_stats figures;
    mr_story_copy_figures(&figures, &stats);
    return mr_report_map_classes(classes, &figures);
}

struct list {
    struct mr_report_block *blocks;
    size_t cap, len;
    uint64_t left_out;
};

static bool add_block(void *ctx, const void *block, size_t size)
{
    struct list *list = ctx;
    uintptr_t start = (uintptr_t)block;
    if (!mr_checked_user(&start, &size))
        return true;
    if (list->len < list->cap)
        list->blocks[list->len++] = (struct mr_report_block){ start, size };
    else
        list->left_out++;
    return true;
}

static bool larger_first(const void *a, const void *b)
{
    const struct mr_report_block *x = a, *y = b;
    return x->size != y->size ? x->size > y->size : x->address < y->address;
}

/* Room for all blocks, from the system; without room, or without marks, they are left out and counted. */
static size_t list_blocks(struct list *list, uint64_t blocks)
{
    size_t bytes = mr_align_up(blocks * sizeof *list->blocks + 1, mr_os_page);
    *list = (struct list){ .blocks = mr_vm_reserve(bytes, mr_os_page), .cap = blocks };
    if (!list->blocks || !mr_vm_commit(list->blocks, bytes))
        list->cap = 0;
    if (!mr_heap_walk(add_block, list, PATIENCE_MS))
        list->left_out = blocks;
    mr_sort(list->blocks, list->len, sizeof *list->blocks, larger_first);
    return list->blocks ? bytes : 0;
}

const char *mr_tell_strategy(void)
{
    return mr_conf.strategy == MR_STRATEGY_SLAB ? "slab"
                                                : mr_fit_name((enum mr_fit)(mr_conf.strategy - MR_STRATEGY_FIRST_FIT));
}

static struct mr_report gather(enum mr_exit_kind kind, int value)
{
    mr_heap_boot();
    mr_heap_look(&stats, true, PATIENCE_MS);
    mr_checked_settle(&stats);
    if (stats.totals.peak_ms > start_ms)
        stats.totals.peak_ms -= start_ms;
    else
        stats.totals.peak_ms = 0;
    mr_story_figures(&stats);
    mr_process_command(command, sizeof command);
    bool all = mr_conf.output[0] != '\0' || !(mr_conf.stats || mr_conf.map || mr_conf.leaks != MR_LEAKS_OFF);
    return (struct mr_report){
        .version = MR_VERSION,
        .pid = story_pid,
        .command = command,
        .exit_kind = kind,
        .exit_value = value,
        .elapsed_ms = mr_clock_ms() - start_ms,
        .strategy = mr_tell_strategy(),
        .threads_running = mr_process_has_threads(),
        .integrity_checked = kind == MR_EXIT_RUNNING,
        .integrity = kind == MR_EXIT_RUNNING ? mr_integrity_check() : NULL,
        .show_stats = mr_conf.stats_set ? mr_conf.stats : all,
        .show_leaks = mr_conf.leaks_set ? mr_conf.leaks != MR_LEAKS_OFF : all,
        .show_blocks = mr_conf.leaks == MR_LEAKS_FULL,
        .show_map = mr_conf.map,
        .totals = stats.totals,
        .process_resident_bytes = mr_process_resident(),
        .classes = classes,
        .class_count = fill_classes(),
    };
}

/* False when the system did not take all of it. */
static bool write_report(struct mr_report *report, int fd)
{
    struct list list = { 0 };
    size_t listed = 0;
    mr_sites_fill(report);
    mr_misuse_fill(report);
    if (report->show_blocks) {
        listed = list_blocks(&list, report->totals.in_use_blocks);
        report->blocks = list.blocks;
        report->block_count = list.len;
        report->blocks_left_out = list.left_out;
    }
    if (report->show_map) {
        mr_chart_lend(report);
        report->width = mr_file_columns(fd);
        report->colour = mr_file_is_terminal(fd) && !mr_conf_is_colourless();
    }
    struct target target = { .fd = fd };
    struct mr_fmt f = mr_fmt_to_sink(buffer, sizeof buffer, to_target, &target);
    mr_report_formats[mr_conf.format].write(report, &f);
    mr_fmt_flush(&f);
    mr_chart_return(report);
    mr_vm_release(list.blocks, listed);
    mr_sites_release(report);
    mr_misuse_release(report);
    return !target.broken;
}

static void write_out(struct mr_report *report)
{
    int fd = open_output();
    if (fd >= 0 && !write_report(report, fd) && !to_stderr())
        complain("not all of it could be written");
    if (fd >= 0 && fd != 2 && fd != stderr_copy)
        mr_file_close(fd);
}

/* Blocks are checked, and nobody asked for a report: what was found was told as it was met, but for the stacks. */
static bool is_about_findings(void)
{
    return mr_check_has_zones() && !is_to_be_written() && mr_conf.ledger[0] == '\0' && mr_conf.signal == 0;
}

static void tell_stacks(enum mr_exit_kind kind, int value)
{
    if (mr_conf.trace == MR_TRACE_OFF || !mr_writer_header || mr_writer_count(MR_SECTION_FINDINGS) == 0)
        return;
    struct mr_report report = gather(kind, value);
    report.show_stats = report.show_leaks = report.show_blocks = false;
    write_out(&report);
}

static void tell_all(enum mr_exit_kind kind, int value)
{
    if (kind == MR_EXIT_RUNNING)
        mr_checked_verify("on demand", PATIENCE_MS);
    if (kind == MR_EXIT_RUNNING || mr_story_wants_leaks())
        mr_story_check(kind != MR_EXIT_RUNNING);
    struct mr_report report = gather(kind, value);
    if (mr_conf.ledger[0] != '\0')
        mr_chart_write();
    if (is_to_be_written() || mr_conf.ledger[0] == '\0')
        write_out(&report);
}

void mr_tell_asked(int what)
{
    if (what != MR_LEDGER_ASK_MAP)
        mr_tell_report(MR_EXIT_RUNNING, 0);
    else if (story_pid == mr_process_id())
        mr_chart_write();
}

void mr_tell_report(enum mr_exit_kind kind, int value)
{
    if (story_pid != mr_process_id() || atomic_exchange(&telling, true))
        return;
    if (kind != MR_EXIT_RUNNING && is_about_findings())
        tell_stacks(kind, value);
    else
        tell_all(kind, value);
    atomic_store(&telling, false);
}

void mr_tell_verify(void)
{
    if (story_pid == mr_process_id() && mr_check_has_zones())
        mr_checked_verify("at the end", PATIENCE_MS);
}
