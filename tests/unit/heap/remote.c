/* Blocks freed by another thread than the one that owns their slab. */
#include "company.h"

static struct company other;
static struct batch batch;

static void start(void)
{
    company_start(&other);
    mr_heap_free(mr_heap_malloc(100)); /* this thread's heap is the first */
}

static void finish(void)
{
    EXPECT_SOUND();
}

TestSuite(remote, .init = start, .fini = finish, .timeout = 60);

/* The other thread takes `count` blocks of `size`, which this one is to free. */
static void let_take(int count, size_t size)
{
    batch.count = count;
    batch.size = size;
    company_do(&other, batch_take, &batch);
}

static struct mr_class_count *counts(struct mr_heap *heap, size_t size)
{
    return &heap->classes[mr_sizeclass_of(size)];
}

/* The chain of this thread's heap that holds blocks of the slab of `p`. */
static struct mr_chain *chain_of(void *p)
{
    struct mr_chain *chain = &mr_heap_self->chains[(uintptr_t)head_of(p) / sizeof(struct mr_slab) % MR_CHAIN_COUNT];
    return chain->slab == head_of(p) ? chain : NULL;
}

static int chain_length(void *p)
{
    int n = 0;
    for (; p; p = *(void **)p)
        n++;
    return n;
}

/* Letters that wait in an inbox; *blocks: what they hold. Each must be what it says. */
static int letters(struct mr_heap *heap, int *blocks)
{
    int n = 0;
    *blocks = 0;
    for (void *letter = heap->inbox; letter; letter = mr_letter_next(letter), n++) {
        int count = chain_length(letter);
        cr_expect_eq(mr_letter_count(letter), (uint32_t)count);
        for (void *p = letter; p; p = *(void **)p) {
            cr_expect_eq(head_of(p), head_of(letter), "a letter holds blocks of one slab");
            cr_expect_eq(*(void **)p == NULL, mr_lookup_block(head_of(p), p) == (int)mr_letter_last(letter), "it knows its last");
        }
        *blocks += count;
    }
    return n;
}

/* Takes blocks until the slab in use has none left at hand. They are never given back. */
static void batch_take_rest(void *arg)
{
    size_t size = ((struct batch *)arg)->size;
    while (mr_heap_self->direct[(size + 15) / 16]->free)
        mr_heap_malloc(size);
}

static void expect_letters(struct mr_heap *heap, int count, int blocks)
{
    int found, n = letters(heap, &found);
    cr_expect_eq(n, count, "%d letters, not %d", n, count);
    cr_expect_eq(found, blocks, "%d blocks, not %d", found, blocks);
}

Test(remote, blocks_gather_in_a_chain)
{
    let_take(10, 100);
    for (int i = 0; i < 10; i++)
        cr_expect_eq(mr_heap_free(batch.blocks[i]), MR_FREED);
    struct mr_chain *chain = chain_of(batch.blocks[0]);
    cr_assert_not_null(chain);
    cr_expect_eq(chain_length(chain->head), 10);
    cr_expect_eq(chain->count, 10);
    cr_expect_eq(chain->head, batch.blocks[0]);
    cr_expect_eq(chain->tail, batch.blocks[9]);
    cr_expect_eq(chain->to, other.heap);
    cr_expect_eq(mr_heap_self->waiting, 10 * 112);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(mr_heap_self, 100)->sent, 10);
    cr_expect_eq(counts(other.heap, 100)->received, 0);
    expect_in_use(0, 0);
    company_end(&other);
}

Test(remote, chains_go_when_they_hold_enough)
{
    let_take(150, 1024);
    for (int i = 0; i < 128; i++) {
        mr_heap_free(batch.blocks[i]);
        cr_expect_eq(mr_heap_self->waiting == 0, i % 64 == 63, "64 KiB are 64 blocks, at %d", i);
    }
    expect_letters(other.heap, 4, 128); /* a slab is 63 of them: each time the last ones are the next slab's */
    expect_in_use(22, 22 * 1024);
    company_end(&other);
}

