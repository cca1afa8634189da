#include "unwind.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "../os/child.h"
#include "ledger.h"

/* From the compiler's <unwind.h>, whose name ours has. */
struct _Unwind_Context;
int _Unwind_Backtrace(int (*)(struct _Unwind_Context *, void *), void *);
uintptr_t _Unwind_GetIPInfo(struct _Unwind_Context *, int *);

enum { MANY = 16384 };

#define KEEP __asm__ volatile("" ::: "memory") /* what was called before it was no tail call */

static struct mr_unwind u;
static struct mr_unwound stack;
static struct {
    uintptr_t pc[MANY];
    unsigned count;
} truth;

static int note(struct _Unwind_Context *context, void *unused)
{
    int before = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &before);
    (void)unused;
    if (pc && truth.count < MANY)
        truth.pc[truth.count++] = pc + (uintptr_t)(before != 0);
    return 0;
}

static MR_NOINLINE void walk(void)
{
    struct mr_unwind_start start = MR_UNWIND_HERE();
    mr_unwind_walk(&u, &start, &stack);
}

/* Walks, and compares the innermost `depth` frames with the truth. */
static MR_NOINLINE void walk_and_compare(void)
{
    struct mr_unwind_start start = MR_UNWIND_HERE();
    unsigned from = 0;
    mr_unwind_walk(&u, &start, &stack);
    truth.count = 0;
    _Unwind_Backtrace(note, NULL);
    while (from < truth.count && truth.pc[from] != start.pc)
        from++;
    unsigned marks = stack.frames[0].pc < MR_FRAME_MARK_COUNT;
    cr_assert(marks || truth.count - from == stack.depth, "%u frames, not %u", stack.depth, truth.count - from);
    for (unsigned i = 0; i + marks < stack.depth; i++)
        cr_assert_eq(truth.pc[from + i], stack.frames[stack.depth - 1 - i].pc, "frame %u", i);
}

static MR_NOINLINE void recurse(int n, void (*innermost)(void))
{
    if (n > 0)
        recurse(n - 1, innermost);
    else
        innermost();
    KEEP;
}

Test(unwind, frames_are_those_of_the_runtimes_unwinder)
{
    for (int i = 0; i < 20; i++)
        recurse(i * 7 % 20, walk_and_compare);
    cr_expect_geq(stack.frames[0].pc, (uintptr_t)MR_FRAME_MARK_COUNT);
}

static MR_NOINLINE void walk_twice(void)
{
    for (volatile int i = 0; i < 2; i++) { /* volatile: one call, not two */
        walk();
        cr_expect_eq(stack.unchanged, i == 1);
        if (i == 0) {
            cr_expect_eq(mr_unwind_user(&stack), 0);
            mr_unwind_keep(&stack, 77);
        }
    }
    cr_expect_eq(stack.same, stack.depth);
    cr_expect_eq(mr_unwind_user(&stack), 77);
}

Test(unwind, an_unchanged_stack_is_recognised_and_keeps_its_number)
{
    recurse(10, walk_twice);
}

Test(unwind, outer_frames_that_stay_are_counted_and_keep_their_numbers)
{
    walk();
    uint32_t here = stack.depth;
    stack.frames[here - 2].user = 5;
    recurse(10, walk);
    cr_expect_eq(stack.same, here - 1, "%u of %u: the call in this function is another", stack.same, here);
    cr_expect_eq(stack.frames[here - 2].user, 5);
    cr_expect_eq(stack.frames[here - 1].user, 0);
    cr_expect_gt(stack.depth, here + 9);
}

static uint64_t hashes[4];
static MR_NOINLINE void from_two_places(bool other)
{
    if (other)
        walk();
    KEEP;
    if (!other)
        walk();
    KEEP;
}

Test(unwind, hashes_tell_stacks_apart_and_do_not_depend_on_what_was_before)
{
    for (int i = 0; i < 4; i++) {
        from_two_places(i & 1);
        hashes[i] = stack.hash;
        recurse(i, walk);
    }
    cr_expect_neq(hashes[0], hashes[1]);
    cr_expect_eq(hashes[0], hashes[2]);
    cr_expect_eq(hashes[1], hashes[3]);
}

Test(unwind, a_flush_forgets_and_salts_anew)
{
    for (int i = 0; i < 2; i++) {
        walk();
        cr_expect_eq(stack.same, 0, "nothing is remembered");
        hashes[i] = stack.hash;
        mr_unwind_flush();
    }
    cr_expect_neq(hashes[0], hashes[1]);
}

/* ---- deep ones ------------------------------------------------------------------------------------------ */

Test(unwind, a_deep_stack_is_cut_and_says_so)
{
    recurse(10000, walk_and_compare);
    cr_expect_eq(stack.frames[0].pc, MR_FRAME_MARK_DEEP);
    cr_expect_geq(stack.depth, (uint32_t)MR_UNWIND_DEPTH / 2);
    cr_expect_leq(stack.depth, (uint32_t)MR_UNWIND_DEPTH);
}

static int cuts;
static uintptr_t cut_at;
static MR_NOINLINE void see_cut(void)
{
    walk();
    cuts += stack.frames[0].pc == MR_FRAME_MARK_DEEP && stack.frames[1].sp != cut_at;
    cut_at = stack.frames[1].sp;
}

static MR_NOINLINE void recurse_and_see(int n)
{
    see_cut();
    if (n > 0)
        recurse_and_see(n - 1);
    KEEP;
}

