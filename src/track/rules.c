#include "rules.h"

#include <string.h>

#include "object.h"
#include "os.h"

enum { FIRST_ROWS = 1024 };

/* Two free rows, and no room: what there is before the first row. */
static struct mr_rules_table none = { .mask = sizeof(struct mr_row), .used = 2, .rows = { { 0 }, { 0 } } };
struct mr_rules_table *_Atomic mr_rules_table = &none;

/* One thread at a time grows or sweeps the table; the others go on without. */
static _Atomic bool busy;
static _Atomic uint32_t flushes, swept; /* done when equal */

/* ---- from rules to a row --------------------------------------------------------------------------- */

static uint64_t pack(enum mr_row_kind kind, int64_t cfa) { return (uint64_t)kind | (uint64_t)cfa << 32; }

static uint64_t cfa_part(const struct mr_cfi_rule *cfa)
{
    bool bp = cfa->base == MR_CFI_RBP;
    if (cfa->how != MR_CFI_IS || (!bp && cfa->base != MR_CFI_RSP))
        return MR_ROW_EXACT;
    if (!cfa->deref)
        return pack(bp ? MR_ROW_BP : MR_ROW_SP, (int64_t)cfa->offset + cfa->then);
    if (cfa->offset % 8 || cfa->offset / 8 != (int16_t)(cfa->offset / 8) || cfa->then != (int16_t)cfa->then)
        return MR_ROW_EXACT;
    return pack(bp ? MR_ROW_AT_BP : MR_ROW_AT_SP, (int64_t)(cfa->offset / 8) * 65536 + (uint16_t)cfa->then);
}

/* Bits 3 to 31 but for the tag; MR_ROW_EXACT if it does not fit. */
static uint64_t bp_part(const struct mr_cfi_rule *bp)
{
    enum { LIMIT = 1 << 19 };
    if (bp->how == MR_CFI_SAME || bp->how == MR_CFI_UNDEFINED)
        return 0;
    bool of_bp = bp->base == MR_CFI_RBP;
    if (bp->how != MR_CFI_AT || bp->deref || (!of_bp && bp->base != MR_CFI_CFA))
        return MR_ROW_EXACT;
    if (bp->offset % 8 || bp->offset / 8 < -LIMIT || bp->offset / 8 >= LIMIT)
        return MR_ROW_EXACT;
    return 1u << 3 | (uint64_t)of_bp << 4 | (uint32_t)(bp->offset / 8) << 12;
}

static bool saved_before_cfa(const struct mr_cfi_rule *ra)
{
    return ra->how == MR_CFI_AT && ra->base == MR_CFI_CFA && !ra->deref && ra->offset == -8;
}

/* What walks take for granted of a row relative to sp or bp: cfa is above sp if it is relative to it, and bp is
 * saved below the return address, but not below sp. */
static bool is_usual(uint64_t rule)
{
    intptr_t cfa = mr_row_offset(rule), bp = mr_row_bp_offset(rule);
    bool by_sp = mr_row_kind(rule) == MR_ROW_SP;
    if (cfa % 8 || (by_sp && cfa < 8) || mr_row_bp_of_bp(rule))
        return false;
    return !mr_row_saves_bp(rule) || (bp <= -16 && (!by_sp || bp >= -cfa));
}

static uint64_t pack_rules(const struct mr_cfi_rules *rules)
{
    const struct mr_cfi_rule *registers = rules->registers;
    if (registers[MR_CFI_RIP].how == MR_CFI_UNDEFINED)
        return MR_ROW_END;
    if (rules->signal)
        return MR_ROW_SIGNAL;
    if (!saved_before_cfa(&registers[MR_CFI_RIP]) || registers[MR_CFI_RSP].how != MR_CFI_SAME)
        return MR_ROW_EXACT;
    uint64_t cfa = cfa_part(&rules->cfa), bp = bp_part(&registers[MR_CFI_RBP]);
    if (cfa == MR_ROW_EXACT || bp == MR_ROW_EXACT || (mr_row_kind(cfa) <= MR_ROW_BP && !is_usual(cfa | bp)))
        return MR_ROW_EXACT;
    return cfa | bp;
}

/* C libraries without unwind information for it: mov $15, %rax; syscall (rt_sigreturn). The kernel and debuggers
 * know the frame by the same bytes. */
static bool is_restorer(const struct mr_object *object, uintptr_t pc)
{
    static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
    return mr_object_holds(object, pc, sizeof code) && memcmp((const void *)pc, code, sizeof code) == 0;
}

/* Whether what stands before pc is a call: E8 and an offset, or FF /2 of two to seven bytes. */
static bool follows_call(const struct mr_object *object, uintptr_t pc)
{
    const uint8_t *code = (const uint8_t *)pc;
    if (!mr_object_holds(object, pc - 7, 7))
        return true; /* for all we know */
    bool found = code[-5] == 0xe8;
    for (int n = 2; n <= 7; n++)
        found |= code[-n] == 0xff && (code[1 - n] >> 3 & 7) == 2;
    return found;
}

/* A return address no call left was put there by hand: a stack that somebody made begins with it (makecontext). */
static uint64_t make_rule(const struct mr_object *object, uintptr_t pc)
{
    struct mr_cfi_rules rules;
    uint64_t rule = MR_ROW_NONE;
    if (mr_object_rules(object, pc - 1, &rules))
        rule = pack_rules(&rules);
    else if (is_restorer(object, pc))
        rule = MR_ROW_SIGNAL;
    else if (!follows_call(object, pc))
        rule = MR_ROW_END;
    return rule | (uint64_t)mr_object_tag(object) << 5;
}

