/* Blocks taken before any constructor live until after the last destructor. */
#include "guest.h"

enum { PREINIT, FIRST_CTOR, CTOR, MAIN, ATEXIT, PHASES };
static void *held[PHASES][40];

static size_t size_of(int i)
{
    return (size_t)1 << (i % 20);
}

static void take(int phase)
{
    for (int i = 0; i < 40; i++)
        held[phase][i] = guest_new(size_of(i));
}

static void drop(int phase)
{
    for (int i = 0; i < 40; i++)
        guest_drop(held[phase][i], size_of(i));
}

static void at_preinit(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    take(PREINIT);
    guest_exercise(2);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = at_preinit;

__attribute__((constructor(101))) static void first_ctor(void)
{
    drop(PREINIT);
    take(PREINIT);
    take(FIRST_CTOR);
}

__attribute__((constructor)) static void ctor(void) { take(CTOR); }

/* Runs after every atexit function of main and every other destructor of the program. */
__attribute__((destructor(101))) static void last_dtor(void)
{
    drop(FIRST_CTOR);
    drop(ATEXIT);
    guest_exercise(2);
}

__attribute__((destructor)) static void dtor(void)
{
    drop(CTOR);
    drop(PREINIT);
}

static void on_atexit(void) { drop(MAIN); }
static void churn(void) { guest_exercise(1); }

static void on_onexit(int code, void *arg)
{
    EXPECT(code == 0);
    EXPECT(strcmp(arg, "kept") == 0);
    free(arg);
    take(ATEXIT);
}

int main(void)
{
    take(MAIN);
    EXPECT(atexit(on_atexit) == 0);
    EXPECT(on_exit(on_onexit, strdup("kept")) == 0);
    /* More than the 32 entries of atexit's first, static block. */
    for (int i = 0; i < 100; i++)
        EXPECT(atexit(churn) == 0);
    exit(0);
}
