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

/* The slot of this thread's heap that holds blocks for `owner`. */
static struct mr_outgoing *slot_to(struct mr_heap *owner)
{
    for (int i = 0; i < MR_OUTGOING_COUNT; i++)
        if (mr_heap_self->out[i].to == owner)
            return &mr_heap_self->out[i];
    return NULL;
}

static int chain_length(void *p)
{
    int n = 0;
    for (; p; p = *(void **)p)
        n++;
    return n;
}

Test(remote, blocks_gather_in_a_slot)
{
    let_take(10, 100);
    for (int i = 0; i < 10; i++)
        cr_expect_eq(mr_heap_free(batch.blocks[i]), MR_FREED);
    struct mr_outgoing *out = slot_to(other.heap);
    cr_assert_not_null(out);
    cr_expect_eq(chain_length(out->head), 10);
    cr_expect_eq(out->head, batch.blocks[9]);
    cr_expect_eq(out->tail, batch.blocks[0]);
    cr_expect_eq(out->credit, MR_OUTGOING_CREDIT - 10 * 112);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(mr_heap_self, 100)->sent, 10);
    cr_expect_eq(counts(other.heap, 100)->received, 0);
    expect_in_use(0, 0);
    company_end(&other);
}

Test(remote, a_chain_goes_when_its_credit_is_used_up)
{
    let_take(40, 1024);
    for (int i = 0; i < 40; i++) {
        mr_heap_free(batch.blocks[i]);
        cr_expect_eq(slot_to(other.heap) == NULL, i % 16 == 15, "16 KiB are 16 blocks, at %d", i);
    }
    cr_expect_eq(chain_length(other.heap->inbox), 32);
    expect_in_use(0, 0);
    company_end(&other);
}

Test(remote, the_owner_takes_its_mail_on_a_slow_path)
{
    let_take(40, 1024);
    batch_give(&batch);
    company_do(&other, pass_by, NULL);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(other.heap, 1024)->received, 32);
    cr_expect_eq(counts(mr_heap_self, 1024)->sent, 40);
    mr_remote_flush(mr_heap_self);
    cr_expect_eq(chain_length(other.heap->inbox), 8);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(counts(other.heap, 1024)->received, 40);
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
    let_take(100, 1024);
    company_end(&other);
    cr_expect_eq(other.heap->state, MR_HEAP_ORPHAN);
    batch_give(&batch);
    mr_remote_flush(mr_heap_self);
    cr_expect_null(other.heap->inbox);
    cr_expect_eq(counts(other.heap, 1024)->received, 100);
    cr_expect_eq(other.heap->state, MR_HEAP_ORPHAN);
    cr_expect_eq(other.heap->current[mr_sizeclass_of(1024)], &mr_slab_none, "an orphan keeps no empty slab");
    cr_expect_eq(counts(other.heap, 1024)->frees, 100);
    expect_in_use(0, 0);
}

Test(remote, a_thread_that_ends_sends_what_it_has)
{
    struct batch mine = { .size = 100, .count = 10 };
    batch_take(&mine);
    company_do(&other, batch_give, &mine);
    cr_expect_null(mr_heap_self->inbox);
    company_end(&other);
    cr_expect_eq(chain_length(mr_heap_self->inbox), 10);
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
    cr_expect_eq(chain_length(other.heap->inbox), 3);
    expect_in_use(0, 0);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(counts(other.heap, 100)->received, 3);
    expect_in_use(0, 0);
    company_end(&other);
}

/* More owners than slots, all the time. */
Test(remote, many_owners_share_the_slots)
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
