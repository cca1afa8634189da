/* sites.c: the rows of call stacks for a report that the library itself writes. What the CLI's model.c does with all
 * the comfort of a process of its own is done here in little, in memory from the system: names are the
 * loader's, nothing is suppressed, and what is gone is not listed. */
#include "entry.h"

#include <string.h>

#include "conf.h"
#include "ledger.h"
#include "os.h"
#include "symbol.h"

/* ---- frames ---------------------------------------------------------------------------------------- */

static const char *const marks[MR_FRAME_MARK_COUNT] = {
    [MR_FRAME_MARK_NO_RULE] = "(no unwind information beyond here)",
    [MR_FRAME_MARK_DEEP] = "(more callers than are recorded)",
    [MR_FRAME_MARK_BROKEN] = "(the stack cannot be followed beyond here)",
};

static const struct mr_ledger_module *module_at(uint32_t module)
{
    return module ? (const struct mr_ledger_module *)mr_writer_entries(MR_SECTION_MODULES) + module : NULL;
}

/* In hex, of the first modules; the others are told without. */
static const char *build_id_of(uint32_t index, const struct mr_ledger_module *module)
{
    enum { NAMED_MOST = 64 };
    static char ids[NAMED_MOST][2 * sizeof module->build_id + 1];
    if (index >= NAMED_MOST || module->build_id_bytes == 0)
        return NULL;
    struct mr_fmt f = mr_fmt_to_buffer(ids[index], sizeof ids[index]);
    for (uint32_t i = 0; i < module->build_id_bytes; i++) {
        mr_fmt_char(&f, "0123456789abcdef"[module->build_id[i] >> 4]);
        mr_fmt_char(&f, "0123456789abcdef"[module->build_id[i] & 15]);
    }
    mr_fmt_end_string(&f);
    return ids[index];
}

/* The loader reads all symbols of a module for one name, and sites share their callers. Of one report: what a name stands
 * in may be unloaded before the next. */
static struct known {
    uint64_t address;
    const char *function;
} known[1024];

static const char *name_at(uint64_t address)
{
    struct known *k = &known[address * 0x9E3779B97F4A7C15 >> 54];
    if (k->address != address) {
        struct mr_symbol_answer answer;
        mr_dladdr_source.find(&mr_dladdr_source, &(struct mr_symbol_place){ .address = address }, &answer);
        *k = (struct known){ address, answer.count ? answer.frames[0].function : NULL };
    }
    return k->function;
}

static struct mr_report_frame name_frame(const struct mr_ledger_frame *frame)
{
    const struct mr_ledger_module *module = module_at(frame->module);
    if (!module && frame->pc < MR_FRAME_MARK_COUNT)
        return (struct mr_report_frame){ .function = marks[frame->pc] };
    struct mr_report_frame named = { .address = frame->pc - 1 };
    if (!module)
        return named;
    named.module = (const char *)mr_writer_entries(MR_SECTION_STRINGS) + module->path;
    named.build_id = build_id_of(frame->module, module);
    named.offset = frame->pc - 1 - module->bias;
    if (module->unloaded_ms == 0)
        named.function = name_at(named.address);
    return named;
}

/* Our own functions stand innermost: nobody wants to read of them. */
static bool is_own(const struct mr_ledger_frame *frame)
{
    const struct mr_ledger_module *module = module_at(frame->module);
    return module && (uintptr_t)is_own - module->start < module->end - module->start;
}

size_t mr_sites_frames(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    const struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES);
    size_t n = 0;
    (void)report;
    while (stack && is_own(&frames[stack]))
        stack = frames[stack].caller;
    for (; stack && n < cap; stack = frames[stack].caller)
        out[n++] = name_frame(&frames[stack]);
    return n;
}

/* ---- rows -------------------------------------------------------------------------------------------- */

struct rows {
    struct mr_report_site *rows;
    size_t len, cap;
};

static const enum mr_site_kind kinds[MR_LEAK_KIND_COUNT] = {
    [MR_LEAK_DEFINITE] = MR_SITE_DEFINITELY_LOST,
    [MR_LEAK_INDIRECT] = MR_SITE_INDIRECTLY_LOST,
    [MR_LEAK_POSSIBLE] = MR_SITE_POSSIBLY_LOST,
    [MR_LEAK_REACHABLE] = MR_SITE_STILL_REACHABLE,
};

