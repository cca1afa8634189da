/* timeline.c: the run as a series of moments, at bounded size.
 *
 * A moment is written every interval; when the section is full every other one is dropped and the interval
 * doubles, so a run of any length keeps 256 to 512 of them, equally spaced. The history of each site is the
 * same with 4 to 8 moments. Nobody wakes up for it: the clock is looked at every few events, so a program that
 * does nothing leaves a gap. */
#include "sites.h"

#include "os.h"

enum { FIRST_INTERVAL_MS = 10, FIRST_HISTORY_MS = 100 };

void (*mr_timeline_also)(void);

static struct mr_lock timeline_lock = MR_LOCK_INIT(MR_RANK_NONE);
static _Atomic uint64_t next_ms, next_history_ms;
static uint64_t history_interval_ms; /* under the lock, as all below */
static unsigned history_used;

void mr_timeline_boot(void)
{
    mr_writer_header->timeline_interval_ms = FIRST_INTERVAL_MS;
    history_interval_ms = next_history_ms = FIRST_HISTORY_MS;
}

static uint32_t begin_change(void)
{
    uint32_t seq = MR_PEEK(mr_writer_header->timeline_seq) | 1;
    __atomic_exchange_n(&mr_writer_header->timeline_seq, seq, __ATOMIC_ACQ_REL);
    return seq;
}

static void end_change(uint32_t seq)
{
    __atomic_store_n(&mr_writer_header->timeline_seq, seq + 1, __ATOMIC_RELEASE);
}

/* ---- moments ------------------------------------------------------------------------------------ */

/* Pages, the second number of statm. */
static uint64_t resident_bytes(void)
{
    char text[128];
    size_t len = mr_file_read_all("/proc/self/statm", text, sizeof text - 1), i = 0;
    uint64_t pages = 0;
    text[len] = '\0';
    while (text[i] && text[i] != ' ')
        i++;
    for (i += text[i] == ' '; text[i] >= '0' && text[i] <= '9'; i++)
        pages = pages * 10 + (uint64_t)(text[i] - '0');
    return pages * mr_os_page;
}

static void thin_out(void)
{
    struct mr_ledger_moment *moments = mr_writer_entries(MR_SECTION_TIMELINE);
    uint64_t count = mr_writer_count(MR_SECTION_TIMELINE);
    uint32_t seq = begin_change();
    for (uint64_t i = 0; 2 * i + 1 < count; i++)
        moments[i] = moments[2 * i + 1];
    mr_writer_cut(MR_SECTION_TIMELINE, count / 2);
    mr_writer_header->timeline_interval_ms *= 2;
    end_change(seq);
}

static void write_moment(uint64_t now)
{
    int64_t at = mr_writer_reserve(MR_SECTION_TIMELINE, 1);
    if (at < 0 && mr_writer_count(MR_SECTION_TIMELINE) > 1) {
        thin_out();
        at = mr_writer_reserve(MR_SECTION_TIMELINE, 1);
    }
    if (at < 0)
        return;
    struct mr_sum sum = mr_sites_total();
    ((struct mr_ledger_moment *)mr_writer_entries(MR_SECTION_TIMELINE))[at] = (struct mr_ledger_moment){
        .ms = now, .in_use_bytes = mr_sum_bytes(&sum), .in_use_blocks = mr_sum_blocks(&sum),
        .resident_bytes = resident_bytes(), .allocs = sum.allocs, .alloc_bytes = sum.alloc_bytes };
    mr_writer_publish(MR_SECTION_TIMELINE, 1);
}

/* ---- history ------------------------------------------------------------------------------------ */

static void keep_every_other(struct mr_ledger_history *histories, uint64_t count)
{
    uint64_t *when = mr_writer_header->history_ms;
    for (unsigned k = 0; k < MR_LEDGER_HISTORY; k++) {
        unsigned from = 2 * k + 1;
        when[k] = from < MR_LEDGER_HISTORY ? when[from] : 0;
        for (uint64_t i = 0; i < count; i++)
            histories[i].in_use_kib[k] = from < MR_LEDGER_HISTORY ? histories[i].in_use_kib[from] : 0;
    }
    history_used = MR_LEDGER_HISTORY / 2;
    history_interval_ms *= 2;
}

static uint32_t kib(uint64_t bytes) { return (uint32_t)mr_min((bytes + MR_KIB - 1) / MR_KIB, UINT32_MAX); }

/* Sites that came since the last time get their entries: they had nothing in use then. */
static uint64_t extend_history(void)
{
    uint64_t sites = mr_writer_count(MR_SECTION_SITES), count = mr_writer_count(MR_SECTION_HISTORY);
    if (sites > count && mr_writer_reserve(MR_SECTION_HISTORY, sites - count) >= 0)
        mr_writer_publish(MR_SECTION_HISTORY, sites - count);
    return mr_writer_count(MR_SECTION_HISTORY);
}

static void write_history(uint64_t now)
{
    struct mr_ledger_history *histories = mr_writer_entries(MR_SECTION_HISTORY);
    uint64_t count = extend_history();
    uint32_t seq = begin_change();
    if (history_used == MR_LEDGER_HISTORY)
        keep_every_other(histories, count);
    for (uint32_t i = 0; i < count; i++) {
        struct mr_sum sum = mr_sites_sum(i);
        histories[i].in_use_kib[history_used] = kib(mr_sum_bytes(&sum));
    }
    mr_writer_header->history_ms[history_used++] = now;
    end_change(seq);
}

/* ---- when --------------------------------------------------------------------------------------- */

static void write_what_is_due(uint64_t now, bool settle)
{
    if (now >= next_ms || settle) {
        write_moment(now);
        next_ms = now - now % mr_writer_header->timeline_interval_ms + mr_writer_header->timeline_interval_ms;
    }
    if (now >= next_history_ms) {
        write_history(now);
        next_history_ms = now - now % history_interval_ms + history_interval_ms;
    }
}

static void look(bool settle)
{
    uint64_t now = mr_writer_now_ms();
    MR_POKE(mr_writer_header->alive_ms, now);
    bool due = settle || now >= atomic_load_explicit(&next_ms, memory_order_relaxed) ||
               now >= atomic_load_explicit(&next_history_ms, memory_order_relaxed);
    if (MR_LIKELY(!due) || !mr_lock_try(&timeline_lock))
        return;
    write_what_is_due(now, settle);
    mr_lock_release(&timeline_lock);
    if (mr_timeline_also && !settle)
        mr_timeline_also();
}

void mr_timeline_look(void) { look(false); }
void mr_timeline_settle(void) { look(true); }

/* A thread that is gone may have been in the middle of it: what is torn is left to the next thinning. */
void mr_timeline_forked(void) { mr_lock_after_fork(&timeline_lock, mr_lock_is_mine(&timeline_lock)); }
