/* A program with its own mmap, munmap and madvise, which count and allocate, as a profiler's do. */
#include "guest.h"

#include <sys/mman.h>
#include <sys/syscall.h>

static int depth, calls;

static void enter(void)
{
    calls++;
    EXPECT(++depth < 50); /* an allocator that comes back here for the block below never ends */
    free(malloc(64));
    depth--;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    enter();
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}

int munmap(void *at, size_t len)
{
    enter();
    return (int)syscall(SYS_munmap, at, len);
}

int madvise(void *at, size_t len, int advice)
{
    enter();
    return (int)syscall(SYS_madvise, at, len, advice);
}

int main(void)
{
    void *blocks[50];
    for (int i = 0; i < 50; i++)
        blocks[i] = guest_new((size_t)i * 100000 + 1);
    guest_exercise(20);
    for (int i = 0; i < 50; i++)
        guest_drop(blocks[i], (size_t)i * 100000 + 1);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED && munmap(page, 4096) == 0);
    EXPECT(calls >= 2 && depth == 0);
    return 0;
}
