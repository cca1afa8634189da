/* A little of everything a program does with memory: strings, streams, threads, a child, sorting. */
#include "guest.h"

#include <pthread.h>
#include <sys/wait.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void strings(void)
{
    enum { N = 5000 };
    char **lines = malloc(N * sizeof *lines);
    for (int i = 0; i < N; i++)
        EXPECT(asprintf(&lines[i], "line %d", i * 7919 % N) > 0);
    qsort(lines, N, sizeof *lines, by_text);
    for (int i = 1; i < N; i++)
        EXPECT(strcmp(lines[i - 1], lines[i]) < 0);
    for (int i = 0; i < N; i++)
        free(lines[i]);
    free(lines);
}

static void streams(void)
{
    char *text = NULL, *line = NULL;
    size_t size = 0, cap = 0;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i < 1000; i++)
        fprintf(out, "%d %0*d\n", i, i, 0);
    fclose(out);
    FILE *in = fmemopen(text, size, "r");
    int count = 0;
    while (getline(&line, &cap, in) > 0)
        count++;
    fclose(in);
    EXPECT(count == 1000);
    free(line);
    free(text);
}

static void *work(void *arg)
{
    strings();
    streams();
    guest_exercise(20);
    return arg ? guest_new(1000) : NULL;
}

int main(void)
{
    pthread_t threads[4];
    void *blocks[4];
    for (int i = 0; i < 4; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, main) == 0);
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            work(NULL);
            exit(0);
        }
        int status;
        EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
    }
    work(NULL);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &blocks[i]);
        guest_drop(blocks[i], 1000);
    }
    return 0;
}
