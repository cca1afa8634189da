#include "guarded.h"

#include "heap.h"
#include "large.h"
#include "os.h"

/* Freed blocks keep what they held as long as they are among the latest of so many bytes: a program that goes on after
 * it was told of a use after free finds what it would have found. */
enum { KEPT_BYTES = 4 << 20, NEAR_PAGES = 64, NOBODY = 0 };

/* One per OS page; but for `head` and `opened` those of heads of spans alone are used. Page 0 is nobody's: inaccessible
 * for ever, in front of the first span. */
struct node {
    struct mr_span span; /* the pool's */
    uint32_t head;       /* of the taken span this page belongs to; NOBODY: to none */
    uint32_t next;       /* waiting: the one freed after this */
    uint32_t state;      /* enum mr_guarded_state; atomic */
    bool opened;         /* accessible though it should not be */
    bool purged;         /* waiting: what it held is gone */
    uintptr_t start;
    size_t size;
    uint64_t tag;
    struct mr_guarded_event taken, freed;
};

uintptr_t mr_guarded_base;
size_t mr_guarded_bytes;
struct mr_lock mr_guarded_lock = MR_LOCK_INIT(MR_RANK_GUARDED);

static struct node *nodes; /* right before the base */
static size_t nodes_bytes;
static struct mr_pool pool;
static uint32_t live, live_most;
static uint32_t oldest, newest;      /* of those that wait; NOBODY */
static uint32_t oldest_kept;         /* the first that is not purged; NOBODY */
static size_t kept_bytes;            /* from there on */
static _Atomic uint32_t later;       /* freed by handlers that interrupted us: a stack, linked by next */
static bool stays;                   /* memory cannot be given back: what is taken may not be zero */
static struct count { uint64_t taken, given, taken_bytes, given_bytes; } counts[MR_ROW_COUNT];

/* ---- pages ------------------------------------------------------------------------------------------- */

static uintptr_t address_of(uint32_t page) { return mr_guarded_base + (uintptr_t)page * mr_os_page; }
static uint32_t page_of(uintptr_t address) { return (uint32_t)((address - mr_guarded_base) / mr_os_page); }
static uint32_t data_pages(uint32_t head) { return mr_pool_size(&pool, head) - 1; }
static size_t data_bytes(uint32_t head) { return (size_t)data_pages(head) * mr_os_page; }

static enum mr_guarded_state state_of(uint32_t head)
{
    return (enum mr_guarded_state)__atomic_load_n(&nodes[head].state, __ATOMIC_ACQUIRE);
}