/* A block in a slab whose chain would lie where that of the first block's slab does. */
static void *rival_of_first(void)
{
    for (int i = 1; i < batch.count; i++) {
        ptrdiff_t apart = head_of(batch.blocks[i]) - head_of(batch.blocks[0]);
        if (apart != 0 && apart % MR_CHAIN_COUNT == 0)
            return batch.blocks[i];
    }
    return NULL;
}

Test(remote, a_chain_goes_when_another_slab_needs_its_place)
{
    let_take(400, 20480); /* slabs of eight slices: every eighth has its place in common */
    void *first = batch.blocks[0], *rival = rival_of_first();
    cr_assert_not_null(rival);
    mr_heap_free(first);
    cr_expect_null(other.heap->inbox);
    mr_heap_free(rival);
    expect_letters(other.heap, 1, 1);
    cr_expect_eq(other.heap->inbox, first);
    cr_expect_null(chain_of(first));
    cr_expect_eq(chain_of(rival)->count, 1);
    company_end(&other);
}

/* What a letter brings waits until the slab's list has ended, and every block comes out once. */
Test(remote, a_letter_joins_the_blocks_that_are_free)
{
    let_take(30, 100);
    struct batch own = { .size = 100, .count = 7 }, rest = { .size = 100, .count = 23 }, again = { .size = 100, .count = 30 };
    memcpy(own.blocks, batch.blocks, 7 * sizeof(void *));
    memcpy(rest.blocks, batch.blocks + 7, 23 * sizeof(void *));
    company_do(&other, batch_give, &own);
    batch_give(&rest);
    mr_remote_flush(mr_heap_self);
    expect_letters(other.heap, 1, 23);
    company_do(&other, pass_by, NULL);
    struct mr_slab *slab = head_of(batch.blocks[0]);
    cr_expect_eq(mr_slab_in_use(slab), 0);
    cr_expect_eq(chain_length(slab->returned), 23);
    cr_expect_eq(chain_length(slab->free), slab->ext - 23);
    company_do(&other, batch_take, &again);
    for (int i = 0; i < 30; i++)
        for (int k = 0; k < i; k++)
            cr_expect_neq(again.blocks[i], again.blocks[k]);
    expect_in_use(30, 30 * 112);
    company_end(&other);
}

Test(remote, a_letter_brings_a_full_slab_back)
{
    let_take(200, 1024); /* three slabs and some */
    struct mr_slab *slab = head_of(batch.blocks[0]);
    cr_assert(slab->owner & MR_OWNER_FULL);
    struct batch two = { .size = 1024, .count = 2 };
    memcpy(two.blocks, batch.blocks, 2 * sizeof(void *));
    batch_give(&two);
    mr_remote_flush(mr_heap_self);
    cr_expect(slab->owner & MR_OWNER_FULL, "until its owner reads the letter");
    company_do(&other, pass_by, NULL);
    cr_expect_eq(slab->owner, (uintptr_t)other.heap);
    cr_expect(slab->queued);
    cr_expect_eq(chain_length(slab->free), 2);
    cr_expect_eq(slab->free, batch.blocks[0]);
    cr_expect_eq(slab->last, batch.blocks[1]);
    company_end(&other);
}

/* However often blocks went round, and whatever letters they came home in: neighbours stay neighbours. */
Test(remote, blocks_come_out_in_the_order_they_were_freed_in)
{
    static struct batch before;
    int n = mr_sizeclass_blocks[mr_sizeclass_of(256)], apart = 0;
    let_take(n, 256);
    for (int round = 0; round < 20; round++) {
        before = batch;
        for (int i = 0; i < n; i++) {
            mr_heap_free(batch.blocks[i]);
            if (i % (7 + round) == 0)
                mr_remote_flush(mr_heap_self);
        }
        mr_remote_flush(mr_heap_self);
        company_do(&other, pass_by, NULL);
        let_take(n, 256);
        for (int i = 1; i < n; i++)
            apart += (char *)batch.blocks[i] - (char *)batch.blocks[i - 1] != 256;
    }
    cr_expect(apart <= 20, "%d of %d steps go elsewhere than to the next block", apart, 20 * n);
    cr_expect_eq(memcmp(&before, &batch, sizeof batch), 0);
    company_end(&other);
}

