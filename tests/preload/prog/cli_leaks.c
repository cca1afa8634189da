/* cli_leaks N [more]: loses N sessions of 100 bytes; with a second word, another call stack loses 10 strings. */
#include <stdlib.h>
#include <string.h>

static void *volatile kept;

__attribute__((noinline)) static void make_session(void)
{
    char *session = malloc(100);
    memset(session, 1, 100); /* nothing of what lay there before may point to another session */
    kept = session;
    kept = NULL;
}

__attribute__((noinline)) static void accept_one(void)
{
    make_session();
    kept = NULL;
}

__attribute__((noinline)) static void copy_name(void)
{
    kept = strdup("a name");
    kept = NULL;
}

/* What the calls before have left on the stack and in registers would keep a session reachable. */
__attribute__((noinline)) static void scrub(void)
{
    char bytes[65536];
    memset(bytes, 0, sizeof bytes);
    __asm__ volatile("" : : "r"(bytes) : "memory");
    for (int i = 0; i < 10; i++) {
        kept = strdup("a name");
        free(kept);
        kept = NULL;
    }
}

int main(int argc, char **argv)
{
    for (int n = atoi(argv[1]); n > 0; n--)
        accept_one();
    for (int n = argc > 2 ? 10 : 0; n > 0; n--)
        copy_name();
    scrub();
    return 0;
}
