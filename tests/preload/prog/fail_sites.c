/* Asks for memory in six places, and bears a refusal differently in each. */
#include "expect.h"

__attribute__((noinline)) static void *careful(void)
{
    void *p = malloc(100);
    if (!p) {
        expect_write(2, "fail_sites: out of memory\n", 26);
        exit(3);
    }
    return p;
}

__attribute__((noinline)) static void *careless(void)
{
    char *p = malloc(200);
    p[expect_random(&(uint64_t){ 1 }) % 200] = 1;
    return p;
}

__attribute__((noinline)) static void *stubborn(void)
{
    void *p = calloc(3, 100);
    while (!p)
        pause();
    return p;
}

__attribute__((noinline)) static void *sloppy(void)
{
    void *p = malloc(400);
    expect_write(1, p ? "four hundred\n" : "\n", p ? 13 : 1);
    return p;
}

__attribute__((noinline)) static void *shy(void)
{
    void *p = malloc(500);
    if (!p)
        exit(4);
    return p;
}

__attribute__((noinline)) static void *patient(void)
{
    void *p = realloc(NULL, 600);
    return p ? p : malloc(601);
}

int main(void)
{
    void *blocks[] = { careful(), careless(), stubborn(), sloppy(), shy(), patient() };
    for (int i = 0; i < 3; i++)
        free(careless());
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    return 0;
}
