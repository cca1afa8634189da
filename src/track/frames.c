/* frames.c: the tree of callers in the ledger, found by (caller, pc, module).
 *
 * The module is part of it: when an object is unloaded and another comes to its addresses, that one's frames
 * are new ones. The index is ours alone, open addressing over the entries in the ledger:
 *
 *   slots[i] = 0 or an index of FRAMES;  2 * count <= slot count;  probes go upwards from the hash
 *
 * It is consistent between any two stores, so whoever is forked in the middle of one goes on with it. */
#include "stacks.h"

#include "os.h"

enum { FIRST_SLOTS = 1 << 14 };

static uint32_t *slots;
static uint32_t slot_count; /* a power of two */

static struct mr_ledger_frame *frames(void) { return mr_writer_entries(MR_SECTION_FRAMES); }

static uint32_t hash_of(const struct mr_ledger_frame *f)
{
    uint64_t x = (f->pc ^ (uint64_t)f->module << 48) * 0x9e3779b97f4a7c15u + f->caller;
    return mr_mix32((uint32_t)(x ^ x >> 32));
}

static uint32_t *make_slots(uint32_t count)
{
    size_t bytes = mr_align_up(count * sizeof *slots, mr_os_page);
    uint32_t *made = mr_vm_reserve(bytes, mr_os_page);
    if (made && !mr_vm_commit(made, bytes)) {
        mr_vm_release(made, bytes);
        return NULL;
    }
    return made;
}

static void insert(uint32_t *into, uint32_t count, uint32_t index)
{
    uint32_t i = hash_of(&frames()[index]) & (count - 1);
    while (into[i])
        i = (i + 1) & (count - 1);
    into[i] = index;
}

static bool grow(uint32_t used)
{
    uint32_t *bigger = make_slots(2 * slot_count), *old = slots;
    if (!bigger)
        return false;
    for (uint32_t i = 1; i < used; i++)
        insert(bigger, 2 * slot_count, i);
    slots = bigger;
    slot_count *= 2;
    mr_vm_release(old, mr_align_up(slot_count / 2 * sizeof *slots, mr_os_page));
    return true;
}

static uint32_t find(const struct mr_ledger_frame *wanted)
{
    const struct mr_ledger_frame *all = frames();
    for (uint32_t i = hash_of(wanted) & (slot_count - 1); slots[i]; i = (i + 1) & (slot_count - 1)) {
        const struct mr_ledger_frame *f = &all[slots[i]];
        if (f->pc == wanted->pc && f->caller == wanted->caller && f->module == wanted->module)
            return slots[i];
    }
    return 0;
}

static uint32_t append(const struct mr_ledger_frame *frame)
{
    int64_t at = mr_writer_reserve(MR_SECTION_FRAMES, 1);
    if (at < 0 || ((uint64_t)at * 2 >= slot_count && !grow((uint32_t)at)))
        return 0;
    frames()[at] = *frame;
    mr_writer_publish(MR_SECTION_FRAMES, 1);
    insert(slots, slot_count, (uint32_t)at);
    return (uint32_t)at;
}

uint32_t mr_frames_child(uint32_t caller, uint64_t pc)
{
    uint32_t module = pc < MR_FRAME_MARK_COUNT ? 0 : mr_modules_of(pc - 1);
    struct mr_ledger_frame frame = { .pc = pc, .caller = caller, .module = module };
    uint32_t at = find(&frame);
    return at ? at : append(&frame);
}

bool mr_frames_boot(void)
{
    slots = make_slots(FIRST_SLOTS);
    slot_count = FIRST_SLOTS;
    return slots != NULL;
}
