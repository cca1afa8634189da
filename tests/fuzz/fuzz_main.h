/* fuzz_main.h: a main() for a fuzzer without libFuzzer. Each argument is a file to run, or a number: that many inputs of
 * chance, the same ones each time. The including file says what they are made of:
 *
 *     static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)     fills data, says how much of it */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap);

enum { FUZZ_MADE_MOST = 8 << 10 };

static uint64_t fuzz_state = 1;

/* Knuth's MMIX generator; its high bits are the good ones. */
static uint32_t fuzz_number(void)
{
    fuzz_state = fuzz_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(fuzz_state >> 32);
}

static inline uint8_t fuzz_byte(void) { return (uint8_t)(fuzz_number() >> 24); }

/* Below n, which is not 0. */
static inline size_t fuzz_below(size_t n) { return fuzz_number() % n; }

/* Bytes of chance, at least one. */
static inline size_t fuzz_bytes(uint8_t *data, size_t cap)
{
    size_t size = 1 + fuzz_below(cap);
    for (size_t i = 0; i < size; i++)
        data[i] = fuzz_byte();
    return size;
}

static void fuzz_rounds(uint64_t rounds)
{
    static uint8_t data[FUZZ_MADE_MOST];
    for (uint64_t i = 0; i < rounds; i++)
        LLVMFuzzerTestOneInput(data, fuzz_make(i, data, sizeof data));
}

static int fuzz_file(const char *path)
{
    enum { MOST = 64 << 20 };
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return 1;
    }
    uint8_t *data = malloc(MOST);
    size_t size = fread(data, 1, MOST, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    if (failed)
        fprintf(stderr, "usage: %s FILE|NUMBER...\n", argv[0]);
    for (int i = 1; i < argc; i++) {
        char *end;
        unsigned long long rounds = strtoull(argv[i], &end, 10);
        if (*end)
            failed |= fuzz_file(argv[i]);
        else
            fuzz_rounds(rounds);
    }
    return failed;
}
