/* fuzz_saved.c: arbitrary bytes as an earlier report. As a library for libFuzzer, or with -DFUZZ_MAIN a program that
 * takes a good report apart: fuzz_saved [rounds [seed]]. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    char *bytes = malloc(size ? size : 1); /* of exactly that size: a byte too far is seen */
    memcpy(bytes, data, size);
    struct mr_saved *saved = mr_saved_read(bytes, size, &why);
    free(bytes);
    if (!saved != !!why)
        abort();
    for (size_t i = 0, count; saved && i < mr_saved_report(saved)->site_count; i++)
        mr_frames_of(mr_saved_report(saved), mr_saved_report(saved)->sites[i].stack, &count);
    if (saved)
        mr_saved_free(saved);
    return 0;
}

#ifdef FUZZ_MAIN
static const char good[] =
    "{\"memoir\":\"1.2.3\",\"command\":\"a \\u00ff \\ud83d\\ude00\",\"elapsed_ms\":12,\"totals\":{\"in_use_bytes\":99,\"frees\":1},"
    "\"leaks\":{\"checked\":true,\"x\":[null,-1.5e3,{}]},\"sites\":[{\"kind\":\"possibly_lost\",\"bytes\":10,\"blocks\":2,\"stack\":["
    "{\"address\":\"0x401000\",\"function\":\"f\\n\",\"file\":\"/a/f.c\",\"line\":7,\"module\":\"/bin/a\",\"offset\":\"0x1\",\"inlined\":true},"
    "{\"address\":\"0x0\",\"function\":\"end\"}]},{\"stack\":[],\"kind\":\"gone\"}]}";

/* A few bytes changed, doubled, dropped or cut off. */
static size_t mutate(char *text, size_t len, size_t cap)
{
    static const char marks[] = "{}[]\",:\\u0e-tn ";
    for (int edits = rand() % 4; edits >= 0 && len > 1; edits--) {
        size_t at = (size_t)rand() % len, n = (size_t)rand() % 9 + 1;
        switch (rand() % 4) {
        case 0:
            text[at] = rand() % 2 ? (char)rand() : marks[(size_t)rand() % (sizeof marks - 1)];
            break;
        case 1:
            n = n < len - at ? n : len - at;
            memmove(text + at, text + at + n, len - at - n);
            len -= n;
            break;
        case 2:
            if (len + n > cap || at + n > len)
                break;
            memmove(text + at + n, text + at, len - at);
            len += n;
            break;
        default:
            len = rand() % 8 ? len : at;
        }
    }
    return len;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 100000, read = 0;
    srand(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
    for (int i = 0; i < rounds; i++) {
        char text[sizeof good + 64];
        memcpy(text, good, sizeof good);
        size_t len = mutate(text, sizeof good - 1, sizeof text);
        LLVMFuzzerTestOneInput((const uint8_t *)text, len);
        const char *why;
        struct mr_saved *saved = mr_saved_read(text, len, &why);
        read += saved != NULL;
        if (saved)
            mr_saved_free(saved);
    }
    printf("%d of %d inputs were reports\n", read, rounds);
    return read == 0; /* else nothing behind the first brace was tried */
}
#endif
