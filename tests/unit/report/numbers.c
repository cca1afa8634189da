#include <criterion/criterion.h>
#include <string.h>

#include "numbers.h"

static char text[128];
static struct mr_fmt out;

static void begin(void)
{
    out = mr_fmt_to_buffer(text, sizeof text);
}

#define EXPECT(call, wanted)                                   \
    do {                                                       \
        begin();                                               \
        call;                                                  \
        cr_expect_str_eq(mr_fmt_end_string(&out), wanted);     \
    } while (0)

Test(numbers, counts_and_sizes_are_right_aligned)
{
    EXPECT(mr_numbers_count(&out, 10, 1204331), " 1,204,331");
    EXPECT(mr_numbers_count(&out, 3, 1204331), "1,204,331");
    EXPECT(mr_numbers_size(&out, 10, 429916160), " 410.0 MiB");
    EXPECT(mr_numbers_noun(&out, 1, "block"), "1 block");
    EXPECT(mr_numbers_noun(&out, 0, "block"), "0 blocks");
}

Test(numbers, durations)
{
    EXPECT(mr_numbers_duration(&out, 0), "0 ms");
    EXPECT(mr_numbers_duration(&out, 999), "999 ms");
    EXPECT(mr_numbers_duration(&out, 1299), "1.2 s");
    EXPECT(mr_numbers_duration(&out, 59999), "59.9 s");
    EXPECT(mr_numbers_duration(&out, 60000), "1 min 0 s");
    EXPECT(mr_numbers_duration(&out, 3600000 + 12 * 60000), "1 h 12 min");
}

Test(numbers, shares_at_both_ends_and_where_a_product_would_overflow)
{
    EXPECT(mr_numbers_percent(&out, 8, 0, 1), "   0.0 %");
    EXPECT(mr_numbers_percent(&out, 8, 1, 1), " 100.0 %");
    EXPECT(mr_numbers_percent(&out, 8, 999, 1000), "  99.9 %");
    EXPECT(mr_numbers_percent(&out, 8, 9999, 10000), "  99.9 %");
    EXPECT(mr_numbers_percent(&out, 8, UINT64_MAX / 2, UINT64_MAX), "  49.9 %");
    EXPECT(mr_numbers_percent(&out, 8, UINT64_MAX, UINT64_MAX), " 100.0 %");
}

Test(numbers, foreign_text)
{
    EXPECT(mr_numbers_text(&out, "a\033b\n\177\303\251", 7, 10), "a.b..\303\251");
    EXPECT(mr_numbers_text(&out, "0123456789", 10, 4), "0123...");
    EXPECT(mr_numbers_text(&out, "0123", 4, 4), "0123");
}
