/* protect.c: what may be done with the memory of a block, or of a pool. A block's protection is the state in its
 * header, which lies in the OS page before the block and stays readable. */
#include "quick.h"

static const unsigned may[MEMOIR_PROTECTIONS] = {
    [MEMOIR_PROTECT_READ_WRITE] = MR_VM_READ | MR_VM_WRITE,
    [MEMOIR_PROTECT_NONE] = 0,
    [MEMOIR_PROTECT_READ] = MR_VM_READ,
    [MEMOIR_PROTECT_WRITE] = MR_VM_WRITE,
    [MEMOIR_PROTECT_READ_EXECUTE] = MR_VM_READ | MR_VM_EXECUTE,
    [MEMOIR_PROTECT_READ_WRITE_EXECUTE] = MR_VM_READ | MR_VM_WRITE | MR_VM_EXECUTE,
};

static const char *const unknown = "there is no such protection; take one of enum memoir_protection";
static const char *const forbidden = "the system forbids it: a rule against memory that is written and executed, or too "
                                     "many mappings";

/* Whole OS pages of the block, which no other has a share of: its own header lies before them, the next one's behind. */
static size_t own_pages(const struct memoir_pool *pool, uint32_t head)
{
    return mr_align_down(mr_embed_usable(pool, mr_pool_size(&pool->engine, head)), mr_os_page);
}

static const char *page_fault(const struct memoir_pool *pool, uint32_t head, const void *p)
{
    size_t asked = mr_embed_asked(mr_embed_read_seal(mr_pool_node(&pool->engine, head)));
    if ((uintptr_t)p % mr_os_page != 0)
        return "the block does not begin at an OS page, so it shares one with others; use memoir_pool_alloc_pages";
    if (asked == 0 || asked > own_pages(pool, head))
        return "the block does not end with an OS page, so it shares one with others; use memoir_pool_alloc_pages";
    return NULL;
}

static const char *protect(struct memoir_pool *pool, void *p, uint32_t head, enum memoir_protection to)
{
    struct mr_span *node = mr_pool_node(&pool->engine, head);
    uint64_t seal = mr_embed_read_seal(node);
    unsigned from = mr_embed_state(seal);
    const char *why = page_fault(pool, head, p);
    if (why)
        return why;
    if (pool->protection != MEMOIR_PROTECT_READ_WRITE)
        return "the pool as a whole has a protection; make it read-write first";
    if (!mr_vm_permit(p, own_pages(pool, head), may[to])) {
        mr_vm_permit(p, own_pages(pool, head), may[from]); /* a part of it may have been changed */
        return forbidden;
    }
    pool->protected_blocks += (to != MEMOIR_PROTECT_READ_WRITE) - (from != MEMOIR_PROTECT_READ_WRITE);
    mr_embed_quick_plan(pool);
    mr_embed_write_seal(node, mr_embed_seal(pool, head, node->size,
                                            mr_embed_asked(seal) | (uint64_t)to << MR_EMBED_SIZE_BITS));
    return NULL;
}

MR_EXPORT const char *memoir_pool_protect(struct memoir_pool *pool, void *p, enum memoir_protection protection)
{
    if ((unsigned)protection >= MEMOIR_PROTECTIONS)
        return unknown;
    if (!mr_embed_enter(pool))
        return "the pool cannot be used now";
    uint32_t head = mr_embed_find(pool, p);
    if (head == MR_POOL_NONE && !mr_embed_fosters_find(&pool->fosters, p)) {
        mr_embed_accuse(pool, p, "protect");
        return "it is no block of this pool";
    }
    const char *why = head == MR_POOL_NONE ? "the block came from malloc and shares OS pages with others"
                                           : protect(pool, p, head, protection);
    mr_embed_leave(pool);
    return why;
}

MR_EXPORT enum memoir_protection memoir_pool_protection(struct memoir_pool *pool, const void *p)
{
    if (!mr_embed_enter(pool))
        return MEMOIR_PROTECT_READ_WRITE;
    uint32_t head = mr_embed_find(pool, p);
    if (head == MR_POOL_NONE && !mr_embed_fosters_find(&pool->fosters, p)) {
        mr_embed_accuse(pool, p, "protection");
        return MEMOIR_PROTECT_READ_WRITE;
    }
    unsigned state = head == MR_POOL_NONE ? MEMOIR_PROTECT_READ_WRITE
                                          : mr_embed_state(mr_embed_read_seal(mr_pool_node(&pool->engine, head)));
    mr_embed_leave(pool);
    return (enum memoir_protection)state;
}

void mr_embed_unprotect_blocks(struct memoir_pool *pool)
{
    const struct mr_pool *engine = &pool->engine;
    uint32_t at;
    for (uint32_t head = mr_pool_first(engine); head != MR_POOL_NONE && pool->protected_blocks != 0;
         head = mr_pool_next(engine, head)) {
        if (mr_embed_header_fault(pool, head, &at))
            return;
        if (!mr_pool_is_free(engine, head) &&
            mr_embed_state(mr_embed_read_seal(mr_pool_node(engine, head))) != MEMOIR_PROTECT_READ_WRITE)
            protect(pool, mr_embed_payload(pool, head), head, MEMOIR_PROTECT_READ_WRITE);
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* From the OS page of the first header on, which is the last of the front: the table and control structure end
 * before it. */
static bool protect_whole(struct memoir_pool *pool, enum memoir_protection to)
{
    return mr_vm_permit(pool->base - mr_os_page, mr_os_page + pool->capacity, may[to]);
}

static const char *set_whole(struct memoir_pool *pool, enum memoir_protection to)
{
    if (!pool->memory)
        return "a pool in a caller's buffer shares OS pages with its control structure; protect single blocks";
    if (pool->protected_blocks != 0)
        return "single blocks are protected; make them read-write first";
    if (pool->protection == MEMOIR_PROTECT_READ_WRITE)
        mr_embed_quick_settle(pool); /* nobody can later */
    if (!protect_whole(pool, to)) {
        protect_whole(pool, pool->protection);
        return forbidden;
    }
    pool->protection = to;
    pool->guarded = to != MEMOIR_PROTECT_READ_WRITE || pool->options.flags & MEMOIR_POOL_THREAD_SAFE;
    mr_embed_quick_plan(pool);
    return NULL;
}

static bool lock(struct memoir_pool *pool)
{
    if (!(pool->options.flags & MEMOIR_POOL_THREAD_SAFE) || pthread_mutex_lock(&pool->mutex) == 0)
        return true;
    mr_embed_report(pool, NULL, MEMOIR_POOL_REENTERED, NULL, "a callback of this pool calls it; do it afterwards");
    return false;
}

MR_EXPORT const char *memoir_pool_protect_all(struct memoir_pool *pool, enum memoir_protection protection)
{
    if ((unsigned)protection >= MEMOIR_PROTECTIONS)
        return unknown;
    if (!lock(pool))
        return "the pool cannot be used now";
    const char *why = set_whole(pool, protection);
    if (pool->options.flags & MEMOIR_POOL_THREAD_SAFE)
        pthread_mutex_unlock(&pool->mutex);
    return why;
}

MR_EXPORT enum memoir_protection memoir_pool_protection_all(struct memoir_pool *pool)
{
    if (!lock(pool))
        return MEMOIR_PROTECT_READ_WRITE;
    enum memoir_protection is = pool->protection;
    if (pool->options.flags & MEMOIR_POOL_THREAD_SAFE)
        pthread_mutex_unlock(&pool->mutex);
    return is;
}
