/* chart.c: the map of the heap: taken now and then and at the end, written into the ledger, lent to a report. */
#include "entry.h"

#include <string.h>

#include "os.h"
#include "track.h"

enum { PATIENCE_MS = 500, EVERY_MS = 1000, SHARE = 100 };

/* Under the lock: the figures and the map that were taken last. */
static struct mr_lock chart_lock = MR_LOCK_INIT(MR_RANK_CHART);
static struct mr_heap_stats stats;
static struct mr_ledger_map taken;

static struct mr_report_map map; /* what a report is lent */
static struct mr_report_class classes[MR_LEDGER_CLASSES];

/* ---- taking ------------------------------------------------------------------------------------------ */

/* False when the heap is not to be had: a map of a heap that changes meanwhile would be none. */
static bool take(unsigned patience_ms)
{
    mr_heap_boot();
    if (!mr_heap_freeze(patience_ms))
        return false;
    memset(&taken, 0, offsetof(struct mr_ledger_map, cells) + taken.cell_count * sizeof taken.cells[0]);
    mr_map_fill(&taken);
    mr_heap_look(&stats, false, 0);
    mr_heap_thaw();
    mr_story_copy_figures(&taken.figures, &stats);
    return true;
}

static void write_down(void)
{
    if (!mr_story_is_recorded() ||
        (mr_writer_count(MR_SECTION_MAP) == 0 && mr_writer_reserve(MR_SECTION_MAP, 1) < 0))
        return;
    struct mr_ledger_map *to = mr_writer_entries(MR_SECTION_MAP);
    uint64_t seq = to->seq | 1;
    taken.ms = mr_writer_now_ms();
    taken.seq = seq;
    __atomic_exchange_n(&to->seq, seq, __ATOMIC_ACQ_REL);
    memcpy((char *)to + sizeof seq, (char *)&taken + sizeof seq,
           offsetof(struct mr_ledger_map, cells) + taken.cell_count * sizeof taken.cells[0] - sizeof seq);
    __atomic_store_n(&to->seq, seq + 1, __ATOMIC_RELEASE);
    if (mr_writer_count(MR_SECTION_MAP) == 0)
        mr_writer_publish(MR_SECTION_MAP, 1);
    MR_POKE(mr_writer_header->alive_ms, taken.ms);
    __atomic_fetch_add(&mr_writer_header->maps, 1, __ATOMIC_RELEASE);
}

/* Leaves with the lock held if it is true. A handler that interrupted whoever has it gets none. */
static bool enter_and_take(unsigned patience_ms)
{
    if (mr_lock_is_mine(&chart_lock) || !mr_lock_acquire_within(&chart_lock, patience_ms))
        return false;
    if (take(patience_ms)) {
        write_down();
        return true;
    }
    mr_lock_release(&chart_lock);
    return false;
}

void mr_chart_write(void)
{
    if (enter_and_take(PATIENCE_MS))
        mr_lock_release(&chart_lock);
}

/* ---- now and then ---------------------------------------------------------------------------------------- */

/* Once a second at most, and not for more than a hundredth of the time. For processes that are killed. */
static void tick(void)
{
    static _Atomic uint64_t next_ms;
    uint64_t now = mr_clock_ms(), begin = mr_clock_ns();
    if (now < atomic_load_explicit(&next_ms, memory_order_relaxed) || !enter_and_take(0))
        return;
    uint64_t took_ms = (mr_clock_ns() - begin) / 1000000;
    atomic_store_explicit(&next_ms, now + mr_max(took_ms * SHARE, EVERY_MS), memory_order_relaxed);
    mr_lock_release(&chart_lock);
}

void mr_chart_begin(void) { mr_timeline_also = tick; }

void mr_chart_forked(void) { mr_lock_after_fork(&chart_lock, mr_lock_is_mine(&chart_lock)); }

/* ---- for a report ------------------------------------------------------------------------------------------ */

void mr_chart_lend(struct mr_report *report)
{
    if (!enter_and_take(PATIENCE_MS))
        return;
    taken.ms = report->elapsed_ms;
    mr_report_map_take(&map, &taken, classes);
    report->map = &map;
}

void mr_chart_return(struct mr_report *report)
{
    if (report->map)
        mr_lock_release(&chart_lock);
    report->map = NULL;
}
