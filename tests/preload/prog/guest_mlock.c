/* All memory locked, now and in future: what is only reserved must not become resident. */
#include "guest.h"

#include <pthread.h>
#include <sys/mman.h>

static void *work(void *arg)
{
    guest_exercise(5);
    return arg;
}

int main(int argc, char **argv)
{
    int flags = argc > 1 && strcmp(argv[1], "current") == 0 ? MCL_CURRENT : MCL_CURRENT | MCL_FUTURE;
    guest_exercise(2);
    if (mlockall(flags) != 0)
        return 77; /* not allowed here */
    EXPECT(guest_status("VmRSS:") < 32 << 10);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, &small, work, NULL) == 0);
        pthread_join(thread, NULL);
    }
    void *blocks[64];
    for (int i = 0; i < 64; i++)
        blocks[i] = guest_new(1 << 20);
    EXPECT(guest_status("VmRSS:") < 256 << 10);
    for (int i = 0; i < 64; i++)
        guest_drop(blocks[i], 1 << 20);
    guest_exercise(10);
    EXPECT(guest_status("VmRSS:") < 256 << 10);
    return 0;
}
