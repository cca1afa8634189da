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
bool mr_vm_populate(void *at, size_t bytes);

/* Asks for huge pages where the range is touched for the first time; a hint. */
void mr_vm_huge(void *at, size_t bytes);

/* Makes a range inaccessible, or readable and writable, as it is. False, with nothing changed: the process has too many
 * mappings. */
bool mr_vm_protect(void *at, size_t bytes, bool accessible);

/* The same with any rights; the system may have a rule against some. When it returns false, part of the range may
 * have been changed. */
enum { MR_VM_READ = 1, MR_VM_WRITE = 2, MR_VM_EXECUTE = 4 };
bool mr_vm_permit(void *at, size_t bytes, unsigned rights);

/* Moves the pages of `from` to `to` (both committed, not overlapping) without copying; `from` then
 * reads as zero. Costs one mapping or two more. False, with nothing changed, where the kernel
 * cannot (before 5.7) or has too many mappings. */
bool mr_vm_move(void *from, void *to, size_t bytes);

/* Bytes of the range that are in memory. 0 where the kernel does not tell. Not for hot paths. */
size_t mr_vm_resident(void *at, size_t bytes);

/* Whether the word at `at` can be read. A system call. */
bool mr_vm_readable(const void *at);

/* ---- locks (lock.c) ---------------------------------------------------------------------------
 * A lock is waited for only while holding locks of lower rank (checked in the debug variants). A lock
 * knows its holder, so a signal handler can see that it interrupted the holder, and a fork in
 * such a handler does not wait for itself. */
enum mr_rank {
    MR_RANK_NONE,                   /* only tried, by all: nobody waits for it */
    MR_RANK_HEAPS, MR_RANK_LATE,    /* heap: whoever is watched may be in the heap that all share */
    MR_RANK_LANES, MR_RANK_WALK, MR_RANK_STACKS, MR_RANK_FINDINGS, MR_RANK_STRINGS, /* track, ledger */
    MR_RANK_CHART,                  /* entry: looks at the heap */
    MR_RANK_CLASSIC, MR_RANK_SPACE, /* heap */
    MR_RANK_GUARDED, MR_RANK_QUARANTINE,
    MR_RANK_COUNT
};

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

/* Calls by such a name that cross from one loaded object to another, ours excepted, go to `to` from now on (slots.c).
 * Returns how many places they came from. Likewise. */
struct mr_slot {
    const char *name;
    void *to;
};
size_t mr_slots_replace(const struct mr_slot *wanted, size_t count);

/* ---- time, files, the process (misc.c) -----------------------------------------------------------
 * Milliseconds of a clock that does not jump, from an arbitrary start; 4 ms grain. */
uint64_t mr_clock_ms(void);

/* Nanoseconds of the same clock, fine grained (clock.c): for measuring, not for hot paths. */
uint64_t mr_clock_ns(void);

/* Seconds since 1970, for names of files. */
uint64_t mr_clock_wall(void);

int64_t mr_process_id(void);
bool mr_process_is_secure(void); /* set-user-id and the like: the environment is not to be trusted */
size_t mr_process_resident(void);
bool mr_process_data_is_limited(void); /* RLIMIT_DATA: what is writable counts, what is inaccessible does not */
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

/* Columns of the terminal that it leads to; 0: to none, or to one that does not say. */
unsigned mr_file_columns(int fd);
bool mr_file_is_terminal(int fd);

/* What file a descriptor refers to, to recognise it later; all zero when it is closed. */
struct mr_file_id { uint64_t dev, ino; };
struct mr_file_id mr_file_identify(int fd);

/* ---- files that are memory (file.c) -----------------------------------------------------------------
 * A new file (0600) of that many bytes, all of them holes: descriptor open for reading and writing, or -1
 * and the reason; *taken says that the name was in use (a link that leads nowhere counts). */
int mr_file_create_new(const char *path, size_t bytes, bool *taken, const char **why);

/* Maps a file shared and inaccessible: in the place of what is at `at`, or anywhere. NULL if refused. The mapping
 * needs no descriptor any more. */
void *mr_file_map(int fd, void *at, size_t bytes);

/* Makes a part of such a mapping usable. Commit is for parts of the file that were never used, and makes sure that
 * the disk has room for them: false, with nothing changed, when it has not. Open is for parts that have it. */
bool mr_file_map_commit(void *at, size_t bytes);
bool mr_file_map_open(void *at, size_t bytes);

void mr_file_remove(const char *path);

/* What a symbolic link says, cut to cap - 1, terminated; its length, 0 when it cannot be read. */
size_t mr_file_link_target(const char *link, char *text, size_t cap);

/* For readers. Opening never waits, whatever the path leads to. */
int mr_file_open(const char *path, const char **why);
bool mr_file_size(int fd, uint64_t *bytes);                               /* false: not a regular file */
size_t mr_file_read_at(int fd, void *bytes, size_t n, uint64_t offset);   /* bytes read; less at the end */

/* ---- the address space (maps.c) ---------------------------------------------------------------------
 * One mapping, as /proc/self/maps tells of it. */
