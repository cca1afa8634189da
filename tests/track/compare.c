/* compare.c: preloaded into any program, asks at every request for memory who called, and, now and then,
 * the C++ runtime's unwinder the same. At the end it adds a line to the file MR_COMPARE_LOG:
 *
 *   N walks, N compared: N equal, N deep, N marked, N wrong       compared = the sum of the rest
 *
 * deep, marked: the same frames up to a mark, of depth or another. MR_COMPARE_EVERY=N compares every N-th walk (1). The first that are wrong
 * are listed, frame by frame. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include "ledger.h"
#include "track/unwind.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

enum { FRAMES = 2 * MR_UNWIND_DEPTH, SHOWN = 5 };

struct truth {
    uintptr_t pc[FRAMES];
    unsigned count;
};

static _Atomic uint64_t walks, compared, equal, deep, marked, wrong;
static uint64_t every = 1;
static int log_fd = -1;
static bool ready;
static __thread struct mr_unwind *memory;
static __thread bool inside;

static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *arg)
{
    struct truth *t = arg;
    int before = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &before);
    if (t->count < FRAMES && pc)
        t->pc[t->count++] = pc + (uintptr_t)(before != 0);
    return _URC_NO_REASON;
}

static void show(const struct truth *t, unsigned from, const struct mr_unwound *out)
{
    for (unsigned i = 0; i + from < t->count || i < out->depth; i++) {
        uintptr_t theirs = i + from < t->count ? t->pc[i + from] : 0, ours = i < out->depth ? out->frames[out->depth - 1 - i].pc : 0;
        Dl_info a = { 0 };
        dladdr((void *)((theirs ? theirs : ours) - 1), &a);
        dprintf(log_fd, "%c %3u %#14lx %#14lx  %s+%#lx %s\n", theirs == ours ? ' ' : '!', i, theirs, ours,
                a.dli_fname ? a.dli_fname : "?", (theirs ? theirs : ours) - (uintptr_t)a.dli_fbase, a.dli_sname ? a.dli_sname : "?");
    }
}

/* Innermost first, as far as there is no mark. */
static bool agree(const struct truth *t, unsigned from, const struct mr_unwound *out, bool mark)
{
    if (!mark && t->count - from != out->depth)
        return false;
    for (unsigned i = 0; i + mark < out->depth; i++)
        if (i + from >= t->count || t->pc[i + from] != out->frames[out->depth - 1 - i].pc)
            return false;
    return true;
}

MR_NOINLINE static void compare(const struct mr_unwind_start *start, const struct mr_unwound *out)
{
    struct truth t = { .count = 0 };
    unsigned from = 0;
    _Unwind_Backtrace(note, &t);
    while (from < t.count && t.pc[from] != start->pc)
        from++;
    bool mark = out->frames[0].pc < MR_FRAME_MARK_COUNT;
    compared++;
    if (!agree(&t, from, out, mark)) {
        if (wrong++ < SHOWN)
            show(&t, from, out);
    } else if (out->frames[0].pc == MR_FRAME_MARK_DEEP) {
        deep++;
    } else if (mark) {
        if (marked++ < SHOWN)
            show(&t, from, out);
    } else
        equal++;
}

static void look(struct mr_unwind_start start)
{
    struct mr_unwound out;
    if (!ready || inside)
        return;
    inside = true;
    if (!memory)
        memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mr_unwind_walk(memory, &start, &out);
    if (walks++ % every == 0)
        compare(&start, &out);
    inside = false;
}

MR_EXPORT void *malloc(size_t size)
{
    look(MR_UNWIND_HERE());
    return __libc_malloc(size);
}

MR_EXPORT void *calloc(size_t n, size_t size)
{
    look(MR_UNWIND_HERE());
    return __libc_calloc(n, size);
}

MR_EXPORT void *realloc(void *p, size_t size)
{
    look(MR_UNWIND_HERE());
    return __libc_realloc(p, size);
}

MR_EXPORT int dlclose(void *handle)
{
    int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "dlclose");
    int result = next(handle);
    mr_unwind_flush();
    return result;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MR_COMPARE_LOG"), *n = getenv("MR_COMPARE_EVERY");
    struct truth t = { .count = 0 };
    every = n ? strtoul(n, NULL, 10) : 1;
    log_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : dup(2);
    _Unwind_Backtrace(note, &t); /* what it allocates at first is over */
    ready = every > 0;
}

__attribute__((destructor)) static void end(void)
{
    ready = false;
    dprintf(log_fd, "%lu walks, %lu compared: %lu equal, %lu deep, %lu marked, %lu wrong\n", walks, compared, equal, deep, marked, wrong);
}
