/* What is freed never came from the heap. */
#include "cwe.h"

static char table[256];

static void give(char *other, int right)
{
    char *p = malloc(100);
    free(right ? p : other);
    if (!right)
        free(p);
}
static void stack_bad(void) { char local[100]; give(local, 0); }
static void stack_good(void) { char local[100]; give(local, 1); }
static void array_bad(void) { give(table, 0); }
static void array_good(void) { give(table, 1); }
static void literal_bad(void) { give((char *)"a constant", 0); }
static void literal_good(void) { give((char *)"a constant", 1); }
static void function_bad(void) { give((char *)(void *)give, 0); }
static void function_good(void) { give((char *)(void *)give, 1); }
static void number_bad(void) { give((char *)0x1230, 0); }
static void number_good(void) { give((char *)0x1230, 1); }

SHAPES(SHAPE(stack), SHAPE(array), SHAPE(literal), SHAPE(function), SHAPE(number))
