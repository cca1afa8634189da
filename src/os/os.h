/* os.h: the face of the system. The only layer that calls mmap, futex, signals or opens files.
 *
 * Error policy, once for all: out of memory, out of mappings and limits come back as false or
 * NULL; nothing else can fail in a correct program and is an MR_REQUIRE here. Every function
 * preserves errno, is async-signal-safe unless it says otherwise, and never allocates.
 *
 * System calls made on the way of an allocation are those glibc's own malloc makes: mmap, munmap,
 * mremap, madvise and futex (a seccomp filter written for glibc lets them pass). The clock is
 * the coarse one, which the vDSO answers. */
#ifndef MR_OS_H
#define MR_OS_H

#include <stdatomic.h>

#include "base.h"

/* ---- memory (vm.c) -------------------------------------------------------------------------
 * Addresses and sizes are multiples of the OS page unless said otherwise. */

/* Bytes per OS page, read from the kernel's auxiliary vector; valid after mr_os_init. */
extern size_t mr_os_page;
void mr_os_init(void);

/* Address space without memory behind it: inaccessible, not counted against overcommit. `align` is a
 * power of two. NULL if the kernel refuses. */
void *mr_vm_reserve(size_t bytes, size_t align);

/* Makes a part of a reservation readable, writable and zero. Adjacent parts become one mapping.
 * What was there is lost. False if refused (limits, overcommit). */
bool mr_vm_commit(void *at, size_t bytes);

/* Gives memory back; the range stays usable and reads as zero. False when the system keeps it
 * (locked memory): the contents are then unchanged. */
bool mr_vm_purge(void *at, size_t bytes);

/* Unmaps. */
void mr_vm_release(void *at, size_t bytes);

/* Faults the range in for writing, as far as the kernel knows how (Linux 5.14); a hint. */
void mr_vm_populate(void *at, size_t bytes);

/* Asks for huge pages where the range is touched for the first time; a hint. */
void mr_vm_huge(void *at, size_t bytes);

/* Moves the pages of `from` to `to` (both committed, not overlapping) without copying; `from` then
 * reads as zero. Costs one mapping or two more. False, with nothing changed, where the kernel
 * cannot (before 5.7) or has too many mappings. */
bool mr_vm_move(void *from, void *to, size_t bytes);

/* Bytes of the range that are in memory. 0 where the kernel does not tell. Not for hot paths. */
size_t mr_vm_resident(void *at, size_t bytes);

/* ---- locks (lock.c) ---------------------------------------------------------------------------
 * A lock is waited for only while holding locks of lower rank (checked in the debug variants). A lock
 * knows its holder, so a signal handler can see that it interrupted the holder, and a fork in
 * such a handler does not wait for itself. */
enum mr_rank { MR_RANK_NONE, MR_RANK_HEAPS, MR_RANK_LATE, MR_RANK_CLASSIC, MR_RANK_SPACE, MR_RANK_COUNT };

struct mr_lock {
    _Atomic uint64_t state;  /* who holds it, whether somebody is awake and trying, how many sleep */
    _Atomic uint32_t tokens; /* the futex: sleepers that may leave */
    uint32_t rank;
};
#define MR_LOCK_INIT(r) { .rank = (r) }

void mr_lock_acquire(struct mr_lock *lock);
bool mr_lock_try(struct mr_lock *lock);
void mr_lock_release(struct mr_lock *lock);

/* Waits at most `ms` milliseconds. */
bool mr_lock_acquire_within(struct mr_lock *lock, unsigned ms);

/* Whether the calling thread holds the lock. */
bool mr_lock_is_mine(struct mr_lock *lock);

/* In a fork child: held by the calling thread, or free; those who waited are gone. */
void mr_lock_after_fork(struct mr_lock *lock, bool held);

/* ---- threads and fork (thread.c) -----------------------------------------------------------------
 * A number that no other running thread has; no system call. */
MR_INLINE uintptr_t mr_thread_self(void) { return (uintptr_t)__builtin_thread_pointer(); }

/* Has `at_exit(value)` called when the calling thread ends, value != NULL. The first call in the
 * process creates a thread-specific key. May allocate through malloc (glibc, keys from 32 up).
 * False when the process has no key left. */
bool mr_thread_on_exit(void (*at_exit)(void *), void *value);

/* Registers handlers with pthread_atfork, once. May allocate through malloc. */
void mr_fork_handlers(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* Lets another thread run. */
void mr_thread_yield(void);

/* ---- loaded objects (module.c) ----------------------------------------------------------------------
 * Whether an object before this library in the process's symbol order defines `name`. To be asked
 * while nothing is being opened or closed. */
bool mr_module_is_preceded(const char *name);

/* ---- time, files, the process (misc.c) -----------------------------------------------------------
 * Milliseconds of a clock that does not jump, from an arbitrary start; 4 ms grain. */
uint64_t mr_clock_ms(void);

/* Seconds since 1970, for names of files. */
uint64_t mr_clock_wall(void);

int64_t mr_process_id(void);
bool mr_process_is_secure(void); /* set-user-id and the like: the environment is not to be trusted */
size_t mr_process_resident(void);
bool mr_process_has_threads(void);

/* The program's arguments joined by blanks ("cat a b"), truncated to cap - 1; cap > 0. */
void mr_process_command(char *text, size_t cap);

/* The last part of the executable's path, likewise. */
void mr_process_name(char *text, size_t cap);

/* Descriptors. Open gives a descriptor above 2, so that nothing lands in a program's closed standard
 * streams; -1 on failure, *why (may be NULL) then points to the system's reason. */
int mr_file_create(const char *path, const char **why);
int mr_file_duplicate(int fd); /* a private copy, close-on-exec, far from the low numbers; -1 if fd is not open */
void mr_file_close(int fd);
bool mr_file_write(int fd, const void *bytes, size_t n); /* all of it, or false */
size_t mr_file_read_all(const char *path, char *buf, size_t cap);

/* What file a descriptor refers to, to recognise it later; all zero when it is closed. */
struct mr_file_id { uint64_t dev, ino; };
struct mr_file_id mr_file_identify(int fd);

#endif
