/* gc_words.c: a tree of words that nobody frees.
 *
 * Teaches: allocate, drop the pointer, forget it. Pointers on the stack are found by themselves; text is a leaf,
 * which is never looked through; statistics say what collecting cost. */
#include <stdio.h>
#include <string.h>

#include <memoir/gc.h>

struct word {
    struct word *before, *after;
    char *text;
    int count;
};

static struct memoir_gc *gc;

static char *copy(const char *text)
{
    char *p = (char *)memoir_gc_alloc_leaf(gc, strlen(text) + 1);
    return strcpy(p, text);
}

static struct word *count_word(struct word *tree, const char *text)
{
    int order = tree ? strcmp(text, tree->text) : 0;
    if (!tree) {
        tree = (struct word *)memoir_gc_alloc(gc, sizeof *tree); /* all zero */
        tree->text = copy(text);
    }
    if (order < 0)
        tree->before = count_word(tree->before, text);
    else if (order > 0)
        tree->after = count_word(tree->after, text);
    else
        tree->count++;
    return tree;
}

static int sum(const struct word *tree)
{
    return tree ? sum(tree->before) + tree->count + sum(tree->after) : 0;
}

int main(void)
{
    struct memoir_gc_stats stats;
    char text[16];
    int words = 0;
    if (!(gc = memoir_gc_create(NULL)))
        return 1;
    for (int round = 0; round < 300; round++) {
        struct word *tree = NULL;
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(text, sizeof text, "w%u", i * 7919 % 400);
            tree = count_word(tree, copy(text)); /* both the copies and the trees of before are garbage */
        }
        words = sum(tree);
    }
    memoir_gc_stats(gc, &stats);
    printf("%d words; %zu objects made, %zu in use, %zu collections, at most %zu KiB\n", words,
           (size_t)stats.allocated_objects, (size_t)stats.objects, (size_t)stats.collections,
               (size_t)stats.peak_bytes >> 10);
    memoir_gc_destroy(gc);
    return words != 1000 || stats.collections == 0 || stats.peak_bytes > 8 << 20;
}
