/* A program that includes memoir.h: without memoir the functions are not there, with it they answer. */
#include "guest.h"

#include <memoir.h>

int main(int argc, char **argv)
{
    (void)argv;
    guest_exercise(3);
    if (!memoir_version)
        return 0;
    EXPECT(memoir_version()[0] >= '0' && memoir_version()[0] <= '9');
    EXPECT(memoir_check() == NULL);
    if (argc > 1)
        memoir_report();
    EXPECT(memoir_check() == NULL);
    return 0;
}
