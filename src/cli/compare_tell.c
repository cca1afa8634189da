#include "compare.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* A difference in memory below this share is not worth another allocator, however sure it is. */
static const double WORTH = 0.05;

/* ---- figures ------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct mr_compare_spread mr_compare_tell_spread(const double *figures, size_t count)
{
    double sorted[MR_COMPARE_RUNS_MOST];
    if (count == 0)
        return (struct mr_compare_spread){ 0, 0 };
    memcpy(sorted, figures, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    size_t cut = count >= 4;
    return (struct mr_compare_spread){
        .median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
        .half = (sorted[count - 1 - cut] - sorted[cut]) / 2,
    };
}

static struct mr_compare_spread of(const struct mr_compare_way *way, enum mr_compare_figure figure)
{
    return mr_compare_tell_spread(way->figures[figure], way->runs);
}

/* x < y by more than both spread. */
static bool is_less(const struct mr_compare_way *x, const struct mr_compare_way *y, enum mr_compare_figure figure)
{
    struct mr_compare_spread a = of(x, figure), b = of(y, figure);
    return a.median + a.half + b.half < b.median;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static void put_ending(int status)
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (WIFEXITED(status))
        printf("exit code %d", WEXITSTATUS(status));
    else
        printf("signal %d%s%s%s", WTERMSIG(status), name ? " (" : "", name ? name : "", name ? ")" : "");
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

static void put_way(const struct mr_compare_way *way, const struct mr_compare_way *base)
{
    char resident[32], faults[32];
    struct mr_compare_spread wall = of(way, MR_COMPARE_WALL), cpu = of(way, MR_COMPARE_CPU);
    struct mr_compare_spread rss = of(way, MR_COMPARE_RESIDENT);
    struct mr_fmt f = mr_fmt_to_buffer(resident, sizeof resident);
    mr_fmt_size(&f, (uint64_t)rss.median);
    mr_fmt_end_string(&f);
    f = mr_fmt_to_buffer(faults, sizeof faults);
    mr_fmt_count(&f, (uint64_t)of(way, MR_COMPARE_FAULTS).median);
    mr_fmt_end_string(&f);
    printf("%-26.26s %9.3f s +-%4.1f%% %5.2f %9.3f s +-%4.1f%% %11s +-%4.1f%% %5.2f %11s\n", way->name, wall.median,
           100 * share(wall.half, wall.median), share(wall.median, of(base, MR_COMPARE_WALL).median), cpu.median,
           100 * share(cpu.half, cpu.median), resident, 100 * share(rss.half, rss.median),
           share(rss.median, of(base, MR_COMPARE_RESIDENT).median), faults);
}

static void put_table(const struct mr_compare *compare)
{
    printf("\n%-26s %11s %7s %5s %11s %7s %11s %7s %5s %11s\n", "", "WALL", "", "x", "CPU", "", "PEAK", "", "x", "FAULTS");
    for (size_t i = 0; i < compare->way_count; i++)
        if (compare->ways[i].runs)
            put_way(&compare->ways[i], compare->ways);
}

/* ---- what ended otherwise ------------------------------------------------------------------------------ */

static bool put_endings(const struct mr_compare *compare)
{
    bool same = true;
    for (size_t i = 0; i < compare->way_count; i++) {
        const struct mr_compare_way *way = &compare->ways[i];
        if (!way->runs || (way->status == compare->ways->status && !way->varies))
            continue;
        printf("%s%s: ", same ? "\n" : "", way->name);
        same = false;
        put_ending(way->status);
        printf(way->varies ? ", and not the same in every run" : " where glibc has ");
        if (!way->varies)
            put_ending(compare->ways->status);
        printf("\n");
    }
    if (same && compare->ways->status) {
        printf("\nevery run ended with ");
        put_ending(compare->ways->status);
        printf("\n");
    }
    return same;
}

/* ---- the verdict --------------------------------------------------------------------------------------- */

static bool is_candidate(const struct mr_compare *compare, const struct mr_compare_way *way)
{
    return way->is_choice && way->runs == compare->ways->runs && way->status == compare->ways->status && !way->varies;
}

static const struct mr_compare_way *least(const struct mr_compare *compare, enum mr_compare_figure figure,
                                          const struct mr_compare_way *not_slower_than)
{
    const struct mr_compare_way *best = NULL;
    for (size_t i = 0; i < compare->way_count; i++) {
        const struct mr_compare_way *way = &compare->ways[i];
        if (!is_candidate(compare, way) || (not_slower_than && is_less(not_slower_than, way, MR_COMPARE_WALL)))
            continue;
        if (!best || of(way, figure).median < of(best, figure).median)
            best = way;
    }
    return best;
}

static bool is_worth_it(const struct mr_compare_way *way, const struct mr_compare_way *than)
{
    return is_less(way, than, MR_COMPARE_RESIDENT) &&
           of(way, MR_COMPARE_RESIDENT).median < (1 - WORTH) * of(than, MR_COMPARE_RESIDENT).median;
}

/* The fastest; where several cannot be told apart, what needs no change, unless another needs clearly less memory. */
static const struct mr_compare_way *choose(const struct mr_compare *compare)
{
    const struct mr_compare_way *glibc = compare->ways, *fastest = least(compare, MR_COMPARE_WALL, NULL);
    if (!fastest)
        return NULL;
    bool glibc_will_do = is_candidate(compare, glibc) && !is_less(fastest, glibc, MR_COMPARE_WALL);
    const struct mr_compare_way *plain = glibc_will_do ? glibc : fastest;
    const struct mr_compare_way *leanest = least(compare, MR_COMPARE_RESIDENT, fastest);
    return leanest && is_worth_it(leanest, plain) ? leanest : plain;
}

/* "12 % less time than glibc", or nothing that exceeds the spread. */
static bool put_difference(const struct mr_compare_way *way, const struct mr_compare_way *than,
                           enum mr_compare_figure figure, const char *noun, const char *before)
{
    bool less = is_less(way, than, figure), more = is_less(than, way, figure);
    double ratio = share(of(way, figure).median, of(than, figure).median);
    if (less || more)
        printf("%s%.0f %% %s %s", before, 100 * (less ? 1 - ratio : ratio - 1), less ? "less" : "more", noun);
    return less || more;
}

static bool is_plain(const char *word)
{
    return *word && !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=/.,:@%")];
}

/* As a shell reads it. */
static void put_word(const char *word)
{
    if (is_plain(word)) {
        printf(" %s", word);
        return;
    }
    printf(" '");
    for (; *word; word++)
        printf(*word == '\'' ? "'\\''" : "%c", *word);
    printf("'");
}

static void put_line(const struct mr_compare *compare, const struct mr_compare_way *way)
{
    printf("  ");
    if (way->variable)
        printf(" %s=%s", way->variable, way->value);
    if (*way->library)
        printf(" LD_PRELOAD=%s", way->library);
    for (char **word = compare->program; *word; word++)
        put_word(*word);
    printf("\n");
}

static void put_verdict(const struct mr_compare *compare)
{
    const struct mr_compare_way *way = choose(compare), *glibc = compare->ways;
    if (!way) {
        printf("\nno verdict: no way ended alike in every run\n");
    } else if (glibc->runs < 2) {
        printf("\nno verdict after one run of each: --runs=5 tells differences from chance\n");
    } else if (way == glibc) {
        printf("\nkeep glibc: no way takes less time by more than runs differ anyway, nor clearly less memory\n");
    } else {
        printf("\nuse %s: ", way->name);
        bool time = put_difference(way, glibc, MR_COMPARE_WALL, "time", "");
        bool memory = put_difference(way, glibc, MR_COMPARE_RESIDENT, "memory at the peak", time ? ", " : "");
        printf(time || memory ? " than glibc\n" : "as good as any\n");
        put_line(compare, way);
    }
}

bool mr_compare_tell(const struct mr_compare *compare)
{
    const struct mr_compare_way *glibc = compare->ways;
    printf("== memoir compare ==");
    for (char **word = compare->program; *word; word++)
        put_word(*word);
    printf("\n   %zu run%s of each, in turn; medians, +- half of what they spread over, x as a multiple of glibc's\n", glibc->runs,
           glibc->runs == 1 ? "" : "s");
    put_table(compare);
    bool same = put_endings(compare);
    put_verdict(compare);
    return same;
}
