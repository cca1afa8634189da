/* Made set-user-id by the driver: says who it is, and whether anything was loaded into it. */
#include "guest.h"

#include <sys/auxv.h>

int main(void)
{
    static char maps[1 << 20];
    guest_exercise(1);
    guest_read("/proc/self/maps", maps, sizeof maps);
    dprintf(1, "uid %d euid %d secure %lu memoir %d\n", (int)getuid(), (int)geteuid(), getauxval(AT_SECURE),
            strstr(maps, "libmemoir") != NULL);
    return 0;
}
