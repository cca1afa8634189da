/* exempt.c: blocks, places and times that the leak check is to leave alone. */
#include "check.h"

#include <stdatomic.h>

#include "os.h"

/* ---- objects ------------------------------------------------------------------------------------------
 * A set by open addressing: 0 is an empty place. Objects are never taken out. */

enum { OBJECTS = 1 << 20, PROBES = 1024, REGIONS = 1024, THREADS = 1024 };

static _Atomic(_Atomic uintptr_t *) objects;

static _Atomic uintptr_t *make_objects(void)
{
    _Atomic uintptr_t *known = atomic_load(&objects);
    if (known)
        return known;
    size_t bytes = OBJECTS * sizeof *known;
    _Atomic uintptr_t *fresh = mr_vm_reserve(bytes, mr_os_page);
    if (fresh && mr_vm_commit(fresh, bytes) && atomic_compare_exchange_strong(&objects, &known, fresh))
        return fresh;
    mr_vm_release(fresh, fresh ? bytes : 0);
    return known;
}

bool mr_exempt_object(const void *p)
{
    _Atomic uintptr_t *table = make_objects();
    uint32_t i = mr_mix32((uint32_t)((uintptr_t)p >> 4));
    for (uint32_t k = 0; table && k < PROBES; k++, i++) {
        uintptr_t seen = 0;
        if (atomic_compare_exchange_strong(&table[i % OBJECTS], &seen, (uintptr_t)p) || seen == (uintptr_t)p)
            return true;
    }
    return false;
}

void mr_exempt_each_object(mr_exempt_visit *each, void *ctx)
{
    _Atomic uintptr_t *table = atomic_load(&objects);
    for (uint32_t i = 0; table && i < OBJECTS; i++)
        if (atomic_load_explicit(&table[i], memory_order_relaxed))
            each(ctx, table[i], 1);
}

/* ---- regions ----------------------------------------------------------------------------------------------
 * A place is claimed by swapping `bytes` from 0; it counts while `away` is there, which is the region's address
 * negated: the table is no reference to a block the region lies in. */

static struct region {
    _Atomic size_t bytes;
    _Atomic uintptr_t away;
} regions[REGIONS];

bool mr_exempt_region(const void *at, size_t bytes)
{
    for (size_t i = 0; i < REGIONS && bytes; i++) {
        size_t none = 0;
        if (atomic_compare_exchange_strong(&regions[i].bytes, &none, bytes)) {
            atomic_store(&regions[i].away, -(uintptr_t)at);
            return true;
        }
    }
    return bytes == 0;
}

bool mr_exempt_forget_region(const void *at, size_t bytes)
{
    for (size_t i = 0; i < REGIONS; i++) {
        uintptr_t seen = -(uintptr_t)at;
        if (seen && atomic_load(&regions[i].bytes) == bytes && atomic_compare_exchange_strong(&regions[i].away, &seen, 0)) {
            atomic_store(&regions[i].bytes, 0);
            return true;
        }
    }
    return bytes == 0;
}

void mr_exempt_each_region(mr_exempt_visit *each, void *ctx)
{
    for (size_t i = 0; i < REGIONS; i++) {
        uintptr_t away = atomic_load(&regions[i].away);
        if (away)
            each(ctx, -away, atomic_load(&regions[i].bytes));
    }
}

/* ---- threads -------------------------------------------------------------------------------------------------
 * How often each has said "off" without "on". A place belongs to its thread while the depth is not 0. */

static struct quiet {
    _Atomic uintptr_t self;
    uint32_t depth; /* of that thread alone */
} quiet[THREADS];
_Atomic uint32_t mr_exempt_count;

static struct quiet *place_of(uintptr_t self)
{
    for (size_t i = 0; i < THREADS; i++)
        if (atomic_load_explicit(&quiet[i].self, memory_order_relaxed) == self)
            return &quiet[i];
    return NULL;
}

static struct quiet *claim(uintptr_t self)
{
    for (size_t i = 0; i < THREADS; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&quiet[i].self, &none, self)) {
            atomic_fetch_add(&mr_exempt_count, 1);
            return &quiet[i];
        }
    }
    return NULL;
}

bool mr_exempt_is_off_here(void) { return place_of(mr_thread_self()) != NULL; }

void mr_exempt_turn_off(void)
{
    uintptr_t self = mr_thread_self();
    struct quiet *place = mr_exempt_is_off() ? place_of(self) : claim(self);
    if (place)
        place->depth++;
}

void mr_exempt_turn_on(void)
{
    struct quiet *place = mr_exempt_is_off() ? place_of(mr_thread_self()) : NULL;
    if (!place || --place->depth != 0)
        return;
    atomic_fetch_sub(&mr_exempt_count, 1);
    atomic_store(&place->self, 0);
}
