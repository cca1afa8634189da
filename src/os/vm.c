#include "os.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

size_t mr_os_page = 4096;

void mr_os_init(void)
{
    size_t page = getauxval(AT_PAGESZ);
    if (mr_is_pow2(page))
        mr_os_page = page;
}

/* The calls are made past the C library's names: a program may have put its own mmap in their place, and
 * that may allocate. */
static void *map(void *at, size_t bytes, int protection, int flags)
{
    int saved = errno;
    void *p = (void *)syscall(SYS_mmap, at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, (off_t)0);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

static bool advise(void *at, size_t bytes, int advice)
{
    int saved = errno;
    bool done = syscall(SYS_madvise, at, bytes, advice) == 0;
    errno = saved;
    return done;
}

void mr_vm_release(void *at, size_t bytes)
{
    if (bytes == 0)
        return;
    int saved = errno;
    syscall(SYS_munmap, at, bytes);
    errno = saved;
}

void *mr_vm_reserve(size_t bytes, size_t align)
{
    MR_ASSERT(mr_is_pow2(align) && align >= mr_os_page, "reservations are aligned to OS pages");
    if (bytes + align < bytes)
        return NULL;
    char *p = map(NULL, bytes + align, PROT_NONE, MAP_NORESERVE);
    if (!p)
        return NULL;
    char *start = (char *)mr_align_up((size_t)p, align);
    mr_vm_release(p, (size_t)(start - p));
    mr_vm_release(start + bytes, (size_t)(p + align - start));
    return start;
}

/* A fixed mapping rather than mprotect: glibc's malloc maps, and filters know that. */
bool mr_vm_commit(void *at, size_t bytes)
{
    return map(at, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) != NULL;
}

bool mr_vm_protect(void *at, size_t bytes, bool accessible)
{
    int saved = errno;
    bool done = syscall(SYS_mprotect, at, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
    errno = saved;
    return done;
}

bool mr_vm_purge(void *at, size_t bytes) { return advise(at, bytes, MADV_DONTNEED); }
void mr_vm_huge(void *at, size_t bytes) { advise(at, bytes, MADV_HUGEPAGE); }
bool mr_vm_populate(void *at, size_t bytes) { return advise(at, bytes, MADV_POPULATE_WRITE); }

bool mr_vm_move(void *from, void *to, size_t bytes)
{
    int saved = errno;
    void *p = (void *)syscall(SYS_mremap, from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
    errno = saved;
    return p != MAP_FAILED;
}

bool mr_vm_permit(void *at, size_t bytes, unsigned rights)
{
    int protection = (rights & MR_VM_READ ? PROT_READ : 0) | (rights & MR_VM_WRITE ? PROT_WRITE : 0) |
                     (rights & MR_VM_EXECUTE ? PROT_EXEC : 0);
    int saved = errno;
    bool done = syscall(SYS_mprotect, at, bytes, protection) == 0;
    errno = saved;
    return done;
}

size_t mr_vm_resident(void *at, size_t bytes)
{
    unsigned char in[1024];
    size_t resident = 0;
    int saved = errno;
    for (size_t done = 0; done < bytes;) {
        size_t part = mr_min(bytes - done, sizeof in * mr_os_page);
        if (syscall(SYS_mincore, (char *)at + done, part, in) != 0)
            break;
        for (size_t i = 0; i < part / mr_os_page; i++)
            resident += in[i] & 1 ? mr_os_page : 0;
        done += part;
    }
    errno = saved;
    return resident;
}

/* The kernel looks for us: a futex wait compares the word before it sleeps. Others ask with mincore (which knows
 * nothing of protections), process_vm_readv or a pipe; a filter written for glibc's malloc forbids those. */
bool mr_vm_readable(const void *at)
{
    static const struct timespec at_once;
    uintptr_t word = mr_align_down((uintptr_t)at, 4);
    int saved = errno;
    bool refused = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0x6d72a5c3, &at_once, NULL, 0) == -1 && errno == EFAULT;
    errno = saved;
    return !refused;
}
