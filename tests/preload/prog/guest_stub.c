/* A program that is not position-independent and takes the address of malloc: for everybody, malloc is then
 * the program's own stub (link with -no-pie). Once taken for a malloc of the program's, the stub
 * called back for ever. */
#include "guest.h"

int main(void)
{
    void *(*volatile taken)(size_t) = malloc;
    void (*volatile given)(void *) = free;
    for (size_t n = 1; n < 1 << 20; n *= 3)
        given(guest_mark(taken(n), n));
    return 0;
}
