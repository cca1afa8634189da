/* A filter that allows only what an allocator needs: argv[1] is when it is installed ("early": before
 * the heap has grown, "late": after, "threads": on all threads at once), argv[2] what happens to any
 * other call ("kill" or "refuse"). */
#include "guest.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <malloc.h>

static const int allowed[] = { SYS_read, SYS_write, SYS_exit, SYS_exit_group, SYS_brk, SYS_mmap, SYS_munmap,
                               SYS_mremap, SYS_madvise, SYS_futex, SYS_rt_sigreturn };
enum { ALLOWED = sizeof allowed / sizeof allowed[0] };

static void install(bool kill_others, unsigned flags)
{
    struct sock_filter code[ALLOWED + 3];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < ALLOWED; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
                                                 (unsigned char)(ALLOWED - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                             kill_others ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
}

static void allocate(void)
{
    enum { N = 20000 };
    static _Thread_local void *blocks[N];
    for (int i = 0; i < N; i++)
        blocks[i] = guest_new((size_t)(i * 37 % 2000) + 1);
    guest_exercise(20);
    void *large = malloc(1 << 20);
    for (size_t n = 2 << 20; n <= (64u << 20); n *= 2) {
        EXPECT((large = realloc(large, n)) != NULL);
        memset(large, 1, n);
    }
    EXPECT((large = realloc(large, 1000)) != NULL);
    free(large);
    for (int i = 0; i < N; i++)
        guest_drop(blocks[i], (size_t)(i * 37 % 2000) + 1);
    void *zeroed = calloc(1000, 5000);
    EXPECT(zeroed && *(char *)zeroed == 0);
    free(zeroed);
    void *aligned = NULL;
    EXPECT(posix_memalign(&aligned, 1 << 20, 3 << 20) == 0);
    free(aligned);
}

static pthread_barrier_t gate;

static void *run_thread(void *warm)
{
    if (warm)
        guest_exercise(3);
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate);
    allocate();
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate); /* the main thread never comes */
    return NULL;
}

/* One thread that has allocated before the filter comes, one that has not; neither ends, since the
 * end of a thread needs more calls than the filter allows. */
static void filter_threads(bool kill_others)
{
    pthread_t warm, cold;
    pthread_barrier_init(&gate, NULL, 3);
    EXPECT(pthread_create(&warm, NULL, run_thread, &gate) == 0);
    EXPECT(pthread_create(&cold, NULL, run_thread, NULL) == 0);
    pthread_barrier_wait(&gate);
    install(kill_others, SECCOMP_FILTER_FLAG_TSYNC);
    pthread_barrier_wait(&gate);
    allocate();
    pthread_barrier_wait(&gate);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    bool kill_others = strcmp(argv[2], "kill") == 0;
    mallopt(M_ARENA_MAX, 1); /* glibc's other arenas grow by mprotect */
    if (strcmp(argv[1], "threads") == 0) {
        filter_threads(kill_others);
    } else {
        if (strcmp(argv[1], "late") == 0)
            allocate();
        install(kill_others, 0);
        allocate();
    }
    _exit(0);
}
