#include <criterion/criterion.h>
#include <stdlib.h>

#include "symbol.h"

/* A source that counts how often it is asked, and says the offset as a line. */
struct counting {
    struct mr_symbol_source source;
    unsigned asked, closed;
};

static void count(struct mr_symbol_source *source, const struct mr_symbol_place *place, struct mr_symbol_answer *answer)
{
    static struct mr_symbol_frame frame;
    ((struct counting *)source)->asked++;
    frame = (struct mr_symbol_frame){ .function = "f", .linkage = "f", .line = (uint32_t)place->offset };
    *answer = (struct mr_symbol_answer){ &frame, place->offset != 0, MR_SYMBOL_FOUND };
}

static void shut(struct mr_symbol_source *source)
{
    ((struct counting *)source)->closed++;
}

Test(symbol_cache, asks_once_per_place)
{
    static const char one[] = "/lib/one.so", two[] = "/lib/two.so";
    struct counting behind = { .source = { count, shut } };
    struct mr_symbol_source *cache = mr_symbol_remember(&behind.source);
    struct mr_symbol_answer answer;
    for (int round = 0; round < 3; round++)
        for (uint64_t offset = 0; offset < 100; offset++)
            for (int i = 0; i < 2; i++) {
                cache->find(cache, &(struct mr_symbol_place){ .module = i ? one : two, .offset = offset }, &answer);
                cr_assert_eq(answer.count, offset != 0);
                cr_assert(answer.count == 0 || answer.frames[0].line == offset);
            }
    cr_expect_eq(behind.asked, 200);
    cache->close(cache);
    cr_expect_eq(behind.closed, 1);
}

Test(symbol_cache, of_nothing_is_nothing)
{
    cr_expect_null(mr_symbol_remember(NULL));
}
