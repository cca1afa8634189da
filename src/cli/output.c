#include "output.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mode of the file that may be made in its place; 0 when it must be written to as it is: a device, a pipe, a
 * link, somebody else's. */
static mode_t replacement_mode(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0666 : 0;
    bool ours = S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid() && access(path, W_OK) == 0;
    return ours ? st.st_mode & 0777 : 0;
}

/* Beside the file, for only there a rename is one step. False where no file can be made. */
static bool open_scratch(struct mr_output *output)
{
    int len = snprintf(output->scratch, sizeof output->scratch, "%s.%d", output->path, (int)getpid());
    mode_t mode = replacement_mode(output->path);
    if (len < 0 || (size_t)len >= sizeof output->scratch || mode == 0)
        return false;
    output->fd = open(output->scratch, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    return output->fd >= 0;
}

bool mr_output_open(struct mr_output *output, const char *path)
{
    output->path = path;
    if (open_scratch(output))
        return true;
    output->scratch[0] = '\0';
    output->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->fd < 0)
        mr_cli_say("--output=%s: %s", path, strerror(errno));
    return output->fd >= 0;
}

bool mr_output_close(struct mr_output *output, bool good)
{
    bool closed = close(output->fd) == 0;
    if (!output->scratch[0])
        return closed;
    if (good && closed && rename(output->scratch, output->path) == 0)
        return true;
    int why = errno;
    unlink(output->scratch);
    errno = why;
    return false;
}

/* --- reports ------------------------------------------------------------------------------------------------- */

enum { BUFFER = 65536 };

struct target {
    int fd;
    int why; /* errno of the first write that failed */
};

static void to_target(void *ctx, const char *text, size_t len)
{
    struct target *target = ctx;
    while (len > 0 && !target->why) {
        ssize_t n = write(target->fd, text, len);
        if (n < 0 && errno != EINTR)
            target->why = errno;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static int write_to(int fd, mr_output_content *content, void *ctx)
{
    struct target target = { .fd = fd };
    char *buffer = malloc(BUFFER);
    if (!buffer)
        return ENOMEM;
    struct mr_fmt f = mr_fmt_to_sink(buffer, BUFFER, to_target, &target);
    content(ctx, &f);
    mr_fmt_flush(&f);
    free(buffer);
    return target.why;
}

bool mr_output_write(const char *path, int to, mr_output_content *content, void *ctx)
{
    struct mr_output output = { .fd = to };
    if (path && !mr_output_open(&output, path))
        return false;
    int why = write_to(output.fd, content, ctx);
    if (path && !mr_output_close(&output, !why) && !why)
        why = errno;
    if (why && why != EPIPE)
        mr_cli_say("cannot write the report: %s", strerror(why));
    return !why || why == EPIPE;
}
