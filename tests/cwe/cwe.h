/* cwe.h: a program of one class of weakness: some shapes of it, each with a twin that does the same rightly.
 *
 *   cwe415            names its shapes, one per line
 *   cwe415 NAME bad   does the wrong thing      cwe415 NAME good   does not
 *
 * Built without optimisation: what is wrong must still be there when the program runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    const char *name;
    void (*bad)(void), (*good)(void);
};

#define SHAPE(name) { #name, name##_bad, name##_good }
#define SHAPES(...)                                                    \
    static const struct shape shapes[] = { __VA_ARGS__ };              \
    int main(int argc, char **argv)                                    \
    {                                                                  \
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)    \
            if (argc < 3)                                              \
                puts(shapes[i].name);                                  \
            else if (strcmp(argv[1], shapes[i].name) == 0)             \
                (strcmp(argv[2], "bad") == 0 ? shapes[i].bad : shapes[i].good)(); \
        return 0;                                                      \
    }

/* Where values go that were read for their own sake. */
static volatile int sink __attribute__((unused));

/* The stack is written over, so that pointers left on it by functions that returned do not keep anything: twice, for
 * each frame has places that nothing is written to. */
static void __attribute__((noinline, unused)) wipe(size_t shift)
{
    volatile char room[shift], junk[16384];
    room[0] = 0;
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = 0;
}
static void __attribute__((noinline, unused)) scrub(void) { wipe(8), wipe(200); }
