/* stack_magic.c: who wrote past the end of his block?
 *
 * Teaches: MEMOIR_STACK_MAGIC puts a word below and above each block and looks at both when it is freed;
 * MEMOIR_STACK_GUARDS makes running past the whole stack a fault; a handler is told what was wrong, and the
 * program goes on. The stack lives in a buffer of the program's own. */
#include <stdio.h>
#include <string.h>

#include <memoir/stack.h>

static int reports;

static void report(void *ctx, struct memoir_stack *stack, enum memoir_stack_error kind, const void *pointer,
                   const char *words)
{
    (void)stack, (void)pointer;
    printf("%s: %s (kind %d)\n", (const char *)ctx, words, (int)kind);
    reports++;
}

int main(void)
{
    static char buffer[4096], name[] = "letters";
    struct memoir_stack_options options = { .flags = MEMOIR_STACK_MAGIC, .on_error = report, .ctx = name };
    struct memoir_stack *stack = memoir_stack_create_in(buffer, sizeof buffer, &options);
    if (!stack)
        return 1;
    char *first = (char *)memoir_stack_alloc(stack, 10), *second = (char *)memoir_stack_alloc(stack, 10);
    char saved = second[10];
    memoir_stack_free(stack, first);     /* not the last one: refused */
    memcpy(second, "ten letters", 11);   /* eleven */
    memoir_stack_free(stack, second);    /* found */
    second[10] = saved;                  /* repaired */
    memoir_stack_free(stack, second);
    memoir_stack_free(stack, second);    /* freed before: refused */
    memoir_stack_free(stack, first);
    memoir_stack_destroy(stack);
    return reports != 3;
}
