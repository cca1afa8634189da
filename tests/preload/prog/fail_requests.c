/* Asks for twelve blocks of 100, 200, ... 1200 bytes; those whose numbers the argument lists must be refused (MEMOIR_FAIL),
 * and no others. */
#include "expect.h"

__attribute__((noinline)) static void *ask_odd(int i) { return expect_opaque(malloc((size_t)i * 100)); }
__attribute__((noinline)) static void *ask_even(int i) { return expect_opaque(calloc((size_t)i, 100)); }

static bool is_listed(const char *list, int i)
{
    char word[16], all[128];
    snprintf(word, sizeof word, ",%d,", i);
    snprintf(all, sizeof all, ",%s,", list);
    return strstr(all, word) != NULL;
}

int main(int argc, char **argv)
{
    const char *list = argc > 1 ? argv[1] : "";
    for (int i = 1; i <= 12; i++) {
        errno = 0;
        void *p = i % 2 ? ask_odd(i) : ask_even(i);
        EXPECT_SAY((p == NULL) == is_listed(list, i), "request %d %s", i, p ? "succeeded" : "failed");
        EXPECT(p || errno == ENOMEM);
        free(p);
    }
    return 0;
}
