#include "child.h"

#include <errno.h>

#include "os.h"

static _Atomic int calls;
static _Atomic uintptr_t called_with, called_on;

static void note_end(void *value)
{
    calls++;
    called_with = (uintptr_t)value;
    called_on = mr_thread_self();
}

static void *ask_for_it(void *value)
{
    errno = 77;
    if (!mr_thread_on_exit(note_end, value) || errno != 77 || calls != 0)
        return NULL;
    return (void *)mr_thread_self();
}

Test(thread, the_end_is_told_once_on_the_thread_itself)
{
    int thing;
    uintptr_t self = (uintptr_t)in_thread(ask_for_it, &thing);
    cr_expect_neq(self, 0);
    cr_expect_eq(calls, 1);
    cr_expect_eq(called_with, (uintptr_t)&thing);
    cr_expect_eq(called_on, self);
}

static void *do_nothing(void *unused) { return unused; }

Test(thread, who_did_not_ask_is_not_told)
{
    int thing;
    in_thread(ask_for_it, &thing);
    in_thread(do_nothing, NULL);
    cr_expect_eq(calls, 1);
}

static void *ask_twice(void *value)
{
    mr_thread_on_exit(note_end, &calls);
    mr_thread_on_exit(note_end, value);
    return NULL;
}

Test(thread, the_last_value_counts)
{
    int thing;
    in_thread(ask_twice, &thing);
    cr_expect_eq(calls, 1);
    cr_expect_eq(called_with, (uintptr_t)&thing);
}

/* The process is full of keys. */
Test(thread, no_key_left_is_false)
{
    pthread_key_t key;
    while (pthread_key_create(&key, NULL) == 0)
        ;
    errno = 77;
    cr_expect_not(mr_thread_on_exit(note_end, &key));
    cr_expect_not(mr_thread_on_exit(note_end, &key), "nor later");
    cr_expect_eq(errno, 77);
}

static void *tell_self(void *unused)
{
    (void)unused;
    return (void *)mr_thread_self();
}

Test(thread, self_is_a_number_of_the_thread)
{
    uintptr_t self = mr_thread_self();
    cr_expect_neq(self, 0);
    cr_expect_eq(self % 16, 0, "locks keep a flag in its low bits");
    cr_expect_eq(self >> 48, 0, "and a count above it");
    cr_expect_eq(self, mr_thread_self());
    cr_expect_neq(self, (uintptr_t)in_thread(tell_self, NULL));
}

/* Three digits in the order of the calls: 1 prepare, 2 parent, 3 child. */
static int order;
static void prepare(void) { order = order * 10 + 1; }
static void parent(void) { order = order * 10 + 2; }
static void child(void) { order = order * 10 + 3; }
static int tell_order(void) { return order; }

Test(thread, fork_handlers_surround_the_fork)
{
    mr_fork_handlers(prepare, parent, child);
    cr_expect_eq(child_result(tell_order), 13);
    cr_expect_eq(order, 12);
}

Test(thread, a_yield_changes_nothing)
{
    errno = 77;
    mr_thread_yield();
    cr_expect_eq(errno, 77);
}
