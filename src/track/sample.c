/* sample.c: the random gaps between sampled bytes, and what a sampled block stands for. Without libm: the
 * preloaded library links the C library alone. */
#include "track.h"

/* SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014): every seed is
 * good, one word of state. */
static uint64_t next_random(struct mr_sample *sample)
{
    uint64_t x = sample->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* ln m for m in [1, 2): with z = (m - 1) / (m + 1) <= 1/3 it is 2 (z + z^3/3 + z^5/5 + ...). What is left out is
 * below 1e-8. */
static double ln_mantissa(double m)
{
    double z = (m - 1) / (m + 1), zz = z * z;
    return 2 * z * (1 + zz * (1.0 / 3 + zz * (1.0 / 5 + zz * (1.0 / 7 + zz * (1.0 / 9 + zz * (1.0 / 11 + zz / 13))))));
}

/* -ln u for u = (random + 1/2) / 2^64, as if the bits went on: u = m * 2^-(zeros + 1), 1 <= m < 2. */
static double exponential(struct mr_sample *sample)
{
    const double ln2 = 0.69314718055994530942;
    uint64_t r = next_random(sample) | 1;
    int zeros = __builtin_clzl(r);
    uint64_t fraction = zeros < 63 ? r << (zeros + 1) : 0;
    double m = 1 + (double)(fraction >> 11) * 0x1p-53;
    return (zeros + 1) * ln2 - ln_mantissa(m);
}

int64_t mr_sample_next(struct mr_sample *sample, uint64_t mean)
{
    double gap = exponential(sample) * (double)mean;
    return gap < 0x1p62 ? (int64_t)gap + 1 : INT64_MAX / 2;
}

/* 1 - exp(-x): by its series where x is small, and 1 - exp(-2x) = a (2 - a) for a = 1 - exp(-x). */
static double chance(double x)
{
    unsigned halvings = 0;
    if (x > 40)
        return 1;
    for (; x > 0.5; halvings++)
        x /= 2;
    double a = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6 * (1 - x / 7 * (1 - x / 8)))))));
    for (; halvings > 0; halvings--)
        a *= 2 - a;
    return a;
}

double mr_sample_weight(uint64_t bytes, uint64_t mean)
{
    double c = chance((double)(bytes ? bytes : 1) / (double)mean);
    return c > 0 ? 1 / c : 1;
}
