#include "growth.h"

/* Fewer say nothing: three steps are the least that can rise by accident or not. */
enum { POINTS_LEAST = 4 };

/* The line of least squares through the points: its slope, per millisecond. */
static double slope(const struct mr_growth_point *points, size_t count)
{
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        mean_x += (double)points[i].ms / (double)count;
        mean_y += (double)points[i].bytes / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        double x = (double)points[i].ms - mean_x;
        xx += x * x;
        xy += x * ((double)points[i].bytes - mean_y);
    }
    return xx > 0 ? xy / xx : 0;
}

/* A cache that fills up and stays rises at first only; a working set goes up and down; what a program builds at its
 * start is there in the first quarter. What is left rises in four of five steps and in the last half, and
 * ends at twice what the first quarter saw. */
uint64_t mr_growth_rate(const struct mr_growth_point *points, size_t count)
{
    size_t rises = 0, late_rises = 0, half = count / 2;
    uint64_t early = 0;
    if (count < POINTS_LEAST)
        return 0;
    for (size_t i = 0; i <= (count - 1) / 4; i++)
        early = mr_max(early, points[i].bytes);
    for (size_t i = 1; i < count; i++) {
        rises += points[i].bytes > points[i - 1].bytes;
        late_rises += i >= half && points[i].bytes > points[i - 1].bytes;
    }
    bool steady = 5 * rises >= 4 * (count - 1) && 5 * late_rises >= 4 * (count - half);
    if (!steady || points[count - 1].bytes < 2 * early)
        return 0;
    double per_second = 1000 * slope(points + half, count - half);
    return per_second >= 1 ? (uint64_t)per_second : 0;
}
