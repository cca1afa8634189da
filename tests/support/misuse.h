/* misuse.h: a program with one bug, and its twin without it, which is run by the argument "good". */
#ifndef MR_TESTS_MISUSE_H
#define MR_TESTS_MISUSE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The compiler must not see what becomes of a block. */
#ifdef __cplusplus
#define AUTO auto
#else
#define AUTO __auto_type
#endif
#define HIDE(p) ({ AUTO hidden_ = (p); __asm__ volatile("" : "+r"(hidden_) : : "memory"); hidden_; })

#define TWINS(bad, good)                                       \
    int main(int argc, char **argv)                            \
    {                                                          \
        if (argc > 1 && strcmp(argv[1], "good") == 0)          \
            good();                                            \
        else                                                   \
            bad();                                             \
        return 0;                                              \
    }

#endif
