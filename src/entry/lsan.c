/* lsan.c: looking for leaks at any moment: memoir's own question (memoir.h), and the names by which
 * programs annotated for LeakSanitizer ask it (sanitizer/lsan_interface.h of compiler-rt). */
#define MEMOIR_API MR_EXPORT
#include "lsan.h"

#include <memoir.h>
#include <stdatomic.h>

#include "os.h"

/* ---- memoir.h ------------------------------------------------------------------------------------------ */

/* Blocks as the marker found them, in memory that it shares with us. */
struct list {
    uint64_t cap, len;
    struct memoir_leak blocks[];
};

_Static_assert((int)MEMOIR_DEFINITELY_LOST == (int)MR_LEAK_DEFINITE && (int)MEMOIR_STILL_REACHABLE == (int)MR_LEAK_REACHABLE,
               "the kinds of memoir.h are those of the ledger");

static void add(void *ctx, const struct mr_leak_block *b)
{
    struct list *list = ctx;
    if (list->len < list->cap)
        list->blocks[list->len++] = (struct memoir_leak){
            .block = (void *)b->start,
            .size = b->size,
            .kind = (enum memoir_leak_kind)b->kind,
            .holder = (void *)b->holder,
        };
}

/* Room for the blocks there are, and for some that come before the world stands still. */
static struct list *make_list(size_t *bytes)
{
    static const uint64_t MORE = 1 << 16;
    struct mr_heap_stats stats;
    mr_heap_look(&stats, false, 1000);
    uint64_t cap = stats.totals.in_use_blocks + MORE;
    *bytes = mr_align_up(sizeof(struct list) + cap * sizeof(struct memoir_leak), mr_os_page);
    struct list *list = mr_world_share(*bytes);
    if (list)
        list->cap = cap;
    return list;
}

static const char *doubt_of(const struct mr_leak_result *result)
{
    if (result->impossible)
        return result->impossible;
    if (result->unlisted)
        return "the threads of the process could not be listed: what they alone hold may be called lost";
    if (result->unstopped)
        return "a thread could not be stopped: what only its registers held may be called lost";
    return result->cut ? "there were too many mappings to look at all of them" : NULL;
}

static struct memoir_leaks sums_of(const struct mr_leak_result *result)
{
    struct memoir_leaks leaks = { .doubt = doubt_of(result) };
    for (int i = 0; i < MR_LEAK_KIND_COUNT; i++)
        leaks.kinds[i] = (struct memoir_leak_sum){ result->kinds[i].blocks, result->kinds[i].bytes };
    return leaks;
}

static bool look(struct mr_leak_result *result, struct list *list)
{
    struct mr_leak_request request = { .each = list ? add : NULL, .is_exempt = mr_story_exempt(), .ctx = list };
    return mr_leak_check(&request, result);
}

MR_EXPORT size_t memoir_leak_check(struct memoir_leaks *leaks, memoir_leak_each *each, void *ctx)
{
    struct mr_leak_result result;
    size_t bytes = 0;
    mr_heap_boot();
    struct list *list = each ? make_list(&bytes) : NULL;
    bool done = look(&result, list);
    if (each && !list && done)
        result.impossible = "there is no memory for the list of blocks";
    if (leaks)
        *leaks = sums_of(&result);
    for (uint64_t i = 0; list && i < list->len; i++)
        each(ctx, &list->blocks[i]);
    mr_vm_release(list, bytes);
    return result.impossible ? SIZE_MAX : result.kinds[MR_LEAK_DEFINITE].bytes + result.kinds[MR_LEAK_INDIRECT].bytes;
}

/* ---- LeakSanitizer's names -------------------------------------------------------------------------------- */

void __lsan_ignore_object(const void *p);
void __lsan_register_root_region(const void *at, size_t bytes);
void __lsan_unregister_root_region(const void *at, size_t bytes);
void __lsan_disable(void);
void __lsan_enable(void);
void __lsan_do_leak_check(void);
int __lsan_do_recoverable_leak_check(void);

/* What a program may define. */
extern const char *__lsan_default_suppressions(void) __attribute__((weak));
extern const char *__lsan_default_options(void) __attribute__((weak));
extern int __lsan_is_turned_off(void) __attribute__((weak));

static const char *text_of(const char *(*function)(void))
{
    const char *text = function ? function() : NULL;
    return text ? text : "";
}

const char *mr_lsan_suppressions(void) { return text_of(__lsan_default_suppressions); }
const char *mr_lsan_options(void) { return text_of(__lsan_default_options); }
bool mr_lsan_is_turned_off(void) { return __lsan_is_turned_off && __lsan_is_turned_off() != 0; }

MR_EXPORT void __lsan_ignore_object(const void *p) { mr_exempt_object(p); }
MR_EXPORT void __lsan_register_root_region(const void *at, size_t bytes) { mr_exempt_region(at, bytes); }
MR_EXPORT void __lsan_unregister_root_region(const void *at, size_t bytes) { mr_exempt_forget_region(at, bytes); }
MR_EXPORT void __lsan_disable(void) { mr_exempt_turn_off(); }
MR_EXPORT void __lsan_enable(void) { mr_exempt_turn_on(); }

/* Whether there is something to tell; then it is told. */
MR_EXPORT int __lsan_do_recoverable_leak_check(void)
{
    struct mr_leak_result result;
    mr_heap_boot();
    if (mr_lsan_is_turned_off() || !look(&result, NULL) ||
        result.kinds[MR_LEAK_DEFINITE].blocks + result.kinds[MR_LEAK_INDIRECT].blocks == 0)
        return 0;
    mr_tell_prepare();
    mr_tell_report(MR_EXIT_RUNNING, 0);
    return 1;
}

/* LeakSanitizer would end the program here. A preloaded library does not: `memoir run --error-exitcode` is for that. */
MR_EXPORT void __lsan_do_leak_check(void) { __lsan_do_recoverable_leak_check(); }
