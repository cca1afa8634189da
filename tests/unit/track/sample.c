#include <criterion/criterion.h>

#include "track.h"

/* With a fixed seed: the bounds are five standard errors wide. */
enum { DRAWS = 1000000 };

/* 1 - exp(-x) by another way than sample.c's: the Taylor series in long double, after splitting off halves. */
static double chance(double x)
{
    long double outside = 1, term = 1, sum = 0;
    for (; x > 0.5; x -= 0.5)
        outside *= 0.60653065971263342360L;
    for (int i = 1; i < 30; i++) {
        term *= -(long double)x / i;
        sum += term;
    }
    return (double)(1 - outside - outside * sum);
}

Test(sample, gaps_have_their_mean_and_are_exponential)
{
    const uint64_t mean = 524288;
    struct mr_sample sample = { 42 };
    double sum = 0;
    unsigned above_mean = 0, above_4 = 0, below_tenth = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t gap = mr_sample_next(&sample, mean);
        cr_assert_geq(gap, 1);
        sum += (double)gap;
        above_mean += gap > (int64_t)mean;
        above_4 += gap > 4 * (int64_t)mean;
        below_tenth += gap <= (int64_t)mean / 10;
    }
    cr_expect_float_eq(sum / DRAWS / (double)mean, 1, 0.005);
    cr_expect_float_eq(above_mean / (double)DRAWS, 1 - chance(1), 0.0025);
    cr_expect_float_eq(above_4 / (double)DRAWS, 1 - chance(4), 0.0007);
    cr_expect_float_eq(below_tenth / (double)DRAWS, chance(0.1), 0.0015);
}

Test(sample, every_byte_with_a_mean_of_one_or_two)
{
    struct mr_sample sample = { 1 };
    double sum = 0;
    for (int i = 0; i < DRAWS; i++)
        sum += (double)mr_sample_next(&sample, 2);
    /* The gap is rounded up: the mean of a geometric distribution with the chance 1 - exp(-1/2). */
    cr_expect_float_eq(sum / DRAWS * chance(0.5), 1, 0.005);
}

Test(sample, a_huge_mean_stays_a_number)
{
    struct mr_sample sample = { 7 };
    for (int i = 0; i < 1000; i++)
        cr_expect_gt(mr_sample_next(&sample, UINT64_MAX), 0);
}

Test(sample, weights_are_one_over_the_chance)
{
    for (double x = 1e-9; x < 100; x *= 1.07) {
        uint64_t mean = (uint64_t)1 << 40, bytes = (uint64_t)(x * (double)mean);
        if (bytes == 0)
            continue;
        double wanted = 1 / chance((double)bytes / (double)mean);
        cr_expect_float_eq(mr_sample_weight(bytes, mean) / wanted, 1, 1e-6, "%g", x);
    }
    cr_expect_float_eq(mr_sample_weight(0, 1 << 19), mr_sample_weight(1, 1 << 19), 1e-12);
    cr_expect_eq(mr_sample_weight(UINT64_MAX, 1), 1);
}

/* A program's blocks, sampled by their bytes: what the samples stand for is what there was. */
Test(sample, estimates_are_unbiased)
{
    struct mr_sample sample = { 3 };
    const uint64_t mean = 4096, sizes[] = { 16, 100, 3000, 20000, 1 };
    double blocks = 0, bytes = 0, true_bytes = 0;
    int64_t left = mr_sample_next(&sample, mean);
    for (int i = 0; i < 2 * DRAWS; i++) {
        uint64_t size = sizes[i % MR_COUNT(sizes)];
        true_bytes += (double)size;
        left -= (int64_t)size;
        if (left > 0)
            continue;
        blocks += mr_sample_weight(size, mean);
        bytes += mr_sample_weight(size, mean) * (double)size;
        left = mr_sample_next(&sample, mean);
    }
    cr_expect_float_eq(bytes / true_bytes, 1, 0.002);
    cr_expect_float_eq(blocks / (2 * DRAWS), 1, 0.05);
}
