/* guide_01_pages.c: a block from the operating system. First of ten steps to a malloc of one's own.
 *
 * Teaches: the system hands out whole OS pages. They read as zero, cost no memory until they are touched, and a
 * request for one byte takes as much as one for 4096. A system call costs some hundred nanoseconds: too much for
 * every small block, so all that follows asks for much at once and cuts it up itself. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size;

static size_t round_up(size_t bytes) { return (bytes + page_size - 1) / page_size * page_size; }

static void *take_pages(size_t bytes)
{
    void *p = mmap(NULL, round_up(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Whoever gives pages back must know how many: nothing remembers it yet (guide_03_headers.c does). */
static void give_pages(void *p, size_t bytes) { munmap(p, round_up(bytes)); }

/* Pages of the range that are in memory. */
static size_t resident_pages(void *p, size_t bytes)
{
    unsigned char in[64];
    size_t count = 0;
    mincore(p, bytes, in);
    for (size_t i = 0; i < round_up(bytes) / page_size; i++)
        count += in[i] & 1;
    return count;
}

int main(void)
{
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    char *p = take_pages(1);
    printf("asked for 1 byte, got a page: %s\n", round_up(1) == page_size ? "yes" : "no");
    printf("it begins on a page: %s\n", (size_t)p % page_size == 0 ? "yes" : "no");
    printf("it reads as zero: %s\n", p[0] == 0 && p[page_size - 1] == 0 ? "yes" : "no");
    give_pages(p, 1);

    p = take_pages(64 * page_size);
    printf("64 pages asked for, %zu in memory\n", resident_pages(p, 64 * page_size));
    memset(p, 1, 3 * page_size);
    printf("3 pages written to, %zu in memory\n", resident_pages(p, 64 * page_size));
    give_pages(p, 64 * page_size);
    return 0;
}
