/* stack_frames.c: memory for one call, line or frame of a game at a time.
 *
 * Teaches: take a mark, allocate what you like, release to the mark. Nothing is freed one by one, and it costs a few
 * instructions per block. Here each line of a text is split into words that are sorted and printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memoir/stack.h>

struct words {
    char **list;
    size_t count;
};

static struct words split(struct memoir_stack *stack, const char *line)
{
    struct words words = { (char **)memoir_stack_alloc(stack, (strlen(line) / 2 + 1) * sizeof *words.list), 0 };
    while (*(line += strspn(line, " "))) {
        size_t n = strcspn(line, " ");
        char *word = (char *)memoir_stack_alloc(stack, n + 1);
        memcpy(word, line, n);
        word[n] = '\0';
        words.list[words.count++] = word;
        line += n;
    }
    return words;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(void)
{
    static const char *const lines[] = { "the quick brown fox", "jumps over", "the lazy dog" };
    struct memoir_stack *stack = memoir_stack_create(0, NULL);
    struct memoir_stack_stats stats;
    if (!stack)
        return 1;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct memoir_stack_mark before = memoir_stack_mark(stack);
        struct words words = split(stack, lines[i]);
        qsort(words.list, words.count, sizeof *words.list, by_text);
        for (size_t w = 0; w < words.count; w++)
            printf("%s%c", words.list[w], w + 1 < words.count ? ' ' : '\n');
        memoir_stack_release(stack, before);
    }
    memoir_stack_stats(stack, &stats);
    printf("%zu blocks, at most %zu bytes, now %zu\n", (size_t)stats.allocs, (size_t)stats.peak,
           (size_t)stats.in_use);
    memoir_stack_destroy(stack);
    return stats.in_use != 0 || stats.allocs != 12;
}
