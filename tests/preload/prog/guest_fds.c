/* Opens three files and writes one line into each. argv: a directory, and how many descriptors the
 * driver closed at the start, or "reopen": close 2 and take it for a file of our own. What is in
 * the files after the end is the driver's to check. */
#include "guest.h"

static int open_in(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
}

static void put(int fd)
{
    guest_exercise(3);
    if (write(fd, "mine\n", 5) != 5)
        _exit(4);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    if (strcmp(argv[2], "reopen") == 0) {
        close(2);
        int fd = open_in(argv[1], "0");
        put(fd);
        return fd == 2 ? 7 : 3;
    }
    int count = atoi(argv[2]);
    for (int i = 0; i < count; i++) {
        char name[2] = { (char)('0' + i), 0 };
        int fd = open_in(argv[1], name);
        if (fd > 2)
            return 3; /* somebody sits on a descriptor the program was started without */
        put(fd);
    }
    return 7;
}