static bool change_state(uint32_t head, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&nodes[head].state, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void purge_pages(uint32_t first, uint32_t count)
{
    stays |= !mr_vm_purge((void *)address_of(first), (size_t)count * mr_os_page);
}

/* What was written where a finding had let the program through goes with the way through. */
static void close_pages(uint32_t head)
{
    mr_vm_protect((void *)address_of(head), data_bytes(head) + mr_os_page, false);
    for (uint32_t i = head; i <= head + data_pages(head); i++) {
        if (nodes[i].opened)
            purge_pages(i, 1);
        nodes[i].opened = false;
    }
}

/* ---- counting ------------------------------------------------------------------------------------------ */

static struct count *count_of(size_t size)
{
    return &counts[size <= MR_SLAB_MAX ? mr_sizeclass_of(size) : MR_CLASS_COUNT + mr_large_row(size)];
}

/* The rows of slabs are told in blocks, each of its class's size: what these blocks differ from that is taken off. */
void mr_guarded_look(struct mr_heap_stats *stats)
{
    for (unsigned i = 0; i < MR_ROW_COUNT; i++) {
        const struct count *c = &counts[i];
        struct mr_row *row = &stats->rows[i];
        uint64_t each = !row->large && mr_heap_where() == MR_ROUTE_SLAB ? row->size : 0;
        row->allocs += c->taken;
        row->frees += c->given;
        row->alloc_bytes += c->taken_bytes - c->taken * each;
        row->in_use_bytes += c->taken_bytes - c->given_bytes - (c->taken - c->given) * each;
    }
}

/* ---- those that wait -------------------------------------------------------------------------------------- */

static void purge_oldest_kept(void)
{
    nodes[oldest_kept].purged = true;
    kept_bytes -= data_bytes(oldest_kept);
    purge_pages(oldest_kept, data_pages(oldest_kept));
    oldest_kept = nodes[oldest_kept].next;
}

static void wait_in_line(uint32_t head)
{
    nodes[head].next = NOBODY;
    nodes[head].purged = false;
    if (newest != NOBODY)
        nodes[newest].next = head;
    else
        oldest = head;
    newest = head;
    if (oldest_kept == NOBODY)
        oldest_kept = head;
    kept_bytes += data_bytes(head);
    while (kept_bytes > KEPT_BYTES)
        purge_oldest_kept();
}

/* The one that was freed first may be used again. */
static void recycle_oldest(void)
{
    uint32_t head = oldest;
    if (!nodes[head].purged)
        purge_oldest_kept();
    oldest = nodes[head].next;
    if (oldest == NOBODY)
        newest = NOBODY;
    close_pages(head);
    for (uint32_t i = head; i <= head + data_pages(head); i++)
        nodes[i].head = NOBODY;
    nodes[head].state = MR_GUARDED_NONE;
    mr_pool_give(&pool, head, 0);
}

/* ---- giving back --------------------------------------------------------------------------------------------- */

static void release(uint32_t head)
{
    struct count *c = count_of(nodes[head].size);
    c->given++;
    c->given_bytes += nodes[head].size;
    live--;
    close_pages(head);
    __atomic_store_n(&nodes[head].state, MR_GUARDED_FREED, __ATOMIC_RELEASE);
    wait_in_line(head);
}

static void release_later(uint32_t head)
{
    uint32_t first = atomic_load(&later);
    do
        nodes[head].next = first;
    while (!atomic_compare_exchange_weak(&later, &first, head));
}

static void lock(void)
{
    mr_lock_acquire(&mr_guarded_lock);
    for (uint32_t head = atomic_exchange(&later, NOBODY), next; head != NOBODY; head = next) {
        next = nodes[head].next;
        release(head);
    }
}

/* The head of the span of the block in use that starts at p. */
static uint32_t in_use_at(const void *p)
{
    if (!mr_guarded_holds(p))
        return NOBODY;
    uint32_t head = __atomic_load_n(&nodes[page_of((uintptr_t)p)].head, __ATOMIC_ACQUIRE);
    return head != NOBODY && nodes[head].start == (uintptr_t)p && state_of(head) == MR_GUARDED_IN_USE ? head : NOBODY;
}

enum mr_freed mr_guarded_free(void *p)
{
    uint32_t head = in_use_at(p);
    if (head == NOBODY || !change_state(head, MR_GUARDED_IN_USE, MR_GUARDED_LATER))
        return MR_NOT_A_BLOCK;
    if (mr_lock_is_mine(&mr_guarded_lock)) {
        release_later(head);
        return MR_FREED;
    }
    lock();
    release(head);
    mr_lock_release(&mr_guarded_lock);
    return MR_FREED;
}

void mr_guarded_note(void *p, const struct mr_guarded_event *freed)
{
    uint32_t head = in_use_at(p);
    if (head != NOBODY)
        nodes[head].freed = *freed;
}

/* ---- taking -------------------------------------------------------------------------------------------------- */

static uint32_t take_span(uint32_t pages)
{
    uint32_t head;
    while ((head = mr_pool_take(&pool, pages + 1, 1, 0, NULL)) == MR_POOL_NONE && oldest != NOBODY)
        recycle_oldest();
    if (head == MR_POOL_NONE)
        return NOBODY;
    if (mr_vm_protect((void *)address_of(head), (size_t)pages * mr_os_page, true)) {
        nodes[head].state = MR_GUARDED_NONE;
        return head;
    }
    mr_pool_give(&pool, head, 0);
    return NOBODY;
}

/* Among the free pages there may be some that a wild access was let through to. */
static void settle_opened(uint32_t page, bool accessible)
{
    if (!nodes[page].opened)
        return;
    nodes[page].opened = false;
    purge_pages(page, 1);
    mr_vm_protect((void *)address_of(page), mr_os_page, accessible);
}

static void enter(uint32_t head, const struct mr_guarded_wish *wish)
{
    struct node *node = &nodes[head];
    uintptr_t from = address_of(head), to = from + data_bytes(head);
    node->start = wish->at_start ? from : mr_align_down(to - mr_max(wish->size, 1), mr_max(wish->align, 16));
    node->size = wish->size;
    node->tag = (uint64_t)1 << 32; /* in use, no label */
    node->taken = wish->taken;
    node->freed = (struct mr_guarded_event){ 0 };
    for (uint32_t i = head; i <= head + data_pages(head); i++) {
        settle_opened(i, i < head + data_pages(head));
        __atomic_store_n(&nodes[i].head, head, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&node->state, MR_GUARDED_IN_USE, __ATOMIC_RELEASE);
}

static struct mr_guarded view(uint32_t head)
{
    const struct node *node = &nodes[head];
    uintptr_t from = address_of(head);
    return (struct mr_guarded){ node->start, node->size, from, from + data_bytes(head), state_of(head),
                                node->taken, node->freed };
}

static uint32_t take_locked(const struct mr_guarded_wish *wish)
{
    size_t pages = (mr_max(wish->size, 1) + mr_os_page - 1) / mr_os_page;
    uint32_t head = live < live_most ? take_span((uint32_t)pages) : NOBODY;
    if (head == NOBODY)
        return NOBODY;
    struct count *c = count_of(wish->size);
    c->taken++;
    c->taken_bytes += wish->size;
    live++;
    enter(head, wish);
    return head;
}

void *mr_guarded_take(const struct mr_guarded_wish *wish, bool *zero, struct mr_guarded *block)
{
    if (mr_guarded_bytes == 0 || wish->size >= mr_guarded_bytes / 2 || wish->align > mr_os_page ||
        mr_lock_is_mine(&mr_guarded_lock))
        return NULL;
    lock();
    uint32_t head = take_locked(wish);
    if (head != NOBODY) {
        *zero = !stays;
        *block = view(head);
    }
    mr_lock_release(&mr_guarded_lock);
    return head == NOBODY ? NULL : (void *)block->start;
}

/* ---- addresses ------------------------------------------------------------------------------------------------- */

/* The head of the span a page belongs to, looking `step` further until one is met. */
static uint32_t head_near(uint32_t page, int step)
{
    uint32_t pages = (uint32_t)(mr_guarded_bytes / mr_os_page);
    for (int i = 0; i < NEAR_PAGES && page > 0 && page < pages; i++, page += (uint32_t)step)
        if (nodes[page].head != NOBODY)
            return nodes[page].head;
    return NOBODY;
}

/* From the block to the address; 0 inside. */
static size_t distance(uint32_t head, uintptr_t address)
{
    const struct node *node = &nodes[head];
    return address < node->start ? node->start - address : address < node->start + node->size ? 0
                                                         : address - node->start - node->size + 1;
}

/* An inaccessible page lies behind one block and before another. */
static uint32_t nearest(uintptr_t address)
{
    uint32_t page = page_of(address), behind = head_near(page, -1);
    bool inside = behind != NOBODY && page < behind + data_pages(behind);
    uint32_t before = inside ? NOBODY : head_near(page == 0 || nodes[page].head != NOBODY ? page + 1 : page, 1);
    if (behind == NOBODY || before == NOBODY)
        return behind != NOBODY ? behind : before;
    return distance(behind, address) <= distance(before, address) ? behind : before;
}

enum { PATIENCE_MS = 200 };

/* False: nobody else changes anything, or nobody can be waited for. */
static bool lock_for_looking(void)
{
    return !mr_lock_is_mine(&mr_guarded_lock) && mr_lock_acquire_within(&mr_guarded_lock, PATIENCE_MS);
}

bool mr_guarded_find(uintptr_t address, struct mr_guarded *block)
{
    if (!mr_guarded_holds((void *)address))
        return false;
    bool locked = lock_for_looking();
    uint32_t head = nearest(address);
    if (head != NOBODY)
        *block = view(head);
    if (locked)
        mr_lock_release(&mr_guarded_lock);
    return head != NOBODY;
}

/* Page 0 too: the one who needs it has been told of. */
static bool open_page(uint32_t page)
{
    uint32_t head = nodes[page].head;
    bool data = head != NOBODY && page < head + data_pages(head);
    if (nodes[page].opened || (data && state_of(head) == MR_GUARDED_IN_USE))
        return false;
    uint32_t first = data ? head : page, last = data ? head + data_pages(head) - 1 : page;
    for (uint32_t i = first; i <= last; i++)
        nodes[i].opened = true;
    return mr_vm_protect((void *)address_of(first), (size_t)(last - first + 1) * mr_os_page, true);
}

bool mr_guarded_open(uintptr_t address)
{
    bool locked = lock_for_looking();
    bool opened = open_page(page_of(address));
    if (locked)
        mr_lock_release(&mr_guarded_lock);
    return opened;
}

size_t mr_guarded_usable(const void *p, bool *known)
{
    uint32_t head = in_use_at(p);
    *known = head != NOBODY;
    return *known ? nodes[head].size : 0;
}

uint64_t *mr_guarded_tag(const void *p, size_t *usable)
{
    uint32_t head = in_use_at(p);
    *usable = head != NOBODY ? nodes[head].size : 0;
    return head != NOBODY ? &nodes[head].tag : NULL;
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

/* A block of no bytes has an address that may be pointed to. */
bool mr_guarded_walk(mr_guarded_each *each, void *ctx)
{
    uint32_t pages = (uint32_t)(mr_guarded_bytes / mr_os_page);
    for (uint32_t i = 1; i < pages; i++)
        if (nodes[i].head == i && state_of(i) == MR_GUARDED_IN_USE &&
            !each(ctx, (const void *)nodes[i].start, mr_max(nodes[i].size, 1)))
            return false;
    return true;
}

bool mr_guarded_own(uintptr_t *from, uintptr_t *to)
{
    *from = (uintptr_t)nodes;
    *to = mr_guarded_base + mr_guarded_bytes;
    return mr_guarded_bytes != 0;
}

const char *mr_guarded_check(void)
{
    uint32_t waiting = 0, in_use = 0, heads_waiting = 0;
    if (mr_guarded_bytes == 0)
        return NULL;
    for (uint32_t i = oldest; i != NOBODY; i = nodes[i].next)
        waiting++;
    for (uint32_t i = mr_pool_first(&pool); i != MR_POOL_NONE; i = mr_pool_next(&pool, i))
        if (!mr_pool_is_free(&pool, i) && i > 0) {
            in_use += state_of(i) == MR_GUARDED_IN_USE || state_of(i) == MR_GUARDED_LATER;
            heads_waiting += state_of(i) == MR_GUARDED_FREED;
        }
    if (waiting != heads_waiting)
        return "guarded blocks: those that wait in line are those that are freed";
    return in_use != live ? "guarded blocks: as many are in use as were taken and not freed" : mr_pool_check(&pool);
}

/* ---- setting up ------------------------------------------------------------------------------------------------- */

/* Each block in use parts the address space: two mappings. Half of what a process may have stays the program's. */
static uint32_t most_live(void)
{
    char text[32];
    size_t n = mr_file_read_all("/proc/sys/vm/max_map_count", text, sizeof text), most = 0;
    for (size_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        most = most * 10 + (size_t)(text[i] - '0');
    return (uint32_t)mr_min((most ? most : 65530) / 4, (size_t)1 << 20);
}

bool mr_guarded_boot(size_t bytes)
{
    bytes = mr_align_down(mr_min(bytes, (size_t)1 << 40), mr_os_page);
    size_t pages = bytes / mr_os_page;
    nodes_bytes = mr_align_up(pages * sizeof(struct node), mr_os_page);
    char *at = mr_vm_reserve(nodes_bytes + bytes, mr_os_page);
    if (!at || !mr_vm_commit(at, nodes_bytes)) {
        mr_vm_release(at, at ? nodes_bytes + bytes : 0);
        return false;
    }
    nodes = (struct node *)(void *)at;
    mr_pool_init(&pool, MR_FIT_SEGREGATED, nodes, sizeof *nodes, 1, 0);
    mr_pool_grow(&pool, 1, 0);
    mr_pool_take_whole(&pool, 0);
    mr_pool_grow(&pool, (uint32_t)pages - 1, 0);
    live_most = most_live();
    mr_guarded_base = (uintptr_t)at + nodes_bytes;
    __atomic_store_n(&mr_guarded_bytes, bytes, __ATOMIC_RELEASE);
    return true;
}
