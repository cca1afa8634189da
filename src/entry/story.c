/* story.c: what is written into the ledger as the process goes on and ends, beside what track books. */
#include "entry.h"

#include <string.h>

#include "conf.h"
#include "os.h"
#include "track.h"

enum { PATIENCE_MS = 500 };

static int64_t writer_pid; /* whose ledger it is: a vfork child must not end its parent's */

static bool is_ours(void) { return mr_writer_header && writer_pid == mr_process_id(); }

static void complain(const char *why)
{
    char line[512];
    struct mr_fmt f = mr_fmt_to_buffer(line, sizeof line);
    mr_fmt_print(&f, "memoir: cannot make the ledger %.200s: %s; the run is not recorded\n", mr_conf.ledger, why);
    mr_file_write(2, line, f.len);
}

static void write_text(char *to, size_t cap, const char *text)
{
    struct mr_fmt f = mr_fmt_to_buffer(to, cap);
    mr_fmt_print(&f, "%s", text);
    mr_fmt_end_string(&f);
}

void mr_story_begin(void)
{
    if (mr_conf.ledger[0] == '\0' && mr_conf.trace == MR_TRACE_OFF && !mr_check_has_zones() &&
        !(mr_conf.check && mr_tell_is_due()))
        return;
    const char *why = mr_watch_start();
    writer_pid = mr_process_id();
    if (mr_writer_header)
        write_text(mr_writer_header->strategy, sizeof mr_writer_header->strategy, mr_tell_strategy());
    if (why)
        complain(why);
    if (mr_conf.ledger[0] != '\0')
        mr_chart_begin();
}

/* ---- the figures of the heap ------------------------------------------------------------------------ */

static void copy_classes(struct mr_ledger_stats *to, const struct mr_heap_stats *from)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < MR_ROW_COUNT && n < MR_LEDGER_CLASSES; i++) {
        const struct mr_row *row = &from->rows[i];
        if (row->allocs == 0)
            continue;
        to->classes[n++] = (struct mr_ledger_class){
            .size = row->size,
            .below = i && !row->large ? from->rows[i - 1].size : 0,
            .allocs = row->allocs,
            .frees = row->frees,
            .in_use_bytes = row->in_use_bytes,
            .slabs = row->slabs,
            .slab_bytes = row->slab_bytes,
            .free_blocks = row->free_blocks,
            .large = row->large,
        };
    }
    to->class_count = n;
}

bool mr_story_is_recorded(void) { return is_ours(); }

void mr_story_copy_figures(struct mr_ledger_stats *to, const struct mr_heap_stats *from)
{
    to->total_count = mr_min(mr_stat_count, (size_t)MR_LEDGER_TOTALS);
    memcpy(to->totals, &from->totals, to->total_count * sizeof(uint64_t));
    copy_classes(to, from);
}

void mr_story_figures(const struct mr_heap_stats *stats)
{
    if (!is_ours() || (mr_writer_count(MR_SECTION_STATS) == 0 && mr_writer_reserve(MR_SECTION_STATS, 1) < 0))
        return;
    struct mr_ledger_stats *to = mr_writer_entries(MR_SECTION_STATS);
    __atomic_store_n(&to->seq, to->seq | 1, __ATOMIC_RELEASE);
    to->process_resident_bytes = mr_process_resident();
    mr_story_copy_figures(to, stats);
    __atomic_store_n(&to->seq, to->seq + 1, __ATOMIC_RELEASE);
    mr_writer_header->alive_ms = mr_writer_now_ms();
    mr_writer_header->stats_ms = mr_max(mr_writer_now_ms(), (uint64_t)1); /* 0 says never */
    if (mr_writer_count(MR_SECTION_STATS) == 0)
        mr_writer_publish(MR_SECTION_STATS, 1);
}
_Static_assert(sizeof(struct mr_totals) % sizeof(uint64_t) == 0, "the totals are as many words as stats.def has rows");
_Static_assert(sizeof(struct mr_totals) / sizeof(uint64_t) <= MR_LEDGER_TOTALS, "the ledger has room for all totals");
_Static_assert(MR_ROW_COUNT <= MR_LEDGER_CLASSES, "and for all classes");

void mr_story_answers_to(int sig)
{
    if (is_ours())
        mr_writer_header->request_signal = (uint32_t)sig;
}

/* ---- leaks -------------------------------------------------------------------------------------------- */

static struct mr_leak_result found;
static bool checked;

const struct mr_leak_result *mr_story_leaks(void) { return checked ? &found : NULL; }

static struct mr_ledger_site *site_at(uint32_t site)
{
    return (struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES) + site;
}

