/* stacks.c: every distinct stack becomes a site, once.
 *
 *   walk -> the innermost frame's node, remembered by the unwinder  -> its site       (the stack is the last one)
 *        -> hash -> node                                            -> its site       (met before)
 *        -> the nodes of all frames, from the outermost one that is new -> a new site
 *
 * The table of hashes is read without a lock: an entry's node is stored before its hash, and entries never go.
 * A table that is full is copied into one of twice the size; the old one's memory is given back while its
 * addresses stay, so a late reader finds it empty and asks again under the lock. */
#include "stacks.h"

#include "os.h"

enum { FIRST_ENTRIES = 1 << 12, STEP = 64 * 1024 };

struct entry {
    _Atomic uint64_t hash; /* 0: none */
    uint32_t node;         /* FRAMES */
    uint32_t site;         /* its site, for who has the entry at hand anyway; 0: none yet, or not noted here */
};

struct table {
    uint64_t mask; /* entries - 1 */
    uint64_t used; /* 2 * used <= entries; under the lock */
    struct entry entries[];
};

static struct mr_lock stacks_lock = MR_LOCK_INIT(MR_RANK_STACKS);
static struct table *_Atomic table;
static uint32_t *site_of;           /* of the stack whose innermost frame is that node; 0: none */
static uint64_t site_of_room;       /* bytes committed */
static _Atomic bool full;           /* no room in the ledger */

static uint64_t site_of_bytes(void)
{
    return mr_align_up(mr_writer_header->sections[MR_SECTION_FRAMES].capacity * sizeof *site_of, STEP);
}

/* ---- the table ------------------------------------------------------------------------------------- */

static size_t table_bytes(uint64_t entries)
{
    return mr_align_up(sizeof(struct table) + entries * sizeof(struct entry), mr_os_page);
}

static struct table *make_table(uint64_t entries)
{
    struct table *made = mr_vm_reserve(table_bytes(entries), mr_os_page);
    if (!made)
        return NULL;
    if (!mr_vm_commit(made, table_bytes(entries))) {
        mr_vm_release(made, table_bytes(entries));
        return NULL;
    }
    made->mask = entries - 1;
    return made;
}

/* The mask is read once: a table that is given back while it is read becomes one of a single empty entry. */
static const struct entry *find(const struct table *t, uint64_t hash)
{
    static const struct entry none;
    uint64_t mask = MR_PEEK(t->mask);
    for (uint64_t i = hash & mask, left = mask; left > 0; i = (i + 1) & mask, left--) {
        uint64_t met = atomic_load_explicit(&t->entries[i].hash, memory_order_acquire);
        if (met == hash)
            return &t->entries[i];
        if (met == 0)
            break;
    }
    return &none;
}

static void put(struct table *t, uint64_t hash, uint32_t node, uint32_t site)
{
    uint64_t i = hash & t->mask;
    while (atomic_load_explicit(&t->entries[i].hash, memory_order_relaxed) != 0)
        i = (i + 1) & t->mask;
    t->used++;
    MR_POKE(t->entries[i].node, node);
    MR_POKE(t->entries[i].site, site);
    atomic_store_explicit(&t->entries[i].hash, hash, memory_order_release);
}

static void publish(struct table *fresh)
{
    struct table *old = atomic_load_explicit(&table, memory_order_relaxed);
    size_t bytes = table_bytes(old->mask + 1);
    atomic_store_explicit(&table, fresh, memory_order_release);
    mr_vm_purge(old, bytes);
}

static bool grow_table(void)
{
    struct table *old = atomic_load_explicit(&table, memory_order_relaxed);
    struct table *bigger = make_table(2 * (old->mask + 1));
    if (!bigger)
        return false;
    for (uint64_t i = 0; i <= old->mask; i++)
        if (old->entries[i].hash)
            put(bigger, old->entries[i].hash, old->entries[i].node, old->entries[i].site);
    publish(bigger);
    return true;
}

/* Without memory for a bigger table the stack is walked through the tree each time: slow, and right. */
static void remember(uint64_t hash, uint32_t node, uint32_t site)
{
    struct table *t = atomic_load_explicit(&table, memory_order_relaxed);
    if (2 * (t->used + 1) > t->mask + 1 && !grow_table())
        return;
    t = atomic_load_explicit(&table, memory_order_relaxed);
    if (find(t, hash)->hash == 0)
        put(t, hash, node, site);
}

/* ---- interning ---------------------------------------------------------------------------------------- */

/* The nodes of the stack's frames, from the innermost one whose node the unwinder remembers; that of the whole
 * stack, or 0. */
static uint32_t nodes_of(struct mr_unwound *stack)
{
    uint32_t i = stack->same, node = 0;
    while (i > 0 && node == 0)
        node = stack->frames[--i].user;
    for (i += node != 0; i < stack->depth; i++) {
        node = mr_frames_child(i == 0 ? 0 : node, stack->frames[i].pc);
        if (node == 0)
            return 0;
        stack->frames[i].user = node;
    }
    return node;
}

static bool make_room_for(uint32_t node)
{
    uint64_t needed = mr_align_up((node + (uint64_t)1) * sizeof *site_of, STEP);
    if (needed > site_of_room && !mr_vm_commit((char *)site_of + site_of_room, needed - site_of_room))
        return false;
    if (needed > site_of_room)
        __atomic_store_n(&site_of_room, needed, __ATOMIC_RELEASE);
    return true;
}