Test(remote, letters_arrive_in_the_order_they_were_sent_in)
{
    struct batch again = { .size = 100, .count = 6 };
    let_take(6, 100);
    company_do(&other, batch_take_rest, &again); /* the list at hand */
    for (int i = 0; i < 6; i++) {
        mr_heap_free(batch.blocks[i]);
        mr_remote_flush(mr_heap_self);
    }
    expect_letters(other.heap, 6, 6);
    company_do(&other, batch_take, &again);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(again.blocks[i], batch.blocks[i], "block %d", i);
    company_end(&other);
}

Test(remote, a_full_letter_goes)
{
    let_take(MR_LETTER_MOST + 10, 16);
    for (int i = 0; i < batch.count; i++)
        cr_expect_eq(mr_heap_try_free_next(batch.blocks[i]) ? MR_FREED : mr_heap_free(batch.blocks[i]), MR_FREED);
    expect_letters(other.heap, 1, MR_LETTER_MOST);
    cr_expect_eq(chain_of(batch.blocks[0])->count, 10);
    expect_in_use(0, 0);
    company_end(&other);
}

/* The short way takes what the long one would, once a chain has begun, and nothing else. */
Test(remote, the_short_way_is_for_blocks_of_a_chain_that_has_begun)
{
    char other_memory[16];
    let_take(3, 1000);
    char *first = batch.blocks[0], *second = batch.blocks[1];
    cr_expect_not(mr_heap_try_free_next(first), "no chain");
    cr_expect_eq(mr_heap_free(first), MR_FREED);
    cr_expect_not(mr_heap_try_free_next(second + 16), "no block");
    cr_expect_not(mr_heap_try_free_next(second + MR_SLICE - 1024), "never carved");
    cr_expect_not(mr_heap_try_free_next(other_memory), "not ours");
    cr_expect(mr_heap_try_free_next(second));
    cr_expect_not(atomic_load(&mr_heap_self->busy));
    cr_expect_eq(chain_of(first)->count, 2);
    cr_expect_eq(mr_heap_self->waiting, 2 * 1024);
    cr_expect_eq(counts(mr_heap_self, 1000)->sent, 2);
    mr_remote_flush(mr_heap_self);
    cr_expect_not(mr_heap_try_free_next(batch.blocks[2]), "no chain any more");
    expect_letters(other.heap, 1, 2);
    company_end(&other);
}

Test(remote, a_block_that_waits_is_not_freed_again_at_once)
{
    let_take(2, 100);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(mr_heap_free(batch.blocks[i]), MR_FREED);
        cr_expect_not(mr_heap_try_free_next(batch.blocks[i]));
        cr_expect_eq(mr_heap_free(batch.blocks[i]), MR_NOT_A_BLOCK);
    }
    cr_expect_eq(chain_length(chain_of(batch.blocks[0])->head), 2);
    company_end(&other);
}

Test(remote, the_owner_takes_its_mail_on_a_slow_path)
{
    let_take(100, 1024);
    batch_give(&batch);
    company_do(&other, pass_by, NULL);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(other.heap, 1024)->received, 64);
    cr_expect_eq(counts(mr_heap_self, 1024)->sent, 100);
    mr_remote_flush(mr_heap_self);
    expect_letters(other.heap, 1, 36);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(counts(other.heap, 1024)->received, 100);
    expect_in_use(0, 0);
    company_end(&other);
}

/* What comes home is used again: the program's memory does not grow. */
Test(remote, blocks_that_came_home_are_used_again)
{
    let_take(64, 1024);
    size_t committed = mr_regions[0].committed;
    for (int round = 0; round < 300; round++) {
        batch_give(&batch);
        let_take(64, 1024);
    }
    cr_expect_eq(mr_regions[0].committed, committed);
    expect_in_use(64, 64 * 1024);
    company_end(&other);
}

Test(remote, a_slab_lives_until_its_last_message_arrives)
{
    let_take(1, 8192);
    struct mr_slab *slab = head_of(batch.blocks[0]);
    mr_heap_free(batch.blocks[0]);
    cr_expect_eq(mr_slab_kind(slab), MR_KIND_SLAB);
    cr_expect_eq(mr_slab_in_use(slab), 1, "in use for the slab, free for the program");
    expect_in_use(0, 0);
    mr_remote_flush(mr_heap_self);
    company_do(&other, pass_by, NULL);
    cr_expect(slab->kept, "empty for its owner too");
    company_end(&other);
}