struct mr_map {
    uintptr_t from, to;
    bool readable, writable, executable, shared;
    const char *name; /* in the text that was read, not terminated: a path, "[stack]", or nothing */
    size_t name_len;
};

/* The text of /proc/self/maps: its bytes; 0 when it cannot be read or is longer than cap. */
size_t mr_maps_read(char *text, size_t cap);

/* The next row from *at on, which is moved behind it; lines that are no rows are skipped. False at `end`. */
bool mr_maps_next(const char **at, const char *end, struct mr_map *row);

/* The writable data of this library; false when it is part of a program (whose data is the program's own). */
bool mr_maps_own_data(uintptr_t *from, uintptr_t *to);

/* A descriptor of this process's page table, or -1. It goes on telling of this process after a fork. */
int mr_maps_open_pages(void);

/* The first run of OS pages in [*from, to) that hold something (memory or swap); `own` leaves out pages that
 * still are a file's. *from is moved to its start; its end is returned, or 0: there is none. What the
 * descriptor cannot tell counts as holding something. */
uintptr_t mr_maps_next_run(int pages, bool own, uintptr_t *from, uintptr_t to);

/* For what reads other people's stacks and memory, and for handlers that run anywhere. */
#define MR_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))

/* ---- stopping the world (world.c, world_copy.c) ------------------------------------------------------
 * Each other thread is sent a real-time signal nobody uses; its handler waits until the world is resumed.
 * To the program that is a signal handled with SA_RESTART: some waits end with EINTR. */
enum mr_world_state {
    MR_WORLD_ASKED,   /* the signal is on its way */
    MR_WORLD_STOPPED, /* waits in the handler */
    MR_WORLD_BLOCKED, /* has the signal blocked */
    MR_WORLD_GONE,    /* ended meanwhile */
};

struct mr_world_thread {
    int32_t tid;
    _Atomic uint32_t state;
    /* Once stopped: */
    uintptr_t sp;                /* where its stack ends; the red zone lies below */
    uintptr_t self;              /* its mr_thread_self() */
    const void *registers;       /* as saved by the kernel, in the thread's own memory; */
    const void *more_registers;  /* floating point and vectors, may be NULL */
    size_t register_bytes, more_bytes;
    uint64_t ran_ns;             /* within the module: CPU time of one that blocks the signal, when it was first looked at */
};

struct mr_world {
    struct mr_world_thread *threads; /* the other threads */
    uint32_t count;
    uint32_t unstopped;              /* of these, neither stopped nor gone */
    bool unlisted;                   /* the threads could not be listed: some may run on */
    uint64_t since_ns;
};

/* Stops the other threads, as far as they can be within `ms` milliseconds; who only waits for a CPU is given ten times
 * that. The caller's signals are blocked until the world is resumed, but for those of faults. False, with nothing
 * changed: another thread is at it. */
bool mr_world_stop(struct mr_world *world, unsigned ms);

/* Returns the nanoseconds since mr_world_stop began. Does nothing to a world that was resumed already. */
uint64_t mr_world_resume(struct mr_world *world);

/* The process copied as it stands: 0 in the copy, which has the calling thread alone and ends by
 * mr_world_leave; its number in the original; -1 if there can be none. Neither handlers of fork nor
 * SIGCHLD nor the program's own waits notice. The copy dies with its original. */
int64_t mr_world_copy(void);
_Noreturn void mr_world_leave(int status);

/* Waits for the end of a copy; after `ms` milliseconds it is killed. False unless it ended with status 0. */
bool mr_world_reap(int64_t copy, unsigned ms);

/* Memory that a copy and its original share; zero. NULL: none. Released by mr_vm_release. */
void *mr_world_share(size_t bytes);

/* From now on a fault of this thread (SIGSEGV, SIGBUS) calls `handler` with its address; *saved is for
 * mr_world_unguard. Not inherited by exec. */
struct mr_world_guard { void *actions[2][20]; };
void mr_world_guard(struct mr_world_guard *saved, void (*handler)(uintptr_t address));
void mr_world_unguard(const struct mr_world_guard *saved);

/* The kernel's number of the calling thread. */
int32_t mr_world_tid(void);

/* ---- faults (fault.c) -----------------------------------------------------------------------------------
 * An instruction touched memory that is not there, or not so. The registers are those it found. */
enum mr_fault_access { MR_FAULT_READ, MR_FAULT_WRITE, MR_FAULT_ACCESS /* nobody knows which */ };
struct mr_fault {
    uintptr_t address;
    enum mr_fault_access access;
    uintptr_t pc, sp, bp;
};

/* True: dealt with, the instruction is to run again. Called in a signal handler, with the program's mask for it. */
typedef bool mr_fault_handler(const struct mr_fault *fault);

/* From now on `handler` sees SIGSEGV and SIGBUS before the program does, if an instruction raised them. False: the
 * system refuses. */
bool mr_fault_watch(mr_fault_handler *handler);
bool mr_fault_is_watched(int sig);

/* What sigaction does, for a signal that is watched: to the program all is as if it were not. */
struct sigaction;
int mr_fault_action(int sig, const struct sigaction *action, struct sigaction *old);

#endif
