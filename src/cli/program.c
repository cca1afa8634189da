#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_executable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool mr_program_find(const char *name, char *path)
{
    if (strchr(name, '/'))
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_executable(path);
    const char *dirs = getenv("PATH");
    for (const char *p = dirs ? dirs : "/bin:/usr/bin";; p++) {
        int len = (int)strcspn(p, ":");
        int n = snprintf(path, PATH_MAX, "%.*s%s%s", len, p, len ? "/" : "", name);
        if (n < PATH_MAX && *name && is_executable(path))
            return true;
        p += len;
        if (*p == '\0')
            return false;
    }
}

/* The program gains rights when it is run: the loader then obeys no LD_PRELOAD (AT_SECURE). */
static const char *privileges(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return NULL;
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        return "is set-user-id";
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return "is set-group-id";
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return "has file capabilities";
    return NULL;
}

static bool has_interpreter(int fd, const ElfW(Ehdr) *elf)
{
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        ElfW(Phdr) header;
        off_t at = (off_t)(elf->e_phoff + (size_t)i * elf->e_phentsize);
        if (pread(fd, &header, sizeof header, at) == sizeof header && header.p_type == PT_INTERP)
            return true;
    }
    return false;
}

/* The dynamic loader itself has no interpreter either, but preloads for the program it is given. */
static bool is_loader(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    return strncmp(base, "ld-", 3) == 0 || strncmp(base, "ld.so", 5) == 0;
}

static const char *elf_obstacle(const char *path, int fd, const ElfW(Ehdr) *elf)
{
    static const int native = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    if (elf->e_ident[EI_CLASS] != native)
        return native == ELFCLASS64 ? "is a 32-bit program" : "is a 64-bit program";
    return has_interpreter(fd, elf) || is_loader(path) ? NULL : "is statically linked";
}

/* "#! interpreter argument": cuts the interpreter out of the first line, in place. */
static char *interpreter(char *head)
{
    char *start = head + 2 + strspn(head + 2, " \t");
    start[strcspn(start, " \t\n")] = '\0';
    return start;
}

static const char *file_obstacle(const char *path, int depth)
{
    union {
        ElfW(Ehdr) elf;
        char text[PATH_MAX];
    } head = { .text = "" };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t got = pread(fd, &head, sizeof head - 1, 0);
    const char *obstacle = NULL;
    if (got >= (ssize_t)sizeof head.elf && memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0)
        obstacle = elf_obstacle(path, fd, &head.elf);
    else if (got > 2 && head.text[0] == '#' && head.text[1] == '!' && depth < 4) /* as deep as the kernel goes */
        obstacle = file_obstacle(interpreter(head.text), depth + 1);
    close(fd);
    return obstacle ? obstacle : privileges(path);
}

const char *mr_program_obstacle(const char *path)
{
    return file_obstacle(path, 0);
}