/* A mark stands as the outermost frame. */
static void count_mark(const struct mr_unwound *stack)
{
    if (stack->frames[0].pc < MR_FRAME_MARK_COUNT)
        MR_ADD(mr_writer_header->unwind_marks, 1);
}

static uint32_t append_site(const struct mr_unwound *stack, uint32_t node)
{
    int64_t site = mr_writer_reserve(MR_SECTION_SITES, 1);
    if (site < 0 || !make_room_for(node))
        return 0;
    struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES);
    sites[site].stack = node;
    mr_writer_publish(MR_SECTION_SITES, 1);
    __atomic_store_n(&site_of[node], (uint32_t)site, __ATOMIC_RELEASE);
    count_mark(stack);
    return (uint32_t)site;
}

static uint32_t site_of_node(uint32_t node)
{
    bool inside = (node + (uint64_t)1) * sizeof *site_of <= __atomic_load_n(&site_of_room, __ATOMIC_ACQUIRE);
    return inside ? __atomic_load_n(&site_of[node], __ATOMIC_ACQUIRE) : 0;
}

static uint32_t intern(struct mr_unwound *stack)
{
    uint32_t node = nodes_of(stack);
    uint32_t site = node ? site_of_node(node) : 0;
    if (node && site == 0)
        site = append_site(stack, node);
    if (site == 0)
        atomic_store_explicit(&full, true, memory_order_relaxed);
    else
        remember(stack->hash, node, site);
    return site;
}

bool mr_stacks_lock(void)
{
    if (mr_lock_is_mine(&stacks_lock) || mr_writer_is_busy())
        return false;
    mr_lock_acquire(&stacks_lock);
    return true;
}

bool mr_stacks_is_held(void) { return mr_lock_is_mine(&stacks_lock); }

void mr_stacks_unlock(void) { mr_lock_release(&stacks_lock); }

/* A handler may have interrupted whoever is waited for by the holder. */
static bool lock_for(bool may_wait)
{
    return may_wait ? mr_stacks_lock() : !mr_writer_is_busy() && mr_lock_try(&stacks_lock);
}

static uint32_t lost(void)
{
    __atomic_fetch_add(&mr_writer_header->lost_sites, 1, __ATOMIC_RELAXED);
    return 0;
}

static MR_NOINLINE uint32_t site_of_new(struct mr_unwound *stack, bool may_wait)
{
    if (atomic_load_explicit(&full, memory_order_relaxed) || !lock_for(may_wait))
        return lost();
    uint32_t site = intern(stack);
    mr_stacks_unlock();
    return site ? site : lost();
}

static const struct entry *find_stack(const struct mr_unwound *stack)
{
    return find(atomic_load_explicit(&table, memory_order_acquire), stack->hash);
}

static uint32_t known_node(struct mr_unwound *stack)
{
    uint32_t node = mr_unwind_user(stack);
    if (MR_UNLIKELY(node == 0)) {
        node = MR_PEEK(find_stack(stack)->node);
        mr_unwind_keep(stack, node);
    }
    return node;
}

/* A stack met before, but not just now: one look at the table tells both, where site_of would be another cache miss. */
static uint32_t site_met_before(struct mr_unwound *stack)
{
    const struct entry *met = find_stack(stack);
    uint32_t node = MR_PEEK(met->node), site = MR_PEEK(met->site);
    mr_unwind_keep(stack, node);
    return site || node == 0 ? site : site_of_node(node);
}

static MR_NOINLINE uint32_t new_node(struct mr_unwound *stack, bool may_wait)
{
    if (!lock_for(may_wait))
        return 0;
    uint32_t node = nodes_of(stack);
    if (node)
        remember(stack->hash, node, 0);
    mr_stacks_unlock();
    return node;
}

uint32_t mr_stacks_node(struct mr_unwound *stack, bool may_wait)
{
    uint32_t node = known_node(stack);
    return MR_LIKELY(node) ? node : new_node(stack, may_wait);
}

uint32_t mr_stacks_site(struct mr_unwound *stack, bool may_wait)
{
    uint32_t node = mr_unwind_user(stack);
    uint32_t site = node ? site_of_node(node) : site_met_before(stack);
    return MR_LIKELY(site) ? site : site_of_new(stack, may_wait);
}

/* ---- life ------------------------------------------------------------------------------------------------ */

bool mr_stacks_boot(void)
{
    struct table *first = make_table(FIRST_ENTRIES);
    site_of = mr_vm_reserve(site_of_bytes(), STEP);
    if (!first || !site_of)
        return false;
    atomic_store_explicit(&table, first, memory_order_release);
    return mr_frames_boot();
}

/* Sites stay: the next walk of each stack finds its nodes again, and by them its site. */
void mr_stacks_forget(void)
{
    struct table *t = atomic_load_explicit(&table, memory_order_relaxed);
    for (uint64_t i = 0; i <= t->mask; i++)
        atomic_store_explicit(&t->entries[i].hash, 0, memory_order_relaxed);
    t->used = 0;
}

void mr_stacks_forked(void) { mr_lock_after_fork(&stacks_lock, mr_lock_is_mine(&stacks_lock)); }
