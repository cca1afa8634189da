/* gc_types.c: telling the collector more, so that it does more.
 *
 * Teaches: a layout says which words are pointers, so that a number that looks like one keeps nothing; a root is
 * added by hand; a finalizer closes what an object stands for when nothing leads to it any more. */
#include <stdint.h>
#include <stdio.h>

#include <memoir/gc.h>

struct file {
    struct file *parent;
    uintptr_t looks_like_a_pointer;
    int number;
};

static int closed;

static void close_file(void *ctx, void *object)
{
    (void)ctx;
    printf("closing %d\n", ((struct file *)object)->number);
    closed++;
}

static struct file *open_file(struct memoir_gc *gc, const struct memoir_gc_type *type, struct file *parent,
                              int number)
{
    struct file *f = (struct file *)memoir_gc_new(type);
    f->parent = parent;
    f->number = number;
    memoir_gc_set_finalizer(gc, f, close_file, NULL);
    return f;
}

int main(void)
{
    static struct file *root; /* would be found, if the collector looked at static data */
    struct memoir_gc_options options = { .flags = MEMOIR_GC_NO_STACK | MEMOIR_GC_NO_DATA | MEMOIR_GC_MANUAL };
    struct memoir_gc *gc = memoir_gc_create(&options);
    if (!gc)
        return 1;
    struct memoir_gc_layout layout = { .size = sizeof(struct file), .pointers = 1 << 0 };
    const struct memoir_gc_type *type = memoir_gc_define(gc, &layout);
    memoir_gc_add_root(gc, &root, sizeof root);

    root = open_file(gc, type, open_file(gc, type, NULL, 1), 2);
    root->looks_like_a_pointer = (uintptr_t)open_file(gc, type, NULL, 3);
    memoir_gc_collect(gc); /* closes 3 */
    int after_first = closed;
    root = root->parent;
    memoir_gc_collect(gc); /* closes 2 */
    int after_second = closed;
    memoir_gc_destroy(gc); /* closes 1 */
    return after_first != 1 || after_second != 2 || closed != 3;
}
