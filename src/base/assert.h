/* assert.h: three levels of check, each with one meaning.
 *
 *   MR_REQUIRE    always compiled in, O(1): guards memoir's own metadata. When it fails the heap
 *                 cannot be trusted any more and the process stops with one line on stderr.
 *   MR_ASSERT     debug and full variants: preconditions and list invariants, O(1).
 *   MR_EXPENSIVE  full variant: walks a whole structure; the condition is a mr_x_check() call.
 *
 * Every condition carries its reason in words, so the line that is printed says what is wrong.
 * MR_DEBUG is 0 (release), 1 (debug) or 2 (full); all three are always compiled and type-checked. */
#ifndef MR_BASE_ASSERT_H
#define MR_BASE_ASSERT_H

#ifndef MR_DEBUG
#define MR_DEBUG 0
#endif

#define MR_CHECK_AT_(level, cond, why)                                         \
    do {                                                                       \
        if ((level) <= MR_DEBUG && __builtin_expect(!(cond), 0))               \
            mr_assert_fail(__FILE__, __LINE__, #cond, why);                    \
    } while (0)

#define MR_REQUIRE(cond, why) MR_CHECK_AT_(0, cond, why)
#define MR_ASSERT(cond, why) MR_CHECK_AT_(1, cond, why)
#define MR_EXPENSIVE(cond, why) MR_CHECK_AT_(2, cond, why)

/* True every n-th time it is asked at this place, in the full variant: for walks that would otherwise make
 * the variant too slow to use. Not exact across threads. */
#define MR_EVERY(n)                                                            \
    ({                                                                         \
        static unsigned asked_;                                                \
        MR_DEBUG >= 2 && __atomic_fetch_add(&asked_, 1, __ATOMIC_RELAXED) % (n) == 0; \
    })

/* Writes "memoir: internal error: WHY (COND at FILE:LINE)" to descriptor 2 and aborts.
 * Async-signal-safe; never allocates. */
_Noreturn void mr_assert_fail(const char *file, int line, const char *cond, const char *why);

#endif
