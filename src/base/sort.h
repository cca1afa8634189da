/* sort.h: sorting without memory: libc's qsort allocates. */
#ifndef MR_BASE_SORT_H
#define MR_BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the element at a comes before the one at b. */
typedef bool mr_sort_before(const void *a, const void *b);

/* Heapsort: O(n log n) always, in place, not stable. size <= 128. */
void mr_sort(void *array, size_t n, size_t size, mr_sort_before *before);

#endif
