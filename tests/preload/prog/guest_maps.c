/* A storm of growing, shrinking and scattered blocks must not shred the address space: a process
 * may have 65,530 mappings (vm.max_map_count), and gdb, perf and fork pay for each. */
#include "guest.h"

static int mappings(void)
{
    char buf[16384];
    int fd = open("/proc/self/maps", O_RDONLY), lines = 0;
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += buf[i] == '\n';
    close(fd);
    return lines;
}

static size_t any_size(uint64_t *seed)
{
    uint64_t r = expect_random(seed);
    return (size_t)(r % ((uint64_t)1 << (4 + (r >> 32) % 18))) + 1;
}

int main(void)
{
    enum { SLOTS = 3000, ROUNDS = 200000 };
    static void *blocks[SLOTS];
    uint64_t seed = 7;
    for (int i = 0; i < ROUNDS; i++) {
        int at = (int)(expect_random(&seed) % SLOTS);
        if (expect_random(&seed) % 3 == 0) {
            free(blocks[at]);
            blocks[at] = NULL;
        } else {
            EXPECT((blocks[at] = realloc(blocks[at], any_size(&seed))) != NULL);
            *(char *)blocks[at] = 1;
        }
        if (i % 10000 == 0)
            EXPECT(mappings() < 1000);
    }
    for (int i = 0; i < SLOTS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    EXPECT(mappings() < 1000);
    guest_sleep_ms(1200); /* a purge comes late */
    guest_exercise(3);
    EXPECT(mappings() < 1000);
    return 0;
}
