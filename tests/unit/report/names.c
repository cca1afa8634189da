#include "story.h"

static const char *function_of(struct mr_names *names, uint32_t stack)
{
    static struct mr_report_frame frames[16];
    size_t count = mr_names_stack(names, stack, frames, MR_COUNT(frames));
    return count && frames[0].function ? frames[0].function : "";
}

/* A later look at a ledger that goes on: what was known stays known, also when the look before is gone. */
Test(names, follow_a_ledger_that_grows)
{
    struct story s = story_new(), t = story_new(); /* t goes on where s ends */
    uint32_t again = test_ledger_module(&t.l, "/opt/app/server", 0x560000000000, 0xab);
    uint32_t stack = test_ledger_frame(&t.l, t.main, again, 0x1010), other = test_ledger_frame(&t.l, t.main, t.libc, 0x2020);
    struct mr_symbol_source behind = story_symbols;
    struct mr_symbol_source *symbols = mr_symbol_remember(&behind);
    struct mr_reader *first = story_read(&s);
    struct mr_names *names = mr_names_new(first, symbols);
    cr_assert_not_null(names);
    cr_expect_str_eq(function_of(names, s.session), "session_new");

    cr_expect_str_eq(function_of(names, stack), "", "it was not there yet");
    struct mr_reader *second = story_read(&t);
    cr_assert(mr_names_follow(names, second));
    mr_reader_close(first);
    story_asked = 0;
    cr_expect_str_eq(function_of(names, s.session), "session_new");
    cr_expect_str_eq(function_of(names, stack), "session_new");
    cr_expect_eq(story_asked, 0, "the same file loaded again is the same module, and its places are known");
    cr_expect_str_eq(function_of(names, other), "tzset_internal");
    mr_names_free(names);
    mr_reader_close(second);
    symbols->close(symbols);
}
