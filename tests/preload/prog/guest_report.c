/* What asks for reports. argv[1]: "plain CODE": leaves 100 blocks behind and exits; "fork": so does a
 * child; "signal N": sends itself USR2 N times and goes on; "daemon FILE": leaves the terminal the
 * old way, closes every descriptor and writes one line to FILE. */
#include "guest.h"

#include <sys/wait.h>

static void leave_blocks(void)
{
    for (int i = 0; i < 100; i++)
        guest_new(1000);
}

static int in_child(void)
{
    pid_t pid = fork();
    leave_blocks();
    if (pid == 0)
        exit(3);
    int status;
    EXPECT(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    dprintf(1, "%d %d\n", (int)getpid(), (int)pid);
    return 4;
}

static int by_signal(int count)
{
    for (int i = 0; i < count; i++) {
        leave_blocks();
        EXPECT(kill(getpid(), SIGUSR2) == 0);
        guest_sleep_ms(100);
        guest_exercise(3);
    }
    dprintf(1, "went on\n");
    return 6;
}

static int daemonise(const char *path)
{
    if (fork() > 0)
        _exit(0);
    EXPECT(setsid() > 0 && chdir("/") == 0);
    if (fork() > 0)
        _exit(0);
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    guest_exercise(5);
    leave_blocks();
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
    guest_exercise(1);
    return write(fd, "daemon\n", 7) == 7 && fd == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    EXPECT(argc >= 2);
    if (strcmp(argv[1], "fork") == 0)
        return in_child();
    if (strcmp(argv[1], "signal") == 0)
        return by_signal(atoi(argv[2]));
    if (strcmp(argv[1], "daemon") == 0)
        return daemonise(argv[2]);
    leave_blocks();
    return atoi(argv[2]);
}