Test(unwind, a_cut_stays_where_it_is_for_hundreds_of_frames)
{
    recurse_and_see(10000);
    cr_expect_geq(cuts, 10, "%d", cuts);
    cr_expect_leq(cuts, 200, "%d: each is a thousand frames that are new to the ledger", cuts);
}

/* ---- what walks may not trust ---------------------------------------------------------------------------- */

Test(unwind, a_start_outside_all_memory_ends_at_once)
{
    struct mr_unwind_start here = MR_UNWIND_HERE();
    const uintptr_t pointers[] = { 0, 8, 0x1001, UINTPTR_MAX - 7, here.sp + 4, (uintptr_t)1 << 47 };
    for (size_t i = 0; i < MR_COUNT(pointers); i++) {
        struct mr_unwind_start start = { here.pc, pointers[i], here.bp };
        mr_unwind_walk(&u, &start, &stack);
        cr_expect_eq(stack.depth, 2, "%zu", i);
        cr_expect_eq(stack.frames[0].pc, MR_FRAME_MARK_BROKEN);
        cr_expect_eq(stack.frames[1].pc, here.pc);
    }
}

Test(unwind, a_stack_that_ends_too_early_is_not_read_further)
{
    char *memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + 8192, 4096, PROT_NONE);
    struct mr_unwind_start start = MR_UNWIND_HERE();
    for (int offset = 8; offset <= 4096; offset += 8) {
        start.sp = (uintptr_t)memory + 8192 - (uintptr_t)offset + 8;
        start.bp = start.sp + 64;
        for (uintptr_t *word = (uintptr_t *)(start.sp - 8); (char *)word < memory + 8192; word++)
            *word = start.pc;
        mr_unwind_walk(&u, &start, &stack);
        cr_assert_eq(stack.frames[0].pc, MR_FRAME_MARK_BROKEN);
    }
}

#if defined(__x86_64__)

/* Code without rules, as compilers at run time make it: calls what it is given. */
static void call_through(const uint8_t *code, size_t size, void (*f)(void))
{
    uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(at, code, size);
    mprotect(at, 4096, PROT_READ | PROT_EXEC);
    ((void (*)(void (*)(void)))(uintptr_t)at)(f);
    KEEP;
}

Test(unwind, code_without_rules_is_crossed_by_its_frame_pointer)
{
    /* push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret */
    static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
    walk();
    uint32_t here = stack.depth;
    call_through(code, sizeof code, walk);
    cr_expect_eq(stack.depth, here + 2);
    cr_expect_geq(stack.frames[0].pc, (uintptr_t)MR_FRAME_MARK_COUNT);
    call_through(code, sizeof code, walk_twice);
}

Test(unwind, code_without_rules_or_frame_pointer_ends_the_stack)
{
    /* sub $40, %rsp; call *%rdi; add $40, %rsp; ret */
    static const uint8_t code[] = { 0x48, 0x83, 0xec, 0x28, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x28, 0xc3 };
    for (int i = 0; i < 3; i++) {
        call_through(code, sizeof code, walk);
        cr_expect_eq(stack.depth, 2);
        cr_expect_eq(stack.frames[0].pc, MR_FRAME_MARK_NO_RULE);
        cr_expect_eq(stack.same, 0);
    }
}

/* Its frame address is in rbx, as in the dynamic linker's resolver. */
void mr_test_by_rbx(void (*f)(void));
__asm__(".text\n"
        "mr_test_by_rbx:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbx, -16\n"
        "mov %rsp, %rbx\n"
        ".cfi_def_cfa_register %rbx\n"
        "sub $72, %rsp\n"
        "and $-64, %rsp\n"
        "call *%rdi\n"
        "mov %rbx, %rsp\n"
        ".cfi_def_cfa_register %rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n");

static MR_NOINLINE void clobber_rbx(void)
{
    __asm__ volatile("xor %%ebx, %%ebx" ::: "rbx");
    walk_and_compare();
    walk_and_compare();
    KEEP;
}

Test(unwind, frames_that_take_other_registers_are_crossed)
{
    for (int i = 0; i < 3; i++) {
        mr_test_by_rbx(walk_and_compare);
        mr_test_by_rbx(clobber_rbx);
    }
    cr_expect_geq(stack.frames[0].pc, (uintptr_t)MR_FRAME_MARK_COUNT);
}

#endif

/* ---- handlers and threads -------------------------------------------------------------------------------- */

static void handle(int number)
{
    (void)number;
    walk_and_compare();
    cr_expect_geq(stack.frames[0].pc, (uintptr_t)MR_FRAME_MARK_COUNT);
}

static MR_NOINLINE void raise_it(void)
{
    raise(SIGUSR1);
    walk_and_compare();
}

Test(unwind, handlers_are_crossed_on_their_own_stack_or_not)
{
    static char other[65536];
    struct sigaction act = { .sa_handler = handle };
    stack_t alternative = { .ss_sp = other, .ss_size = sizeof other };
    cr_assert_eq(sigaltstack(&alternative, NULL), 0);
    for (int i = 0; i < 4; i++) {
        act.sa_flags = i & 1 ? SA_ONSTACK : 0;
        sigaction(SIGUSR1, &act, NULL);
        recurse(5, raise_it);
    }
}

static void *walk_in_thread(void *unused)
{
    (void)unused;
    memset(&u, 0, sizeof u);
    for (int i = 0; i < 10; i++)
        recurse(i, walk_and_compare);
    return NULL;
}

Test(unwind, threads_begin_where_they_begin)
{
    for (int i = 0; i < 3; i++)
        in_thread(walk_in_thread, NULL);
}
