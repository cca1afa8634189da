#include "base.h"

#include <string.h>

enum { ELEMENT_MOST = 128 };

static void swap(char *a, char *b, size_t size)
{
    char saved[ELEMENT_MOST];
    memcpy(saved, a, size);
    memcpy(a, b, size);
    memcpy(b, saved, size);
}

/* Restores "no child comes after its parent" below i, in a heap of n elements. */
static void sift_down(char *array, size_t i, size_t n, size_t size, mr_sort_before *before)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(array + child * size, array + (child + 1) * size))
            child++;
        if (!before(array + i * size, array + child * size))
            return;
        swap(array + i * size, array + child * size, size);
    }
}

void mr_sort(void *array, size_t n, size_t size, mr_sort_before *before)
{
    MR_REQUIRE(size <= ELEMENT_MOST, "elements to sort fit the swap space");
    for (size_t i = n / 2; i-- > 0;)
        sift_down(array, i, n, size, before);
    for (size_t end = n; end > 1; end--) {
        swap(array, (char *)array + (end - 1) * size, size);
        sift_down(array, 0, end - 1, size, before);
    }
}
