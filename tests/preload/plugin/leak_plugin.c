/* A library that holds blocks: in its data, and in its thread-local data, which is allocated per thread. */
#include <stdint.h>
#include <stdlib.h>

static void *volatile held;
static __thread struct { char before[5000]; void *volatile held; } local;

uintptr_t plugin_hold(size_t size) { return ~(uintptr_t)(held = calloc(1, size)); }
uintptr_t plugin_hold_locally(size_t size) { return ~(uintptr_t)(local.held = calloc(1, size)); }
