/* fuzz_maps.c: arbitrary texts for the reader of /proc/self/maps: whatever the text,
 *   - a row lies in the text: its name does, and it is not empty: from < to;
 *   - every call moves forward, and the rows end.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_require.h"
#include "os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* so that a byte too far is seen */
    memcpy(text, data, size);
    text = realloc(text, size ? size : 1);
    const char *at = text, *end = text + size;
    struct mr_map row;
    for (const char *before = at; mr_maps_next(&at, end, &row); before = at) {
        require(at > before && at <= end, "no progress");
        require(row.from < row.to, "an empty row");
        require(row.name >= before && row.name + row.name_len <= end, "a name outside the text");
        require(!memchr(row.name, '\n', row.name_len), "a name of two lines");
    }
    require(at == end, "rows are left");
    free(text);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

/* Mostly what rows are made of. */
static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    static const char *const parts[] = { "7f0000001000", "-", " ", "rw-p", "r--s", "00000000", "00:00", "0", "\n", "[stack]",
                                         "/lib/x", "fffffffffffffffff", "1000-2000 rw-p 0 0:0 0 name\n", "g", "    " };
    size_t n = 0;
    (void)round;
    for (size_t left = fuzz_below(60); left > 0; left--) {
        const char *part = parts[fuzz_below(sizeof parts / sizeof parts[0])];
        if (n + strlen(part) >= cap)
            break;
        memcpy(data + n, part, strlen(part));
        n += strlen(part);
        if (fuzz_below(20) == 0)
            data[n - 1] = fuzz_byte();
    }
    return n;
}
#endif
