/* calloc across the seams of a growing heap: each block is larger than all there was before, so it
 * starts in old free memory and ends in new. */
#include "guest.h"

int main(void)
{
    EXPECT(calloc(1, 200000) != NULL);
    for (size_t n = (size_t)1 << 20; n < (size_t)64 << 20; n *= 2) {
        void *p = calloc(1, n);
        EXPECT(p != NULL);
        EXPECT_SAY(expect_zeroed(p, n), "a byte of %zu is not zero", n);
    }
    return 0;
}