Test(remote, who_sends_to_an_orphan_empties_its_inbox)
{
    let_take(500, 1024);
    company_end(&other);
    cr_expect_eq(other.heap->state, MR_HEAP_ORPHAN);
    batch_give(&batch);
    mr_remote_flush(mr_heap_self);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(other.heap, 1024)->received, 500);
    cr_expect_eq(other.heap->state, MR_HEAP_ORPHAN);
    cr_expect_leq(look()->rows[mr_sizeclass_of(1024)].slabs, 1, "only a current slab is kept");
    cr_expect_leq(MR_CACHE_SLICES - other.heap->cache_room, 4, "256 KiB are what an orphan may keep");
    expect_in_use(0, 0);
}

Test(remote, a_thread_that_ends_sends_what_it_has)
{
    struct batch mine = { .size = 100, .count = 10 };
    batch_take(&mine);
    company_do(&other, batch_give, &mine);
    cr_expect_null(mr_heap_self->inbox);
    company_end(&other);
    expect_letters(mr_heap_self, 1, 10);
    pass_by(NULL);
    cr_expect_null(mr_heap_self->inbox);
    cr_expect_eq(counts(mr_heap_self, 100)->received, 10);
    expect_in_use(0, 0);
}

Test(remote, one_block_goes_alone_from_who_has_no_heap)
{
    let_take(3, 100);
    for (int i = 0; i < 3; i++)
        mr_remote_send_one(other.heap, head_of(batch.blocks[i]), batch.blocks[i]);
    cr_expect_eq(mr_remote_stray[mr_sizeclass_of(100)], 3);
    expect_letters(other.heap, 3, 3);
    expect_in_use(0, 0);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(counts(other.heap, 100)->received, 3);
    expect_in_use(0, 0);
    company_end(&other);
}

/* Many owners by turns. */
Test(remote, many_owners_have_chains_at_once)
{
    enum { OTHERS = 9 };
    static struct company others[OTHERS];
    static struct batch batches[OTHERS];
    for (int i = 0; i < OTHERS; i++) {
        batches[i] = (struct batch){ .size = 48, .count = 200 };
        company_start(&others[i]);
        company_do(&others[i], batch_take, &batches[i]);
    }
    for (int k = 0; k < 200; k++)
        for (int i = 0; i < OTHERS; i++)
            cr_assert_eq(mr_heap_free(batches[i].blocks[k]), MR_FREED);
    expect_in_use(0, 0);
    mr_remote_flush(mr_heap_self);
    for (int i = 0; i < OTHERS; i++) {
        company_do(&others[i], pass_by, NULL);
        cr_expect_eq(counts(others[i].heap, 48)->received, 200, "owner %d", i);
        company_end(&others[i]);
    }
    cr_expect_eq(counts(mr_heap_self, 48)->sent, OTHERS * 200);
    expect_in_use(0, 0);
    company_end(&other);
}

/* Both ways at once: each thread frees the other's blocks while it allocates. */
enum { ROUNDS = 200 };
static struct batch ours, theirs;

static void swap_and_work(void *arg)
{
    struct batch *mine = arg;
    for (int i = 0; i < ROUNDS; i++) {
        mr_heap_free(mine->blocks[i]);
        mine->blocks[i] = mr_heap_malloc(mine->size);
    }
}

Test(remote, both_ways_at_once)
{
    ours = (struct batch){ .size = 64, .count = ROUNDS };
    theirs = (struct batch){ .size = 64, .count = ROUNDS };
    batch_take(&ours);
    company_do(&other, batch_take, &theirs);
    other.task = swap_and_work;
    other.arg = &ours;
    sem_post(&other.go);
    swap_and_work(&theirs);
    sem_wait(&other.done);
    expect_in_use(2 * ROUNDS, 2 * ROUNDS * 64);
    batch_give(&ours);
    batch_give(&theirs);
    expect_in_use(0, 0);
    company_end(&other);
    expect_in_use(0, 0);
}