/* ---- the table -------------------------------------------------------------------------------------- */

static struct mr_rules_table *new_table(size_t rows)
{
    size_t bytes = mr_align_up(sizeof(struct mr_rules_table) + rows * sizeof(struct mr_row), mr_os_page);
    struct mr_rules_table *t = mr_vm_reserve(bytes, mr_os_page);
    if (!t)
        return NULL;
    if (!mr_vm_commit(t, bytes)) {
        mr_vm_release(t, bytes);
        return NULL;
    }
    t->mask = (rows - 1) * sizeof(struct mr_row);
    return t;
}

static size_t rows_of(const struct mr_rules_table *t) { return t->mask / sizeof(struct mr_row) + 1; }

/* False when the slot was not to be had. */
static bool claim(struct mr_rules_table *t, struct mr_row *row)
{
    uintptr_t key = atomic_load_explicit(&row->key, memory_order_relaxed);
    if (key > MR_RULES_DROPPED || !atomic_compare_exchange_strong(&row->key, &key, MR_RULES_CLAIMED))
        return false;
    if (key == MR_RULES_FREE)
        atomic_fetch_add(&t->used, 1);
    return true;
}

static void insert(struct mr_rules_table *t, uintptr_t pc, uint64_t rule)
{
    size_t home = mr_rules_home(t, pc);
    for (size_t probes = 0; probes < 64; probes++, home = mr_rules_next(t, home)) {
        struct mr_row *row = mr_rules_row(t, home);
        if (claim(t, row)) {
            atomic_store_explicit(&row->rule, rule, memory_order_release);
            atomic_store_explicit(&row->key, pc, memory_order_release);
            return;
        }
    }
}

static void copy_rows(const struct mr_rules_table *from, struct mr_rules_table *to)
{
    for (size_t i = 0; i < rows_of(from); i++) {
        uintptr_t key = atomic_load(&from->rows[i].key);
        uint64_t rule = atomic_load(&from->rows[i].rule);
        if (key > MR_RULES_CLAIMED && atomic_load(&from->rows[i].key) == key)
            insert(to, key, rule);
    }
}

/* A dropped row is free again where no probe needs to go on. */
static void free_dropped(struct mr_rules_table *t)
{
    for (size_t i = rows_of(t) - 1; i-- > 0;) {
        uintptr_t dropped = MR_RULES_DROPPED;
        if (atomic_load(&t->rows[i + 1].key) == MR_RULES_FREE &&
            atomic_compare_exchange_strong(&t->rows[i].key, &dropped, MR_RULES_FREE))
            atomic_fetch_sub(&t->used, 1);
    }
}

static void sweep(struct mr_rules_table *t)
{
    struct mr_object object;
    for (size_t i = 0; i < rows_of(t); i++) {
        uintptr_t key = atomic_load(&t->rows[i].key);
        unsigned tag = atomic_load(&t->rows[i].rule) >> 5 & 0x7f;
        if (key > MR_RULES_CLAIMED && !(mr_object_find(key - 1, &object) && mr_object_tag(&object) == tag))
            atomic_compare_exchange_strong(&t->rows[i].key, &key, MR_RULES_DROPPED);
    }
    free_dropped(t);
}

/* Whoever finds work and nobody at it does it; who is at it looks again before leaving. */
static void tidy(void)
{
    uint32_t wanted;
    while ((wanted = atomic_load(&flushes)) != atomic_load(&swept) && !atomic_exchange(&busy, true)) {
        sweep(atomic_load(&mr_rules_table));
        atomic_store(&swept, wanted);
        atomic_store(&busy, false);
    }
}

/* Tables that were grown out of stay: somebody may be reading them. Together they are smaller than the current one. */
static void grow(struct mr_rules_table *from)
{
    if (atomic_exchange(&busy, true))
        return;
    if (atomic_load(&mr_rules_table) == from) {
        struct mr_rules_table *to = new_table(from == &none ? FIRST_ROWS : 2 * rows_of(from));
        if (to) {
            copy_rows(from, to);
            atomic_compare_exchange_strong(&mr_rules_table, &from, to);
        }
    }
    atomic_store(&busy, false);
    tidy();
}

static void add(uintptr_t pc, uint64_t rule)
{
    struct mr_rules_table *t = atomic_load(&mr_rules_table);
    if (atomic_load(&t->used) >= rows_of(t) / 2) {
        grow(t);
        t = atomic_load(&mr_rules_table);
    }
    if (atomic_load(&t->used) < rows_of(t) / 4 * 3)
        insert(t, pc, rule);
}

uint64_t mr_rules_fill(uintptr_t pc)
{
    struct mr_object object;
    if (!mr_object_find(pc - 1, &object))
        return MR_ROW_NONE; /* not kept: something may be loaded there */
    uint64_t rule = make_rule(&object, pc);
    add(pc, rule);
    return rule;
}

void mr_rules_flush(void)
{
    atomic_fetch_add(&flushes, 1);
    tidy();
}

void mr_rules_after_fork(void)
{
    atomic_store(&busy, false);
    tidy();
}