/* The site of a block, and its bytes as they were asked for. Without traces all blocks are site 0's. */
static bool known_at(uintptr_t block, struct mr_tag *tag)
{
    *tag = (struct mr_tag){ 0 };
    return mr_conf.trace == MR_TRACE_OFF ||
           (mr_checked_tag((const void *)block, tag) && tag->label < mr_writer_count(MR_SECTION_VERDICTS));
}

static uint32_t site_of(uintptr_t block)
{
    struct mr_tag tag;
    return block && known_at(block, &tag) ? tag.label : 0;
}

/* What sampling left out is in the weights of what it took. */
static bool is_left_out(const struct mr_tag *tag) { return mr_conf.trace == MR_TRACE_SAMPLE && tag->label == 0; }

static void book(void *ctx, const struct mr_leak_block *block)
{
    struct mr_tag tag;
    (void)ctx;
    if (!known_at(block->start, &tag) || is_left_out(&tag))
        return;
    if (mr_conf.trace == MR_TRACE_OFF)
        tag.size = block->size;
    double weight = mr_conf.trace == MR_TRACE_SAMPLE ? mr_sample_weight(tag.size, mr_conf.sample_interval) : 1;
    struct mr_ledger_verdict *v = (struct mr_ledger_verdict *)mr_writer_entries(MR_SECTION_VERDICTS) + tag.label;
    bool ignored = tag.label && site_at(tag.label)->flags & MR_SITE_IGNORED;
    *(ignored ? &v->ignored_bytes : &v->bytes[block->kind]) += (uint64_t)((double)tag.size * weight + 0.5);
    *(ignored ? &v->ignored_blocks : &v->blocks[block->kind]) += (uint32_t)(weight + 0.5);
    if (v->held_by == 0)
        v->held_by = site_of(block->holder);
}

static bool is_ignored(void *ctx, uintptr_t block)
{
    struct mr_tag tag;
    (void)ctx;
    return mr_checked_tag((const void *)block, &tag) && tag.label < mr_writer_count(MR_SECTION_SITES) &&
           site_at(tag.label)->flags & MR_SITE_IGNORED;
}

bool (*mr_story_exempt(void))(void *ctx, uintptr_t block)
{
    return is_ours() && mr_conf.trace != MR_TRACE_OFF ? is_ignored : NULL;
}

/* One empty verdict per site; without traces there is one for all. */
static bool clear_verdicts(void)
{
    uint64_t sites = mr_max(mr_writer_count(MR_SECTION_SITES), 1);
    mr_writer_cut(MR_SECTION_VERDICTS, 0);
    if (mr_writer_reserve(MR_SECTION_VERDICTS, sites) < 0)
        return false;
    memset(mr_writer_entries(MR_SECTION_VERDICTS), 0, sites * sizeof(struct mr_ledger_verdict));
    mr_writer_publish(MR_SECTION_VERDICTS, sites);
    return true;
}

static void set_check(enum mr_ledger_check state)
{
    if (is_ours())
        __atomic_store_n(&mr_writer_header->check, state, __ATOMIC_RELEASE);
}

static void look(bool ends)
{
    struct mr_range tables[MR_LEAK_EXCLUDED];
    bool by_site = is_ours() && clear_verdicts();
    struct mr_leak_request request = {
        .in_place = ends || mr_conf.ledger[0] == '\0',
        .each = by_site ? book : NULL,
        .is_exempt = by_site ? mr_story_exempt() : NULL,
        .excluded = tables,
        .excluded_count = mr_watch_tables(tables, MR_LEAK_EXCLUDED),
    };
    checked = mr_leak_check(&request, &found);
}

bool mr_story_wants_leaks(void)
{
    return mr_conf.leaks_set ? mr_conf.leaks != MR_LEAKS_OFF : mr_conf.trace != MR_TRACE_OFF;
}

void mr_story_check(bool ends)
{
    set_check(MR_LEDGER_CHECKING);
    look(ends);
    if (is_ours()) {
        mr_writer_header->check_doubts = found.unstopped;
        mr_writer_header->check_ms = mr_writer_now_ms();
    }
    set_check(checked ? MR_LEDGER_CHECKED : MR_LEDGER_UNCHECKED);
    if (is_ours())
        __atomic_fetch_add(&mr_writer_header->checks, 1, __ATOMIC_RELEASE);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

void mr_story_end(enum mr_exit_kind kind, int value)
{
    if (!is_ours())
        return;
    mr_track_settle();
    mr_writer_end(kind == MR_EXIT_SIGNALLED ? MR_LEDGER_SIGNALLED : MR_LEDGER_EXITED, value);
}

/* A fork child's ledger is its own, if there is memory for one. */
void mr_story_forked(void)
{
    if (!mr_writer_header)
        return;
    bool recorded = mr_writer_forked();
    writer_pid = recorded ? mr_process_id() : 0;
    mr_watch_forked(recorded);
    mr_chart_forked();
}
