/* slab_nodes.c: a list of many small nodes.
 *
 * Teaches: objects of one size come from a slab allocator without headers between them, in a few instructions; with
 * MEMOIR_SLAB_CHECKED a double free is found; at the end it says how many were forgotten, and a walk says which. */
#include <stdio.h>

#include <memoir/slab.h>

struct node {
    struct node *next;
    int number;
};

static int reports;

static void report(void *ctx, struct memoir_slab *slab, enum memoir_slab_error kind, const void *pointer,
                   const char *words)
{
    (void)ctx, (void)slab, (void)pointer;
    printf("misuse: %s\n", words);
    reports += kind == MEMOIR_SLAB_DOUBLE_FREE;
}

static bool print_node(void *ctx, void *object)
{
    (void)ctx;
    printf("still in use: node %d\n", ((struct node *)object)->number);
    return true;
}

int main(void)
{
    struct memoir_slab_options options = { .size = sizeof(struct node), .flags = MEMOIR_SLAB_CHECKED,
                                           .on_error = report };
    struct memoir_slab *nodes = memoir_slab_create(&options);
    struct memoir_slab_stats stats;
    struct node *head = NULL, *next;
    if (!nodes)
        return 1;
    for (int i = 0; i < 100000; i++) {
        struct node *n = (struct node *)memoir_slab_alloc(nodes);
        n->next = head;
        n->number = i;
        head = n;
    }
    memoir_slab_stats(nodes, &stats);
    printf("%zu nodes of %zu bytes in %zu KiB\n", (size_t)stats.in_use, stats.object_bytes,
           (size_t)stats.bytes >> 10);
    for (struct node *n = head; n; n = next) {
        next = n->next;
        if (n->number != 0 && n->number != 4711)
            memoir_slab_free(nodes, n);
    }
    memoir_slab_free(nodes, head); /* again */
    memoir_slab_walk(nodes, print_node, NULL);
    return memoir_slab_destroy(nodes) != 2 || reports != 1;
}
