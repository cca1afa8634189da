/* fuzz_pool.c: bytes become operations on a pool, which the shadow map of the unit tests judges.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc/base -Isrc/pool \
 *         tests/fuzz/fuzz_pool.c src/base/[a-z]*.c src/pool/[a-z]*.c -o fuzz_pool && ./fuzz_pool -max_len=4096
 *
 * With -DFUZZ_MAIN any compiler makes a program of it: it runs each file it is given, or, given a
 * number (or nothing), so many inputs of random bytes. */
#include "../unit/pool/shadow.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Byte 0: the fit, the layout and how often all is checked. Byte 1: the capacity. */
static void set_up(struct shadow *s, const uint8_t *data)
{
    enum mr_fit fit = (enum mr_fit)(data[0] % MR_FIT_COUNT);
    uint32_t min_units = 1 + data[0] / MR_FIT_COUNT % 3, every = data[0] & 0x80 ? 16 : 1;
    if (min_units == 3 && fit == MR_FIT_BUDDY)
        min_units = 4;
    shadow_init(s, fit, 8 + (uint32_t)data[1] * 4, min_units, every);
}

enum { OP_BYTES = 7 };

static struct shadow_op decode(const uint8_t *p)
{
    struct shadow_op op = { .kind = (enum shadow_kind)(p[0] % SHADOW_KINDS), .align = 1 };
    op.units = 1 + p[1] + (uint32_t)(p[2] & 3) * 256;
    if (p[2] & 4)
        op.align = 1u << (p[2] >> 3);
    op.offset = p[3] < 128 ? p[3] & 1 : p[3];
    op.which = p[4] | (uint32_t)p[5] << 8;
    op.stamp = p[6] % 8;
    return op;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct shadow s;
    set_up(&s, data);
    const char *why = NULL;
    for (size_t at = 2; at + OP_BYTES <= size && !why; at += OP_BYTES) {
        struct shadow_op op = decode(data + at);
        why = shadow_apply(&s, &op);
    }
    if (!why)
        why = shadow_agree(&s);
    if (why) {
        fprintf(stderr, "%s, step %u: %s\n", mr_fit_name(s.pools[0].fit), s.steps, why);
        abort();
    }
    shadow_free(&s);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    size_t size = fuzz_bytes(data, cap < 4096 ? cap : 4096);
    data[0] = (uint8_t)round; /* every fit and layout in turn */
    return size;
}
#endif
