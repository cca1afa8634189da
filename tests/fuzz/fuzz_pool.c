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

static uint64_t state = 1;

static uint8_t next_byte(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint8_t)(state >> 56);
}

static void run_random(unsigned inputs)
{
    static uint8_t data[4096];
    for (unsigned i = 0; i < inputs; i++) {
        for (size_t k = 0; k < sizeof data; k++)
            data[k] = next_byte();
        data[0] = (uint8_t)i; /* every fit and layout in turn */
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
}

static int run_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "fuzz_pool: cannot read %s\n", path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
    unsigned inputs = 256;
    if (argc < 2 || sscanf(argv[1], "%u", &inputs) == 1) {
        run_random(inputs);
        return 0;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_file(argv[i]);
    return failed;
}

#endif
