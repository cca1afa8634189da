/* peaks.c: what each site had in use when all of them together had most.
 *
 * Each time the bytes in use have grown by a sixty-fourth over the last height, every site's figure is written
 * down again. A thread asks for the sum only when it has itself used up its share of that growth (its limit).
 * The writing may take a hundredth of the time that has passed: while it would take more the height is left
 * as it is, and a peak that is over before there is time for it is missed. */
#include "sites.h"

#include "os.h"

enum { GROWTH = 64, SHARE_OF_TIME = 100, NS_PER_SITE = 200, NS_PER_LANE = 20 };
static const uint64_t LEAST_GROWTH = 512;

static struct mr_lock peaks_lock = MR_LOCK_INIT(MR_RANK_NONE);
static _Atomic uint64_t next_height; /* bytes in use from which a look is worth it */
static uint64_t boot_ns, spent_ns;   /* under the lock */

void mr_peaks_boot(void) { boot_ns = mr_clock_ns(); }

static uint64_t bytes_in_use(void)
{
    struct mr_sum sum = mr_sites_total();
    return mr_sum_bytes(&sum);
}

static void write_down(void)
{
    struct mr_ledger_header *h = mr_writer_header;
    struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES);
    uint64_t count = mr_writer_count(MR_SECTION_SITES), all = 0;
    uint32_t seq = MR_PEEK(h->peak_seq) | 1;
    __atomic_exchange_n(&h->peak_seq, seq, __ATOMIC_ACQ_REL);
    for (uint32_t i = 0; i < count; i++) {
        struct mr_sum sum = mr_sites_sum(i);
        MR_POKE(sites[i].peak_bytes, mr_sum_bytes(&sum));
        MR_POKE(sites[i].peak_blocks, mr_sum_blocks(&sum));
        all += mr_sum_bytes(&sum);
    }
    MR_POKE(h->peak_bytes, all);
    MR_POKE(h->peak_ms, mr_writer_now_ms());
    __atomic_store_n(&h->peak_seq, seq + 1, __ATOMIC_RELEASE);
    next_height = all + mr_max(all / GROWTH, LEAST_GROWTH);
}

/* What a writing took of this thread's time: a longer one stood still while others had the processor. */
static uint64_t fair_cost(uint64_t ns)
{
    return mr_min(ns, mr_writer_count(MR_SECTION_SITES) * (NS_PER_SITE + NS_PER_LANE * mr_lanes_used()) + NS_PER_SITE);
}

static void write_down_in_time(uint64_t in_use, bool settle)
{
    uint64_t start = mr_clock_ns();
    bool affordable = spent_ns * SHARE_OF_TIME <= start - boot_ns;
    if (settle ? in_use <= MR_PEEK(mr_writer_header->peak_bytes) : in_use < next_height || !affordable)
        return;
    write_down();
    spent_ns += fair_cost(mr_clock_ns() - start);
}

static uint64_t look(bool settle)
{
    uint64_t in_use = bytes_in_use();
    if ((in_use >= next_height || settle) && mr_lock_try(&peaks_lock)) {
        write_down_in_time(in_use, settle);
        mr_lock_release(&peaks_lock);
    }
    return in_use;
}

/* A thread's share of the way up; not so little that it would ask all the time. */
void mr_peaks_look(struct mr_track *t)
{
    uint64_t in_use = look(false), height = next_height;
    uint64_t way = height > in_use ? height - in_use : in_use / GROWTH;
    if (t && t->lane)
        t->limit = (int64_t)(MR_PEEK(t->lane->alloc_bytes) - MR_PEEK(t->lane->freed_bytes) +
                             mr_max(way / mr_lanes_used(), LEAST_GROWTH / 2 + in_use / (8 * GROWTH)));
}

void mr_peaks_settle(void) { look(true); }

void mr_peaks_forked(void) { mr_lock_after_fork(&peaks_lock, mr_lock_is_mine(&peaks_lock)); }
