/* Trait: many small linked nodes that are walked more often than made: how close neighbours lie decides. */
#include "bench.h"

struct node {
    struct node *left, *right;
    uint64_t key;
};

static struct node *insert(struct node *root, uint64_t key)
{
    struct node **at = &root;
    while (*at)
        at = key < (*at)->key ? &(*at)->left : &(*at)->right;
    *at = must(malloc(sizeof **at));
    **at = (struct node){ .key = key };
    return root;
}

static uint64_t sum_of(const struct node *n)
{
    return n ? n->key + sum_of(n->left) + sum_of(n->right) : 0;
}

static void drop(struct node *n)
{
    if (n) {
        drop(n->left);
        drop(n->right);
        free(n);
    }
}

/* Depth-first, with a short-lived text per node, as a parser builds it. */
static struct node *build(unsigned depth, uint64_t *rng)
{
    struct node *n = must(malloc(sizeof *n));
    char *text = new_block(rng_range(rng, 10, 200), depth);
    *n = (struct node){ .key = (uint64_t)text[0] + depth };
    if (depth > 0) {
        n->left = build(depth - 1, rng);
        n->right = build(depth - 1, rng);
    }
    free(text);
    return n;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    uint64_t rng = rng_seed(6), sum = 0;
    for (size_t round = scaled(40); round > 0; round--) {
        struct node *sorted = NULL, *built = build(17, &rng);
        for (size_t i = 0; i < 80000; i++)
            sorted = insert(sorted, rng_next(&rng));
        for (int walk = 0; walk < 4; walk++)
            sum += sum_of(sorted) + sum_of(built);
        drop(sorted);
        drop(built);
    }
    return bench_end(sum);
}
