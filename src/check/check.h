/* check.h: the face of misuse: what a program did wrong with its heap, and what is said about it. */
#ifndef MR_CHECK_H
#define MR_CHECK_H

#include "base.h"
#include "heap.h"

/* What the program was doing with the pointer. */
enum mr_act { MR_ACT_FREE, MR_ACT_REALLOC, MR_ACT_USABLE_SIZE };

/* A pointer into our memory was given back (or resized) though no block in use starts there: a double
 * free, or a pointer into a block. Says so on descriptor 2 and aborts, as glibc does. */
_Noreturn void mr_findings_bad_pointer(enum mr_act act, const void *p);

#endif