static void add_row(struct mr_report *report, struct rows *rows, struct mr_report_site row)
{
    if (row.blocks == 0)
        return;
    report->leaks[row.kind].bytes += row.bytes;
    report->leaks[row.kind].blocks += row.blocks;
    report->leak_sites[row.kind]++;
    if (rows->len < rows->cap)
        rows->rows[rows->len++] = row;
}

static void add_site(struct mr_report *report, struct rows *rows, uint32_t id)
{
    const struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES), *site = &sites[id];
    const struct mr_ledger_verdict *verdicts = mr_writer_entries(MR_SECTION_VERDICTS), *v = &verdicts[id];
    struct mr_sum sum;
    mr_sum_site(&sum, site, id, mr_writer_entries(MR_SECTION_LANES), mr_writer_count(MR_SECTION_LANES));
    struct mr_report_site row = {
        .kind = MR_SITE_IN_USE,
        .bytes = mr_sum_bytes(&sum),
        .blocks = mr_sum_blocks(&sum),
        .allocations = sum.allocs,
        .frees = sum.frees,
        .allocated_bytes = sum.alloc_bytes,
        .temporary = sum.temporary,
        .peak_bytes = site->peak_bytes,
        .peak_blocks = site->peak_blocks,
        .stack = site->stack,
        .is_new = true,
    };
    if (!report->leaks_checked || id >= mr_writer_count(MR_SECTION_VERDICTS)) {
        add_row(report, rows, row);
        return;
    }
    for (unsigned k = 0; k < MR_LEAK_KIND_COUNT; k++) {
        row.kind = kinds[k];
        row.bytes = v->bytes[k];
        row.blocks = v->blocks[k];
        row.held_by = k == MR_LEAK_INDIRECT ? sites[v->held_by].stack : 0;
        add_row(report, rows, row);
    }
    report->suppressed.bytes += v->ignored_bytes;
    report->suppressed.blocks += v->ignored_blocks;
}

static bool worse_first(const void *a, const void *b)
{
    const struct mr_report_site *x = a, *y = b;
    return x->kind != y->kind ? x->kind < y->kind : x->bytes != y->bytes ? x->bytes > y->bytes : x->stack < y->stack;
}

static size_t rows_bytes; /* of the one report under way */

/* Without memory for the rows there are the sums. */
static void list_rows(struct mr_report *report)
{
    size_t sites = mr_writer_count(MR_SECTION_SITES), cap = sites * MR_LEAK_KIND_COUNT;
    rows_bytes = mr_align_up(cap * sizeof(struct mr_report_site) + 1, mr_os_page);
    struct rows rows = { .rows = mr_vm_reserve(rows_bytes, mr_os_page), .cap = cap };
    if (!rows.rows || !mr_vm_commit(rows.rows, rows_bytes))
        rows.cap = 0;
    for (uint32_t id = 0; id < sites; id++)
        add_site(report, &rows, id);
    mr_sort(rows.rows, rows.len, sizeof *rows.rows, worse_first);
    report->sites = rows.rows;
    report->site_count = report->listed_count = rows.len;
}

/* ---- without stacks ------------------------------------------------------------------------------------ */

/* Whole blocks then, as nobody knows what was asked for. */
static void take_sums(struct mr_report *report, const struct mr_leak_result *leaks)
{
    for (unsigned k = 0; k < MR_LEAK_KIND_COUNT; k++)
        report->leaks[kinds[k]] = (struct mr_report_sum){ leaks->kinds[k].bytes, leaks->kinds[k].blocks };
}

void mr_sites_fill(struct mr_report *report)
{
    const struct mr_leak_result *leaks = mr_story_leaks();
    memset(known, 0, sizeof known);
    report->leaks_checked = leaks != NULL;
    report->check_doubts = leaks ? leaks->unstopped : 0;
    if (mr_writer_header && mr_conf.trace != MR_TRACE_OFF) {
        report->trace = (enum mr_report_trace)mr_conf.trace;
        report->sample_interval = mr_conf.sample_interval;
        report->frames = mr_sites_frames;
        list_rows(report);
    } else if (leaks) {
        take_sums(report, leaks);
    }
}

void mr_sites_release(struct mr_report *report)
{
    if (report->sites)
        mr_vm_release((void *)(uintptr_t)report->sites, rows_bytes);
}
